package postgres

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// replicationKind is the kind of a standby's link to its upstream: whom it follows, as whom, through which slot, how far
// behind on purpose, and whether it does.
type replicationKind struct{ *Site }

func (replicationKind) Name() string { return "replication" }

// replicationSettings are the settings that make the link; they stand in postgresql.auto.conf beside the declared ones.
var replicationSettings = []string{"primary_conninfo", "primary_slot_name", "recovery_min_apply_delay"}

// linkAttrs are the attributes that each of them carries.
var linkAttrs = map[string][]string{
	"primary_conninfo":         {"upstream", "role", "application_name", "login by"},
	"primary_slot_name":        {"slot"},
	"recovery_min_apply_delay": {"delay"},
}

// conninfo is primary_conninfo. The password is in a file that libpq reads at each connection, never in the string: a
// reload would log it.
func (s *server) conninfo(dir string) map[string]string {
	return map[string]string{"host": s.upstream().node.Name, "port": "5432", "user": s.node.Role.Name,
		"passfile": path.Join(dir, "pgrepl", "passfile"), "application_name": s.node.ApplicationName}
}

func (s *server) replicationValues(dir string) map[string]string {
	out := map[string]string{"primary_conninfo": conninfo(s.conninfo(dir)), "primary_slot_name": s.node.Slot.Name}
	if s.node.Delay != "" {
		out["recovery_min_apply_delay"] = s.node.Delay
	}
	return out
}

var delaySetting = catalogue.Setting{Type: "integer", Unit: "ms"}

func shownDelay(v string) string {
	c, err := schema.Canonical(delaySetting, v)
	if err != nil {
		return v
	}
	return schema.Show(delaySetting, c)
}

func (k replicationKind) want(s *server) engine.Resource {
	reload := func(v, def string) engine.Attr {
		return engine.Attr{Value: v, Default: v == def, Effect: engine.Reload, Origin: origin(s.node.Origin)}
	}
	delay := "0"
	if s.node.Delay != "" {
		delay = s.node.Delay
	}
	return engine.Resource{ID: replicaID(s.node.Name), Addr: s.address(), Origin: origin(s.node.Origin),
		Needs: append(s.site.restsOn(s), serverID(s.node.Name), serverID(s.upstream().node.Name), slotID(s.upstream().node.Name, s.node.Slot.Name), roleID(s.node.Role.Name)),
		Attrs: placed(map[string]engine.Attr{
			"upstream":         reload(s.upstream().node.Name, s.site.primary().node.Name),
			"slot":             reload(s.node.Slot.Name, s.node.Slot.Name),
			"role":             reload(s.node.Role.Name, s.node.Role.Name),
			"application_name": reload(s.node.ApplicationName, s.node.Name),
			"login by":         reload(byPassfile, byPassfile),
			"delay":            reload(shownDelay(delay), "0"),
			"passfile":         {Value: schema.Hidden, Secret: true, Default: true, Effect: engine.Live, Reason: "read at each connection", Origin: origin(s.node.Origin)},
			"login":            {Value: proved, Default: true, Effect: engine.Live},
			"replication":      {Value: "streaming", Default: true, Passing: true, Effect: engine.Live},
			"replay":           {Value: "running", Default: true, Effect: engine.Live},
		}, s.node.Object)}
}

// wantFirst is how a standby streams until the slot of the file is free for it.
func (k replicationKind) wantFirst(s *server) engine.Resource {
	r := k.want(s)
	if slot := s.firstSlot(); slot != s.node.Slot.Name {
		r.Attrs["slot"] = engine.Attr{Value: slot, Effect: engine.Reload}
	}
	return r
}

func (k replicationKind) Want() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.standbys() {
		out = append(out, k.want(s))
	}
	return out
}

func (k replicationKind) Seen() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.standbys() {
		r := k.want(s)
		r.Ours = true
		switch {
		case s.seen.reach == absent:
			continue
		case s.seen.reach != up:
			r = s.unseen(r)
		case s.upstream().seen.reach != up:
			r = s.upstream().unseen(r)
		default:
			r.Attrs = k.seenAttrs(s)
		}
		out = append(out, r)
	}
	return out
}

