package postgres

import (
	"context"
	"fmt"
	"slices"

	"pgrepl/engine"
	"pgrepl/schema"
)

// slotKind is the kind of replication slots. They are per server and not replicated.
type slotKind struct{ *Site }

func (slotKind) Name() string { return "slot" }

func idOf(s *schema.Slot) engine.ID { return slotID(s.Upstream.Name, s.Name) }

func (k slotKind) slot(id engine.ID) *schema.Slot {
	i := slices.IndexFunc(k.file.Slots, func(s *schema.Slot) bool { return idOf(s) == id })
	if i < 0 {
		return nil
	}
	return k.file.Slots[i]
}

// consumer is the standby that streams through a slot, or nil.
func (k slotKind) consumer(s *schema.Slot) *server {
	for _, d := range k.standbys() {
		if d.node.Slot == s {
			return d
		}
	}
	return nil
}

func (k slotKind) consumerName(s *schema.Slot) string {
	if d := k.consumer(s); d != nil {
		return d.node.Name
	}
	return ""
}

func (k slotKind) Want() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.file.Slots {
		out = append(out, k.want(s))
	}
	return out
}

func (k slotKind) want(s *schema.Slot) engine.Resource {
	kind := "physical"
	if s.Logical {
		kind = "logical"
	}
	attr := func(v, def string) engine.Attr {
		return engine.Attr{Value: v, Default: v == def, Effect: engine.Rebuild, Reason: "a slot cannot be changed", Origin: origin(s.Origin)}
	}
	r := engine.Resource{ID: idOf(s), Addr: address(s.Address), Origin: origin(s.Origin), Made: "slot " + s.Name,
		Needs: []engine.ID{serverID(s.Upstream.Name), serverID(k.primary().node.Name), ledgerID},
		Attrs: map[string]engine.Attr{"type": attr(kind, "physical"), "plugin": attr(s.Plugin, ""), "database": attr(s.Database, ""), "managed by": managed(true)}}
	r.Attrs["consumer"] = engine.Attr{Value: k.consumerName(s), Default: true, Effect: engine.Live, Reason: "noted in the ledger", Origin: origin(s.Origin)}
	if k.lost(r.ID) && k.consumerKnown(s) {
		r.Attrs["wal"] = engine.Attr{Value: "kept", Effect: engine.Rebuild, Reason: "the WAL that it was for is gone"}
	}
	placed(r.Attrs, s.Object)
	if s.RenamedFrom != "" {
		r.Was = slotID(s.Upstream.Name, s.RenamedFrom)
	}
	if s.Database != "" {
		r.Needs = append(r.Needs, databaseID(s.Database))
	}
	if k.hasLeft(r.ID) { // who reads it goes first
		r.Needs = append(r.Needs, nodeID(k.ledger[r.ID]))
	}
	d, had := k.consumer(s), k.server(k.ledger[r.ID])
	if had != nil && had != d { // it is noted as another's when that one does not read it any more
		r.Needs = append(r.Needs, replicaID(had.node.Name))
	}
	if d != nil {
		r.Needs = append(r.Needs, k.restsOn(d)...)
		if s.Implied {
			r.Addr = d.address()
		}
	}
	return r
}

// lost reports whether a slot was seen to have lost WAL that its consumer needs (max_slot_wal_keep_size): it can never be
// used again, and is made anew.
func (k slotKind) lost(id engine.ID) bool {
	s := k.server(id.On)
	return s != nil && s.seen.reach == up && slices.ContainsFunc(s.seen.live.Slots, func(l liveSlot) bool { return l.Name == id.Name && l.Status == "lost" })
}

// consumerKnown reports whether it can be told what the standby of a slot still needs of it: one that is down has to come up
// before, or it would be on the new slot with its old position.
func (k slotKind) consumerKnown(s *schema.Slot) bool {
	d := k.consumer(s)
	return d == nil || d.seen.reach == up || d.seen.reach == absent || d.rebuild() != nil
}

func (k slotKind) Seen() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.servers {
		switch s.seen.reach {
		case absent:
		case up:
			out = append(out, k.seenOn(s)...)
		default:
			out = append(out, k.unseenOn(s)...)
		}
	}
	return out
}

func (k slotKind) unseenOn(s *server) []engine.Resource {
	var out []engine.Resource
	for _, w := range k.Want() {
		if w.ID.On == s.node.Name {
			out = append(out, s.unseen(w))
		}
	}
	return out
}

