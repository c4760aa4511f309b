package postgres

import (
	"slices"

	"pgrepl/engine"
)

// A commit that waits for standbys of which too few are left waits until they are back, with its locks held, and nothing tells
// its client. So where a plan takes standbys down that commits wait for, and too few of the others are left, they wait for
// fewer meanwhile (none, where there are no others), and for all again when those are back and a commit has proved it.

// Guard gives the two steps of it. Where the plan sets the names anyway, the second is there.
func (s *Site) Guard(steps []engine.Step) []engine.Step {
	k, primary := synchronousKind{s}, s.primary()
	now, _ := primary.namesInForce()
	names, asks := k.kept(), s.letGo && s.Hangs() != ""
	if asks {
		names = primary.withoutFrozen(names)
		names = names.atMost(primary.acknowledging(names))
	}
	names, fewer := k.meanwhile(names, func(d *server) bool { return goesDown(d, steps) })
	if !fewer && !asks || k.wantedNames().off() {
		return nil
	}
	out := []engine.Step{shrinkNames{Order: engine.Order{Self: k.shrunk(), On: primary.node.Name}, server: primary, names: names, was: now, asks: asks}}
	if !slices.ContainsFunc(steps, func(step engine.Step) bool { return step.ID() == k.restored() }) {
		out = append(out, k.set(now)) // the file's, as nothing changes them
	}
	return entered{nil, s}.later(out)
}

// goesDown reports whether steps take the server of a standby down for a while.
func goesDown(d *server, steps []engine.Step) bool {
	node, own := nodeID(d.node.Name), serverID(d.node.Name)
	down := []engine.StepID{{Do: "remove", On: node}, {Do: "restart", On: own}, {Do: "restart again", On: own}, halted(d.node.Name)}
	return slices.ContainsFunc(steps, func(step engine.Step) bool { return slices.Contains(down, step.ID()) })
}

// meanwhile is what commits may wait for while standbys go down, and whether that is fewer than without. Those that leave
// together are away together, and so is one that is rebuilt; the others are so one at a time. Where commits hang already there
// is nothing to be kept from hanging, and nobody is let go without leave.
func (k synchronousKind) meanwhile(names standbyNames, down func(*server) bool) (standbyNames, bool) {
	primary := k.primary()
	if primary.seen.reach != up || names.off() || primary.acknowledging(names) < names.count {
		return names, false
	}
	left, turns := primary.acknowledging(names), 0
	for _, d := range k.standbys() {
		streams := primary.acknowledging(standbyNames{members: []string{d.node.ApplicationName}}) > 0
		switch {
		case !names.has(d.node.ApplicationName) || !streams || !down(d):
		case d.machine.Moves() || d.rebuild() != nil:
			left--
		default:
			turns = 1
		}
	}
	left -= turns
	return names.atMost(left), left < names.count
}

// LetGo has the next plans give up, where commits hang, those that they wait for in vain.
func (s *Site) LetGo() { s.letGo = true }
