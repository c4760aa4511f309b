package schema

import "testing"

func TestExcerpt(t *testing.T) {
	const text = "cluster \"c\" {\n\tsettings = { work_mem = \"8MB\" }\n}\nmaster \"pg1\" {}\nrole \"app\" { password = sensitive(\"canary\") }\n"
	c, diags := Load(Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) { return []byte(text), nil }})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, x := range []struct {
		line, column int
		want         string
	}{
		{2, 2, "    2 | \tsettings = { work_mem = \"8MB\" }\n      | \t^^^^^^^^\n"},
		{4, 1, "    4 | master \"pg1\" {}\n      | ^^^^^^^^^^^^\n"},
		{5, 14, "    5 | role \"app\" { password = (sensitive)\n      |              ^^^^^^^^\n"},
		{9, 1, ""},
		{0, 0, ""},
	} {
		if got := c.Excerpt(Origin{File: "pgrepl.hcl", Line: x.line, Column: x.column}); got != x.want {
			t.Errorf("%d:%d:\n%swant\n%s", x.line, x.column, got, x.want)
		}
	}
}
