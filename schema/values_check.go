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

// Takes is nil for a value that a server takes; otherwise it says what the value should be, without repeating it. What
// only a running server can know (whether a file, a role or a time zone exists, or how settings go together), it
// leaves to the server.
func Takes(s catalogue.Setting, text string) error {
	switch s.Type {
	case "integer":
		return takesInteger(s, text)
	case "real":
		n, err := parseReal(text, s.Unit)
		least, most := number64(s.Least, -math.MaxFloat64), number64(s.Most, math.MaxFloat64)
		if err == nil && (n < least || n > most) {
			err = fmt.Errorf("must be %s", bounds(s))
		}
		return err
	}
	_, err := Canonical(s, text)
	if rule := wordRules[lower(s.Name)]; err == nil && rule != nil {
		err = rule(text)
	}
	return err
}

func takesInteger(s catalogue.Setting, text string) error {
	n, err := parseInteger(text, s.Unit)
	if err != nil && !errors.Is(err, errRange) {
		return err
	}
	least, most := number64(s.Least, math.MinInt32), number64(s.Most, math.MaxInt32)
	if err != nil || float64(n) < least || float64(n) > most {
		return fmt.Errorf("must be %s", bounds(s))
	}
	if rule, ok := numberRules[s.Name]; ok && !rule.holds(n) {
		return errors.New("must be " + rule.words)
	}
	return nil
}

// numberRules are what a server's own code asks of a number, beside its bounds.
var numberRules = map[string]struct {
	words string
	holds func(int64) bool
}{
	"commit_timestamp_buffers":  {"a multiple of 128kB", sixteens},
	"io_max_concurrency":        {"-1, or 1 to 1024", func(n int64) bool { return n != 0 }},
	"multixact_member_buffers":  {"a multiple of 128kB", sixteens},
	"multixact_offset_buffers":  {"a multiple of 128kB", sixteens},
	"notify_buffers":            {"a multiple of 128kB", sixteens},
	"serializable_buffers":      {"a multiple of 128kB", sixteens},
	"subtransaction_buffers":    {"a multiple of 128kB", sixteens},
	"transaction_buffers":       {"a multiple of 128kB", sixteens},
	"vacuum_buffer_usage_limit": {"0, or 128kB to 16GB", func(n int64) bool { return n == 0 || n >= 128 }},
}

// sixteens are the numbers of pages that the caches of transaction states have.
func sixteens(n int64) bool { return n%16 == 0 }

func number64(text string, otherwise float64) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(n) > 1.79e308 { // printed with six digits, the largest number is not itself any more
		return otherwise
	}
	return n
}

// bounds says what a number may be, as a reader would.
func bounds(s catalogue.Setting) string {
	switch {
	case number64(s.Most, math.Inf(1)) > 1e300:
		return "at least " + bound(s, s.Least)
	case s.Least == s.Most:
		return bound(s, s.Least)
	}
	return "from " + bound(s, s.Least) + " to " + bound(s, s.Most)
}

// bound is a number with its unit; one that nobody can read has beside it about what it is.
func bound(s catalogue.Setting, n string) string {
	shown, value := Show(s, n), number64(n, 0)
	for _, u := range unitsOf(s.Unit) {
		if about := value / u.multiplier; about >= 1 && value > 10000 {
			if near := strconv.FormatFloat(about, 'f', 0, 64) + u.name; near != shown {
				return shown + " (about " + near + ")"
			}
			break
		}
	}
	return shown
}

// suggestion is what to write instead of a value, "" where nothing is near.
func suggestion(s catalogue.Setting, text string) string {
	switch {
	case s.Type == "enum":
		return didYouMean(text, append(slices.DeleteFunc(slices.Clone(s.Enum), func(e string) bool { return e == "" }), hiddenWords(s)...))
	case s.Octal:
		if Takes(s, "0"+text) == nil {
			return fmt.Sprintf("a mode begins with 0 and stands in quotes: %q", "0"+text)
		}
	case s.Type == "integer" || s.Type == "real":
		return numberSuggestion(s, text)
	case lower(s.Name) == "timezone" || lower(s.Name) == "log_timezone":
		return didYouMean(text, catalogue.Zones())
	case lower(s.Name) == "client_encoding":
		return didYouMean(lower(text), encodings)
	case s.List && lists[lower(s.Name)].words != nil:
		return wordSuggestion(lists[lower(s.Name)], text)
	}
	return ""
}

// hiddenWords are the unlisted spellings that are words, and not numbers or bools.
func hiddenWords(s catalogue.Setting) []string {
	var out []string
	for word := range s.Hidden {
		if _, err := canonicalBool(word); err != nil {
			out = append(out, word)
		}
	}
	return out
}

// wordSuggestion is for the first word that the list does not have.
func wordSuggestion(l list, text string) string {
	known := l.words
	l.words = nil
	names, err := l.names(text)
	if err != nil {
		return ""
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return didYouMean(name, known)
		}
	}
	return ""
}

// unitWords are what people write for units.
var unitWords = map[string]string{
	"b": "B", "byte": "B", "bytes": "B", "k": "kB", "kb": "kB", "kib": "kB", "m": "MB", "mb": "MB", "mib": "MB", "g": "GB", "gb": "GB", "gib": "GB",
	"t": "TB", "tb": "TB", "tib": "TB",
}

var timeWords = map[string]string{
	"usec": "us", "msec": "ms", "msecs": "ms", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "min", "mins": "min", "minute": "min",
	"minutes": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "us": "us", "ms": "ms", "s": "s", "min": "min", "h": "h", "d": "d",
}

// numberSuggestion knows the unit that was meant, or says what a number out of bounds was read as.
func numberSuggestion(s catalogue.Setting, text string) string {
	if n, err := Canonical(s, text); err == nil {
		if shown := Show(s, n); shown != strings.TrimSpace(text) {
			return "this is " + shown
		}
		return ""
	}
	for _, form := range []struct{ sign, instead string }{{",", "."}, {"%", ""}} {
		if before, after, found := strings.Cut(strings.TrimSpace(text), form.sign); found {
			better := before + form.instead + after
			if n, err := strconv.ParseFloat(better, 64); form.sign == "%" && err == nil {
				better = strconv.FormatFloat(n/100, 'g', -1, 64)
			}
			if Takes(s, better) == nil {
				return "write " + better
			}
		}
	}
	if word := lower(strings.TrimSpace(text)); strings.HasPrefix(word, "0b") {
		if n, err := strconv.ParseInt(word[2:], 2, 32); err == nil && Takes(s, strconv.FormatInt(n, 10)) == nil {
			return fmt.Sprintf("write %d: whether a server takes binary depends on the C library that it was built with", n)
		}
	}
	words := unitWords
	if slices.Contains(timeUnits, s.Unit) {
		words = timeWords
	}
	_, rest, ok := scanReal(text)
	unit := words[lower(strings.TrimSpace(rest))]
	if better := strings.TrimSuffix(text, rest) + unit; ok && unit != "" && Takes(s, better) == nil {
		return fmt.Sprintf("write %q", strings.TrimSpace(better))
	}
	return ""
}
