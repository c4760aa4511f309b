package fake

import (
	"errors"
	"fmt"
	"strings"

	"pgrepl/engine"
)

// synchronousRefuses is why commits would wait in vain.
func (w *World) synchronousRefuses(s engine.Step) error {
	id := s.ID()
	if err := w.needsAccepting(id.On.On); err != nil {
		return err
	}
	if id.Do == "shrink" {
		for _, name := range w.waitedFor(s.After(w.things)) {
			if w.away[name] {
				return fmt.Errorf("commits would hang until %s is back", name)
			}
		}
	}
	if id.Do != "set" {
		return nil
	}
	if !w.has(ledger) {
		return errors.New("there is no ledger")
	}
	for _, name := range w.waitedFor(s.After(w.things)) {
		if !w.streams(name) {
			return fmt.Errorf("a commit does not come back: %s does not stream", name)
		}
	}
	return nil
}

// waitedFor are the nodes that commits wait for, by their application names.
func (w *World) waitedFor(things engine.Snapshot) []string {
	var out []string
	value := things[synchronous(w.primary())].Attrs["synchronous"].Reason
	for _, r := range w.kind("replication") {
		if strings.Contains(value, `"`+r.Attrs["application_name"].Value+`"`) {
			out = append(out, r.ID.On)
		}
	}
	return out
}

// hangs is why a server may not go down: commits, which come back now, would wait until it is back.
func (w *World) hangs(name string) error {
	p := w.primary()
	if name == p || !w.accepts(p) {
		return nil
	}
	count, living, left := 0, 0, 0
	_, _ = fmt.Sscanf(w.value(synchronous(p), "synchronous"), "first %d", &count)
	_, _ = fmt.Sscanf(w.value(synchronous(p), "synchronous"), "any %d", &count)
	for _, member := range w.waitedFor(w.things) {
		if w.streams(member) {
			living++
			if member != name {
				left++
			}
		}
	}
	if living >= count && left < count {
		return fmt.Errorf("commits would wait until %s is back: synchronous is %s", name, w.value(synchronous(p), "synchronous"))
	}
	return nil
}
