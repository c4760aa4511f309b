package schema

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty/function"
)

const (
	languagePage = "../docs/language.md"
	blocksBegin  = "<!-- blocks: written by make golden from schema/language.go -->\n"
	blocksEnd    = "<!-- end of blocks -->\n"

	functionsBegin = "<!-- functions: written by make golden from schema/functions.go -->\n"
	functionsEnd   = "<!-- end of functions -->\n"
)

// TestBlocksPage holds the tables of docs/language.md to the language itself: they are written from it.
func TestBlocksPage(t *testing.T) {
	page := readPage(t)
	want := between(t, page, functionsBegin, functionList(), functionsEnd)
	want = between(t, want, blocksBegin, blocks(), blocksEnd)
	if want == page {
		return
	}
	if !*update {
		t.Fatalf("%s is not what schema/language.go says; run make golden", languagePage)
	}
	if err := os.WriteFile(languagePage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// between is a page with another text between two marks.
func between(t *testing.T, page, begin, text, end string) string {
	before, rest, ok1 := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost the marks of its tables", languagePage)
	}
	return before + begin + text + end + after
}

func functionList() string {
	l := &loader{callable: map[string]map[string]function.Function{}}
	callable := l.functions("")
	var words []string
	for _, name := range Functions() {
		var takes []string
		for _, p := range callable[name].Params() {
			takes = append(takes, p.Name)
		}
		if p := callable[name].VarParam(); p != nil {
			takes = append(takes, p.Name+"…")
		}
		words = append(words, "`"+name+"("+strings.Join(takes, ", ")+")`")
	}
	return strings.Join(words, " ·\n") + "\n"
}

func readPage(t *testing.T) string {
	text, err := os.ReadFile(languagePage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func blocks() string {
	var b strings.Builder
	for _, block := range Language() {
		_, inner, nested := strings.Cut(block.Kind, ".")
		title := "### " + block.Kind
		if nested {
			title = "#### " + inner
		}
		fmt.Fprintf(&b, "\n%s\n\n%s\n\n```hcl\n%s\n```\n", title, block.Text, block.Example)
		if len(block.Attributes) > 0 {
			b.WriteString("\n| attribute | type | default | a change | says |\n|---|---|---|---|---|\n")
		}
		for _, a := range block.Attributes {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", a.Name, a.Type, cell(a.Default), cell(a.Change), a.Text)
		}
	}
	return b.String() + "\n"
}

func cell(text string) string {
	if text == "" {
		return " "
	}
	return text
}

// TestExamplesOfBlocks: what the documentation shows is in canonical form, and right.
func TestExamplesOfBlocks(t *testing.T) {
	for _, b := range Language() {
		if formatted, diags := Format([]byte(b.Example+"\n"), "example.hcl"); diags.HasErrors() || string(formatted) != b.Example+"\n" {
			t.Errorf("the example of %s is not in canonical form: %v\n%s", b.Kind, diags, formatted)
		}
	}
}

// TestLanguagePage holds the rest of docs/language.md to the language: every word of it stands there.
func TestLanguagePage(t *testing.T) {
	page := readPage(t)
	for _, word := range topLevel() {
		if !strings.Contains(page, word) {
			t.Errorf("docs/language.md does not explain %s", word)
		}
	}
	for name := range owned {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/language.md does not name pgrepl's own setting %s", name)
		}
	}
}
