package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"
)

// loadText loads one file that stands nowhere.
func loadText(text string, environ ...string) (*Cluster, Diagnostics) {
	return Load(Options{
		Path:     "t.hcl",
		Environ:  environ,
		ReadFile: func(name string) ([]byte, error) { return lookUp(map[string][]byte{"t.hcl": []byte(text)}, name) },
		ReadDir:  func(string) ([]string, error) { return nil, os.ErrInvalid },
	})
}

func goldenSources(t testing.TB) []string {
	t.Helper()
	var out []string
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".hcl") {
				out = append(out, string(f.Data))
			}
		}
	}
	return out
}

func TestMissingFileNamesTheNextStep(t *testing.T) {
	_, diags := Load(Options{Path: filepath.Join(t.TempDir(), "pgrepl.hcl")})
	if len(diags) != 1 || diags[0].Code != "PGR101" || !strings.Contains(diags[0].Detail, "pgrepl init") {
		t.Errorf("%+v", diags)
	}
}

func TestFolderIsReadAsOneFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.hcl": "cluster \"demo\" {}\nmaster \"pg1\" { volume = trimspace(file(\"name.txt\")) }", "a.hcl": `replica "pg2" {}`,
		"name.txt": "data\n", "x.hcl.bak": "{",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, diags := Load(Options{Path: dir})
	if c == nil || c.Primary().Volume != "data" || len(c.Standbys()) != 1 {
		t.Errorf("%+v", diags)
	}
}

func TestWhatWouldExhaustTheParserIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":  "a = " + strings.Repeat("(", 200_000),
		"templates": "a = " + strings.Repeat(`"${`, 50_000),
		"blocks":    strings.Repeat("a {\n", 50_000),
		"operators": "a = 1" + strings.Repeat(" + 1", 100_000),
		"negations": "a = " + strings.Repeat("!", 100_000) + "true",
		"indexes":   "a = b" + strings.Repeat("[c]", 100_000),
		"number":    "a = 1e999999999",
		"lines":     "a = <<E\n" + strings.Repeat("\n", 1<<20) + "E\n",
		"long text": "a = <<E\n" + strings.Repeat(strings.Repeat("x", 400)+"\n", 10_000) + "E\n",
		"dollars":   `a = "` + strings.Repeat("$", 1<<20) + `"`,
		"size":      strings.Repeat("# comment\n", 1<<19),
	} {
		_, diags := loadText(text)
		if len(diags) != 1 || diags[0].Code != string(codeOversize) {
			t.Errorf("%s: %d diagnostics: %.200s", name, len(diags), fmt.Sprint(diags))
		}
		if _, diags := Format([]byte(text), "t.hcl"); !diags.HasErrors() {
			t.Errorf("%s: Format takes it", name)
		}
	}
}

func TestLongChainsOfLocalsEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("cluster \"demo\" {}\nmaster \"pg1\" { volume = local.x0 }\nlocals {\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "  x%d = local.x%d\n", i, i+1)
	}
	b.WriteString("  x20000 = \"v\"\n}\n")
	if _, diags := loadText(b.String()); len(diags) == 0 || diags[0].Code != string(codeCycle) {
		t.Errorf("%.300s", fmt.Sprint(diags))
	}
}

func TestEncodings(t *testing.T) {
	text := "cluster \"demo\" {}\nmaster \"pg1\" {\n  hba = <<-EOT\n    local all all trust\n  EOT\n}\n"
	for name, variant := range map[string]string{
		"byte order mark": "\xef\xbb\xbf" + text,
		"CRLF":            strings.ReplaceAll(text, "\n", "\r\n"),
	} {
		c, diags := loadText(variant)
		if c == nil || c.Primary().HBA[0].Text != "local all all trust" || c.Primary().HBA[0].Origin.Line != 4 {
			t.Errorf("%s: %v", name, diags)
		}
	}
	_, diags := loadText("cluster \"demo\" {}\n# \xff\n")
	if len(diags) != 1 || diags[0].Range.Start.Line != 2 || diags[0].Range.Start.Column != 3 {
		t.Errorf("invalid UTF-8: %v", diags)
	}
}

