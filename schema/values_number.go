package schema

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// errRange is of a number that no setting can hold.
var errRange = errors.New("is out of range")

// parseInteger is the server's parse_int: C's number with base 0, or a fraction, then a unit, rounded to even.
func parseInteger(text, unit string) (int64, error) {
	value, rest, ok := scanInteger(text)
	if !ok || rest != "" && strings.ContainsAny(rest[:1], ".eE") {
		value, rest, ok = scanReal(text)
	}
	value, err := inUnit(value, rest, unit, ok)
	if err != nil {
		return 0, err
	}
	value = math.RoundToEven(value)
	if value > math.MaxInt32 || value < math.MinInt32 {
		return 0, errRange
	}
	return int64(value), nil
}

// parseReal is the server's parse_real.
func parseReal(text, unit string) (float64, error) {
	value, rest, ok := scanReal(text)
	return inUnit(value, rest, unit, ok)
}

func inUnit(value float64, rest, unit string, ok bool) (float64, error) {
	rest = strings.Trim(rest, " \t\n\v\f\r")
	switch {
	case !ok:
		return 0, numberError(unit)
	case rest == "":
		return value, nil
	}
	value, ok = toBase(value, rest, unit)
	if !ok {
		return 0, unitError(unit)
	}
	return value, nil
}

// unitExamples say how a value with a unit looks, and units what units there are.
var unitExamples = map[bool]struct{ value, units string }{
	false: {`"1GB"`, "B, kB, MB, GB, TB, in this spelling"},
	true:  {`"5min"`, "us, ms, s, min, h, d"},
}

func numberError(unit string) error {
	if unit == "" {
		return errors.New("must be a number")
	}
	return fmt.Errorf("must be a number such as %s, or a bare one in %s", unitExamples[slices.Contains(timeUnits, unit)].value, unit)
}

func unitError(unit string) error {
	if unit == "" {
		return errors.New("must be a number without a unit")
	}
	return errors.New("must have one of the units " + unitExamples[slices.Contains(timeUnits, unit)].units)
}

// scanInteger is C's strtol with base 0: 0x is hexadecimal, a leading 0 octal. It returns what follows the number.
func scanInteger(text string) (value float64, rest string, ok bool) {
	s := strings.TrimLeft(text, " \t\n\v\f\r")
	digits := strings.TrimLeft(s, "+-")
	sign := s[:len(s)-len(digits)]
	if len(sign) > 1 {
		return 0, text, false
	}
	base, set := 10, "0123456789"
	switch {
	case len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") && isHex(digits[2]):
		base, set, digits = 16, "0123456789abcdefABCDEF", digits[2:]
	case strings.HasPrefix(digits, "0"):
		base, set = 8, "01234567"
	}
	rest = strings.TrimLeft(digits, set)
	n, err := strconv.ParseInt(digits[:len(digits)-len(rest)], base, 64)
	if sign == "-" {
		n = -n
	}
	return float64(n), rest, err == nil
}

// scanReal is C's strtod without infinities.
func scanReal(text string) (value float64, rest string, ok bool) {
	s := strings.TrimLeft(text, " \t\n\v\f\r")
	end := realLength(s)
	number := s[:end]
	if strings.ContainsAny(number, "xX") && !strings.ContainsAny(number, "pP") {
		number += "p0"
	}
	value, err := strconv.ParseFloat(number, 64)
	return value, s[end:], err == nil
}

// realLength is how much of a text is a number: sign, digits, fraction, exponent.
func realLength(s string) int {
	i, digits := 0, func(from int, set string) int {
		for from < len(s) && strings.IndexByte(set, s[from]) >= 0 {
			from++
		}
		return from
	}
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	set, exponent := "0123456789", "eE"
	if len(s) > i+2 && s[i] == '0' && (s[i+1] == 'x' || s[i+1] == 'X') && isHex(s[i+2]) {
		i, set, exponent = i+2, "0123456789abcdefABCDEF", "pP"
	}
	i = digits(i, set)
	if i < len(s) && s[i] == '.' {
		i = digits(i+1, set)
	}
	if i < len(s) && strings.IndexByte(exponent, s[i]) >= 0 {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digits(j, "0123456789"); k > j {
			i = k
		}
	}
	return i
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// unit is one row of the server's conversion tables: so many of the base unit.
type unit struct {
	name       string
	multiplier float64
}

var (
	memoryUnits = []string{"TB", "GB", "MB", "kB", "B"}
	timeUnits   = []string{"d", "h", "min", "s", "ms", "us"}
	unitBytes   = map[string]float64{"TB": 1 << 40, "GB": 1 << 30, "MB": 1 << 20, "kB": 1 << 10, "B": 1, "8kB": 8 << 10}
	unitMicros  = map[string]float64{"d": 864e8, "h": 36e8, "min": 6e7, "s": 1e6, "ms": 1e3, "us": 1}
)

// unitsOf are the units that a value in the base unit may be written in, largest first.
func unitsOf(base string) []unit {
	names, worth := memoryUnits, unitBytes
	if slices.Contains(timeUnits, base) {
		names, worth = timeUnits, unitMicros
	}
	if worth[base] == 0 {
		return nil
	}
	var out []unit
	for _, name := range names {
		out = append(out, unit{name, worth[name] / worth[base]})
	}
	return out
}

// toBase converts into the base unit; a fraction is first rounded to the next smaller unit, as the server does.
func toBase(value float64, written, base string) (float64, bool) {
	units := unitsOf(base)
	for i, u := range units {
		if u.name != written {
			continue
		}
		value *= u.multiplier
		if i+1 < len(units) {
			value = math.RoundToEven(value/units[i+1].multiplier) * units[i+1].multiplier
		}
		return value, true
	}
	return 0, false
}
