package engine

import "fmt"

// simulate goes through the steps of a plan in their order, with the world as each leaves it, and refuses a plan with a step
// that breaks what must always be. What is broken already is no fault of the plan.
func simulate(sys System, p Plan) []Problem {
	if len(p.Steps) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, b := range sys.Broken(p.Seen) {
		known[b] = true
	}
	world := p.Seen
	for i, s := range p.Steps {
		world = s.After(world)
		for _, b := range sys.Broken(world) {
			if !known[b] {
				return []Problem{{Code: "PGR304", Summary: fmt.Sprintf("after step %d of %d, %s (%s), %s", i+1, len(p.Steps), s.ID(), s, b),
					Detail: "a plan that comes through such a moment is refused; nothing was begun",
					Next:   "make the change in two applies, this object after the others"}}
			}
		}
	}
	return nil
}
