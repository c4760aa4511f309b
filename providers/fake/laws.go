package fake

import (
	"errors"
	"fmt"
	"strings"

	"pgrepl/engine"
)

// begin does the first half of a step that has two.
func (w *World) begin(s engine.Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuses(s); err != nil {
		return fmt.Errorf("%s: %w", s.ID(), err)
	}
	if id := s.ID(); twofold(id) {
		if id.Do == "halt" {
			w.halt(s)
		} else if id.Do == "shrink" {
			w.writeNames(id.On, s.After(w.things)[id.On].Attrs["synchronous"].Reason)
		} else if id.On.Kind == "synchronous" {
			w.things = s.After(w.things)
			w.set(id.On, "synchronous", w.value(id.On, "synchronous")+unproved)
		} else if id.Do == "create" {
			w.things = s.After(w.things)
			w.label(id.On)
			w.set(id.On, "state", "created")
		} else if w.has(id.On) {
			if real, ok := s.(interface{ Notes() []engine.ID }); ok {
				for _, noted := range real.Notes() {
					w.set(noted, "going", "yes")
				}
			}
			for _, v := range s.After(w.things) { // that it goes, too, is noted before anything else
				if v.ID.Kind == "volume" {
					w.put(v)
				}
			}
			w.set(id.On, "state", "exited")
		}
		w.settle()
	}
	return nil
}

// finish makes true what the step says is then true, and what follows from it.
func (w *World) finish(s engine.Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, before := s.ID(), w.paused()
	if id.Do == "remove" && id.On.Kind == "volume" {
		w.remove(id.On)
	}
	w.things = s.After(w.things)
	if id.Do == "create" {
		w.label(id.On)
	}
	switch {
	case id.Do == "create" && id.On.Kind == "volume":
		w.set(id.On, nodeOf, s.Node())
	case id.Do == "remove" && id.On.Kind == "network":
		for _, n := range w.kind("node") {
			if w.value(n.ID, "network") == id.On.Name {
				w.set(n.ID, "network", id.On.Name+" (removed)")
			}
		}
	case id.Do == "create" && id.On.Kind == "slot":
		w.drop(id.On, "wal") // nothing tells a new slot from one that never lost any
	case id.Do == "create" && id.On.Kind == "node":
		w.started[id.On.Name] = true
		w.moved[id.On.Name] = !w.returns[engine.StepID{Do: "return", On: server(id.On.Name)}]
	case id.Do == "accept", id.Do == "accept again":
		delete(w.started, id.On.Name)
	case id.Do == "passfile":
		w.passfiles[id.On.On] = w.wanted[id.On.On].Role.Name
	case id.Do == "initialise" || id.Do == "clone":
		w.fresh(id.On.Name)
	case id.Do == "restart" || id.Do == "restart again":
		id.Do = strings.Replace(id.Do, "restart", "return", 1)
		w.leaves(id)
	case id.Do == "stream" || id.Do == "stream again":
		delete(w.returns, id)
	case id.Do == "return" || id.Do == "return again":
		delete(w.away, id.On.Name)
		delete(w.returns, id)
	case id.Do == "drop" && id.On.Kind == "slot":
		delete(w.returns, id)
	case id.Do == "halt":
		w.mark(id.On.Name, held)
	case id.Do == "rebuild":
		w.rebuilt(id.On.Name)
	case id.Do == "discard":
		w.things = w.things.Without(data(id.On.Name))
		w.drop(id.On, "data")
		w.drop(id.On, "old data")
	}
	w.settle()
	if (id.Do == "stream" || id.Do == "stream again") && w.streams(id.On.On) || id.Do == "clone" || id.Do == "settle" || id.Do == "settle again" {
		w.follows(s.Node())
	}
	for standby, why := range w.paused() {
		if before[standby] == "" {
			return fmt.Errorf("recovery has paused on %s: %s", standby, why)
		}
	}
	return nil
}

// refuses is what Docker and PostgreSQL refuse.
func (w *World) refuses(s engine.Step) error {
	id := s.ID()
	if id.Do == "mark" && !w.has(ledger) {
		return errors.New("there is no ledger")
	}
	switch id.On.Kind {
	case "network", "volume", "node":
		return w.dockerRefuses(s)
	case "image":
		return w.imageRefuses(s)
	case "app":
		return w.appRefuses(s)
	case "server":
		return w.serverRefuses(s)
	case "replication":
		return w.replicationRefuses(s)
	case "settings":
		return w.settingsRefuse(s)
	case "hba":
		return w.needsAccepting(id.On.On)
	case "synchronous":
		return w.synchronousRefuses(s)
	}
	return w.objectRefuses(s)
}

