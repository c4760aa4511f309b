package fake

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// hotStandby are the settings that a standby must never have less of than its primary.
var hotStandby = []string{"max_connections", "max_wal_senders", "max_worker_processes"}

// follows notes that a standby has heard of its primary's parameters, and is let in by its role.
func (w *World) follows(name string) {
	if !w.has(replication(name)) {
		return
	}
	heard := map[string]int{}
	for _, setting := range hotStandby {
		heard[setting] = w.number(w.primary(), setting)
	}
	w.replayed, w.proved = maps.Clone(w.replayed), maps.Clone(w.proved)
	w.replayed[name] = heard
	w.proved[name] = w.linkOf(w.things[replication(name)])
}

// link is what a standby streams with.
type link struct {
	role string
	slot engine.ID
}

func (w *World) linkOf(r engine.Resource) link {
	return link{w.inForce(r, "role"), slot(w.called(w.inForce(r, "upstream")), w.inForce(r, "slot"))}
}

// needsSlot is who might still have to go back to a slot, as it was not seen yet to stream through another; "" for nobody.
func (w *World) needsSlot(id engine.ID) string { return w.keptFor(id, "") }

// letsGo is what a slot would let go of if a node read it: what another one may still have to go back for.
func (w *World) letsGo(id engine.ID, node string) error {
	if other := w.keptFor(id, node); other != "" {
		return fmt.Errorf("slot %s would let go of what it keeps for %s, which was not seen to stream through another", id.Name, other)
	}
	return nil
}

// keptFor is who might, beside one node.
func (w *World) keptFor(id engine.ID, beside string) string {
	for _, r := range w.kind("replication") {
		if r.ID.On != beside && w.wanted[r.ID.On] != nil && w.running(r.ID.On) && w.proved[r.ID.On].slot == id && !w.is(r.ID.On, behind) && !w.is(r.ID.On, held) {
			return r.ID.On
		}
	}
	return ""
}

// canRecover is what a standby that starts is stopped by: less of a parameter than what it last heard that its primary has.
func (w *World) canRecover(name string, then engine.Snapshot) error {
	if !w.has(replication(name)) {
		return nil
	}
	for _, setting := range hotStandby {
		if has, heard := w.written(then, name, setting), w.replayed[name][setting]; has < heard {
			return fmt.Errorf("recovery of %s is aborted: %s = %d is lower than on the primary, where it was %d", name, setting, has, heard)
		}
	}
	return nil
}

// canSettle is why a standby would wait in vain for lower values: its primary has not started with them.
func (w *World) canSettle(name string) error {
	if err := w.needsAccepting(w.primary()); err != nil {
		return err
	}
	for hears := name; hears != w.primary(); hears = w.called(w.inForce(w.things[replication(hears)], "upstream")) {
		if err := w.canStream(hears); err != nil {
			return fmt.Errorf("%s would wait for nothing: %w", name, err)
		}
	}
	for _, setting := range hotStandby {
		if has, needs := w.declared(name, setting), w.number(w.primary(), setting); has < needs {
			return fmt.Errorf("there is nothing lower to be replayed: %s is %d on the primary", setting, needs)
		}
	}
	return nil
}

// written is the value of a setting in the file of a node, with which it would start.
func (w *World) written(then engine.Snapshot, node, name string) int {
	v := then[settings(node)].Attrs["settings."+name].Value
	if strings.Contains(v, " ("+waits) {
		return w.declared(node, name)
	}
	return numberOf(node, name, v)
}

// goes is why a container may not go.
func (w *World) goes(name string) error {
	p := w.primary()
	for _, sl := range w.kind("slot") {
		if sl.ID.On == name && w.returns[engine.StepID{Do: "drop", On: sl.ID}] {
			return fmt.Errorf("%s would have to be dropped while %s is away", sl.ID, name)
		}
	}
	if name != p && w.wanted[p] != nil && w.wanted[name] == nil && w.accepts(p) && slices.Contains(w.waitedFor(w.things), name) {
		return fmt.Errorf("commits wait for %s, and it would not come back", node(name))
	}
	if w.wanted[name] == nil && len(w.wanted) > 0 {
		for _, d := range w.kind("replication") {
			if w.streams(d.ID.On) && w.called(w.inForce(d, "upstream")) == name && w.couldLeave(d.ID.On, name) {
				return fmt.Errorf("%s still follows %s", d.ID.On, name)
			}
		}
	}
	if name != p || w.wanted[name] != nil {
		return nil
	}
	for _, r := range w.kind("replication") {
		if w.running(r.ID.On) {
			return fmt.Errorf("%s would lack the last of what %s has", r.ID.On, name)
		}
	}
	return nil
}

// couldLeave reports whether nothing keeps a standby that stays from following another before the one it follows goes: it gets
// neither the slot of that, nor anybody a port of one that goes, nor does it have to move.
func (w *World) couldLeave(standby, from string) bool {
	n := w.wanted[standby]
	moves := w.moved[standby] || w.returns[engine.StepID{Do: "remove", On: node(standby)}] && !w.returns[engine.StepID{Do: "return", On: server(standby)}]
	if n == nil || moves || w.returns[engine.StepID{Do: "remove", On: engine.ID{Kind: "network", Name: n.Network.Name}}] || w.value(slot(n.Upstream.Name, n.Slot.Name), "consumer") == from || w.value(node(standby), "network") != n.Network.Name {
		return false
	}
	for _, goes := range w.kind("node") {
		for _, stays := range w.wanted {
			if port := goes.Attrs["port"].Value; goes.ID.Name != stays.Name && port != "" && port == stays.Port.String() {
				return false
			}
		}
	}
	return true
}

