package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgrepl/engine"
)

// TestCommandLinePage holds docs/cli.md to the commands and flags that there are.
func TestCommandLinePage(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	root := newRoot(&app{})
	flags := map[string]bool{"help": true}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c != root && !strings.Contains(page, "`"+c.CommandPath()) {
			t.Errorf("docs/cli.md does not explain %s", c.CommandPath())
		}
		note := func(f *pflag.Flag) {
			flags[f.Name] = true
			if f.Name != "help" && !strings.Contains(page, "`--"+f.Name) {
				t.Errorf("docs/cli.md does not explain --%s of %s", f.Name, c.CommandPath())
			}
		}
		c.PersistentFlags().VisitAll(note)
		c.Flags().VisitAll(note)
		if c.Name() == "completion" { // its shells are cobra's, and stand in its own line
			return
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	for word := range strings.FieldsFuncSeq(page, func(r rune) bool { return strings.ContainsRune(" \n`|,;:=[", r) }) {
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag && !flags[strings.TrimRight(name, ".)")] && strings.Trim(name, "->") != "" {
			t.Errorf("docs/cli.md explains --%s, which no command has", name)
		}
	}
}

// TestEffectsOfThePage holds the table of effects in docs/cli.md to what `pgrepl explain` says of them.
func TestEffectsOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engine.Effects() {
		if row := fmt.Sprintf("| %s | %s |\n", e, e.Means()); !strings.Contains(string(page), row) {
			t.Errorf("docs/cli.md has no row %q", row)
		}
	}
}

// TestExamples: every example is valid and in the canonical form.
func TestExamples(t *testing.T) {
	for _, example := range []string{"quickstart", "async", "fleet", "infra-repo"} {
		file := "../../examples/" + example + "/pgrepl.hcl"
		for _, command := range [][]string{{"fmt", "--check", file}, {"validate", "-f", file}} {
			var out, diagnostics strings.Builder
			if code := run(t.Context(), command, streams{strings.NewReader(""), &out, &diagnostics}); code != 0 || diagnostics.Len() > 0 {
				t.Errorf("pgrepl %s: exit code %d\n%s%s", strings.Join(command, " "), code, out.String(), diagnostics.String())
			}
		}
	}
}
