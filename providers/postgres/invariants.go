package postgres

import (
	"fmt"
	"slices"
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
	loads := state.loads()
	for _, srv := range s.servers {
		if state.alive(srv) {
			out = append(append(out, state.capacity(srv, loads[srv])...), state.shutsOut(srv)...)
		}
	}
	return out
}

// state is the world after a step.
type state struct {
	site  *Site
	world engine.Snapshot
}

// alive reports whether a server is there and answers, also under the name that its container had before.
func (s state) alive(srv *server) bool {
	node, there := s.world[nodeID(srv.node.Name)]
	if !there && srv.node.RenamedFrom != "" {
		node, there = s.world[nodeID(srv.node.RenamedFrom)]
	}
	return there && node.Attrs["state"].Value != "exited" && s.world[serverID(srv.node.Name)].Attrs["server"].Value == acceptingConnections
}

func (s state) link(d *server) map[string]engine.Attr { return s.world[replicaID(d.node.Name)].Attrs }

func (s state) streams(d *server) bool { return s.link(d)["replication"].Value == "streaming" }

// upstream is the server that a standby follows, by the name that it has in the link; nil where the file does not have it. Of a
// link that could not be looked at it is the file's.
func (s state) upstream(d *server) *server {
	a, known := s.link(d)["upstream"]
	if !known {
		return d.upstream()
	}
	name := inForce(a.Value)
	i := slices.IndexFunc(s.site.servers, func(srv *server) bool { return name != "" && (srv.node.Name == name || srv.node.RenamedFrom == name) })
	if i < 0 {
		return nil
	}
	return s.site.servers[i]
}

// calls is the name by which a standby is known to its upstream.
func (s state) calls(d *server) string {
	if a, known := s.link(d)["application_name"]; known {
		return inForce(a.Value)
	}
	return d.node.ApplicationName
}

// commitsWait reports whether fewer of the listed standbys are there than commits wait for. One that follows another standby
// acknowledges nothing, whatever it is called.
func (s state) commitsWait() bool {
	p := s.site.primary()
	names, _ := p.namesInForce()
	if a := s.world[synchronousID(p.node.Name)].Attrs["synchronous"]; a.Reason != "" || a.Value == s.site.called(standbyNames{}) {
		names = parseStandbyNames(a.Reason)
	}
	left := 0
	for _, d := range s.site.standbys() {
		unseen := s.world[replicaID(d.node.Name)].Unknown != "" // what cannot be told is not broken
		if names.has(s.calls(d)) && s.alive(d) && (s.streams(d) || unseen) && s.upstream(d) == p {
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
	upstream, slot := s.upstream(d), inForce(s.link(d)["slot"].Value)
	unknown := upstream == nil || upstream.seen.reach != up && upstream.seen.reach != absent
	if unknown || !s.alive(upstream) || slot == "" || upstream.rebuild() != nil { // whose slots go with its old data
		return out
	}
	if _, there := s.world[slotID(upstream.node.Name, slot)]; !there {
		out = append(out, fmt.Sprintf("%s reads slot %s, which is not on %s", d.address(), slot, upstream.address()))
	}
	return out
}

// load is what is asked of a server.
type load struct {
	slots, senders int
	backup         string // that runs
}

// loads counts for every server who reads from it. A base backup takes two walsenders.
func (s state) loads() map[*server]load {
	out := map[*server]load{}
	for id := range s.world {
		if id.Kind == "slot" {
			on := s.site.server(id.On)
			l := out[on]
			l.slots++
			out[on] = l
		}
	}
	for _, d := range s.site.standbys() {
		upstream := s.upstream(d)
		l := out[upstream]
		if _, running := s.link(d)[backupPath]; running {
			l.backup = " during the base backup of " + d.address().String()
			l.senders += 2
		} else if s.alive(d) && s.streams(d) {
			l.senders++
		}
		out[upstream] = l
	}
	return out
}

// capacity says of what a server would have more than it may.
func (s state) capacity(srv *server, l load) []string {
	if !s.known(srv) {
		return nil
	}
	var out []string
	if l.slots > s.number(srv, "max_replication_slots") {
		out = append(out, fmt.Sprintf("%s has more slots than max_replication_slots%s", srv.address(), l.backup))
	}
	if l.senders > s.number(srv, "max_wal_senders") {
		out = append(out, fmt.Sprintf("%s has more readers than max_wal_senders%s", srv.address(), l.backup))
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
