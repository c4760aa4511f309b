package fake_test

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers/fake"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // a simulated world is small, and there are many
	os.Exit(m.Run())
}

// TestCrashes lets the process die in every transition of every life before, within and after each step, in slow and in
// quick worlds, with ties broken either way. The next run must end where an undisturbed one does. It takes some of these
// moments, and in make chaos all.
func TestCrashes(t *testing.T) {
	var sum tally
	catalogue := chains(t)
	for i, l := range append(catalogue, lives(t)...) {
		for _, quick := range []bool{false, true} {
			for _, reverse := range []bool{false, true} {
				if i < len(catalogue) && (quick || reverse) { // each of the many once; what worlds and ties differ in, the lives have
					continue
				}
				o := engine.Options{ReverseTies: reverse}
				t.Run(fmt.Sprintf("%s/quick=%t/reverse=%t", l.name, quick, reverse), func(t *testing.T) {
					each := 2
					if i < len(catalogue) {
						each = 4
					}
					for n, tr := range transitionsOf(t, l, quick, o) {
						tr.deaths = share(tr.deaths, n, each)
						sum.add(tr.crash(t, o))
					}
				})
			}
		}
	}
	t.Logf("killed at %d points of %d transitions; after %d of them a saved plan would be stale", sum.points, sum.transitions, sum.astray)
	if sum.astray*25 > sum.points {
		t.Error("that is more than one in 25")
	}
}

// TestCrashesWithThePrimary has the process die together with the primary's container: what the next run plans then, with half of
// the cluster out of sight, is never refused as steps that wait for each other.
func TestCrashesWithThePrimary(t *testing.T) {
	for _, l := range append(lives(t), chains(t)...) {
		for n, tr := range transitionsOf(t, l, false, engine.Options{}) {
			primary := tr.load(t).Primary().Name
			for _, d := range share(tr.deaths, n, 8) {
				if d.world.Happen("docker stop "+primary) != nil { // it is not there yet, or not any more
					continue
				}
				err := converge(tr.bind(t, d.world), engine.Options{}, 1, func(engine.Plan) {})
				if err != nil && strings.Contains(err.Error(), "wait for each other") {
					t.Errorf("%s, %s, killed %s %s, and the primary is down: %v", l.name, tr.name, d.at.When, d.at.Step, err)
				}
			}
		}
	}
}

// chaos reports whether all is to be tried (make chaos, make edges).
func chaos() bool { return os.Getenv("PGREPL_TEST_CHAOS") != "" || *edges || *oneEdge != "" }

// share is each so manieth of them from one of the first on; in make chaos it is all.
func share[T any](all []T, from, each int) []T {
	if chaos() {
		return all
	}
	var out []T
	for i := from % each; i < len(all); i += each {
		out = append(out, all[i])
	}
	return out
}

// tally counts; astray are the plans after a death that are not known as what is left of the one that was under way.
type tally struct{ transitions, points, astray int }

func (s *tally) add(o tally) {
	s.transitions, s.points, s.astray = s.transitions+1, s.points+o.points, s.astray+o.astray
}

// transition is one stage of a life: the world where an undisturbed run ends, and those at the points at which the process
// may die on its way. The moment before a step is the moment after the one before it, and is tried once.
type transition struct {
	stage
	after  *fake.World
	plans  []render.Document // as many as there were looks
	deaths []death
}

type death struct {
	at    fake.Point
	world *fake.World
	plan  render.Document // that was under way
}

// transitionsOf lives a life undisturbed. Stages that are refused are none.
func transitionsOf(t *testing.T, l life, quick bool, o engine.Options) []transition {
	w := newWorld(quick)
	var out []transition
	for _, s := range l.stages {
		s.happen(t, w)
		tr := transition{stage: s}
		c := s.bind(t, w)
		c.Hook = func(at fake.Point) {
			if len(tr.deaths) == 0 || at.When != engine.Before {
				tr.deaths = append(tr.deaths, death{at, w.Copy(), tr.plans[len(tr.plans)-1]})
			}
		}
		err := converge(c, o, 1, func(p engine.Plan) { tr.plans = append(tr.plans, render.Tell(s.title(t), p)) })
		if errors.As(err, &refused{}) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		tr.after = w.Copy()
		out = append(out, tr)
	}
	return out
}

func (tr transition) crash(t *testing.T, o engine.Options) tally {
	sum := tally{points: len(tr.deaths)}
	for _, d := range tr.deaths {
		looks := 0
		err := converge(tr.bind(t, d.world), o, 1, func(p engine.Plan) {
			if looks++; looks == 1 && !d.plan.Left(p) {
				sum.astray++
				t.Logf("%s, killed %s %s: what is left is not known again as a part of the plan that was under way", tr.name, d.at.When, d.at.Step)
			}
		})
		if err == nil {
			err = tr.differs(t, d.world)
		}
		if err != nil {
			t.Errorf("%s, killed %s %s: %v", tr.name, d.at.When, d.at.Step, err)
		}
	}
	return sum
}

// differs holds a world against the one that an undisturbed run leaves.
func (tr transition) differs(t *testing.T, w *fake.World) error {
	if got, want := w.String(), tr.after.String(); got != want {
		return fmt.Errorf("the world is\n%s\nundisturbed\n%s", got, want)
	}
	for _, n := range tr.load(t).Nodes {
		again := 0 // a killed run of which nothing is left to do, is asked for once more
		if len(tr.rebuild) > 0 {
			again = 1
		}
		if got, want := w.Made(n.Name), tr.after.Made(n.Name); got != want && got != want+again {
			return fmt.Errorf("the data of %s was made %d times, undisturbed %d", n.Name, got, want)
		}
	}
	return nil
}

// TestSideBySide applies every stage with steps side by side.
func TestSideBySide(t *testing.T) {
	for _, l := range append(lives(t), chains(t)...) {
		t.Run(l.name, func(t *testing.T) {
			w := newWorld(false)
			for _, s := range l.stages {
				s.happen(t, w)
				if err := converge(s.bind(t, w), engine.Options{}, 8, func(engine.Plan) {}); err != nil && !errors.As(err, &refused{}) {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
		})
	}
}
