package render

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func rules(t *rapid.T, label string) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"local all all peer", "host all all samenet md5", "host all all 10.0.0.0/8 reject", "host app app all trust"}), 0, 6).Draw(t, label)
}

// TestListDiffIsTheNewList holds that the lines which do not go are the new list, numbered, and that those which do not
// come are the old one.
func TestListDiffIsTheNewList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := rules(t, "before"), rules(t, "after")
		var old, now []string
		for _, line := range listDiff(before, after) {
			text, moved, wasMoved := strings.Cut(line[1:], "   (was ")
			words := strings.Fields(text)
			if line[0] == '-' {
				old = append(old, strings.Join(words, " "))
				continue
			}
			now = append(now, strings.Join(words[1:], " "))
			if words[0] != fmt.Sprint(len(now)) {
				t.Fatalf("%q is rule %d", line, len(now))
			}
			if line[0] == '+' {
				continue
			}
			old = append(old, strings.Join(words[1:], " "))
			if at := fmt.Sprintf("%d)", len(old)); wasMoved != (len(old) != len(now)) || wasMoved && moved != at {
				t.Fatalf("%q was rule %d", line, len(old))
			}
		}
		if !slices.Equal(now, after) || !slices.Equal(old, before) {
			t.Fatalf("%v -> %v is told as %v -> %v", before, after, old, now)
		}
	})
}

func TestListDiffOfTheSameList(t *testing.T) {
	for _, line := range listDiff([]string{"local all all peer"}, []string{"local all all peer"}) {
		if line[0] != ' ' {
			t.Error(line)
		}
	}
}