func (k replicationKind) seenAttrs(s *server) map[string]engine.Attr {
	file, now := s.seen.live.inAutoConf(), map[string]string{}
	for _, name := range replicationSettings {
		now[name] = s.seen.live.Settings[name].Reset
	}
	attrs := map[string]engine.Attr{
		"passfile":    {Value: k.seenPassfile(s), Secret: true},
		"login":       {Value: s.seenLogin()},
		"replication": {Value: "streaming"},
		"replay":      {Value: "running"},
	}
	if s.pausedByHand() {
		attrs["replay"] = engine.Attr{Value: "paused", Effect: engine.Live, Reason: "somebody paused it by hand"}
	}
	written, inForce := linkOf(file), linkOf(now)
	for path, v := range written {
		a := engine.Attr{Value: inForce[path], Effect: engine.Reload}
		if v != inForce[path] {
			a.Value += " " + waiting(engine.Reload)
		}
		attrs[path] = a
	}
	switch {
	case !s.streams():
		attrs["replication"] = engine.Attr{Value: "not streaming", Effect: engine.Live}
	case !s.connected():
		attrs["replication"] = engine.Attr{Value: "streaming", Reason: worksOff}
	}
	return attrs
}

// How a standby logs in. A password in the string itself can be read by whoever reads the file, and a reload would log it.
const (
	byPassfile   = "the passfile"
	byConninfo   = "a password in primary_conninfo"
	byNoPassfile = "no passfile"
)

func loginOf(info map[string]string) string {
	switch {
	case info["password"] != "":
		return byConninfo
	case info["passfile"] == "":
		return byNoPassfile
	}
	return byPassfile
}

// linkOf reads the link out of the settings that make it.
func linkOf(values map[string]string) map[string]string {
	info := parseConninfo(values["primary_conninfo"])
	return map[string]string{"upstream": info["host"], "slot": values["primary_slot_name"], "role": info["user"], "application_name": info["application_name"], "login by": loginOf(info),
		"delay": shownDelay(orDefault(values["recovery_min_apply_delay"], "0"))}
}

func orDefault(v, def string) string {
	if v == "" {
		return def
	}
	return v
}

// worksOff is said of a delayed standby that replays what it has before it connects.
const worksOff = "works off its delay"

// streams reports whether the upstream serves the standby. One that is catching up is on its way there, and so is one that
// works off its delay: after a start it replays what it has, as late as it is told to, before it connects.
func (s *server) streams() bool {
	return s.node.Delay != "" && s.seen.live.Delayed || s.connected()
}

// connected reports whether it does so at the moment.
func (s *server) connected() bool {
	if s.found() && s.seen.live.Receiver != nil && s.seen.live.Receiver.Status == "streaming" { // under what name it may
		return true
	}
	return slices.ContainsFunc(s.upstream().seen.live.Senders, func(w sender) bool {
		return s.isCalled(w.Name) && (w.State == "streaming" || w.State == "catchup")
	})
}

// isCalled reports whether a standby is known to its upstream by a name: the file's, or the one that it still comes by.
func (s *server) isCalled(name string) bool {
	now := parseConninfo(s.seen.live.Settings["primary_conninfo"].Reset)["application_name"]
	return strings.EqualFold(name, s.node.ApplicationName) || now != "" && strings.EqualFold(name, now)
}

// seenPassfile tells whether the standby could log in again: its passfile holds the password that is wanted and that the
// server accepts. pg_stat_replication does not tell, a connection outlives its credentials.
func (k replicationKind) seenPassfile(s *server) string {
	have, ok := parsePassfile(s.seen.passfile, s.node.Role.Name)
	declared := s.node.Role.Password
	switch {
	case !ok:
		return "(missing)"
	case declared.IsUnset():
		return schema.Hidden // cannot be checked against the file
	case declared.IsSet() && declared.Reveal() != have.Reveal():
		return "(differs)"
	case !declared.IsSet() && k.primary().seen.reach == up && !accepts(k.verifier(s.node.Role.Name), have):
		return "(differs)"
	}
	return schema.Hidden
}

// Facts are the standbys whose name somebody else streams by, too. pg_basebackup streams beside the backup that it takes.
func (k replicationKind) Facts(_, _ engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, d := range k.standbys() {
		streams, backup := 0, false
		for _, w := range d.upstream().seen.live.Senders {
			if w.Name == d.node.ApplicationName {
				backup = backup || w.State == "backup"
				streams++
			}
		}
		if streams < 2 || backup {
			continue
		}
		out = append(out, engine.Fact{Code: "PGR244", On: replicaID(d.node.Name), Addr: d.address(), Origin: origin(d.node.Origin),
			Text:   fmt.Sprintf("%d receivers stream from %s as %s", streams, d.upstream().node.Name, d.node.ApplicationName),
			Detail: "where commits wait for that name, any of them answers for it, whether it keeps the data or not",
			Next:   "stop the other one, or give it another application_name; one whose connection broke is gone after wal_sender_timeout"})
	}
	return out
}

