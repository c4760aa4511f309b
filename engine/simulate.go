package engine

import (
	"fmt"
	"slices"
)

// simulate goes through the steps of a plan in their order, with the world as it is during each and as each leaves it, and
// refuses a plan with a step that breaks what must always be, or after whose last step something is left unfinished. What is
// broken already is no fault of the plan. Where more is to be planned after a look, the end is not in sight.
func simulate(sys System, p Plan) []Problem {
	if len(p.Steps) == 0 {
		return nil
	}
	known, world := sys.Broken(p.Seen), p.Seen
	for i, s := range p.Steps {
		if during, more := s.During(world); more {
			if b := another(sys.Broken(during), known); b != "" {
				return []Problem{p.refuse(i, "during", b)}
			}
		}
		world = s.After(world)
		if b := another(sys.Broken(world), known); b != "" {
			return []Problem{p.refuse(i, "after", b)}
		}
	}
	if b := another(sys.Unfinished(world), sys.Unfinished(p.Seen)); b != "" && !p.LookAgain {
		return []Problem{p.refuse(p.since(sys, b), "after", b+", and no step after it changes that")}
	}
	return nil
}

// another is the first of what is broken that was not known, or "".
func another(broken, known []string) string {
	for _, b := range broken {
		if !slices.Contains(known, b) {
			return b
		}
	}
	return ""
}

// since is the step from which on something is unfinished, to the end of the plan.
func (p Plan) since(sys System, what string) int {
	step, world := 0, p.Seen
	before := slices.Contains(sys.Unfinished(world), what)
	for i, s := range p.Steps {
		world = s.After(world)
		now := slices.Contains(sys.Unfinished(world), what)
		if now && !before {
			step = i
		}
		before = now
	}
	return step
}

func (p Plan) refuse(step int, when, what string) Problem {
	s := p.Steps[step]
	r := Problem{Code: "PGR304", Summary: fmt.Sprintf("%s step %d of %d, %s (%s), %s", when, step+1, len(p.Steps), s.ID(), s, what),
		Detail: "a plan that comes through such a moment is refused; nothing was begun",
		Next:   "make the change in two applies, this object after the others"}
	if len(p.LeftOut) > 0 {
		r.Next = "--target or --exclude leaves out what belongs to this step: have both in the plan, or neither"
	}
	return r
}
