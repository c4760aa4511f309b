package fake

import (
	"errors"
	"fmt"
	"strings"

	"pgrepl/engine"
)

// level is the setting that says what a commit waits for.
const level = "synchronous_commit"

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
	if want, declared := w.wanted[id.On.On].Settings[level]; declared && w.inForce(w.things[settings(id.On.On)], "settings."+level) != want.Value {
		return fmt.Errorf("the proof would not be of %s = %s", level, want.Value)
	}
	for _, name := range w.waitedFor(s.After(w.things)) {
		if !w.streams(name) {
			return fmt.Errorf("a commit does not come back: %s does not stream", name)
		}
	}
	return nil
}

// inFile is an attribute of the names that commits wait for: those that the file has and the server has not read.
const inFile = "in the file"

// writeNames puts names into the file of a primary, which does not read it.
func (w *World) writeNames(id engine.ID, names string) {
	w.set(id, inFile, names)
	if names == w.things[id].Attrs["synchronous"].Reason {
		w.drop(id, inFile)
	}
}

// readsNames is why a primary may not read its file: a run was killed, or somebody wrote names there, and commits would wait for
// a standby that does not stream.
func (w *World) readsNames(name string) error {
	names := w.value(synchronous(name), inFile)
	for _, quoted := range strings.Fields(strings.NewReplacer("(", " ", ")", " ", ",", " ").Replace(names)) {
		if member := strings.Trim(quoted, `"`); member != quoted && !w.streams(member) {
			return fmt.Errorf("commits would wait for %s, which is in the file of %s", member, name)
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
