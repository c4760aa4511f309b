package schema

import (
	"bytes"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format returns the canonical form of a file: HCL's own layout, lines that end in \n, one line break at the end.
// A file that cannot be parsed is returned as it is, with the diagnostics.
func Format(src []byte, filename string) ([]byte, Diagnostics) {
	text := normalNewlines(src)
	found := report{}
	files := newSources(Options{})
	files.add(filename, text)
	if heredocs, ok := found.sound(text, filename); ok {
		_, diags := parse(text, filename, heredocs)
		found.syntax(diags, text, filename)
	}
	if found.hasErrors() {
		return src, found.diagnostics(files)
	}
	// Once is not always enough: the width of a column may depend on what the first pass moved.
	for range 4 {
		before := text
		text = append(bytes.TrimRight(hclwrite.Format(text), " \t\r\n"), '\n')
		if !slices.Equal(words(before), words(text)) {
			return before, nil // it has joined two: 10. 7 is no number, and 10.7 is one
		}
		if bytes.Equal(before, text) {
			break
		}
	}
	return text, nil
}

// words are the tokens of a text without the blanks and line breaks between them.
func words(text []byte) []string {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos)
	var out []string
	for _, t := range tokens {
		if word := bytes.TrimSpace(t.Bytes); len(word) > 0 {
			out = append(out, string(word))
		}
	}
	return out
}
