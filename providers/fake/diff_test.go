package fake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/fake"
	"pgrepl/schema"
	"pgrepl/test/transitions"
)

// TestDiffForetells holds, for every transition that begins with nothing by hand, what diff says of the two files against what
// the plan says on a cluster that is as the first one says, and against what nodes and clients notice on real Docker, which
// the catalogue has and test/e2e holds.
func TestDiffForetells(t *testing.T) {
	all, err := transitions.Chains()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range all {
		for i, tr := range c.Transitions {
			if i > 0 && c.Transitions[i-1].Refused != "" { // its file is none
				continue
			}
			if tr.Refused != "" || tr.Open != "" || len(tr.Events)+len(tr.Rebuild) > 0 { // of which the files say nothing
				continue
			}
			compared++
			t.Run(c.Name+"/"+tr.Name, func(t *testing.T) {
				vars := []string{"image=postgres:16", "patched=postgres:16.4"}
				shop := func(text string) *schema.Cluster {
					return load(t, tr.Name, strings.ReplaceAll(text, "%", "shop"), vars)
				}
				diff := foretold(t, shop(tr.Before), shop(tr.After))
				plan := planned(t, shop(tr.Before), shop(tr.After))
				if a, b := effects(diff), effects(plan); a != b {
					t.Errorf("diff says\n%s\nplan says\n%s", a, b)
				}
				noticed(t, tr, diff)
			})
		}
	}
	t.Logf("%d transitions", compared)
}

// foretold is what diff says.
func foretold(t *testing.T, before, after *schema.Cluster) render.Document {
	before.Blank()
	after.Blank()
	system, err := providers.Between(before, after)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := engine.Make(system, engine.Options{Regardless: true})
	if err != nil {
		t.Fatal(err)
	}
	return render.Tell(render.Title{Command: "diff", Cluster: "shop"}, p)
}

// planned is what plan says of a cluster that the first file made.
func planned(t *testing.T, before, after *schema.Cluster) render.Document {
	w := newWorld(true)
	if err := converge(fake.New(before, w), engine.Options{}, 1, func(engine.Plan) {}); err != nil {
		t.Fatal(err)
	}
	p, err := plan(fake.New(after, w), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return render.Tell(render.Title{Command: "plan", Cluster: "shop"}, p)
}

// effects are all that a document says of what happens, but for what is done with a secret.
func effects(d render.Document) string {
	var out []string
	for _, c := range d.Changes {
		for _, f := range c.Fields {
			if !f.Sensitive && !f.Implied {
				out = append(out, fmt.Sprintf("%s %s: %s -> %s, %s", c.Object, f.Path, value(f.Before), value(f.After), f.Effect))
			}
		}
	}
	for _, r := range d.Risks {
		out = append(out, fmt.Sprintf("! %s %s %s: %s", r.Code, r.Class, r.Object, r.Text))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// noticed holds the effects against those that the catalogue says are observed.
func noticed(t *testing.T, tr transitions.Transition, d render.Document) {
	names := func(nodes []string) []string {
		out := []string{}
		for _, n := range nodes {
			out = append(out, "shop-"+n)
		}
		slices.Sort(out)
		return out
	}
	of := func(class engine.Class) []string {
		out := []string{}
		for _, n := range d.Topology.After {
			if slices.ContainsFunc(d.Risks, func(r render.Risk) bool { return r.Class == class && r.Object == n.Object }) {
				out = append(out, n.Name)
			}
		}
		slices.Sort(out)
		return out
	}
	does := func(nodes []render.Node, action string) []string {
		out := []string{}
		for _, n := range nodes {
			if n.Action == action {
				out = append(out, n.Name)
			}
		}
		slices.Sort(out)
		return out
	}
	recreated, added, gone := of(engine.ClassRecreate), does(d.Topology.After, "add"), does(d.Topology.Before, "remove")
	for _, c := range d.Changes { // on Docker a container under another name is another container
		for _, f := range c.Fields {
			if f.Path == "name" && f.Effect == engine.Recreate {
				recreated = slices.DeleteFunc(recreated, func(n string) bool { return n == f.After.Text })
				added, gone = append(added, f.After.Text), append(gone, f.Before.Text)
			}
		}
	}
	restarted := slices.DeleteFunc(of(engine.ClassRestart), func(n string) bool { return slices.Contains(of(engine.ClassRecreate), n) }) // in a new container
	for what, pair := range map[string][2][]string{
		"restarted": {restarted, names(tr.Restarted)}, "recreated": {recreated, names(tr.Recreated)},
		"added": {added, names(tr.Added)}, "removed": {gone, names(tr.Removed)},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("diff says that %v are %s, observed are %v", pair[0], what, pair[1])
		}
	}
	if stop := tr.Writes == transitions.Stop; stop != d.Summary.Writes {
		t.Errorf("diff says that writes stop: %v; observed is %q", d.Summary.Writes, tr.Writes)
	}
}

func value(v *render.Value) string {
	if v == nil {
		return "nothing"
	}
	return strings.Join(append([]string{v.Text}, v.List...), "; ")
}
