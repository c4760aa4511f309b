package postgres

import (
	"slices"
	"testing"

	"pgrepl/schema"
)

// still is a machine that runs and stays where it is.
type still struct{ Machine }

func (still) Moves() bool   { return false }
func (still) State() string { return "running" }

// A restart of the master waits for the standbys that are there, and not for one that can only be cloned when it is back.
func TestRestartDoesNotWaitForAStandbyThatIsStillToBeCloned(t *testing.T) {
	file, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) {
		return []byte("cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\nreplica \"c-3\" {}\n"), nil
	}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	site := NewSite(file, func(*schema.Node) Machine { return still{} }, nil)
	for _, s := range site.servers {
		s.seen.reach = up
	}
	site.servers[2].seen.reach = absent
	needs := site.restarts(site.primary(), nil)[0].Needs()
	if !slices.Contains(needs, accepting("c-2")) || slices.Contains(needs, accepting("c-3")) {
		t.Errorf("the restart waits for %v", needs)
	}
}
