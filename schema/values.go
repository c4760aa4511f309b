package schema

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// SettingType is what pg_settings says about a setting: vartype, unit, enumvals.
type SettingType struct {
	VarType string   // bool, integer, real, enum, string
	Unit    string   // "", B, kB, 8kB, MB, ms, s, min
	Enum    []string // as the server spells them
}

// Canonical is the value of a setting as `postgres -C` prints it: a number in the setting's own unit, on or off, an
// enum's spelling, a string as it is. Equal values are equal strings. It follows guc.c, octal and all; bounds are not
// its subject. No error repeats the text: it may be a secret.
func Canonical(name string, t SettingType, text string) (string, error) {
	switch t.VarType {
	case "bool":
		return canonicalBool(text)
	case "enum":
		return canonicalEnum(name, t.Enum, text)
	case "integer":
		n, err := parseInteger(text, t.Unit)
		return strconv.FormatInt(n, 10), err
	case "real":
		n, err := parseReal(text, t.Unit)
		return shortReal(n), err
	}
	return text, nil
}

// canonicalBool takes unique prefixes of true, false, yes, no, and on, off, 1, 0, in any case.
func canonicalBool(text string) (string, error) {
	word := strings.ToLower(text)
	isPrefix := func(of string, least int) bool { return len(word) >= least && strings.HasPrefix(of, word) }
	switch {
	case isPrefix("true", 1), isPrefix("yes", 1), isPrefix("on", 2), word == "1":
		return "on", nil
	case isPrefix("false", 1), isPrefix("no", 1), isPrefix("off", 2), word == "0":
		return "off", nil
	}
	return "", errors.New("must be on or off")
}

// hiddenEnums are spellings that the server takes and does not list; those of enums with on and off are in boolWords.
var hiddenEnums = map[string]map[string]string{
	"wal_level":               {"archive": "replica", "hot_standby": "replica"},
	"wal_compression":         {"on": "pglz", "true": "pglz", "yes": "pglz", "1": "pglz"},
	"client_min_messages":     {"debug": "debug2"},
	"log_min_messages":        {"debug": "debug2"},
	"log_min_error_statement": {"debug": "debug2"},
	"trace_recovery_messages": {"debug": "debug2"},
	"auto_explain.log_level":  {"debug": "debug2"},
}

var boolWords = map[string]string{"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}

func canonicalEnum(name string, enum []string, text string) (string, error) {
	word := strings.ToLower(text)
	if other, ok := hiddenEnums[name][word]; ok {
		return other, nil
	}
	for _, one := range enum {
		if strings.EqualFold(one, text) {
			return one, nil
		}
	}
	if other, ok := boolWords[word]; ok && slices.Contains(enum, other) {
		return other, nil
	}
	return "", fmt.Errorf("must be one of %s", strings.Join(enum, ", "))
}

// Show is a canonical value as SHOW prints it: in the largest unit that divides it evenly.
func Show(t SettingType, canonical string) string {
	switch t.VarType {
	case "integer":
		return showInteger(canonical, t.Unit)
	case "real":
		return showReal(canonical, t.Unit)
	}
	return canonical
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
