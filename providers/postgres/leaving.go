package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"pgrepl/engine"
)

// A node that is in no file any more goes with all that is on it, also with slots that somebody made there for a consumer of
// his own. They are read from its files, which takes no server.

// leavingSlot is a slot on a node that is not declared.
type leavingSlot struct {
	name  string
	holds bool // WAL, for a consumer
}

// LookAtLeaving looks at a node that Docker has and the file does not.
func (s *Site) LookAtLeaving(ctx context.Context, node string, m Machine) error {
	files, err := m.Read(ctx, "pgdata/pg_replslot")
	if err != nil {
		return fmt.Errorf("%s: look at its slots: %w", node, err)
	}
	s.leaving[node] = readSlots(files)
	return nil
}

// readSlots reads the state files of slots, which begin alike in all versions from 15 to 18 (ReplicationSlotOnDisk in
// src/backend/replication/slot.c): magic, checksum, version, length; name, database, persistency, xmin, catalog_xmin and
// restart_lsn.
func readSlots(files map[string][]byte) []leavingSlot {
	const persistency, restart, end = 84, 96, 104
	var out []leavingSlot
	for file, state := range files {
		if path.Base(file) != "state" || len(state) < end || binary.LittleEndian.Uint32(state[persistency:]) != 0 {
			continue
		}
		out = append(out, leavingSlot{name: path.Base(path.Dir(file)), holds: binary.LittleEndian.Uint64(state[restart:]) != 0})
	}
	slices.SortFunc(out, func(a, b leavingSlot) int { return strings.Compare(a.name, b.name) })
	return out
}

// Leaves are the steps after which a node that is in no file any more may go: the standbys that followed it follow another, or
// have gone themselves, so that what follows those never stands without one.
func (s *Site) Leaves(node string, inherited func(node string) bool) []engine.StepID {
	out := s.WhileUp(node)
	for _, id := range s.StaysFor(node, inherited) {
		do := map[bool]string{true: "remove", false: "reload"}[id.Kind == "node"]
		out = append(out, engine.StepID{Do: do, On: id})
	}
	return out
}

// hasLeft reports whether something in the ledger is a slot for a standby that is in no file any more.
func (s *Site) hasLeft(id engine.ID) bool {
	return id.Kind == "slot" && s.ledger[id] != "" && s.server(s.ledger[id]) == nil
}

// StaysFor is what a node that is in no file any more stays for: the nodes that follow it and leave as well, until they have, and
// the links of the standbys that do, until those follow another. Where somebody waits for what it has, or for what another has that
// leaves after it, it cannot wait for these: that may be one of them. It does not for one that gets its slot, either. Whom commits
// wait for has to be known, so that they are let go before.
func (s *Site) StaysFor(node string, inherited func(node string) bool) []engine.ID {
	var out []engine.ID
	for _, id := range slices.SortedFunc(maps.Keys(s.ledger), engine.ID.Compare) {
		if !s.hasLeft(id) {
			continue
		}
		if id.On == node {
			out = append(out, nodeID(s.ledger[id]))
		}
	}
	if slices.ContainsFunc(s.after(node), inherited) {
		return out
	}
	out = append(out, synchronousID(s.primary().node.Name)) // which may wait for it
	for _, d := range s.standbys() {
		heir := s.inheritsSlot(d, node)
		if parseConninfo(d.seen.live.Settings["primary_conninfo"].Reset)["host"] == node && !d.machine.Moves() && !heir {
			out = append(out, replicaID(d.node.Name))
		}
	}
	return out
}

// after are a node that leaves and those that leave after it, because it follows them.
func (s *Site) after(node string) []string {
	followed := map[string]string{} // by the nodes that leave
	for id, consumer := range s.ledger {
		if s.hasLeft(id) {
			followed[consumer] = id.On
		}
	}
	var out []string
	for on := node; on != "" && !slices.Contains(out, on); on = followed[on] {
		if s.server(on) == nil {
			out = append(out, on)
		}
	}
	return out
}

// inheritsSlot reports whether a standby gets the slot that is another node's.
func (s *Site) inheritsSlot(d *server, node string) bool {
	return s.ledger[slotID(d.upstream().node.Name, d.node.Slot.Name)] == node
}

// Bequeaths reports whether somebody waits for what a node has that is in no file any more, or for what one has that leaves after
// it: what inherited tells of, or a slot.
func (s *Site) Bequeaths(node string, inherited func(node string) bool) bool {
	return slices.ContainsFunc(s.after(node), func(on string) bool {
		return inherited(on) || slices.ContainsFunc(s.standbys(), func(d *server) bool { return s.inheritsSlot(d, on) })
	})
}

// GoesWith are the slots that go with a node which is removed. Of those that a standby of this cluster reads, nobody has to be
// told: it goes on through another, or goes too.
func (s *Site) GoesWith(node string, addr engine.Address) []engine.Effected {
	var out []engine.Effected
	for _, slot := range s.leaving[node] {
		id := slotID(node, slot.name)
		if s.ledger[id] != "" {
			continue
		}
		out = append(out, engine.Effected{Class: engine.ClassSlot, On: id, Addr: addr, Asks: slot.holds,
			Text: fmt.Sprintf("slot %s on %s goes with it; a consumer still reading it must be rebuilt", slot.name, node)})
	}
	return out
}