func (k slotKind) seenOn(s *server) []engine.Resource {
	var out []engine.Resource
	for _, l := range s.seen.live.Slots {
		id := slotID(s.node.Name, l.Name)
		r := engine.Resource{ID: id, Addr: engine.Address{Block: "slot", Label: l.Name}, Ours: k.ledger.has(id) && !k.file.Released("node", k.ledger[id]), Attrs: map[string]engine.Attr{
			"type": {Value: l.Type}, "plugin": {Value: l.Plugin}, "database": {Value: l.Database}, "managed by": managed(k.ledger.has(id)), "consumer": {Value: k.ledger[id]}}}
		if declared := k.slot(id); l.Status == "lost" && declared != nil && k.consumerKnown(declared) {
			r.Attrs["wal"] = engine.Attr{Value: "lost"}
		}
		of := k.ledger[id]
		reader := k.server(of)
		switch {
		case reader != nil:
			r.Needs = []engine.ID{replicaID(of)}
		case of != "":
			r.Needs = []engine.ID{nodeID(of)}
		}
		switch {
		case of == "" || k.slot(id) != nil:
		case reader != nil:
			r.Addr = reader.address()
		default:
			r.Addr = engine.Address{Block: "replica", Label: of}
		}
		if s.rebuild() != nil {
			r.Unknown, r.Attrs, r.SeenAfter = "goes with the old data of "+s.node.Name, nil, accepting(s.node.Name)
		}
		if k.primary().seen.reach != up { // the ledger is out of reach, so whose it is cannot be told
			r = k.primary().unseen(r)
		}
		out = append(out, r)
	}
	return out
}

// Facts reports slots that hold WAL while nothing reads them, protected slots that would be made anew, and what becomes of the
// disk.
func (k slotKind) Facts(want, seen engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, s := range k.file.Slots {
		id := idOf(s)
		have, there := seen[id]
		for _, path := range []string{"type", "plugin", "database"} {
			if s.Protect && there && have.Unknown == "" && have.Attrs[path].Value != want[id].Attrs[path].Value {
				out = append(out, engine.Fact{Code: "PGR229", On: id, Path: path, Addr: address(s.Address), Origin: origin(s.Origin),
					Text:   fmt.Sprintf("%s is protected, and another %s would make it anew", address(s.Address), path),
					Detail: "a slot cannot be changed; a new one does not have the WAL that the old one keeps",
					Next:   "take protect = true out of its block if that is wanted"})
			}
		}
	}
	for _, u := range k.unread() {
		f := engine.Fact{Code: "PGR201", On: slotID(u.on.node.Name, u.slot.Name), Addr: engine.Address{Block: "slot", Label: u.slot.Name},
			Text:   fmt.Sprintf("slot %s on %s holds WAL and nothing reads it", u.slot.Name, u.on.node.Name),
			Figure: u.fillsUp(), Next: "connect its consumer, or drop it: the disk fills up as long as it stands"}
		if declared := k.slot(f.On); declared != nil {
			f.Addr, f.Origin = address(declared.Address), origin(declared.Origin)
		}
		out = append(out, f)
	}
	return append(out, k.roomFacts()...)
}

// unreadSlot is a slot that holds WAL for nobody.
type unreadSlot struct {
	on   *server
	slot liveSlot
}

// unread finds the slots that hold WAL while nothing reads them; those of standbys are the standbys' business.
func (k slotKind) unread() []unreadSlot {
	var out []unreadSlot
	for _, s := range k.servers {
		for _, l := range s.seen.live.Slots {
			id := slotID(s.node.Name, l.Name)
			declared := k.slot(id)
			if l.Active || l.Retained < 0 || (declared != nil && k.consumer(declared) != nil) || (declared == nil && k.ledger[id] != "") {
				continue
			}
			out = append(out, unreadSlot{s, l})
		}
	}
	return out
}