func (k replicationKind) Steps(c engine.Change) []engine.Step {
	s := k.server(c.ID.On)
	if c.Action == engine.Create || s.seen.reach != up || s.rebuild() != nil {
		return nil // written before the standby first starts
	}
	var steps []engine.Step
	upstream := s.upstream().node.Name
	first := s.firstSlot()
	stays := first != s.node.Slot.Name && first == s.staysOn()
	ready := []engine.StepID{accepting(upstream), {Do: "create", On: slotID(upstream, first)}, {Do: "put", On: roleID(s.node.Role.Name)}}
	if !s.relinksFirst() {
		ready = append(ready, accepting(s.node.Name))
	}
	if c.Changes("passfile") { // late: it has the password of the new link only
		steps = append(steps, writePassfile{Order: engine.Order{Self: engine.StepID{Do: "passfile", On: c.ID}, On: s.node.Name, Behind: ready}, server: s})
	}
	var names []string
	var link []engine.Field
	for _, n := range replicationSettings {
		if n == "primary_slot_name" && stays {
			continue
		}
		if parts := fieldsOf(c, linkAttrs[n]...); len(parts) > 0 {
			names, link = append(names, n), append(link, parts...)
		}
	}
	if c.Changes("replay") {
		steps = append(steps, k.resume(s))
	}
	if len(names) > 0 {
		behind := slices.Concat(ready, []engine.StepID{{Do: "passfile", On: c.ID}}, k.handedOverFirst(s))
		for _, above := range k.movingAbove(s) {
			behind = append(behind, streaming(above.node.Name))
		}
		set := alterSystem{Order: engine.Order{Self: engine.StepID{Do: "set", On: c.ID}, On: s.node.Name, Behind: behind}, server: s, names: names, fields: link, slot: first}
		steps = append(steps, set, k.reload(s, c.ID, set.Self))
	}
	if c.Changes("login") || k.rotates(s.node.Role) {
		steps = append(steps, k.logsIn(s))
	}
	if len(c.Fields) == 1 && c.Changes("replay") {
		return steps // it streams all the while
	}
	if len(names) > 0 || c.Changes("replication") || !k.rotates(s.node.Role) && !stays {
		steps = append(steps, serverKind(k).stream(s))
	}
	return append(steps, k.detour(s)...)
}

// fieldsOf are the fields of the attributes, or settings, of these names.
func fieldsOf(c engine.Change, names ...string) []engine.Field {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f engine.Field) bool { return !slices.Contains(names, strings.TrimPrefix(f.Path, settingPath)) })
}

// writePassfile delivers the password of the replication role. libpq reads it at each connection, so nothing is reloaded.
type writePassfile struct {
	engine.Order
	server *server
}

func (s writePassfile) String() string { return "write passfile" }

func (s writePassfile) After(w engine.Snapshot) engine.Snapshot {
	id := replicaID(s.server.node.Name)
	r := w[id]
	r.Attrs = with(r.Attrs, "passfile", engine.Attr{Value: schema.Hidden, Secret: true})
	return w.With(r)
}

func (s writePassfile) Run(ctx context.Context) error {
	p, err := s.server.site.password(s.server.node.Role)
	if err != nil {
		return err
	}
	if p.IsUnset() {
		return fmt.Errorf("write passfile of %s: %s has no value; give it with --var, --var-file or PGREPL_VAR_*", s.server.node.Name, p.Source())
	}
	return s.server.putPassfile(ctx, p)
}

func (s *server) putPassfile(ctx context.Context, password schema.Secret) error {
	dir, err := s.machine.Dir(ctx)
	if err != nil {
		return err
	}
	line := passfile(s.node.Role.Name, password)
	if err := s.machine.Write(ctx, map[string][]byte{"passfile.new": line}); err != nil {
		return err
	}
	if _, err = s.machine.Run(ctx, "write passfile", replaceScript, "", dir, "passfile.new", "pgrepl/passfile"); err != nil {
		return fmt.Errorf("write passfile of %s: %w", s.node.Name, err)
	}
	s.session.hold(line)
	return nil
}
