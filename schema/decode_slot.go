package schema

import (
	"github.com/hashicorp/hcl/v2"
)

func (d *decoder) decodeSlots() {
	d.every("slot", func(in *instance) {
		r := d.reader(in)
		s := &Slot{
			Object:       d.object(in, r, slotName),
			Logical:      r.text("type", "physical", oneOf("physical", "logical")) == "logical",
			Plugin:       r.text("plugin", "", identifier),
			Database:     d.named(r, "database", "database"),
			Upstream:     d.upstreamOf(r),
			WarnRetained: r.size("warn_retained", 1),
		}
		d.readers[&s.Object] = r
		d.slots[s.Address] = s
		d.checkLogical(s, r)
	})
}

// checkLogical: a logical slot needs what a physical one must not have.
func (d *decoder) checkLogical(s *Slot, r *reader) {
	for _, name := range []string{"plugin", "database"} {
		written := r.written(name)
		switch {
		case s.Logical && !written:
			d.errorf(codeMissing, r.at, "a logical slot needs %s", name)
		case !s.Logical && written:
			d.errorf(codeValue, r.where(name), "%s is for logical slots", name).hint(`add type = "logical"`)
		}
	}
}

// slotOf is the slot that a replica names, or one of its own.
func (d *decoder) slotOf(n *Node) *Slot {
	r := d.readers[&n.Object]
	if !r.written("slot") {
		return d.impliedSlot(n)
	}
	a, ok := r.refer("slot", "slot")
	if !ok {
		return nil
	}
	s := d.slots[a]
	if s != nil {
		d.checkSlotOf(n, s, r.where("slot"))
	}
	return s
}

func (d *decoder) impliedSlot(n *Node) *Slot {
	r := d.readers[&n.Object]
	s := &Slot{Object: d.implied("slot", implicitSlot(n.Name), n.Origin), Upstream: n.Upstream}
	if other := d.slots[s.Address]; other != nil {
		note := d.errorf(codeSameName, r.at, "the slot that %s gets by itself would be %s, which exists already", n.Address, s.Address)
		switch {
		case other.Implied:
		case other.Logical || other.Upstream != n.Upstream: // it could not stream through that one
			note.hint("give " + s.Address.String() + " another label")
		default:
			note.hint("write slot = " + s.Address.String())
		}
		return nil
	}
	if n.RenamedFrom != "" {
		s.RenamedFrom = implicitSlot(n.RenamedFrom)
	}
	d.readers[&s.Object] = r
	d.slots[s.Address] = s
	return s
}

// checkSlotOf: the slot that a replica names must be physical and live where the replica streams from.
func (d *decoder) checkSlotOf(n *Node, s *Slot, at hcl.Range) {
	switch {
	case s.Logical:
		d.errorf(codeSlot, at, "%s is a logical slot; a replica needs a physical one", s.Address)
	case s.Upstream != nil && n.Upstream != nil && s.Upstream != n.Upstream:
		d.errorf(codeSlot, at, "%s lives on %s, but %s streams from %s", s.Address, s.Upstream.Address, n.Address, n.Upstream.Address).
			hint("write upstream = " + n.Upstream.Address.String() + " in the slot")
	}
}