func (k slotKind) Steps(c engine.Change) []engine.Step {
	create := k.create(c)
	other := c.Changes("type", "plugin", "database", "wal") // another slot, not another name for one
	switch {
	case c.Action == engine.Delete:
		return []engine.Step{k.drop(c)}
	case c.Changes("name") && !other:
		create.copyOf = c.Old.ID.Name
		drop := k.drop(c)
		drop.renamedTo = c.ID.Name
		drop.Behind = append(drop.Behind, create.Self)
		if d := k.consumer(create.slot); d != nil { // it streams through the new one before the old one goes
			drop.Behind = append(drop.Behind, streaming(d.node.Name), engine.StepID{Do: "reload", On: replicaID(d.node.Name)}, changedOver(d.node.Name))
		}
		return []engine.Step{create, drop}
	case c.Action == engine.Update && other:
		drop := k.drop(c)
		create.Behind = append(create.Behind, drop.Self)
		return []engine.Step{drop, create}
	}
	if c.Changes("consumer") { // noted as another's only when who had it has gone, or streams through another
		create.Behind = append(create.Behind, k.handedOn(c)...)
		if d := k.consumer(create.slot); d != nil {
			create.Behind = append(create.Behind, k.handedOver(d)...)
		}
	}
	return []engine.Step{create}
}

// handedOn are the steps after which who had a slot has left it.
func (k slotKind) handedOn(c engine.Change) []engine.StepID {
	had := c.Old.Attrs["consumer"].Value
	s := k.server(had)
	switch {
	case s != nil && s.doneWith(k.server(c.ID.On).node, c.ID.Name):
		return nil
	case s != nil && s.firstSlot() == c.ID.Name: // until it makes its way back from a detour
		return append(leaves(had), rereadAgain(had), changedOver(had))
	}
	return leaves(had)
}

// leaves are the steps after which a standby does not read a slot that it had: it goes, or goes on through another.
func leaves(standby string) []engine.StepID {
	return []engine.StepID{{Do: "remove", On: nodeID(standby)}, {Do: "reload", On: replicaID(standby)}, streaming(standby)}
}

// dropsFirst reports whether a slot goes before its server does anything else: one on the primary that no standby reads, and that
// the file does not have any more. The server may not start again with it: a logical slot keeps wal_level up.
func (s *Site) dropsFirst(on *server, l liveSlot) bool {
	id := slotID(on.node.Name, l.Name)
	k := slotKind{s}
	return on.isPrimary() && on.seen.reach == up && s.ledger.has(id) && s.ledger[id] == "" && k.slot(id) == nil && !s.file.Released("slot", l.Name) && !k.becomesAnother(id)
}

// becomesAnother reports whether a slot is renamed by the file.
func (k slotKind) becomesAnother(id engine.ID) bool {
	return slices.ContainsFunc(k.file.Slots, func(s *schema.Slot) bool { return s.Upstream.Name == id.On && s.RenamedFrom == id.Name })
}

// create makes the slot of a change. A standby that is rebuilt stops before: its old walreceiver would set the new slot back.
func (k slotKind) create(c engine.Change) createSlot {
	s := createSlot{Order: engine.Order{Self: engine.StepID{Do: "create", On: c.ID}, On: c.ID.On,
		Behind: []engine.StepID{accepting(c.ID.On), accepting(k.primary().node.Name), {Do: "create", On: ledgerID}}}, site: k.Site, slot: k.slot(c.ID), result: c.New}
	if s.slot == nil {
		return s
	}
	s.consumer = k.consumerName(s.slot)
	if d := k.consumer(s.slot); d != nil {
		s.Behind = append(s.Behind, d.stopped()...)
	}
	on := k.server(c.ID.On)
	for _, l := range on.seen.live.Slots { // there may be room for one only when the other is gone
		if k.dropsFirst(on, l) {
			s.Behind = append(s.Behind, engine.StepID{Do: "drop", On: slotID(c.ID.On, l.Name)})
		}
	}
	if s.slot.Database != "" {
		s.Behind = append(s.Behind, engine.StepID{Do: "alter", On: databaseID(s.slot.Database)})
	}
	if s.slot.Logical { // it must wait for what is already there, and wal_level for the restart
		s.Behind = append(s.Behind, engine.StepID{Do: "restart", On: serverID(c.ID.On)})
	}
	return s
}

// drop removes the slot that was seen.
func (k slotKind) drop(c engine.Change) dropSlot {
	return k.dropOf(c.Old.ID, c.Addr, k.ledger[c.Old.ID])
}

