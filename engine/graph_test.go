package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOrderPutsEachStepAfterThoseItNeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := graphs(t)
		sorted, err := order(steps, tie(rapid.Bool().Draw(t, "reverse")))
		if err != nil {
			t.Fatal(err)
		}
		at := map[StepID]int{}
		for i, s := range sorted {
			at[s.ID()] = i
		}
		if len(at) != len(steps) {
			t.Fatalf("%d of %d steps", len(at), len(steps))
		}
		for i, s := range sorted {
			for _, n := range s.Needs() {
				if j, there := at[n]; there && j >= i {
					t.Fatalf("%s comes before %s, which it needs", s.ID(), n)
				}
			}
		}
	})
}

func TestTies(t *testing.T) {
	steps := []Step{do("c", "y"), do("b", "x"), do("a", "y", "b")}
	for reverse, want := range map[bool]string{false: "b a c", true: "c b a"} {
		if sorted, _ := order(steps, tie(reverse)); names(sorted) != want {
			t.Errorf("reverse=%t: %s, want %s", reverse, names(sorted), want)
		}
	}
}

func TestACycleNamesEachEdge(t *testing.T) {
	_, err := order([]Step{do("a", "", "c"), do("b", "", "a"), do("c", "", "b"), do("behind it", "", "c"), do("free", "")}, tie(false))
	const want = "steps wait for each other: a thing a after c thing c after b thing b after a thing a; nothing was begun: make the change in two applies"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestAStepIsSparedByOneThatDoesItsWork(t *testing.T) {
	restart := do("restart", "a")
	restart.Unless = []StepID{named("replace")}
	for _, c := range []struct {
		steps []Step
		want  string
	}{{[]Step{restart}, "restart"}, {[]Step{restart, do("replace", "a")}, "replace"}} {
		got := stepsOf(map[string]Kind{"thing": listed(c.steps)}, []Change{{ID: ID{Kind: "thing"}}})
		if names(got) != c.want {
			t.Errorf("%s, want %s", names(got), c.want)
		}
	}
}

func TestASharedStepRunsOnceAndAfterWhatEitherNeeds(t *testing.T) {
	steps := stepsOf(map[string]Kind{"thing": listed{do("reload", "a", "x"), do("reload", "a", "y"), do("y", "a"), do("x", "a")}}, []Change{{ID: ID{Kind: "thing"}}})
	sorted, err := order(steps, tie(false))
	if err != nil || names(sorted) != "x y reload" {
		t.Errorf("%s, %v", names(sorted), err)
	}
}

// listed is a kind whose every change takes the same steps.
type listed []Step

func (listed) Name() string               { return "thing" }
func (listed) Want() []Resource           { return nil }
func (listed) Seen() []Resource           { return nil }
func (listed) Facts(_, _ Snapshot) []Fact { return nil }
func (l listed) Steps(Change) []Step      { return l }

func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sorted, err := order(graphs(t), tie(rapid.Bool().Draw(t, "reverse")))
		if err != nil {
			t.Fatal(err)
		}
		rows := batches(sorted)
		of := map[StepID]int{}
		for i, b := range rows {
			if b.N != i+1 {
				t.Fatalf("row %d has the number %d", i+1, b.N)
			}
			for _, a := range b.After {
				if a >= b.N || a < 1 {
					t.Fatalf("row %d comes after %d", b.N, a)
				}
			}
			for _, id := range b.Steps {
				if of[id] != 0 {
					t.Fatalf("%s is in rows %d and %d", id, of[id], b.N)
				}
				of[id] = b.N
			}
		}
		if len(of) != len(sorted) {
			t.Fatalf("%d of %d steps are in a row", len(of), len(sorted))
		}
		for _, s := range sorted {
			for _, n := range s.Needs() {
				if from, there := of[n]; there && from != of[s.ID()] && !comesAfter(rows, of[s.ID()], from) {
					t.Fatalf("%s in row %d needs %s, and that row does not come after row %d", s.ID(), of[s.ID()], n, from)
				}
			}
		}
	})
}

func comesAfter(rows []Batch, row, other int) bool {
	return slices.ContainsFunc(rows[row-1].After, func(a int) bool { return a == other || comesAfter(rows, a, other) })
}

func TestRowsOfSeveralNodesAreOne(t *testing.T) {
	on := func(node, what string, needs ...string) task {
		s := do(what+node, node, needs...)
		s.Self.Do = what
		return s
	}
	a, b := on("a", "set"), on("b", "set")
	last := do("last", "c")
	last.Behind = []StepID{a.Self, b.Self}
	rows := batches([]Step{a, b, last})
	if len(rows) != 2 || rows[0].Where() != "a, b" || rows[0].Text() != "set" || len(rows[1].After) != 1 {
		t.Errorf("%+v", rows)
	}
	if where := (Batch{Nodes: []string{""}}).Where(); !strings.Contains(where, "docker") {
		t.Error(where)
	}
}

// TestRowsOfALongChain: fifty nodes that restart one after another are planned in no time.
func TestRowsOfALongChain(t *testing.T) {
	var steps []Step
	var before []string
	for i := range 60 {
		name := fmt.Sprint("n", i)
		steps = append(steps, do(name, name, before...))
		before = append(before, name)
	}
	for i, b := range batches(steps) {
		if i > 0 && !slices.Equal(b.After, []int{i}) {
			t.Fatalf("row %d comes after %v", b.N, b.After)
		}
	}
}
