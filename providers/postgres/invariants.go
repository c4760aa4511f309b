package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// What must be true after every step of a plan, whatever it is on the way to. The steps' own needs see to it; this is the look
// over their shoulder, at the world as each step leaves it: a plan with a step after which writes hang, or a standby stands
// still, is refused before the first one.

// Broken says what of that is not true in a state of the world, in words without numbers that change from step to step.
func (s *Site) Broken(w engine.Snapshot) []string {
	state := state{site: s, world: w}
	if !state.alive(s.primary()) {
		return nil // nothing is written, and nobody is behind
	}
	var out []string
	if state.commitsWait() {
		out = append(out, "every commit waits for standbys that are away")
	}
	for _, d := range s.standbys() {
		if state.alive(d) && state.streams(d) {
			out = append(out, state.standby(d)...)
		}
	}
	for _, srv := range s.servers {
		if state.alive(srv) {
			out = append(out, state.capacity(srv)...)
		}
	}
	return out
}

// state is the world after a step.
type state struct {
	site  *Site
	world engine.Snapshot
}

// alive reports whether a server is there and answers.
func (s state) alive(srv *server) bool {
	node, there := s.world[nodeID(srv.node.Name)]
	return there && node.Attrs["state"].Value != "exited" && s.world[serverID(srv.node.Name)].Attrs["server"].Value == acceptingConnections
}

func (s state) link(d *server) map[string]engine.Attr { return s.world[replicaID(d.node.Name)].Attrs }

func (s state) streams(d *server) bool { return s.link(d)["replication"].Value == "streaming" }

// commitsWait reports whether fewer of the listed standbys are there than commits wait for.
func (s state) commitsWait() bool {
	p := s.site.primary()
	names, _ := p.namesInForce()
	if a := s.world[synchronousID(p.node.Name)].Attrs["synchronous"]; a.Reason != "" || a.Value == s.site.called(standbyNames{}) {
		names = parseStandbyNames(a.Reason)
	}
	left := 0
	for _, d := range s.site.standbys() {
		if names.has(inForce(s.link(d)["application_name"].Value)) && s.alive(d) && s.streams(d) {
			left++
		}
	}
	return left < names.count
}

// standby says what a standby lacks that streams: as much of each hot-standby parameter as its primary has (chapter "Hot
// Standby", "Administrator's Overview"), and the slot that it reads.
func (s state) standby(d *server) []string {
	var out []string
	for _, name := range schema.HotStandby {
		if s.known(d) && s.known(s.site.primary()) && s.number(d, name) < s.number(s.site.primary(), name) {
			out = append(out, fmt.Sprintf("%s has less of %s than its master, and stops replaying", d.address(), name))
		}
	}
	upstream, slot := s.site.server(inForce(s.link(d)["upstream"].Value)), inForce(s.link(d)["slot"].Value)
	unknown := upstream == nil || upstream.seen.reach != up && upstream.seen.reach != absent
	if unknown || !s.alive(upstream) || slot == "" || upstream.rebuild() != nil { // whose slots go with its old data
		return out
	}
	if _, there := s.world[slotID(upstream.node.Name, slot)]; !there {
		out = append(out, fmt.Sprintf("%s reads slot %s, which is not on %s", d.address(), slot, upstream.address()))
	}
	return out
}

// capacity says of what a server would have more than it may.
func (s state) capacity(srv *server) []string {
	slots, senders := 0, 0
	for id := range s.world {
		if id.Kind == "slot" && id.On == srv.node.Name {
			slots++
		}
	}
	for _, d := range s.site.standbys() {
		if s.alive(d) && s.streams(d) && inForce(s.link(d)["upstream"].Value) == srv.node.Name {
			senders++
		}
	}
	var out []string
	if !s.known(srv) {
		return nil
	}
	if slots > s.number(srv, "max_replication_slots") {
		out = append(out, fmt.Sprintf("%s has more slots than max_replication_slots", srv.address()))
	}
	if senders > s.number(srv, "max_wal_senders") {
		out = append(out, fmt.Sprintf("%s has more standbys than max_wal_senders", srv.address()))
	}
	return out
}

// leadingNumber reads 200 of "200 (from command line)".
func leadingNumber(v string) (int, bool) {
	n, err := strconv.Atoi(v[:len(v)-len(strings.TrimLeft(v, "0123456789"))])
	return n, err == nil
}

// known reports whether a server's settings could be looked at.
func (s state) known(srv *server) bool {
	r, there := s.world[settingsID(srv.node.Name)]
	return there && r.Unknown == ""
}

// number is a setting that a server works with. One that no step has touched is as it was seen.
func (s state) number(srv *server, name string) int {
	known, path := srv.describe(name), settingPath+name
	if a, there := s.world[settingsID(srv.node.Name)].Attrs[path]; there {
		if n, ok := leadingNumber(inForce(a.Value)); ok {
			return n
		}
	}
	if live, ok := srv.seen.live.Settings[name]; ok && !srv.touched()[name] {
		if n, ok := leadingNumber(live.Reset); ok {
			return n
		}
	}
	n, _ := leadingNumber(known.Boot)
	return n
}

// touched are the settings that steps may change: those that were compared with the file. They are the same for all steps, and so
// looked for once.
func (s *server) touched() map[string]bool {
	if s.seen.touched == nil {
		s.seen.touched = map[string]bool{}
		for path := range (settingsKind{s.site}).seenAttrs(s) {
			s.seen.touched[strings.TrimPrefix(path, settingPath)] = true
		}
	}
	return s.seen.touched
}
