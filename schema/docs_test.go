package schema

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestLanguagePage holds docs/language.md to the shapes: every word of the language stands there, and every word that a
// table there has in front is one.
func TestLanguagePage(t *testing.T) {
	text, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	known := []string{}
	for _, kind := range slices.Sorted(maps.Keys(shapes)) {
		s := shapes[kind]
		for _, word := range slices.Concat(s.attrs, s.blocks, s.later) {
			known = append(known, word)
			if !strings.Contains(page, "`"+word+"`") && kind != "variable" && kind != "variable.validation" {
				t.Errorf("docs/language.md does not explain %s of %s", word, kind)
			}
		}
	}
	for _, word := range slices.Concat(topLevel(), laterBlocks, slices.Collect(maps.Keys(pure()))) {
		if !strings.Contains(page, word) {
			t.Errorf("docs/language.md does not explain %s", word)
		}
	}
	for name := range owned {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/language.md does not name pgrepl's own setting %s", name)
		}
	}
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		first := strings.Split(line, "|")[1]
		for _, word := range strings.Split(first, ",") {
			if word = strings.Trim(word, " `"); !slices.Contains(known, word) {
				t.Errorf("docs/language.md explains %q, which no block has", word)
			}
		}
	}
}
