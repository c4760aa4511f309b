package render

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"pgrepl/engine"
)

// OneLine writes a plan in one line, for labels and titles.
func OneLine(w io.Writer, d Document) error {
	_, err := fmt.Fprintln(w, strings.Map(func(r rune) rune {
		if unprintable(r) {
			return '?'
		}
		return r
	}, d.oneLine()))
	return err
}

// unprintable are control characters, and those that turn the direction of what follows.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func (d Document) oneLine() string {
	s := d.Summary
	var parts []string
	if d.Empty() {
		parts = append(parts, "no changes")
	} else {
		parts = append(parts, fmt.Sprintf("%d to add, %d to change, %d to destroy", s.Add, s.Change, s.Remove))
	}
	if d.Refused() {
		parts = append(parts, "refused")
	}
	if s.Restarts > 0 {
		parts = append(parts, counted(s.Restarts, "restart")+some(s.Restart))
	}
	if s.Renewals > 0 {
		parts = append(parts, counted(s.Renewals, "new container")+some(s.Recreate))
	}
	if !d.Empty() {
		parts = append(parts, lossOf(s.Loss))
	}
	if d.LookAgain {
		parts = append(parts, "more can be planned then")
	}
	if n := len(d.Unseen); n > 0 {
		parts = append(parts, counted(n, "object")+" not looked at")
	}
	return strings.Join(parts, "; ")
}

// lossOf says what is lost; data, by its name, or that none is.
func lossOf(classes []string) string {
	out := "no data loss"
	var others []string
	for _, c := range classes {
		switch engine.Class(c) {
		case engine.ClassData:
			out = "data loss"
		case engine.ClassSync: // commits wait for fewer: nothing goes
		default:
			others = append(others, c)
		}
	}
	if len(others) > 0 {
		out += ", loss of " + strings.Join(others, " and ")
	}
	return out
}

// some names a few, and how many there are besides.
func some(names []string) string {
	const few = 3
	switch n := len(names); {
	case n == 0:
		return ""
	case n > few+1:
		return fmt.Sprintf(" (%s and %d more)", strings.Join(names[:few], ", "), n-few)
	}
	return " (" + strings.Join(names, ", ") + ")"
}
