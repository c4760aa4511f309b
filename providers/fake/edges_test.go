package fake_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/providers/fake"
)

var edges = flag.Bool("edges", false, "take each class of edges out, and write who misses it into docs/development.md")

var oneEdge = flag.String("edge", "", "take only the classes of edges out that contain this, and say who misses them")

// edge is a class of edges between steps: what one sort of step needs of another, on the same node or elsewhere.
type edge struct {
	step, need string
	elsewhere  bool
}

func (e edge) String() string {
	if e.elsewhere {
		return e.step + " | " + e.need + " elsewhere"
	}
	return e.step + " | " + e.need
}

func sort(id engine.StepID) string { return id.Do + " " + id.On.Kind }

// edgeOf is the class of an edge. A step of no node is elsewhere for none.
func edgeOf(step, need engine.StepID) edge {
	on := func(id engine.StepID) string {
		switch id.On.Kind {
		case "node", "server":
			return id.On.Name
		}
		return id.On.On
	}
	return edge{sort(step), sort(need), on(step) != on(need) && on(step) != "" && on(need) != ""}
}

// bySpeed are edges without which nothing goes wrong, with the test that holds them and the reason why they are there.
var bySpeed = map[edge]string{
	{"create node", "create node", true}: "TestTheMasterStartsAlone: nothing competes with the start of the master, which takes longest to make",
}

