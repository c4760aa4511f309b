package fake_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgrepl/engine"
	"pgrepl/providers/fake"
)

// live lives a life to its end. arrange puts the steps of each plan into another order, and without takes needs away from
// them; either may be nil.
func (l life) live(t *testing.T, w *fake.World, arrange func(engine.Plan), without func(step, need engine.StepID) bool) error {
	for _, s := range l.stages {
		s.happen(t, w)
		err := s.from(t, w, func(p engine.Plan) {
			if arrange != nil {
				arrange(p)
			}
		}, without)
		if err != nil {
			return err
		}
	}
	return nil
}

// shuffles is how many orders of its steps each plan is tried in, beside the one that is printed.
const shuffles = 12

// TestAnyOrder holds that the needs of the steps say all: whatever order they allow is a good one.
func TestAnyOrder(t *testing.T) {
	for _, l := range append(lives(t), chains(t)...) {
		for seed := range uint64(shuffles) {
			draw := rand.New(rand.NewPCG(seed, 0))
			err := l.live(t, newWorld(seed%2 == 1), func(p engine.Plan) {
				draw.Shuffle(len(p.Steps), func(i, j int) { p.Steps[i], p.Steps[j] = p.Steps[j], p.Steps[i] })
			}, nil)
			if err != nil {
				t.Errorf("%s, order %d: %v", l.name, seed, err)
			}
		}
	}
}

// extreme is an order of a plan that is as hard on the needs of some steps as can be.
type extreme string

const (
	late     extreme = "late"     // done as late as can be, with all that needs them
	dangling extreme = "dangling" // late, and what they need themselves as early as can be
	early    extreme = "early"    // done as early as can be, with what they need
)

var extremes = []extreme{late, dangling, early}

// arrange puts the steps of a plan into the order.
func (x extreme) arrange(p engine.Plan, chosen func(engine.Step) bool) {
	before, after := map[engine.StepID]bool{}, map[engine.StepID]bool{}
	for _, s := range p.Steps {
		if chosen(s) {
			before[s.ID()], after[s.ID()] = true, true
		}
	}
	for again := true; again; {
		again = false
		for _, s := range p.Steps {
			if !after[s.ID()] && slices.ContainsFunc(s.Needs(), func(n engine.StepID) bool { return after[n] }) {
				after[s.ID()], again = true, true
			}
			for _, n := range s.Needs() {
				if before[s.ID()] && !before[n] {
					before[n], again = true, true
				}
			}
		}
	}
	rank := func(s engine.Step) int {
		switch {
		case x == early && before[s.ID()], x == dangling && before[s.ID()] && !after[s.ID()]:
			return 0
		case x != early && after[s.ID()]:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(p.Steps, func(a, b engine.Step) int { return rank(a) - rank(b) })
}

// from goes on with one stage of a life in a world.
func (s stage) from(t *testing.T, w *fake.World, arrange func(engine.Plan), without func(step, need engine.StepID) bool) error {
	c := s.bind(t, w)
	c.Without = without
	if err := converge(c, engine.Options{}, 1, arrange); err != nil && !errors.As(err, &refused{}) {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// each goes through the stages of a life, with what is there before each.
func (l life) each(t *testing.T, quick bool, try func(s stage, before *fake.World) error) error {
	w := newWorld(quick)
	for _, s := range l.stages {
		s.happen(t, w)
		if err := try(s, w); err != nil {
			return err
		}
		if err := s.from(t, w, func(engine.Plan) {}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// TestEachStepEarlyAndLate does every second step of each plan as early, and as late, as the needs allow; in make chaos it is
// each step, and those of the catalogue of transitions, too.
func TestEachStepEarlyAndLate(t *testing.T) {
	all := lives(t)
	if chaos() {
		all = append(all, chains(t)...)
	}
	for _, l := range all {
		for _, quick := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/quick=%t", l.name, quick), func(t *testing.T) {
				tried := extremes
				if quick { // in which waiting is for nothing: what matters is who is too early
					tried = []extreme{early}
				}
				nth := 0
				_ = l.each(t, quick, func(s stage, before *fake.World) error {
					nth++
					eachStep(t, s, before, tried, nth)
					return nil
				})
			})
		}
	}
}

func eachStep(t *testing.T, s stage, before *fake.World, tried []extreme, nth int) {
	for n, longest := 0, 1; n < longest; n++ {
		if longest > 1 && !chaos() && (n+nth)%2 == 0 {
			continue
		}
		for _, x := range tried {
			err := s.from(t, before.Copy(), func(p engine.Plan) {
				longest = max(longest, len(p.Steps))
				if n < len(p.Steps) {
					at := p.Steps[n].ID()
					x.arrange(p, func(s engine.Step) bool { return s.ID() == at })
				}
			}, nil)
			if err != nil {
				t.Fatalf("step %d %s: %v", n+1, x, err)
			}
		}
	}
}
