package postgres

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// dataInMemory is the kind of what a cluster in memory knows of a node's data beside what a server says.
const dataInMemory = "data"

// majorInMemory is the attribute of it that says of which major version the data is; without it, of the file's.
const majorInMemory = "major"

// Made notes in a world what the data that a file has made can never be changed in: its version, and the encoding and locale of
// its databases.
func Made(w engine.Snapshot, by *schema.Cluster) engine.Snapshot {
	for _, r := range w.OfKind("server") {
		id := engine.ID{Kind: dataInMemory, On: r.ID.Name}
		w = w.With(engine.Resource{ID: id, Attrs: map[string]engine.Attr{majorInMemory: {Value: strconv.Itoa(by.Version)}}})
	}
	for _, d := range by.Databases {
		w = w.With(engine.Resource{ID: fixedInMemory(d.Name), Attrs: map[string]engine.Attr{
			"encoding": {Value: cmp.Or(d.Encoding, by.Initdb.Encoding)}, "locale": {Value: cmp.Or(d.Locale, by.Initdb.Locale, "C.UTF-8")}}})
	}
	return w
}

// fixedInMemory is where a cluster in memory keeps what is fixed of a database; without it, that is as the file says.
func fixedInMemory(database string) engine.ID {
	return engine.ID{Kind: dataInMemory, Name: database}
}

// SeeAs is Look for a cluster in memory: afterwards this side has seen which of the servers in w answer, what exists in
// those, and what the ledger says of it. What Want, Facts and Steps ask of a look is then answered from w; the attributes
// of what is inside a server are the memory's own business.
func (s *Site) SeeAs(w engine.Snapshot) {
	for _, srv := range s.servers {
		srv.seen = srv.lookAs(w)
	}
	s.ledger, s.rotating, s.leaving = ledgerRows{}, map[string]time.Time{}, map[string][]leavingSlot{}
	for _, r := range w.OfKind("slot") {
		if s.server(r.ID.On) == nil {
			s.leaving[r.ID.On] = append(s.leaving[r.ID.On], leavingSlot{name: r.ID.Name, holds: true})
		}
	}
	if s.primary().seen.reach != up {
		return
	}
	for _, r := range w {
		if r.Attrs["managed by"].Value == managed(true).Value {
			s.ledger[r.ID] = r.Attrs["consumer"].Value
		}
		if a := r.Attrs["synchronous"]; a.Value != "" && !strings.HasSuffix(a.Value, unproven) {
			s.ledger[r.ID] = a.Reason
		}
	}
}

func (s *server) lookAs(w engine.Snapshot) look {
	r, there := w[serverID(s.node.Name)]
	of := w[engine.ID{Kind: dataInMemory, On: s.node.Name}].Attrs
	seen := look{kept: of["kept"].Value != "", rebuild: of["rebuild"].Value}
	apart, major := of["apart"].Value != "", s.site.file.Version
	if v, err := strconv.Atoi(of[majorInMemory].Value); err == nil {
		major = v
	}
	system := "1"
	if of["other"].Value != "" {
		system = "2"
	}
	switch {
	case !there:
		return seen
	case r.Unknown != "":
		return look{reach: hidden, why: r.Unknown}
	case r.Attrs["server"].Value != acceptingConnections:
		seen.reach, seen.why, seen.known = down, r.Attrs["server"].Reason, true
		seen.directory = directory{Major: major, System: system, Timeline: 1, Standby: !s.isPrimary() && !apart}
		return seen
	}
	l := live{User: orDefault(r.Attrs[loginPath].Value, managementRole), LSN: "0/3000000", Oldest: "0000000000000003", Segment: 16 << 20, Starved: !s.isPrimary(), Version: major, System: system, Timeline: 1, Recovery: !s.isPrimary(), Settings: map[string]liveSetting{}, Connections: 10}
	for path, a := range w[settingsID(s.node.Name)].Attrs {
		name := strings.TrimPrefix(path, settingPath)
		value, _, argument := strings.Cut(a.Value, " (from command line)")
		l.Settings[name] = liveSetting{Reset: inForce(value), Boot: s.describe(name).Boot}
		if argument {
			continue
		}
		l.Files = append(l.Files, fileSetting{File: "/postgresql.auto.conf", Name: name, Value: a.Value})
	}
	for name := range s.settings() { // those that are wanted are asked for, in force or not
		if _, there := l.Settings[name]; !there && name != synchronousNames {
			boot := s.describe(name).Boot
			l.Settings[name] = liveSetting{Reset: boot, Boot: boot, Source: "default"}
		}
	}
	if names := w[synchronousID(s.node.Name)].Attrs; s.isPrimary() {
		l.Settings[synchronousNames] = liveSetting{Reset: names["synchronous"].Reason}
		if file, waits := names["in the file"]; waits {
			l.Files = append(l.Files, fileSetting{File: autoConfFile, Name: synchronousNames, Value: file.Value})
		}
	}
	for _, r := range w.Sorted() {
		l.add(s, r, w)
	}
	if of["behind"].Value != "" {
		l.LSN = "0/1000000"
	}
	if apart {
		l.Recovery, l.Timeline, l.LSN, seen.history = false, 2, "0/2800000", "1\t0/2000000\tby hand\n"
	}
	seen.reach, seen.live, seen.credited, seen.byHand, seen.tight = up, l, l.User == managementRole, s.machine.ByHand(), s.machine.Data() != "pgdata"
	return seen
}

func (l *live) add(s *server, r engine.Resource, w engine.Snapshot) {
	value := func(path string) string { return r.Attrs[path].Value }
	_, l.Ledger = w[ledgerID]
	switch {
	case r.ID.Kind == "slot" && r.ID.On == s.node.Name:
		l.Slots = append(l.Slots, liveSlot{Name: r.ID.Name, Status: value("wal"), Type: value("type"), Plugin: value("plugin"), Database: value("database")})
	case r.ID.Kind == "replication" && r.ID.On == s.node.Name:
		l.Paused = value("replay") == "paused"
		link := map[string]string{"host": inForce(value("upstream")), "user": inForce(value("role")), "application_name": inForce(value("application_name"))}
		for name, v := range map[string]string{"primary_conninfo": conninfo(link), "primary_slot_name": inForce(value("slot"))} {
			l.Settings[name] = liveSetting{Reset: v}
			l.Files = append(l.Files, fileSetting{File: autoConfFile, Name: name, Value: v})
		}
	case r.ID.Kind == "replication" && (value("upstream") == s.node.Name || value("upstream") == s.node.RenamedFrom) && value("replication") == "streaming":
		l.Senders = append(l.Senders, sender{Name: value("application_name"), State: "streaming"})
	case r.ID.Kind == "role" && s.isPrimary():
		role := liveRole{Name: r.ID.Name, Replication: value("replication") == "true"}
		for _, other := range w {
			if other.ID.Kind == "database" && other.Attrs["owner"].Value == r.ID.Name {
				role.Owns, role.Depends = role.Owns+1, role.Depends+1
			}
		}
		l.Roles = append(l.Roles, role)
	case r.ID.Kind == "database" && s.isPrimary():
		is := liveDatabase{Name: r.ID.Name, Owner: value("owner")}
		if d := (databaseKind{s.site}).database(r.ID.Name); d != nil {
			is.Encoding, is.Locale = d.Encoding, d.Locale
		}
		if fixed, noted := w[fixedInMemory(r.ID.Name)]; noted {
			is.Encoding, is.Locale = fixed.Attrs["encoding"].Value, fixed.Attrs["locale"].Value
		}
		l.Databases = append(l.Databases, is)
	}
}
