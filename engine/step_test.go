package engine

import (
	"context"
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// task is a step for tests.
type task struct {
	Order
	run     func(context.Context) error
	effects []Effected
}

func (s task) String() string                { return s.Self.Do }
func (s task) After(w Snapshot) Snapshot     { return w.With(Resource{ID: s.Self.On}) }
func (s task) Effects() []Effected           { return s.effects }
func (s task) Run(ctx context.Context) error { return s.run(ctx) }

func named(name string) StepID { return StepID{Do: name, On: ID{Kind: "thing", Name: name}} }

// a task called name on a node, which needs others.
func do(name, node string, needs ...string) task {
	t := task{Order: Order{Self: named(name), On: node}, run: func(context.Context) error { return nil }}
	for _, n := range needs {
		t.Behind = append(t.Behind, named(n))
	}
	return t
}

func names(steps []Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.ID().Do)
	}
	return strings.Join(out, " ")
}

// graphs draws steps on a few nodes whose needs have no cycle, in any order, some of them for what is not in the plan.
func graphs(t *rapid.T) []Step {
	n := rapid.IntRange(0, 14).Draw(t, "steps")
	var out []Step
	for i := range n {
		var needs []string
		for j := range i {
			if rapid.IntRange(0, 3).Draw(t, "needed") == 0 {
				needs = append(needs, fmt.Sprintf("s%02d", j))
			}
		}
		if rapid.Bool().Draw(t, "beyond") {
			needs = append(needs, "not in the plan")
		}
		out = append(out, do(fmt.Sprintf("s%02d", i), rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "node"), needs...))
	}
	return rapid.Permutation(out).Draw(t, "order")
}
