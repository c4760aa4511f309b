package docker

import (
	"errors"
	"strings"
	"testing"

	"pgrepl/schema"
)

func TestMoreThanTheMachineHas(t *testing.T) {
	for _, c := range []struct{ attribute, code, text string }{
		{"cpus = 2", "", ""},
		{"cpus = 2.5", "PGR263", "asks for 2.5 CPUs, the engine's machine has 2"},
		{`memory = "4GB"`, "", ""},
		{`memory = "64GB"`, "PGR264", "memory = 64GB of master.db is no limit: the engine's machine has 4096 MB"},
	} {
		file, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadDir: func(string) ([]string, error) { return nil, errors.New("not a folder") }, ReadFile: func(string) ([]byte, error) {
			return []byte("cluster \"shop\" {}\nmaster \"db\" { " + c.attribute + " }\n"), nil
		}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		k := nodes{NewSite(file, nil, Removal{})}
		k.seen.machine = capacity{cpus: 2, memory: 4 << 30}
		facts := k.Facts(nil, nil)
		switch {
		case c.code == "" && len(facts) > 0:
			t.Errorf("%s: %s", c.attribute, facts[0].Text)
		case c.code != "" && (len(facts) != 1 || facts[0].Code != c.code || !strings.Contains(facts[0].Text, c.text) || facts[0].Origin.Line != 2):
			t.Errorf("%s: %+v", c.attribute, facts)
		}
	}
}