func TestVariablePrecedence(t *testing.T) {
	files := map[string][]byte{
		"t.hcl":  []byte("variable \"x\" { default = \"default\" }\ncluster \"demo\" {}\nmaster \"pg1\" { volume = var.x }\n"),
		"1.vars": []byte("x = \"first\""),
		"2.vars": []byte("x = \"second\""),
	}
	o := Options{
		Path:     "t.hcl",
		ReadFile: func(name string) ([]byte, error) { return lookUp(files, name) },
		ReadDir:  func(string) ([]string, error) { return nil, os.ErrInvalid },
	}
	expect := func(want string) {
		t.Helper()
		c, diags := Load(o)
		if c == nil || c.Primary().Volume != want {
			t.Errorf("want %s: %v", want, diags)
		}
	}
	expect("default")
	o.Environ = []string{"PGREPL_VAR_x=env"}
	expect("env")
	o.VarFiles = []string{"1.vars", "2.vars"}
	expect("second")
	o.Vars = []string{"x=a=b", "x=flag"}
	expect("flag")
}

func TestEveryCodeIsExplainedAndShown(t *testing.T) {
	source, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared, explained []string
	for _, m := range regexp.MustCompile(`code = "(PGR\d+)"`).FindAllStringSubmatch(string(source), -1) {
		declared = append(declared, m[1])
	}
	for _, r := range Codes() {
		explained = append(explained, r.Code)
		if r.Title == "" || r.Why == "" || r.Do == "" {
			t.Errorf("%s is not explained", r.Code)
		}
	}
	if !slices.Equal(declared, explained) {
		t.Errorf("declared %v, explained %v", declared, explained)
	}
	files, _ := filepath.Glob("testdata/*.txtar")
	var shown bytes.Buffer
	for _, file := range files {
		text, _ := os.ReadFile(file)
		shown.Write(text)
	}
	for _, code := range declared {
		if code != string(codeOversize) && !strings.Contains(shown.String(), "["+code+"]") {
			t.Errorf("no golden file shows %s", code)
		}
	}
}

func TestJSONHasTerraformsFields(t *testing.T) {
	_, diags := loadText("cluster \"demo\" { settngs = {} }\nmaster \"pg1\" {}\n")
	text, err := diags.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := `{"code":"PGR111","detail":"","hint":"did you mean \"settings\"?",` +
		`"range":{"end":{"byte":24,"column":25,"line":1},"filename":"t.hcl","start":{"byte":17,"column":18,"line":1}},` +
		`"severity":"error","snippet":{"code":"cluster \"demo\" { settngs = {} }","context":null,` +
		`"highlight_end_offset":24,"highlight_start_offset":17,"start_line":1,"values":[]},` +
		`"summary":"cluster has no attribute \"settngs\""}`
	one, _ := json.Marshal(got["diagnostics"].([]any)[0])
	if string(one) != want {
		t.Errorf("%s", one)
	}
	if got["valid"] != false || got["error_count"] != 1.0 || got["format_version"] != "1.0" {
		t.Errorf("%s", text)
	}
}

func TestFormat(t *testing.T) {
	got, diags := Format([]byte("\xef\xbb\xbfcluster \"demo\" {\r\n image=\"postgres:16\"\r\n  restart =   \"no\"\r\n}\r\n\r\n\r\n"), "t.hcl")
	want := "cluster \"demo\" {\n  image   = \"postgres:16\"\n  restart = \"no\"\n}\n"
	if string(got) != want || diags != nil {
		t.Errorf("%q %v", got, diags)
	}
	if _, diags := Format([]byte("a = {"), "t.hcl"); !diags.HasErrors() || diags[0].Snippet == "" {
		t.Errorf("%v", diags)
	}
}

func TestFormatTwiceIsFormatOnce(t *testing.T) {
	sources := goldenSources(t)
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.SampledFrom(sources).Draw(t, "source"))
		for range rapid.IntRange(0, 8).Draw(t, "edits") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			piece := rapid.SampledFrom([]string{" ", "\n", "\t", "# c\n", "\r\n", "{", "}", "[", "]", ",", "=", `"`, "a", "/* c */"}).Draw(t, "piece")
			text = slices.Concat(text[:at], []byte(piece), text[at:])
		}
		once, diags := Format(text, "t.hcl")
		if diags.HasErrors() {
			return
		}
		if twice, diags := Format(once, "t.hcl"); diags.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("%q\nthen\n%q\n%v", once, twice, diags)
		}
	})
}
