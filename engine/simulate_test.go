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
	_, problems, err := Make(things{[]string{"one", "three", "two"}, "two"}, Options{})
	if err != nil || len(problems) != 1 || problems[0].Code != "PGR304" || !strings.HasPrefix(problems[0].Summary, "after step 3 of 3, two thing two (two), two is there") {
		t.Errorf("%v %+v", err, problems)
	}
	if p, problems, err := Make(things{[]string{"one", "three"}, "two"}, Options{}); err != nil || len(problems) > 0 || len(p.Steps) != 2 {
		t.Errorf("%v %+v %v", err, problems, p.Steps)
	}
}