func (w *World) replicationRefuses(s engine.Step) error {
	id := s.ID()
	switch id.Do {
	case "stream", "stream again":
		return w.linkRefuses(s)
	case "reload", "reload again":
		return w.linkTaken(s)
	case "passfile":
		if to := w.wanted[id.On.On]; !w.has(role(to.Role.Name)) || !w.has(slot(to.Upstream.Name, to.Slot.Name)) {
			return fmt.Errorf("%s could not connect again: its password would be for a link that is not there", id.On.On)
		} else if now := w.called(w.inForce(w.things[id.On], "upstream")); now == to.Upstream.Name && !w.accepts(now) && w.inForce(w.things[id.On], "role") != to.Role.Name {
			return fmt.Errorf("%s could not come back to %s: its password would be for a role that it does not come as yet", id.On.On, now)
		}
	}
	return w.needsAccepting(id.On.On)
}

// settingsRefuse is why values may not be written yet: a server that crashed now would come up with them. One with two turns
// writes what is good for both.
func (w *World) settingsRefuse(s engine.Step) error {
	node, then := s.ID().On.On, s.After(w.things)
	if err := w.needsAccepting(node); err != nil {
		return err
	}
	if w.returns[engine.StepID{Do: "return", On: server(node)}] && strings.Contains(fmt.Sprint(then[s.ID().On].Attrs), waits+"restart") {
		if err := w.notItsTurn(node); err != nil {
			return err
		}
	}
	if level := then[s.ID().On].Attrs["settings.wal_level"].Value; strings.Contains(level, waits) {
		if err := w.canDecode(node, w.wanted[node].Settings["wal_level"].Value); err != nil {
			return fmt.Errorf("if it crashed now: %w", err)
		}
	}
	if err := w.crashes(node, then); err != nil && !w.returns[engine.StepID{Do: "return again", On: server(node)}] {
		return fmt.Errorf("if it crashed now: %w", err)
	}
	return nil
}

func (w *World) serverRefuses(s engine.Step) error {
	id := s.ID()
	name := id.On.Name
	if !w.running(name) && s.String() != "hold back" { // for which the volume is enough
		return fmt.Errorf("container %s is not running", name)
	}
	switch id.Do {
	case "initialise", "clone":
		if w.has(id.On) {
			return fmt.Errorf("%s has a data directory already", name)
		}
		if id.Do == "clone" {
			after := s.After(w.things)
			return w.canClone(s, after[replication(name)])
		}
		return nil
	case "accept", "accept again":
		if !w.has(id.On) {
			return fmt.Errorf("%s has no data directory", name)
		}
		if w.is(name, held) {
			return fmt.Errorf("%s is held back", name)
		}
		return nil
	case "halt", "rebuild", "discard":
		return w.rebuildRefuses(s)
	}
	if id.Do == "enter" {
		for name != w.primary() {
			above := w.called(w.inForce(w.things[replication(name)], "upstream"))
			if w.value(server(above), login) == superuser || !w.accepts(above) {
				return fmt.Errorf("%s has no role pgrepl that %s could have from it", above, id.On.Name)
			}
			name = above
		}
		return w.needsAnswer(id.On.Name)
	}
	if err := w.needsAccepting(name); err != nil {
		return err
	}
	switch id.Do {
	case "reload":
		return w.readsNames(name)
	case "return", "return again":
		return w.returnRefuses(s)
	case "restart", "restart again":
		if err := errors.Join(w.notItsTurn(name), w.cutsShort(id), w.hangs(name), w.readsNames(name)); err != nil {
			return err
		}
		if err := w.canRecover(name, s.After(w.things)); err != nil {
			return err
		}
		return w.startRefuses(s)
	case "settle", "settle again":
		return w.canSettle(name)
	}
	return nil
}

// leaves begins the turn of a server, where the plan waits for its end.
func (w *World) leaves(end engine.StepID) {
	if w.returns[end] {
		w.away[end.On.Name] = true
	}
}

// notItsTurn is why a server may not go down, or be made ready for it: another one is not back.
func (w *World) notItsTurn(name string) error {
	for other := range w.away {
		if other != name {
			return fmt.Errorf("it is not the turn of %s: %s is not back", name, other)
		}
	}
	return nil
}

