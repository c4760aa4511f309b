package schema

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fuzzedSecret is what the variable pw holds in every fuzzed run, and no fuzzed file says.
const fuzzedSecret = "Zq7-never-shown-9Kd"

// FuzzLoad: whatever a file says, nothing panics; there is a cluster or an error; diagnostics are in order, point at bytes
// that are there and show no sensitive value; and the formatted file is its own format and means the same.
func FuzzLoad(f *testing.F) {
	for _, text := range goldenSources(f) {
		f.Add(text)
	}
	examples, _ := filepath.Glob("../examples/*/*.hcl")
	for _, file := range examples {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, call := range []string{"file(var.pw)", "env(var.pw)", "cidrhost(var.pw, 1)", "jsondecode(var.pw)", "tonumber(var.pw)", `{ a = 1 }[var.pw]`} {
		f.Add("role \"a\" { password = " + call + " }\n")
	}
	for _, block := range Language() {
		f.Add(block.Example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, fuzzedSecret) {
			return
		}
		c, diags := loadFuzzed(text)
		if (c == nil) != diags.HasErrors() {
			t.Fatalf("cluster %v with %v", c, diags)
		}
		sound(t, diags, text)
		if got, want := withLongHeredocs(text, 0), withLongHeredocs(text, len(text)+1); got != want {
			t.Fatalf("%q with heredocs read by ourselves\n%s\nby the parser\n%s", text, got, want)
		}
		once, wrong := Format([]byte(text), "t.hcl")
		sound(t, wrong, text)
		if wrong.HasErrors() {
			return
		}
		if twice, wrong := Format(once, "t.hcl"); wrong.HasErrors() || string(twice) != string(once) {
			t.Fatalf("%q\nformatted\n%q\nand once more\n%q\n%v", text, once, twice, wrong)
		}
		formatted, diagsFormatted := loadFuzzed(string(once))
		if before, after := meaning(c, diags), meaning(formatted, diagsFormatted); before != after {
			t.Fatalf("%q\nmeans\n%s\nformatted\n%q\nit means\n%s", text, before, once, after)
		}
	})
}

// withLongHeredocs is all that Load says of a file, where a heredoc is long from so many lines on.
func withLongHeredocs(text string, lines int) string {
	defer func(before int) { longHeredoc = before }(longHeredoc)
	longHeredoc = lines
	c, diags := loadFuzzed(text)
	var out strings.Builder
	diags.WriteText(&out)
	return describe(c) + out.String()
}

// loadFuzzed loads a file beside one that declares the variable pw.
func loadFuzzed(text string) (*Cluster, Diagnostics) {
	files := map[string][]byte{
		"a.hcl":       []byte("variable \"pw\" { sensitive = true }\n"),
		"t.hcl":       []byte(text),
		"pg_hba.conf": []byte("# TYPE\nlocal all all peer\nhost replication all samenet md5\nhots all all ldapbindpasswd=x\n"),
		"pw.txt":      []byte("hunter2\n"),
	}
	return Load(Options{
		Path:     ".",
		Environ:  []string{"PGREPL_VAR_pw=" + fuzzedSecret, "PW=hunter2"},
		ReadFile: func(name string) ([]byte, error) { return lookUp(files, name) },
		ReadDir:  func(string) ([]string, error) { return []string{"a.hcl", "t.hcl"}, nil },
	})
}

// sound holds what is true of all diagnostics.
func sound(t *testing.T, diags Diagnostics, text string) {
	t.Helper()
	var out strings.Builder
	diags.WriteText(&out)
	json, err := diags.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), fuzzedSecret) || strings.Contains(string(json), fuzzedSecret) {
		t.Fatalf("a secret is shown:\n%s", out.String())
	}
	text = string(normalNewlines([]byte(text)))
	for i, d := range diags {
		if d.Summary == "" || d.Code == "" {
			t.Fatalf("%+v says nothing", d)
		}
		if i > 0 && cmp.Or(cmp.Compare(diags[i-1].Range.Filename, d.Range.Filename),
			cmp.Compare(diags[i-1].Range.Start.Line, d.Range.Start.Line),
			cmp.Compare(diags[i-1].Range.Start.Column, d.Range.Start.Column)) > 0 {
			t.Fatalf("out of order:\n%s", out.String())
		}
		from, to := d.Range.Start, d.Range.End
		if d.Range.Filename != "t.hcl" || from.Line == 0 {
			continue
		}
		if from.Byte < 0 || from.Byte > to.Byte || to.Byte > len(text) || from.Column < 1 {
			t.Fatalf("outside of a text of %d bytes: %+v\n%s", len(text), d, out.String())
		}
		for _, p := range []Pos{from, to} {
			if line := 1 + strings.Count(text[:p.Byte], "\n"); p.Line != line {
				t.Fatalf("byte %d is in line %d: %+v\n%s", p.Byte, line, d, out.String())
			}
		}
	}
}

// meaning is what a file says, wherever in its line: the model, or what is wrong with it.
func meaning(c *Cluster, diags Diagnostics) string {
	var said []string
	for _, d := range diags {
		said = append(said, fmt.Sprintf("%d %s %s %s", d.Range.Start.Line, d.Severity, d.Code, d.Summary))
	}
	slices.Sort(said)
	blanks := strings.NewReplacer(" ", "", "\t", "")
	return blanks.Replace(describe(c) + strings.Join(said, "\n"))
}
