package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected files anew")

// TestDiagnosticsPage holds docs/diagnostics.md to the tables in the code, as `pgrepl explain` tells them: it cannot say what the
// program does not.
func TestDiagnosticsPage(t *testing.T) {
	const path = "../../docs/diagnostics.md"
	want := diagnosticsPage(t)
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

func diagnosticsPage(t *testing.T) string {
	file, cluster, run := rules()
	return `# Diagnostics

<!-- Written by make golden from the tables in schema/codes.go, engine/risk.go and engine/codes.go. -->

Every message that ends in a code, such as [PGR104], has its page here: what it is, why it matters, what to do. Codes
keep their meaning for ever. ` + "`pgrepl explain PGR104`" + ` says the same.

## The file

Found without Docker and without a server, all at once. With an error in the file, pgrepl validate exits with 65, and so does
every other command before it looks at anything; a warning is in the way of nothing.
` + pages(t, file) + `
## The cluster

What a plan finds when it holds the file against Docker and the servers. "Refused always": the command ends before anything is
changed, with 1. "Warning": the plan says so, and nothing is in the way.
` + pages(t, cluster) + `
## The run

What can go wrong before, during and after the steps of an apply.
` + pages(t, run)
}

// pages are rules as they are explained, each under a heading of its own.
func pages(t *testing.T, of []rule) string {
	var b strings.Builder
	for _, r := range of {
		b.WriteString("\n### ")
		if err := r.write(&b, "text"); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestWarningsOfTheLanguage holds what the rules say of their weight to the places that report them.
func TestWarningsOfTheLanguage(t *testing.T) {
	names := regexp.MustCompile(`(?m)^\t(code\w+)\s+code = "(PGR\d+)"`)
	call := regexp.MustCompile(`(warnf?|errorf)\((code\w+)|severity, c = Warning, (code\w+)`)
	code := map[string]string{}
	warned, refused := map[string]bool{}, map[string]bool{}
	entries, err := os.ReadDir("../../schema")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile("../../schema/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			code[m[1]] = m[2]
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "errorf" {
				refused[m[2]] = true
				continue
			}
			warned[m[2]+m[3]] = true
		}
	}
	for name, c := range code {
		want := "Error in the file"
		switch {
		case warned[name] && refused[name]:
			want = "Error in the file, or in milder cases a warning"
		case warned[name]:
			want = "Warning about the file"
		}
		if r, err := findRule(c); err != nil || r.Severity != want {
			t.Errorf("%s, %s: %q, wanted %q (%v)", name, c, r.Severity, want, err)
		}
	}
	if len(warned) < 5 || len(code) < 50 {
		t.Fatalf("only %d codes were found, %d of them warnings", len(code), len(warned))
	}
}
