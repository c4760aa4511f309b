package postgres

import (
	"fmt"
	"slices"

	"pgrepl/engine"
	"pgrepl/schema"
)

// A detour is how a standby takes over a slot whose reader waits for it: it streams through another slot meanwhile, so that the
// reader can follow it or take its own, and changes over when the reader streams elsewhere. That slot keeps what it needs until it
// streams through the one of the file. Whatever moment a run dies in, either of the two has its WAL, and the next one goes on from
// there: the slot is noted in the ledger as the standby's, and goes like any other that is not in the file.

// meanwhile is the slot that a standby streams through until the one of the file is free; "" where it makes no detour. Where it
// follows the right upstream already, that is the slot it has, unless somebody else is to have it.
func (s *Site) meanwhile(standby *server) string {
	switch {
	case standby.isPrimary() || s.reader(standby) == "" || !slices.Contains(s.detours(), standby):
		return ""
	case standby.staysOn() != "":
		return standby.staysOn()
	}
	return s.freeSlot(standby)
}

// detours are the standbys that make one. Of those that wait for each other, the first by name does.
func (s *Site) detours() []*server {
	var out []*server
	for _, d := range byName(slices.Clone(s.standbys())) {
		if d.mayDetour() && slices.ContainsFunc(s.readersOf(d), func(o *server) bool { return s.waitsFor(o, d, out) }) {
			out = append(out, d)
		}
	}
	return out
}

// mayDetour reports whether another slot can be made for a standby, and its link changed once more.
func (s *server) mayDetour() bool {
	p, upstream := s.site.primary(), s.upstream()
	able := p.seen.reach == up && upstream.seen.reach == up && upstream.rebuild() == nil && !s.enters()
	return able && (s.isNew() || s.seen.reach == up && s.slotNow() != s.node.Slot.Name)
}

// slotNow is the slot that a standby was seen to stream through.
func (s *server) slotNow() string { return s.seen.live.Settings["primary_slot_name"].Reset }

// staysOn is the slot of its upstream that a standby has and can keep until it gets the one of the file; "" where there is none.
func (s *server) staysOn() string {
	host := parseConninfo(s.seen.live.Settings["primary_conninfo"].Reset)["host"]
	upstream, now := s.upstream().node, s.slotNow()
	wanted := func(o *server) bool { return o.node.Upstream == upstream && o.node.Slot.Name == now }
	there := func(l liveSlot) bool { return l.Name == now && l.Status != "lost" }
	if s.isNew() || host != upstream.Name && host != upstream.RenamedFrom || slices.ContainsFunc(s.site.standbys(), wanted) || !slices.ContainsFunc(s.upstream().seen.live.Slots, there) {
		return ""
	}
	return now
}

// freeSlot is a name for the slot of a detour: what is there by it is what a killed run made for this standby.
func (s *Site) freeSlot(standby *server) string {
	on, longest := standby.upstream(), 63-len("_meanwhile2")
	base := standby.node.Slot.Name
	base = base[:min(len(base), longest)] + "_meanwhile"
	for n, name := 2, base; ; n, name = n+1, fmt.Sprintf("%s%d", base, n) {
		id := slotID(on.node.Name, name)
		other := func(l liveSlot) bool {
			return l.Name == name && (l.Status == "lost" || s.ledger[id] != standby.node.Name)
		}
		if (slotKind{s}).slot(id) == nil && !slices.ContainsFunc(on.seen.live.Slots, other) {
			return name
		}
	}
}

// firstSlot is the slot that a standby streams through at first.
func (s *server) firstSlot() string { return orDefault(s.site.meanwhile(s), s.node.Slot.Name) }

// changedOver is the step after which a standby that makes a detour streams through the slot of the file.
func changedOver(node string) engine.StepID {
	return engine.StepID{Do: "stream again", On: replicaID(node)}
}

// rereadAgain is the step after which it asks for that one.
func rereadAgain(node string) engine.StepID {
	return engine.StepID{Do: "reload again", On: replicaID(node)}
}

// detour are the steps of one beside those that make the link: the slot meanwhile, where there is none yet, and how the standby
// changes over, when all turns of both servers are over.
func (k replicationKind) detour(s *server) []engine.Step {
	now := k.meanwhile(s)
	if now == "" {
		return nil
	}
	upstream, id := s.upstream().node.Name, replicaID(s.node.Name)
	want := k.want(s).Attrs["slot"]
	set := alterSystem{Order: engine.Order{Self: engine.StepID{Do: "set again", On: id}, On: s.node.Name}, server: s, names: []string{"primary_slot_name"},
		fields: []engine.Field{{Path: "slot", After: want, Has: true, Effect: engine.Reload}}, slot: s.node.Slot.Name}
	set.Behind = slices.Concat(k.handedOver(s), k.back(upstream), []engine.StepID{accepting(s.node.Name), turn{server: s, again: true}.step("accept"), accepting(upstream), streaming(s.node.Name),
		{Do: "create", On: slotID(upstream, s.node.Slot.Name)}, {Do: "reload", On: id}, {Do: "passfile", On: id}, login(s.node.Name), {Do: "put", On: roleID(s.node.Role.Name)}, {Do: "reload", On: serverID(upstream)}})
	reload := k.reload(s, id, set.Self)
	reload.Self = rereadAgain(s.node.Name)
	again := serverKind(k).stream(s)
	again.Self, again.Behind = changedOver(s.node.Name), []engine.StepID{reload.Self}
	out := []engine.Step{set, reload, again}
	if s.staysOn() != "" {
		return out
	}
	slot := slotID(upstream, now)
	made := &schema.Slot{Object: schema.Object{Name: now}, Upstream: s.upstream().node}
	result := slotKind(k).want(made)
	result.Addr = s.address()
	result.Attrs["consumer"] = engine.Attr{Value: s.node.Name}
	create := createSlot{Order: engine.Order{Self: engine.StepID{Do: "create", On: slot}, On: upstream,
		Behind: append(s.stopped(), accepting(upstream), accepting(k.primary().node.Name), engine.StepID{Do: "create", On: ledgerID})},
		site: k.Site, slot: made, consumer: s.node.Name, result: result}
	return append(out, create, slotKind(k).dropOf(slot, s.address(), s.node.Name))
}
