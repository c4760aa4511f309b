package schema

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is found into the golden files")

// TestGolden loads every file of testdata/*.txtar. An archive holds the *.hcl files of a folder (or one file), and
// options in its comment: var x=v, var-file F, env X=v. Its member "diagnostics" is the text that Load and its policies answer, its
// member "model" what the cluster looks like.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	if len(files) == 0 {
		t.Fatal("no golden files")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cluster, diags := Load(archiveOptions(archive))
	if cluster != nil {
		diags = append(diags, cluster.JudgeFile()...)
	}
	var text strings.Builder
	diags.WriteText(&text)
	if strings.Contains(text.String(), "hunter2") {
		t.Errorf("a secret is shown:\n%s", text.String())
	}
	found := map[string]string{"diagnostics": text.String(), "model": describe(cluster)}
	for i, member := range archive.Files {
		got, isGolden := found[member.Name]
		if !isGolden || got == string(member.Data) {
			continue
		}
		if *update {
			archive.Files[i].Data = []byte(got)
			continue
		}
		t.Errorf("%s is\n%s\nwant\n%s", member.Name, got, member.Data)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// archiveOptions reads from the archive instead of the disk.
func archiveOptions(archive *txtar.Archive) Options {
	members := map[string][]byte{}
	var hcl []string
	for _, f := range archive.Files {
		members[f.Name] = f.Data
		if strings.HasSuffix(f.Name, ".hcl") {
			hcl = append(hcl, f.Name)
		}
	}
	o := Options{
		Path:     ".",
		ReadFile: func(name string) ([]byte, error) { return lookUp(members, name) },
		ReadDir:  func(string) ([]string, error) { return hcl, nil },
	}
	for line := range strings.Lines(string(archive.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "var":
			o.Vars = append(o.Vars, rest)
		case "var-file":
			o.VarFiles = append(o.VarFiles, rest)
		case "env":
			o.Environ = append(o.Environ, rest)
		}
	}
	return o
}

func lookUp(members map[string][]byte, name string) ([]byte, error) {
	if text, ok := members[name]; ok {
		return text, nil
	}
	return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
}
