package engine

import (
	"cmp"
	"slices"
	"strings"
)

// Options narrow a plan.
type Options struct {
	Target, Exclude []string // addresses as in the file; empty Target: everything
	ReverseTies     bool     // for tests: a plan that is right only by the alphabet lacks an edge
	Regardless      bool     // plan also what may not be done; it is among the risks
}

// Plan is everything between what is and what the file wants.
type Plan struct {
	Changes    []Change
	Steps      []Step  // in an order in which they can run one by one
	Batches    []Batch // the same steps as a reader sees them
	Risks      []Risk  // of this plan
	Standing   []Risk  // facts that nothing in this plan changes
	Hints      []Hint
	Undeclared []Resource
	Unseen     []Resource
	LeftOut    []Change // by Target or Exclude
	LookAgain  bool     // more can be seen, and planned, when the steps are done
	Wanted     Snapshot
	Seen       Snapshot
	Before     []Node // the topology as it was seen
	After      []Node // and as it is wanted
}

// Empty reports whether the world is as the file wants it, as far as it could be looked at.
func (p Plan) Empty() bool { return len(p.Steps) == 0 && len(p.Changes) == 0 }

// Make plans from the system's last look. Problems mean that nothing may be done: a name that belongs to somebody else,
// a data directory of another cluster.
func Make(sys System, o Options) (Plan, []Problem, error) {
	kinds := map[string]Kind{}
	var wanted, seen []Resource
	for _, k := range sys.Kinds() {
		kinds[k.Name()] = k
		wanted = append(wanted, k.Want()...)
		seen = append(seen, k.Seen()...)
	}
	p := Plan{Wanted: snapshot(wanted), Seen: snapshot(seen)}
	var facts []Fact
	for _, k := range sys.Kinds() {
		facts = append(facts, k.Facts(p.Wanted, p.Seen)...)
	}
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return slices.Contains(strings.Split(without, ","), f.Code) })
	p.Before, p.After = sys.Topology(p.Seen), sys.Topology(p.Wanted)
	if problems := refusals(facts); len(problems) > 0 && !o.Regardless {
		return p, problems, nil
	}
	c := compare(p.Wanted, p.Seen)
	p.Undeclared, p.Unseen = c.undeclared, c.unseen
	p.Changes, p.LeftOut = selected(c.changes, p.Wanted, o)
	var waiting bool
	p.Changes, waiting = settled(p.Changes, c.unseen)
	steps := stepsOf(kinds, p.Changes)
	steps = guarded(steps, sys.Guard(steps))
	var err error
	if p.Steps, err = order(steps, tie(o.ReverseTies)); err != nil {
		return p, nil, err
	}
	p.LookAgain = waiting || revealed(c.unseen, p.Steps)
	if problems := simulate(sys, p); len(problems) > 0 && !o.Regardless {
		return p, problems, nil
	}
	p.Batches = batches(p.Steps)
	p.Risks, p.Standing = judge(p, facts)
	p.Hints = hints(p.Changes)
	return p, nil, nil
}

func stepsOf(kinds map[string]Kind, changes []Change) []Step {
	var out []Step
	at := map[StepID]int{}
	for _, c := range changes {
		for _, s := range kinds[c.ID.Kind].Steps(c) {
			if i, twice := at[s.ID()]; twice {
				out[i] = shared{Step: out[i], also: s}
				continue
			}
			at[s.ID()] = len(out)
			out = append(out, s)
		}
	}
	return slices.DeleteFunc(out, func(s Step) bool {
		return slices.ContainsFunc(s.Spared(), func(id StepID) bool { _, there := at[id]; return there })
	})
}

// guarded are the steps of a plan with those of a guard among them.
func guarded(steps, guard []Step) []Step {
	out := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool {
		return slices.ContainsFunc(guard, func(g Step) bool { return g.ID() == s.ID() })
	})
	return append(out, guard...)
}

// shared is one step that several changes ask for: it runs once, after what either needs, and for both reasons. How it is
// scheduled is the same for either.
type shared struct {
	Step
	also Step
}

func (s shared) Needs() []StepID { return append(slices.Clone(s.Step.Needs()), s.also.Needs()...) }
func (s shared) Effects() []Effected {
	return append(slices.Clone(s.Step.Effects()), s.also.Effects()...)
}
func (s shared) After(w Snapshot) Snapshot {
	return s.also.After(s.Step.After(w))
}
func (s shared) During(w Snapshot) (Snapshot, bool) {
	w, one := s.Step.During(w)
	w, other := s.also.During(w)
	return w, one || other
}

func tie(reverse bool) func(a, b Step) int {
	sign := 1
	if reverse {
		sign = -1
	}
	return func(a, b Step) int {
		return sign * cmp.Or(strings.Compare(a.Node(), b.Node()), a.ID().On.Compare(b.ID().On), strings.Compare(a.ID().Do, b.ID().Do))
	}
}

// settled keeps the changes that rest on nothing which could not be looked at; the others wait for the next look.
func settled(changes []Change, unseen []Resource) (now []Change, waiting bool) {
	blocked := map[ID]bool{}
	for _, r := range unseen {
		blocked[r.ID] = true
	}
	for again := true; again; {
		again = false
		for _, c := range changes {
			rests := c.New.Needs
			if c.Action == Delete || c.Changes("name") { // on whoever may still use what goes
				rests = slices.Concat(rests, c.Old.Needs)
			}
			if !blocked[c.ID] && slices.ContainsFunc(rests, func(n ID) bool { return blocked[n] }) {
				blocked[c.ID], again = true, true
			}
		}
	}
	for _, c := range changes {
		if blocked[c.ID] {
			waiting = true
			continue
		}
		now = append(now, c)
	}
	return now, waiting && len(now) > 0
}

func revealed(unseen []Resource, steps []Step) bool {
	return slices.ContainsFunc(unseen, func(r Resource) bool {
		return slices.ContainsFunc(steps, func(s Step) bool { return s.ID() == r.SeenAfter })
	})
}

// selected applies Target and Exclude: what is targeted brings what it needs along.
func selected(changes []Change, want Snapshot, o Options) (in, out []Change) {
	if len(o.Target) == 0 && len(o.Exclude) == 0 {
		return changes, nil
	}
	chosen, byID := map[ID]bool{}, map[ID]Change{}
	for _, c := range changes {
		byID[c.ID] = c
	}
	var choose func(id ID)
	choose = func(id ID) {
		if chosen[id] {
			return
		}
		chosen[id] = true
		for _, n := range want[id].Needs {
			choose(n)
		}
	}
	for _, c := range changes {
		if len(o.Target) == 0 || slices.ContainsFunc(o.Target, c.Addr.Matches) {
			choose(c.ID)
		}
	}
	for _, c := range changes { // what is made anew under somebody brings them along: a container of the old network
		if c.recreates() && slices.ContainsFunc(c.New.Needs, func(n ID) bool { return chosen[n] && byID[n].recreates() }) {
			choose(c.ID)
		}
	}
	for _, c := range changes {
		if chosen[c.ID] && !slices.ContainsFunc(o.Exclude, c.Addr.Matches) {
			in = append(in, c)
			continue
		}
		out = append(out, c)
	}
	return in, out
}

// recreates reports whether the object itself goes and is made anew.
func (c Change) recreates() bool {
	return slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Effect == Recreate })
}

// Matches reports whether pattern names this address, or all the instances of its block.
func (a Address) Matches(pattern string) bool {
	return pattern == a.String() || pattern == Address{Block: a.Block, Label: a.Label}.String()
}
