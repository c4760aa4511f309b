package fake

import (
	"errors"
	"fmt"
	"strings"

	"pgrepl/engine"
)

// objectRefuses is what the primary refuses of roles, databases, slots and the ledger.
func (w *World) objectRefuses(s engine.Step) error {
	id := s.ID()
	if err := w.needsAccepting(w.primary()); err != nil {
		return err
	}
	if id.On.Kind != "ledger" && !w.has(ledger) {
		return errors.New("there is no ledger")
	}
	after := s.After(w.things)[id.On]
	switch id.On.Kind {
	case "role":
		return w.roleRefuses(id, after)
	case "database":
		if old, _, renames := strings.Cut(strings.TrimPrefix(s.String(), "rename database "), " to "); renames && w.connected(old) != "" {
			return fmt.Errorf("database %s is being accessed by %s", old, w.connected(old))
		}
		return w.databaseRefuses(id, after)
	case "slot":
		return w.slotRefuses(s, after)
	}
	return nil
}

func (w *World) roleRefuses(id engine.StepID, after engine.Resource) error {
	name := id.On.Name
	switch id.Do {
	case "put":
		for _, group := range strings.FieldsFunc(after.Attrs["member_of"].Value, func(r rune) bool { return r == ',' || r == ' ' }) {
			if !strings.HasPrefix(group, "pg_") && !w.has(role(group)) {
				return fmt.Errorf("role %s does not exist", group)
			}
		}
	case "forget":
		for _, r := range w.kind("replication") {
			if n := w.wanted[r.ID.On]; n != nil && n.Role.Name == name && w.returns[engine.StepID{Do: "stream", On: r.ID}] {
				return fmt.Errorf("%s has not logged in yet, and the old password would be forgotten", n.Name)
			}
		}
	case "drop":
		if err := w.inUse("role "+name, func(u use) bool { return u.role == name }); err != nil {
			return err
		}
		for _, d := range w.kind("database") {
			if d.Attrs["owner"].Value == name {
				return fmt.Errorf("role %s owns %s", name, d.ID)
			}
		}
		for _, r := range w.kind("replication") {
			if w.has(node(r.ID.On)) && (w.inForce(r, "role") == name || w.proved[r.ID.On].role == name) {
				return fmt.Errorf("%s could not connect again without role %s", r.ID.On, name)
			}
		}
	}
	return nil
}

func (w *World) databaseRefuses(id engine.StepID, after engine.Resource) error {
	if id.Do != "drop" {
		if owner := after.Attrs["owner"].Value; !w.has(role(owner)) {
			return fmt.Errorf("role %s does not exist", owner)
		}
		return nil
	}
	if by := w.connected(id.On.Name); by != "" {
		return fmt.Errorf("database %s is being accessed by %s", id.On.Name, by)
	}
	for _, sl := range w.kind("slot") {
		if sl.Attrs["database"].Value == id.On.Name {
			return fmt.Errorf("database %s is used by %s", id.On.Name, sl.ID)
		}
	}
	return nil
}

func (w *World) slotRefuses(s engine.Step, after engine.Resource) error {
	id := s.ID()
	if err := w.needsAccepting(id.On.On); err != nil {
		return err
	}
	if id.Do == "drop" {
		if other := w.onSlot(id.On); other != "" {
			return fmt.Errorf("replication slot %s is taken now and then by %s", id.On.Name, other)
		}
		if other := w.readerOf(id.On.On, id.On.Name, ""); other != "" {
			return fmt.Errorf("replication slot %s is active for %s", id.On.Name, other)
		}
		if other := w.needsSlot(id.On); other != "" {
			return fmt.Errorf("%s was not seen to stream through another slot than %s", other, id.On.Name)
		}
		return nil
	}
	was, then := w.value(id.On, "consumer"), after.Attrs["consumer"].Value
	if w.has(node(was)) && w.wanted[was] == nil && w.wanted[then] != nil {
		return fmt.Errorf("slot %s would be noted as that of another, and %s is still there", id.On.Name, was)
	}
	if was != "" && was != then && w.keptFor(id.On, then) == was {
		return fmt.Errorf("slot %s would be noted as that of another, and %s was not seen to stream through another slot", id.On.Name, was)
	}
	if name := w.onSlot(id.On); name != "" {
		return fmt.Errorf("%s would set slot %s back to its old position", name, id.On.Name)
	}
	if _, of, ok := strings.Cut(s.String(), " as a copy of "); ok && !w.has(slot(id.On.On, of)) {
		return fmt.Errorf("replication slot %s does not exist", of)
	}
	if after.Attrs["type"].Value != "logical" {
		return nil
	}
	if v := w.inForce(w.things[settings(id.On.On)], "settings.wal_level"); v != "logical" {
		return fmt.Errorf("logical decoding requires wal_level >= logical, it is %q", v)
	}
	if d := after.Attrs["database"].Value; d != "" && !w.has(engine.ID{Kind: "database", Name: d}) {
		return fmt.Errorf("database %s does not exist", d)
	}
	return nil
}
