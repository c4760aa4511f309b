package engine

import (
	"context"
	"strings"
	"testing"
)

// things is a system of one kind, whose steps are those of its changes in a row, and in which never may not be there together
// with another.
type things struct {
	wanted []string
	never  string
	open   string // what may not be there at the end
}

func (s things) Look(context.Context) error       { return nil }
func (s things) Kinds() []Kind                    { return []Kind{thing{s}} }
func (s things) Guard([]Step) []Step              { return nil }
func (s things) Verify(context.Context) []Problem { return nil }

func (things) Topology(Snapshot) []Node { return nil }

func (s things) Broken(w Snapshot) []string {
	if _, there := w[named(s.never).On]; there {
		return []string{s.never + " is there"}
	}
	return nil
}

func (s things) Unfinished(w Snapshot) []string {
	if _, there := w[named(s.open).On]; there {
		return []string{s.open + " is open"}
	}
	return nil
}

type thing struct{ system things }

func (thing) Name() string               { return "thing" }
func (thing) Seen() []Resource           { return nil }
func (thing) Facts(_, _ Snapshot) []Fact { return nil }
func (k thing) Steps(c Change) []Step    { return []Step{do(c.ID.Name, "a")} }
func (k thing) Want() (out []Resource) {
	for _, name := range k.system.wanted {
		out = append(out, Resource{ID: named(name).On, Attrs: map[string]Attr{"it": {Value: "is"}}})
	}
	return out
}

// TestAPlanIsRefusedForAStep holds that the first step after which something is not as it must be is named, and that a plan
// without one passes.
func TestAPlanIsRefusedForAStep(t *testing.T) {
	_, problems, err := Make(things{wanted: []string{"one", "three", "two"}, never: "two"}, Options{})
	if err != nil || len(problems) != 1 || problems[0].Code != "PGR304" || !strings.HasPrefix(problems[0].Summary, "after step 3 of 3, two thing two (two), two is there") {
		t.Errorf("%v %+v", err, problems)
	}
	if p, problems, err := Make(things{wanted: []string{"one", "three"}, never: "two"}, Options{}); err != nil || len(problems) > 0 || len(p.Steps) != 2 {
		t.Errorf("%v %+v %v", err, problems, p.Steps)
	}
}

// TestAPlanIsRefusedForItsEnd holds that what may be so between two steps may not be so after the last, and that the step is
// named that left it.
func TestAPlanIsRefusedForItsEnd(t *testing.T) {
	_, problems, err := Make(things{wanted: []string{"one", "three", "two"}, open: "three"}, Options{})
	if err != nil || len(problems) != 1 || problems[0].Code != "PGR304" || problems[0].Summary != "after step 2 of 3, three thing three (three), three is open, and no step after it changes that" {
		t.Errorf("%v %+v", err, problems)
	}
	_, problems, err = Make(things{wanted: []string{"one", "three", "two"}, open: "three"}, Options{Exclude: []string{"thing.one"}})
	if err != nil || len(problems) != 1 {
		t.Errorf("%v %+v", err, problems)
	}
}

// TestAPlanIsRefusedForWhatAStepTakes holds that a step is looked at while it runs, too, also where two changes share it.
func TestAPlanIsRefusedForWhatAStepTakes(t *testing.T) {
	for _, s := range []Step{taking{do("one", "")}, shared{Step: taking{do("one", "")}, also: do("one", "")}, shared{Step: do("one", ""), also: taking{do("one", "")}}} {
		problems := simulate(things{never: "room"}, Plan{Seen: Snapshot{}, Steps: []Step{s}})
		if len(problems) != 1 || problems[0].Summary != "during step 1 of 1, one thing one (one), room is there" {
			t.Errorf("%T: %+v", s, problems)
		}
	}
}

// taking is a step that takes room while it runs.
type taking struct{ task }

func (taking) During(w Snapshot) (Snapshot, bool) {
	return w.With(Resource{ID: named("room").On}), true
}