// readerOf is who streams through a slot, beside one node; "" for nobody.
func (w *World) readerOf(on, slot, beside string) string {
	for _, r := range w.kind("replication") {
		if r.ID.On != beside && w.streams(r.ID.On) && w.called(w.inForce(r, "upstream")) == on && w.inForce(r, "slot") == slot {
			return r.ID.On
		}
	}
	return ""
}

// knowsRules is why an upstream would not let a standby in that comes anew.
func (w *World) knowsRules(upstream string) error {
	if strings.Contains(w.things[hba(upstream)].Attrs["hba"].Value, waits) {
		return fmt.Errorf("%s has not read its pg_hba.conf", upstream)
	}
	return nil
}

// linkTaken is why a standby would lose its stream by what it reads from its file.
func (w *World) linkTaken(s engine.Step) error {
	id := s.ID().On
	if err := w.needsAccepting(id.On); err != nil {
		return err
	}
	link := s.After(w.things)[id]
	upstream, slotName, user := w.called(link.Attrs["upstream"].Value), link.Attrs["slot"].Value, link.Attrs["role"].Value
	noted := w.value(slot(upstream, slotName), "consumer")
	switch {
	case !w.accepts(upstream):
		return fmt.Errorf("%s would lose its stream: %s does not accept connections", id.On, upstream)
	case w.comesFrom(upstream, id.On):
		return fmt.Errorf("%s would follow %s, which follows %s, and neither the primary", id.On, upstream, id.On)
	case !w.has(slot(upstream, slotName)):
		return fmt.Errorf("%s would lose its stream: there is no slot %s on %s", id.On, slotName, upstream)
	case noted != id.On && w.wanted[noted] != nil:
		return fmt.Errorf("%s would stream through slot %s, which is noted as that of %s", id.On, slotName, noted)
	case w.letsGo(slot(upstream, slotName), id.On) != nil:
		return w.letsGo(slot(upstream, slotName), id.On)
	case w.value(id, "passfile") != schema.Hidden || !w.hasPassword(id.On, user):
		return fmt.Errorf("%s would lose its stream: its passfile has no password of role %s", id.On, user)
	case w.value(role(user), "login") != "true" || w.value(role(user), "replication") != "true":
		return fmt.Errorf("%s would lose its stream: role %s may not replicate", id.On, user)
	}
	if waited := slices.Contains(w.waitedFor(w.things), id.On); waited && (upstream != w.primary() || !slices.Contains(w.waitedFor(w.things.With(link)), id.On)) {
		return fmt.Errorf("commits wait for %s, and it would not be known by that name any more", id.On)
	}
	return nil
}

// comesFrom reports whether what a server has comes from another one, directly or through others.
func (w *World) comesFrom(name, from string) bool {
	for hops := 0; w.has(replication(name)) && hops <= len(w.things); hops++ {
		if name = w.called(w.inForce(w.things[replication(name)], "upstream")); name == from {
			return true
		}
	}
	return false
}

// paused are the standbys that stand still, as their primary runs with more of what a standby must never have less of; each
// with the reason.
func (w *World) paused() map[string]string {
	out := map[string]string{}
	p := w.primary()
	if p == "" || !w.accepts(p) {
		return out
	}
	for _, r := range w.kind("replication") {
		if w.wanted[r.ID.On] == nil || !w.reaches(r.ID.On, p) { // it is to go, or does not hear of it
			continue
		}
		if !w.accepts(r.ID.On) || w.started[r.ID.On] { // one that was just started goes by its file, which nobody has looked at
			continue
		}
		for _, name := range hotStandby {
			if has, needs := w.number(r.ID.On, name), w.number(p, name); has < needs {
				out[r.ID.On] = fmt.Sprintf("%s = %d is lower than on the primary, where it is %d", name, has, needs)
			}
		}
	}
	return out
}

// declared is a hot-standby parameter of a node as the file has it.
func (w *World) declared(node, name string) int {
	return numberOf(node, name, w.wanted[node].Settings[name].Value)
}

// crashes is what would become of a server that crashed with its file as it then is.
func (w *World) crashes(name string, then engine.Snapshot) error {
	if err := w.canRecover(name, then); err != nil {
		return err
	}
	for _, r := range w.kind("replication") {
		for _, setting := range hotStandby {
			if has, needs := w.number(r.ID.On, setting), w.written(then, name, setting); name == w.primary() && w.streams(r.ID.On) && w.wanted[r.ID.On] != nil && has < needs {
				return fmt.Errorf("%s would come up with %s = %d, and %s has %d", name, setting, needs, r.ID.On, has)
			}
		}
	}
	return nil
}

// number is a setting that a server works with.
func (w *World) number(node, name string) int {
	return numberOf(node, name, w.inForce(w.things[settings(node)], "settings."+name))
}

func numberOf(node, name, v string) int {
	if v == "" {
		v = describe(name).Boot
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		panic(fmt.Sprintf("%s on %s is %q", name, node, v))
	}
	return n
}
