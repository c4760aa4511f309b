package fake

import (
	"errors"
	"fmt"

	"pgrepl/engine"
)

// The data of a node, as far as it is not as after a base backup: what it lacks or has too much, and what a rebuild of it has
// come to.
func data(node string) engine.ID { return engine.ID{Kind: "data", On: node} }

const (
	behind = "behind"  // the WAL that it needs next is no longer on its upstream
	apart  = "apart"   // it was promoted, and goes on by itself
	other  = "other"   // it is another cluster's
	kept   = "kept"    // the data from before a rebuild is there, too
	begun  = "rebuild" // what a rebuild that was begun would lose
	held   = "held"    // no container has a server on it
)

// is reports whether something holds for a node's data.
func (w *World) is(node, what string) bool { return w.value(data(node), what) != "" }

func (w *World) mark(node, what string) { w.note(node, what, "yes") }

func (w *World) note(node, what, value string) {
	if id := data(node); !w.has(id) {
		w.put(engine.Resource{ID: id})
	}
	w.set(data(node), what, value)
}

// fresh is a data directory that was just made: as the upstream's, with nothing of its own.
func (w *World) fresh(node string) {
	old := w.is(node, kept)
	w.things = w.things.Without(data(node))
	if old {
		w.mark(node, kept)
	}
	w.made[node]++
	if n := w.wanted[node]; n != nil && n.Role != nil {
		w.passfiles[node] = n.Role.Name
	}
}

// loseSlot lets a slot lose the WAL that its standby needs.
func (w *World) loseSlot(on, name string) error {
	for _, r := range w.kind("replication") {
		if w.called(w.inForce(r, "upstream")) == on && w.inForce(r, "slot") == name {
			w.mark(r.ID.On, behind)
		}
	}
	return w.change(slot(on, name), "wal", func(a *engine.Attr) { a.Value = "lost" })
}

// strays is why a container may not start: a server would be on data that no standby of this cluster can have.
func (w *World) strays(name string) error {
	if (w.is(name, apart) || w.is(name, other)) && !w.is(name, begun) {
		return fmt.Errorf("a server would start on the data of %s, which is given up", name)
	}
	return nil
}

// halt is the two halves of holding a server back: the mark, then the restart.
func (w *World) halt(s engine.Step) {
	loses := "nothing"
	for _, e := range s.Effects() {
		if e.Class == engine.ClassData {
			loses = "what the master does not have"
		}
	}
	w.note(s.ID().On.Name, begun, loses)
}

// rebuildRefuses is what keeps a rebuild from losing more than it may.
func (w *World) rebuildRefuses(s engine.Step) error {
	name := s.ID().On.Name
	switch s.ID().Do {
	case "halt":
		return errors.Join(w.notItsTurn(name), w.hangs(name))
	case "discard":
		if !w.streams(name) {
			return errors.New("the new data has not proved itself: " + name + " does not stream")
		}
		return nil
	}
	if !w.is(name, held) {
		return fmt.Errorf("the server on the data of %s runs", name)
	}
	return w.canClone(s, s.After(w.things)[replication(name)])
}

// rebuilt puts the new data in its place. A base backup begins with a WAL file of its own: what follows does not find there
// what it needs next.
func (w *World) rebuilt(name string) {
	w.mark(name, kept)
	w.fresh(name)
	for _, r := range w.kind("replication") {
		if w.called(w.inForce(r, "upstream")) == name {
			w.mark(r.ID.On, behind)
		}
	}
}

// tear is the moment between the two renames of a rebuild: the old data is out of its place, and the new not yet in.
func (w *World) tear(name string) {
	for id := range w.things {
		if id == server(name) || id.On == name && id.Kind != "slot" {
			w.things = w.things.Without(id)
		}
	}
	w.mark(name, kept)
	w.mark(name, held)
	w.note(name, begun, "nothing")
}

// onSlot is the standby whose old walreceiver would set a new slot back to where its own data ends.
func (w *World) onSlot(id engine.ID) string {
	for _, r := range w.kind("replication") {
		if w.called(w.inForce(r, "upstream")) == id.On && w.inForce(r, "slot") == id.Name && w.is(r.ID.On, behind) && w.accepts(r.ID.On) {
			return r.ID.On
		}
	}
	return ""
}
