package schema

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pgrepl/schema/catalogue"
)

// Canonical is the value of a setting as `postgres -C` prints it: a number in the setting's own unit, on or off, an
// enum's spelling, a list with its names written one way, another string as it is. Equal values are equal strings. It
// follows guc.c, octal and all. Bounds are not its subject, and no error repeats the text: it may be a secret.
func Canonical(s catalogue.Setting, text string) (string, error) {
	switch s.Type {
	case "bool":
		return canonicalBool(text)
	case "enum":
		return canonicalEnum(s, text)
	case "integer":
		n, err := parseInteger(text, s.Unit)
		return strconv.FormatInt(raised(s, n), 10), err
	case "real":
		n, err := parseReal(text, s.Unit)
		return shortReal(n), err
	}
	return canonicalText(s, text)
}

// canonicalBool takes unique prefixes of true, false, yes, no, and on, off, 1, 0, in any case.
func canonicalBool(text string) (string, error) {
	word := lower(text)
	isPrefix := func(of string, least int) bool { return len(word) >= least && strings.HasPrefix(of, word) }
	switch {
	case isPrefix("true", 1), isPrefix("yes", 1), isPrefix("on", 2), word == "1":
		return "on", nil
	case isPrefix("false", 1), isPrefix("no", 1), isPrefix("off", 2), word == "0":
		return "off", nil
	}
	return "", errors.New("must be on or off")
}

// canonicalEnum takes the listed words and the other spellings, in any case.
func canonicalEnum(s catalogue.Setting, text string) (string, error) {
	if means, ok := s.Hidden[lower(text)]; ok {
		return means, nil
	}
	for _, one := range s.Enum {
		if equalFold(one, text) {
			return one, nil
		}
	}
	return "", fmt.Errorf("must be one of %s", strings.Join(slices.DeleteFunc(slices.Clone(s.Enum), func(e string) bool { return e == "" }), ", "))
}

// raised is a number as the server lifts it to the least that makes sense.
func raised(s catalogue.Setting, n int64) int64 {
	if n >= 0 && n < int64(s.Raised) {
		return int64(s.Raised)
	}
	return n
}

// Show is a canonical value as SHOW prints it: in the largest unit that divides it evenly.
func Show(s catalogue.Setting, canonical string) string {
	switch {
	case s.Octal:
		return showMode(canonical)
	case s.Type == "integer":
		return showInteger(canonical, s.Unit)
	case s.Type == "real":
		return showReal(canonical, s.Unit)
	}
	return canonical
}

// showMode writes the mode of a file as four octal digits.
func showMode(canonical string) string {
	n, err := strconv.ParseUint(canonical, 10, 31)
	if err != nil || n > 0o777 {
		return canonical
	}
	return fmt.Sprintf("%04o", n)
}

func showInteger(canonical, base string) string {
	n, err := strconv.ParseInt(canonical, 10, 64)
	if err != nil || n <= 0 {
		return canonical
	}
	for _, u := range unitsOf(base) {
		if u.multiplier <= 1 || n%int64(u.multiplier) == 0 {
			return strconv.FormatInt(int64(math.RoundToEven(float64(n)/u.multiplier)), 10) + u.name
		}
	}
	return canonical
}

func showReal(canonical, base string) string {
	n, err := strconv.ParseFloat(canonical, 64)
	if err != nil {
		return canonical
	}
	value, name := n, ""
	for _, u := range unitsOf(base) {
		if n <= 0 {
			break
		}
		value, name = n/u.multiplier, u.name
		if math.Abs(math.RoundToEven(value)/value-1) <= 1e-8 {
			break
		}
	}
	return shortReal(value) + name
}

// shortReal is C's %g.
func shortReal(n float64) string { return strconv.FormatFloat(n, 'g', 6, 64) }