// cutsShort is why a second turn comes too early: the plan still waits for the stream of who moved, itself or one below it.
func (w *World) cutsShort(id engine.StepID) error {
	for _, r := range w.kind("replication") {
		near := r.ID.On == id.On.Name || w.moved[r.ID.On] && w.wanted[r.ID.On].Upstream.Name == id.On.Name
		if id.Do == "restart again" && near && w.returns[engine.StepID{Do: "stream", On: r.ID}] {
			return fmt.Errorf("the wait for the stream of %s would be cut short", r.ID.On)
		}
	}
	return nil
}

// returnRefuses is why a wait for those that a server's turn interrupted would wait in vain.
func (w *World) returnRefuses(s engine.Step) error {
	after := s.After(w.things)
	for _, r := range w.kind("replication") {
		if after[r.ID].Attrs["replication"].Value == streaming && !w.streams(r.ID.On) {
			if err := w.canStream(r.ID.On); err != nil {
				return err
			}
		}
	}
	return nil
}

// startRefuses is why a server would not come up again: with a logical slot and too low a wal_level, or a standby with less than
// its primary has.
func (w *World) startRefuses(s engine.Step) error {
	name := s.ID().On.Name
	p := w.primary()
	if err := w.canDecode(name, w.inForce(s.After(w.things)[settings(name)], "settings.wal_level")); err != nil {
		return err
	}
	if p == name || !w.accepts(p) {
		return nil
	}
	after := World{things: s.After(w.things)}
	for _, parameter := range hotStandby {
		if has, needs := after.number(name, parameter), w.number(p, parameter); has < needs {
			return fmt.Errorf("recovery aborted on %s: %s = %d is lower than on the primary, where it is %d", name, parameter, has, needs)
		}
	}
	return nil
}

// canDecode is why a server does not start with a wal_level.
func (w *World) canDecode(name, level string) error {
	for _, sl := range w.kind("slot") {
		if sl.ID.On == name && sl.Attrs["type"].Value == "logical" && level != "logical" {
			return fmt.Errorf("%s does not start: logical slot %s exists, but wal_level is %q", name, sl.ID.Name, level)
		}
	}
	return nil
}

func (w *World) canClone(s engine.Step, link engine.Resource) error {
	name, upstream, user := s.Node(), link.Attrs["upstream"].Value, link.Attrs["role"].Value
	if err := w.needsAccepting(upstream); err != nil {
		return err
	}
	if !w.has(slot(upstream, link.Attrs["slot"].Value)) {
		return fmt.Errorf("there is no slot %s on %s", link.Attrs["slot"].Value, upstream)
	}
	if w.value(role(user), "replication") != "true" || w.value(role(user), "login") != "true" {
		return fmt.Errorf("role %s may not replicate", user)
	}
	if w.has(replication(upstream)) && !w.streams(upstream) {
		return fmt.Errorf("%s does not follow, and a base backup of it would lack what came since", upstream)
	}
	if other := w.readerOf(upstream, link.Attrs["slot"].Value, name); other != "" {
		return fmt.Errorf("slot %s is read by %s", link.Attrs["slot"].Value, other)
	}
	if err := w.letsGo(slot(upstream, link.Attrs["slot"].Value), name); err != nil {
		return err
	}
	for id := range w.returns {
		if id.On.Name == upstream && strings.HasPrefix(id.Do, "return") {
			return fmt.Errorf("the base backup would be cut short by the turn of %s", upstream)
		}
	}
	return w.knowsRules(upstream)
}

// linkRefuses is why a wait for a stream would wait in vain.
func (w *World) linkRefuses(s engine.Step) error {
	id := s.ID().On
	if real, ok := s.(interface{ Unsure() bool }); ok && real.Unsure() {
		return w.needsAccepting(id.On)
	}
	if err := w.canStream(id.On); err != nil {
		return err
	}
	if err := w.knowsRules(w.called(w.inForce(w.things[id], "upstream"))); err != nil {
		return err
	}
	want := s.After(w.things)[id]
	for _, path := range []string{"upstream", "slot", "role"} {
		if now := w.inForce(w.things[id], path); now != want.Attrs[path].Value {
			return fmt.Errorf("%s follows with %s %s, and is waited for with %s", id.On, path, now, want.Attrs[path].Value)
		}
	}
	return nil
}

func (w *World) needsAccepting(name string) error {
	if w.value(server(name), login) == superuser {
		return fmt.Errorf("nobody knows the role pgrepl in %s", name)
	}
	return w.needsAnswer(name)
}

func (w *World) needsAnswer(name string) error {
	if name == "" || !w.running(name) {
		return fmt.Errorf("container %s is not running", name)
	}
	if !w.accepts(name) {
		return fmt.Errorf("%s does not accept connections", name)
	}
	return nil
}
