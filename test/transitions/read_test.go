package transitions

import "testing"

// TestTheCatalogueCanBeRead holds that every edit finds its place, that names are told apart, and how many transitions
// there are.
func TestTheCatalogueCanBeRead(t *testing.T) {
	chains, err := Chains()
	if err != nil {
		t.Fatal(err)
	}
	all, ci := 0, 0
	names := map[string]bool{}
	for _, c := range chains {
		all += len(c.Transitions)
		if c.CI {
			ci += len(c.Transitions)
		}
		for _, tr := range c.Transitions {
			if names[c.Name+"/"+tr.Name] {
				t.Errorf("%s has %q twice", c.Name, tr.Name)
			}
			names[c.Name+"/"+tr.Name] = true
			if len(tr.Plan) == 0 && tr.Refused == "" && tr.Open == "" {
				t.Errorf("%s: %s says nothing of its plan", c.Name, tr.Name)
			}
		}
	}
	if all < 50 || ci < 12 {
		t.Errorf("%d transitions, %d of them tried at every change", all, ci)
	}
	t.Logf("%d transitions in %d chains, %d of them tried at every change", all, len(chains), ci)
}
