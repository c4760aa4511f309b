package test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/schema"
)

var update = flag.Bool("update", false, "write the expected files anew")

// TestDiagnosticsPage holds docs/diagnostics.md to the tables in the code: it cannot say what the program does not.
func TestDiagnosticsPage(t *testing.T) {
	const path = "../docs/diagnostics.md"
	want := diagnosticsPage()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is not what the code says; run make golden", path)
	}
}

// TestEveryCodeIsExplained finds the codes that the program can name and that no table explains.
func TestEveryCodeIsExplained(t *testing.T) {
	page := diagnosticsPage()
	for code, file := range codesInSource(t) {
		if !strings.Contains(page, "### "+code+" ") {
			t.Errorf("%s of %s is not explained: add it to schema.Codes, to the risk table or to engine.RunTime", code, file)
		}
	}
}

func diagnosticsPage() string {
	var b strings.Builder
	b.WriteString(`# Diagnostics

<!-- Written by make golden from the tables in schema/codes.go, engine/risk.go and engine/codes.go. -->

Every message that ends in a code, such as [PGR104], has its page here: what it is, why it matters, what to do. Codes
keep their meaning for ever.

## The file

Found without Docker and without a server, all at once. pgrepl validate exits with 65, and so does every other
command before it looks at anything.
`)
	for _, r := range schema.Codes() {
		entry(&b, r.Code, r.Title, "", r.Why, r.Do)
	}
	b.WriteString(`
## The cluster

What a plan finds when it holds the file against Docker and the servers. "Refused": the command ends before anything is
changed, with 1. "Warning": the plan says so, and nothing is in the way.
`)
	for _, r := range engine.Rules() {
		entry(&b, r.Code, r.Title, severity(r.Severity), r.Why, r.Do)
	}
	b.WriteString(`
## The run

What can go wrong before, during and after the steps of an apply.
`)
	for _, r := range engine.RunTime() {
		entry(&b, r.Code, r.Title, "", r.Why, r.Do)
	}
	return b.String()
}

func entry(b *strings.Builder, code, title, severity, why, do string) {
	fmt.Fprintf(b, "\n### %s %s\n\n", code, title)
	if severity != "" {
		fmt.Fprintf(b, "%s. ", severity)
	}
	fmt.Fprintf(b, "%s\n\n%s\n", why, do)
}

func severity(s engine.Severity) string {
	switch s {
	case engine.Never:
		return "Refused"
	case engine.Needs:
		return "Refused without --allow"
	case engine.Warns:
		return "Warning"
	}
	return "Note"
}

// codesInSource returns every code that stands in the program's text, with a file that has it.
func codesInSource(t *testing.T) map[string]string {
	t.Helper()
	pattern := regexp.MustCompile("PGR[0-9]{3}")
	found := map[string]string{}
	for _, root := range []string{"../cmd", "../engine", "../providers", "../schema"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, code := range pattern.FindAllString(string(text), -1) {
				found[code] = path
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 50 {
		t.Fatalf("only %d codes found", len(found))
	}
	return found
}