func TestTheMasterStartsAlone(t *testing.T) {
	for _, l := range lives(t) {
		p, err := plan(l.stages[0].bind(t, newWorld(false)), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		needs := graph(p)
		for _, s := range p.Steps {
			alone := !slices.ContainsFunc(needs[s.ID()], func(n engine.StepID) bool { return sort(n) == "create node" })
			if id := s.ID(); sort(id) == "create node" && alone != (id.On.Name == l.stages[0].load(t).Primary().Name) {
				t.Errorf("%s: %s comes alone: %t", l.name, id, alone)
			}
		}
	}
}

// used are the edges that the plans of a life have. Those that say no more than others do together are implied.
type used struct{ said, implied map[edge]bool }

func usedBy(t *testing.T, l life) used {
	u := used{map[edge]bool{}, map[edge]bool{}}
	err := l.live(t, newWorld(false), func(p engine.Plan) {
		needs := graph(p)
		for step, list := range needs {
			for _, need := range list {
				e := edgeOf(step, need)
				u.implied[e] = true
				if !reaches(needs, step, need, e, map[engine.StepID]bool{}) {
					u.said[e] = true
				}
			}
		}
	}, nil)
	if err != nil {
		t.Fatalf("%s: %v", l.name, err)
	}
	for e := range u.said {
		delete(u.implied, e)
	}
	return u
}

// graph lists for each step of a plan the others that it needs.
func graph(p engine.Plan) map[engine.StepID][]engine.StepID {
	out := map[engine.StepID][]engine.StepID{}
	for _, s := range p.Steps {
		out[s.ID()] = nil
	}
	for _, s := range p.Steps {
		for _, n := range s.Needs() {
			if _, there := out[n]; there && n != s.ID() {
				out[s.ID()] = append(out[s.ID()], n)
			}
		}
	}
	return out
}

// reaches reports whether a step comes after another one also without the edges of a class.
func reaches(needs map[engine.StepID][]engine.StepID, step, need engine.StepID, without edge, seen map[engine.StepID]bool) bool {
	return slices.ContainsFunc(needs[step], func(n engine.StepID) bool {
		if edgeOf(step, n) == without || seen[n] {
			return false
		}
		seen[n] = true
		return n == need || reaches(needs, n, need, without, seen)
	})
}

// missed is what a life does without a class of edges, in the orders that are hardest on them: for all the steps on either side
// at once, and for one after the other.
func missed(t *testing.T, l life, e edge) error {
	without := func(step, need engine.StepID) bool { return edgeOf(step, need) == e }
	for _, quick := range []bool{false, true} {
		err := l.each(t, quick, func(s stage, before *fake.World) error {
			for _, x := range extremes {
				for n, of := -1, 0; n < of; n++ {
					if err := s.from(t, before.Copy(), func(p engine.Plan) { of = max(of, x.hold(p, e, n)) }, without); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hold arranges for the n-th of the steps on one side of a class of edges, or all of them for -1; it returns how many there are.
func (x extreme) hold(p engine.Plan, e edge, n int) int {
	side := e.need
	if x == early { // and then at once what they do not wait for any more
		side = e.step
		early.arrange(p, func(s engine.Step) bool { return sort(s.ID()) == e.need })
	}
	var ids []engine.StepID
	for _, s := range p.Steps {
		if sort(s.ID()) == side {
			ids = append(ids, s.ID())
		}
	}
	x.arrange(p, func(s engine.Step) bool {
		return slices.Contains(ids, s.ID()) && (n < 0 || n < len(ids) && ids[n] == s.ID())
	})
	return len(ids)
}

// missedInCrash is whether a run that follows a killed one misses the edges.
func missedInCrash(t *testing.T, l life, e edge) error {
	w := newWorld(false)
	for _, s := range l.stages {
		s.happen(t, w)
		var deaths []death
		undisturbed := transition{stage: s}
		c := s.bind(t, w)
		c.Hook = func(at fake.Point) { deaths = append(deaths, death{at: at, world: w.Copy()}) }
		if err := converge(c, engine.Options{}, 1, func(engine.Plan) {}); errors.As(err, &refused{}) {
			continue
		} else if err != nil {
			return err
		}
		undisturbed.after = w.Copy()
		for _, d := range deaths {
			again := s.bind(t, d.world)
			again.Without = func(step, need engine.StepID) bool { return edgeOf(step, need) == e }
			err := converge(again, engine.Options{}, 1, func(p engine.Plan) { late.hold(p, e, -1) })
			if err == nil {
				err = undisturbed.differs(t, d.world)
			}
			if err != nil {
				return fmt.Errorf("%s, killed %s %s: %w", s.name, d.at.When, d.at.Step, err)
			}
		}
	}
	return nil
}

// whoMisses names the tests that fail without a class of edges, and what the first of them says.
func whoMisses(t *testing.T, e edge, in []life) (test, says string) {
	for _, l := range in {
		if err := missed(t, l, e); err != nil {
			return "TestEachStepEarlyAndLate/" + l.name, err.Error()
		}
	}
	for _, l := range in {
		if err := missedInCrash(t, l, e); err != nil {
			return "TestCrashes/" + l.name, err.Error()
		}
	}
	return "", ""
}

const page = "../../docs/development.md"

var section = regexp.MustCompile(`(?s)(<!-- edges: [^\n]*-->\n).*(<!-- end of edges -->)`)

// TestEdges holds that the page has every class of edges that a plan has. With -edges it takes each of them out, and writes who
// misses it.
func TestEdges(t *testing.T) {
	all := append(lives(t), chains(t)...)
	in, said := map[edge][]life{}, map[edge]bool{}
	for _, l := range all {
		u := usedBy(t, l)
		for e := range u.said {
			in[e], said[e] = append(in[e], l), true
		}
		for e := range u.implied {
			in[e] = append(in[e], l)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	classes := slices.SortedFunc(maps.Keys(in), func(a, b edge) int { return cmp.Compare(a.String(), b.String()) })
	if *oneEdge != "" {
		for _, e := range classes {
			if strings.Contains(e.String(), *oneEdge) {
				test, says := whoMisses(t, e, in[e])
				var lives []string
				for _, l := range in[e] {
					lives = append(lives, l.name)
				}
				t.Logf("%s: said=%t, in %s: %s: %s", e, said[e], strings.Join(lives, " "), test, says)
			}
		}
		return
	}
	if *edges {
		out := section.ReplaceAllString(string(text), "${1}"+strings.ReplaceAll(edgeTable(t, classes, in, said), "$", "$$")+"${2}")
		if err := os.WriteFile(page, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	listed := map[string]bool{}
	for line := range strings.Lines(section.FindString(string(text))) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| ") && len(cells) > 2 {
			listed[strings.TrimPrefix(cells[0], "| ")+" | "+cells[1]] = true
		}
	}
	for _, e := range classes {
		if said[e] && !listed[e.String()] {
			t.Errorf("docs/development.md does not have the edge %q; run make edges", e)
		}
		delete(listed, e.String())
	}
	for e := range listed {
		if e != "step | needs" && e != "--- | ---" {
			t.Errorf("docs/development.md has an edge %q that no plan has; run make edges", e)
		}
	}
}

func edgeTable(t *testing.T, classes []edge, in map[edge][]life, said map[edge]bool) string {
	var missed, unmissed, implied []string
	for _, e := range classes {
		if !said[e] {
			implied = append(implied, e.step+" after "+strings.TrimPrefix(e.String(), e.step+" | "))
			continue
		}
		test, says := whoMisses(t, e, in[e])
		says, _, _ = strings.Cut(says, "\n")
		t.Logf("%s: %s: %s", e, test, says)
		if held, ok := bySpeed[e]; ok && test == "" {
			missed = append(missed, fmt.Sprintf("| %s | %s |", e, held))
			continue
		}
		if test == "" {
			unmissed = append(unmissed, fmt.Sprintf("| %s | nobody: a law is still lacking |", e))
			continue
		}
		missed = append(missed, fmt.Sprintf("| %s | %s: %s |", e, test, strings.ReplaceAll(says, "|", "/")))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d classes of edges are missed by a test when they are taken out:\n\n| step | needs | missed by |\n|---|---|---|\n%s\n", len(missed), strings.Join(missed, "\n"))
	if len(unmissed) > 0 {
		fmt.Fprintf(&b, "\n%d are not:\n\n| step | needs | missed by |\n|---|---|---|\n%s\n", len(unmissed), strings.Join(unmissed, "\n"))
	}
	fmt.Fprintf(&b, "\n%d say nothing that others do not say together: %s.\n\n", len(implied), strings.Join(implied, "; "))
	return b.String()
}