func (k slotKind) dropOf(id engine.ID, addr engine.Address, consumer string) dropSlot {
	d := dropSlot{Order: engine.Order{Self: engine.StepID{Do: "drop", On: id}, On: id.On, Behind: []engine.StepID{accepting(id.On), accepting(k.primary().node.Name)}},
		site: k.Site, id: id, addr: addr, consumer: consumer}
	for _, l := range k.server(id.On).seen.live.Slots {
		if l.Name == id.Name {
			d.live = l
		}
	}
	if k.slot(id) == nil {
		d.Behind = append(d.Behind, turn{server: k.server(id.On), again: true}.step("return"))
	}
	if consumer := k.server(d.consumer); consumer != nil {
		d.Behind = append(d.Behind, consumer.stopped()...)
	}
	if k.dropsFirst(k.server(id.On), d.live) {
		d.Behind = nil
	}
	if d.consumer != "" && d.live.Status != "lost" { // an active slot cannot be dropped: its reader goes first, or goes on through another
		d.Behind = slices.Concat(d.Behind, leaves(d.consumer), []engine.StepID{rereadAgain(d.consumer), changedOver(d.consumer)})
	}
	return d
}

// createSlot marks first and creates second: slots are not part of transactions. A physical one keeps WAL from now on, so
// that a base backup that follows can be completed.
type createSlot struct {
	engine.Order
	site   *Site
	slot   *schema.Slot
	copyOf string // the slot that it is a new name for
	result engine.Resource

	consumer string // the standby that it is for
}

func (s createSlot) String() string {
	if s.copyOf != "" {
		return "slot " + s.slot.Name + " as a copy of " + s.copyOf
	}
	return "slot " + s.slot.Name
}

func (s createSlot) After(w engine.Snapshot) engine.Snapshot { return w.With(s.result) }

func (s createSlot) Run(ctx context.Context) error {
	if err := s.site.primary().session.change(ctx, "mark slot "+s.slot.Name, markSQL(idOf(s.slot), s.consumer)); err != nil {
		return err
	}
	session := s.site.server(s.slot.Upstream.Name).session
	absent := " WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = " + literal(s.slot.Name) + ")"
	if s.copyOf != "" { // keeps the position: there is no gap for the consumer
		return session.changeIn(ctx, orDefault(s.slot.Database, maintenance), s.String(), s.copySQL()+absent)
	}
	if !s.slot.Logical {
		return session.change(ctx, "slot "+s.slot.Name, fmt.Sprintf("SELECT pg_create_physical_replication_slot(%s, true)%s", literal(s.slot.Name), absent))
	}
	return session.changeIn(ctx, orDefault(s.slot.Database, maintenance), "slot "+s.slot.Name,
		fmt.Sprintf("SELECT pg_create_logical_replication_slot(%s, %s)%s", literal(s.slot.Name), literal(s.slot.Plugin), absent))
}

// copySQL copies the old slot, or where that has no position yet and cannot be copied, makes a new one.
func (s createSlot) copySQL() string {
	name, of := literal(s.slot.Name), literal(s.copyOf)
	if s.slot.Logical {
		return fmt.Sprintf("SELECT pg_copy_logical_replication_slot(%s, %s)", of, name)
	}
	return fmt.Sprintf(`SELECT CASE WHEN (SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = %[1]s) IS NULL
	THEN (SELECT pg_create_physical_replication_slot(%[2]s, true)) ELSE (SELECT pg_copy_physical_replication_slot(%[1]s, %[2]s)) END`, of, name)
}

// dropSlot drops first and unmarks second.
type dropSlot struct {
	engine.Order
	site     *Site
	id       engine.ID
	addr     engine.Address
	live     liveSlot
	consumer string

	renamedTo string
}

func (s dropSlot) String() string                          { return "drop slot " + s.id.Name }
func (s dropSlot) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.id) }

// Effects asks for leave where the slot keeps WAL for a consumer that pgrepl does not manage. A standby of the file that
// read it goes on through another.
func (s dropSlot) Effects() []engine.Effected {
	switch {
	case s.site.server(s.consumer) != nil:
		return nil
	case s.renamedTo != "":
		return []engine.Effected{{Class: engine.ClassSlot, On: s.id, Addr: s.addr,
			Text: "slot " + s.id.Name + " becomes " + s.renamedTo + ", at the same position; its consumer has to ask for that"}}
	}
	text := "slot " + s.id.Name + " is dropped; a consumer still reading it must be rebuilt"
	return []engine.Effected{{Class: engine.ClassSlot, On: s.id, Addr: s.addr, Text: text, Asks: s.consumer == "" && (s.live.Active || s.live.Retained >= 0)}}
}

func (s dropSlot) Run(ctx context.Context) error {
	name := s.id.Name
	sql := "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = " + literal(name)
	if err := s.site.server(s.id.On).session.change(ctx, "drop slot "+name, sql); err != nil {
		return err
	}
	return s.site.primary().session.change(ctx, "unmark slot "+name, unmarkSQL(s.id))
}
