package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCodeIsExplained finds the codes that the program can name and that no table explains.
func TestEveryCodeIsExplained(t *testing.T) {
	text, err := os.ReadFile("../docs/diagnostics.md") // held to the tables by a test of cmd/pgrepl
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for code, file := range codesInSource(t) {
		if !strings.Contains(page, "### "+code+" ") {
			t.Errorf("%s of %s is not explained: add it to schema.Codes, to the risk table or to engine.RunTime", code, file)
		}
	}
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
