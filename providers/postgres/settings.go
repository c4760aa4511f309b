package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// settingsKind is the kind of a node's settings. They live in postgresql.auto.conf, which belongs wholly to pgrepl: a
// name in it that the file does not declare is drift, and goes back to what the server's other files say.
type settingsKind struct{ *Site }

func (settingsKind) Name() string { return "settings" }

// fixed are the settings that every node has because of how its container is made.
var fixed = map[string]string{"listen_addresses": "*", "unix_socket_directories": "/var/run/postgresql"}

// settings are the declared ones and the fixed ones, by name.
func (s *server) settings() map[string]schema.Setting {
	out := maps.Clone(s.node.Settings)
	if out == nil {
		out = map[string]schema.Setting{}
	}
	for name, v := range fixed {
		if _, declared := out[name]; !declared {
			out[name] = schema.Setting{Value: v}
		}
	}
	return out
}

// fileValues is the whole of postgresql.auto.conf: settings, and what a standby needs to follow.
func (s *server) fileValues(dir string) map[string]string {
	out := map[string]string{}
	for name, v := range s.settings() {
		if !v.Unset {
			out[name] = v.Value
		}
	}
	if !s.isPrimary() {
		maps.Copy(out, s.replicationValues(dir))
	}
	return out
}

const settingPath = "settings."

func (k settingsKind) want(s *server) engine.Resource {
	r := engine.Resource{ID: settingsID(s.node.Name), Addr: s.address(), Origin: origin(s.node.Origin), Needs: []engine.ID{serverID(s.node.Name)}, Attrs: map[string]engine.Attr{}}
	for name, v := range s.settings() {
		if v.Unset {
			continue // cannot be compared
		}
		_, isFixed := fixed[name]
		a := engine.Attr{Value: v.Value, Default: isFixed, Origin: origin(v.Origin)}
		if v.Sensitive {
			a.Value, a.Secret = schema.Hidden, true
		}
		if live, ok := s.describes(name); ok && !v.Sensitive {
			a.Value = shown(name, live, v.Value)
		}
		r.Attrs[settingPath+name] = a
	}
	return r
}

// describes is what a server says of a setting: this one, or where it is still to be made, the primary of the same version,
// so that one line of the file is one value on every node.
func (s *server) describes(name string) (liveSetting, bool) {
	if live, ok := s.seen.live.Settings[name]; ok {
		return live, true
	}
	live, ok := s.site.primary().seen.live.Settings[name]
	return live, ok
}

func (k settingsKind) Want() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.servers {
		out = append(out, k.want(s))
	}
	return out
}

func (k settingsKind) Seen() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.servers {
		r := k.want(s)
		r.Ours = true
		switch {
		case s.seen.reach == absent:
			continue
		case s.seen.reach != up:
			out = append(out, s.unseen(r))
			continue
		}
		r.Attrs = k.seenAttrs(s)
		out = append(out, r)
	}
	return out
}

// seenAttrs compares as the server itself would: the wanted spelling is given back for a value that it takes for the same.
func (k settingsKind) seenAttrs(s *server) map[string]engine.Attr {
	inFile := s.seen.live.inAutoConf()
	attrs := map[string]engine.Attr{}
	for name, want := range s.settings() {
		if want.Unset {
			continue
		}
		attrs[settingPath+name] = s.seenSetting(name, want, inFile)
	}
	for name, v := range inFile {
		if _, declared := s.settings()[name]; declared || slices.Contains(replicationSettings, name) {
			continue
		}
		a := engine.Attr{Value: shown(name, s.seen.live.Settings[name], v)}
		a.Effect, a.Reason = effectOf(s.seen.live.Settings[name])
		attrs[settingPath+name] = a
	}
	for name, l := range s.seen.live.Settings { // taken out of the file, and in force until the server reads it
		_, written := inFile[name]
		_, declared := s.settings()[name]
		if written || declared || !strings.HasSuffix(l.File, autoConfFile) || slices.Contains(replicationSettings, name) {
			continue
		}
		effect, reason := effectOf(l)
		attrs[settingPath+name] = engine.Attr{Value: shown(name, l, l.Reset) + " " + waiting(effect), Effect: effect, Reason: reason}
	}
	return attrs
}

func (s *server) seenSetting(name string, want schema.Setting, inFile map[string]string) engine.Attr {
	live, exists := s.seen.live.Settings[name]
	file, written := inFile[name]
	a := engine.Attr{Secret: want.Sensitive}
	a.Effect, a.Reason = effectOf(live)
	same := func(v string) bool { return exists && equalSetting(name, live, v, want.Value) }
	switch {
	case written && equalSetting(name, live, file, want.Value) && (!exists || same(s.effective(name)) || shadowed(live)):
		a.Value = shown(name, live, want.Value)
	case written && equalSetting(name, live, file, want.Value):
		a.Value = shown(name, live, s.effective(name)) + " " + waiting(a.Effect)
	case !written && !exists:
		a.Value = "not set"
	case !written && same(live.Reset):
		// in force, but from elsewhere: from the server's own files it may go at any time
		a.Value, a.Effect, a.Reason = shown(name, live, live.Reset)+" (from "+live.Source+")", engine.Live, "written where pgrepl keeps it"
	default:
		a.Value = shown(name, live, live.Reset)
		if live.Pending {
			a.Value += " (another value waits for a restart)"
		}
	}
	if want.Sensitive {
		a.Value = map[bool]string{true: schema.Hidden, false: "(differs)"}[a.Value == want.Value]
	}
	return a
}

// effective is the value that the server works with, whatever a session or role has set for itself.
func (s *server) effective(name string) string { return s.seen.live.Settings[name].Reset }

// shadowed reports whether what our session sees was set for the role or the database and so says nothing of the file.
func shadowed(l liveSetting) bool {
	return l.Source == "database" || l.Source == "user" || l.Source == "database user" || l.Source == "client" || l.Source == "session"
}

// effectOf is what a change of the setting takes (pg_settings.context, chapter "System Views").
func effectOf(l liveSetting) (engine.Effect, string) {
	if l.Context == "postmaster" {
		return engine.Restart, ""
	}
	return engine.Reload, ""
}

func settingType(l liveSetting) schema.SettingType {
	return schema.SettingType{VarType: l.Type, Unit: l.Unit, Enum: l.Enum}
}

// equalSetting compares two spellings of a value as the server would read them.
func equalSetting(name string, l liveSetting, a, b string) bool {
	if a == b {
		return true
	}
	if slices.Contains(quotedLists, name) {
		return slices.Equal(listOf(a), listOf(b))
	}
	x, errX := schema.Canonical(name, settingType(l), a)
	y, errY := schema.Canonical(name, settingType(l), b)
	return errX == nil && errY == nil && x == y
}

// shown writes a value as SHOW would.
func shown(name string, l liveSetting, v string) string {
	if l.Type == "" || l.Type == "string" {
		return v
	}
	c, err := schema.Canonical(name, settingType(l), v)
	if err != nil {
		return v
	}
	return schema.Show(settingType(l), c)
}

// Facts are what the settings of the file mean for the cluster, whether they change or not.
func (k settingsKind) Facts(_, _ engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	reported := map[string]bool{} // what several nodes inherit is said once
	for _, s := range k.servers {
		for _, f := range s.settingFacts() {
			if at := f.Code + f.Origin.String(); !reported[at] {
				reported[at] = true
				out = append(out, f)
			}
		}
	}
	return out
}

func (s *server) settingFacts() []engine.Fact {
	var out []engine.Fact
	value := func(name string) string { return strings.ToLower(strings.TrimSpace(s.node.Settings[name].Value)) }
	fact := func(code, name, text, detail, next string) {
		v := s.node.Settings[name]
		out = append(out, engine.Fact{Code: code, On: settingsID(s.node.Name), Path: settingPath + name, Addr: engine.Address{Block: "cluster"}, Origin: origin(v.Origin), Text: text, Detail: detail, Next: next})
	}
	archives := value("archive_mode") != "" && !isOff(value("archive_mode"))
	if archives && value("archive_command") == "" && value("archive_library") == "" {
		fact("PGR202", "archive_mode", "archive_mode is on and there is no archive_command or archive_library: WAL is kept until the disk is full",
			"nothing fails and nothing warns while pg_wal grows", "set one, or leave archive_mode out: streaming replication does not need it")
	}
	if v := value("synchronous_commit"); v != "" && isOff(v) {
		fact("PGR203", "synchronous_commit", "synchronous_commit = off loses the latest commits when the server crashes; it is not what makes replication asynchronous",
			"replication is asynchronous as long as there is no `synchronous` block", "leave it out, unless losing acknowledged commits is wanted")
	}
	return out
}

func isOff(v string) bool {
	c, err := schema.Canonical("bool", schema.SettingType{VarType: "bool"}, v)
	return err == nil && c == "off"
}

// Steps writes what differs and makes it take effect: with a reload, or with one restart that other changes may share.
func (k settingsKind) Steps(c engine.Change) []engine.Step {
	s := k.server(c.ID.On)
	if c.Action == engine.Create || s.seen.reach != up {
		return nil // written before the server first starts
	}
	set := alterSystem{Order: engine.Order{Self: engine.StepID{Do: "set", On: c.ID}, On: s.node.Name}, server: s, fields: c.Fields}
	var restart []string
	for _, f := range c.Fields {
		name := strings.TrimPrefix(f.Path, settingPath)
		if !s.written(name) {
			set.names = append(set.names, name)
		}
		if f.Effect == engine.Restart {
			restart = append(restart, name)
		}
	}
	var steps []engine.Step
	if len(set.names) > 0 {
		steps = append(steps, set)
	}
	if len(restart) > 0 {
		return append(steps, k.restarts(s, restart)...)
	}
	return append(steps, k.reload(s, serverID(s.node.Name), set.Self))
}

// written reports whether postgresql.auto.conf has the wanted value already, so that only the server has to take it.
func (s *server) written(name string) bool {
	file, there := s.seen.live.inAutoConf()[name]
	want, declared := s.settings()[name]
	return there && declared && equalSetting(name, s.seen.live.Settings[name], file, want.Value)
}

// reload makes a server read what was written for the thing of: its settings and rules (the server's own ID), which are
// written while everything still runs, or its link, which is set when what it leads to is there.
func (s *Site) reload(srv *server, of engine.ID, behind ...engine.StepID) reload {
	return reload{Order: engine.Order{Self: engine.StepID{Do: "reload", On: of}, On: srv.node.Name, Behind: behind}, server: srv}
}

// restarts brings a server down and up again. Standbys go before their upstream, so that a value which must not be lower on
// a standby than on its primary never is; where one is lowered the order is the other way round, and a standby goes down
// only when it could come up again with the lower value. A new container does the same.
func (s *Site) restarts(srv *server, why []string) []engine.Step {
	id := serverID(srv.node.Name)
	steps := []engine.Step{restart{Order: engine.Order{Self: engine.StepID{Do: "restart", On: id}, On: srv.node.Name,
		Behind: append(s.WhileUp(srv.node.Name), s.Below(srv.node.Name)...), Unless: []engine.StepID{{Do: "create", On: nodeID(srv.node.Name)}}}, server: srv, why: why}}
	if srv.lowers() && !srv.isPrimary() {
		steps = append(steps, settle{Order: engine.Order{Self: engine.StepID{Do: "settle", On: id}, On: srv.node.Name, Cancellable: true,
			Behind: append(s.WhileUp(srv.node.Name), accepting(srv.upstream().node.Name), accepting(s.primary().node.Name))}, server: srv})
	}
	return append(steps, s.Awaken(srv.node.Name)...)
}

// WhileUp are the steps that need the server of a node as it was seen: they come before it stops, whatever stops it.
func (s *Site) WhileUp(node string) []engine.StepID {
	return []engine.StepID{{Do: "set", On: settingsID(node)}, {Do: "write", On: hbaID(node)}, {Do: "reload", On: serverID(node)}, {Do: "settle", On: serverID(node)}}
}

// Below are the steps after which the servers that follow a node, directly or through others, are back. Those that are
// still to be made have to wait for the node instead, and so have those that may have less only when it has.
func (s *Site) Below(node string) []engine.StepID {
	var out []engine.StepID
	srv := s.server(node)
	if srv == nil {
		return nil
	}
	for _, d := range srv.downstream() {
		if (d.seen.reach == up || d.seen.reach == down) && !d.lowers() {
			out = append(out, accepting(d.node.Name))
		}
		out = append(out, s.Below(d.node.Name)...)
	}
	return out
}

// hotStandby are the settings that may never be lower on a standby than on its primary (chapter "Hot Standby",
// "Administrator's Overview").
var hotStandby = []string{"max_connections", "max_wal_senders", "max_worker_processes", "max_prepared_transactions", "max_locks_per_transaction"}

// lowers reports whether the server runs with a higher value of one of them than its file asks for.
func (s *server) lowers() bool {
	return slices.ContainsFunc(hotStandby, func(name string) bool {
		want, declared := s.node.Settings[name]
		live, ok := s.seen.live.Settings[name]
		if !declared || !ok {
			return false
		}
		now, err1 := strconv.Atoi(live.Reset)
		then, err2 := strconv.Atoi(want.Value)
		return err1 == nil && err2 == nil && then < now
	})
}

// alterSystem writes settings into postgresql.auto.conf; the server checks each value on the spot.
type alterSystem struct {
	engine.Order
	server *server
	names  []string
	fields []engine.Field // of the settings, or of the link
}

func (s alterSystem) String() string { return "set " + strings.Join(s.names, ", ") }

// After the file is as wanted, and the server works with what it had before.
func (s alterSystem) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.Self.On]
	r.Attrs = maps.Clone(r.Attrs)
	for _, f := range s.fields {
		a := f.After
		if f.Effect == engine.Reload || f.Effect == engine.Restart {
			a = f.Before
			a.Value = inForce(a.Value) + " " + waiting(f.Effect)
		}
		r.Attrs[f.Path] = a
	}
	return w.With(r)
}

// waiting says of a value that it stands in the file and is not what the server works with.
func waiting(e engine.Effect) string { return "(the file waits for a " + string(e) + ")" }

// inForce is the value without that.
func inForce(v string) string {
	for _, e := range []engine.Effect{engine.Reload, engine.Restart} {
		v = strings.TrimSuffix(v, " "+waiting(e))
	}
	return v
}

// reads is what is true when a server has read its files: what waited for that is in force.
func (s *server) reads(w engine.Snapshot, effects ...engine.Effect) engine.Snapshot {
	wanted := []engine.Resource{settingsKind{s.site}.want(s), hbaKind{s.site}.want(s)}
	if !s.isPrimary() {
		wanted = append(wanted, replicationKind{s.site}.want(s))
	}
	for _, want := range wanted {
		r := w[want.ID]
		r.Attrs = maps.Clone(r.Attrs)
		for path, a := range r.Attrs {
			if !slices.ContainsFunc(effects, func(e engine.Effect) bool { return strings.HasSuffix(a.Value, waiting(e)) }) {
				continue
			}
			delete(r.Attrs, path)
			if now, declared := want.Attrs[path]; declared {
				r.Attrs[path] = now
			}
		}
		w = w.With(r)
	}
	return w
}

func (s alterSystem) Run(ctx context.Context) error {
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	values := s.server.fileValues(dir)
	for _, name := range s.names {
		for _, sql := range alterStatements(name, values) {
			if err := s.server.session.change(ctx, "set "+name, sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// alterStatements are what brings one setting to its wanted value, or back to what the server's other files say. An
// extension's setting that no loaded library knows is taken only where the session has it.
func alterStatements(name string, values map[string]string) []string {
	v, wanted := values[name]
	if !wanted {
		return []string{"ALTER SYSTEM RESET " + settingName(name)}
	}
	set := "ALTER SYSTEM SET " + settingName(name) + " = " + alterValue(name, v)
	if !strings.Contains(name, ".") {
		return []string{set}
	}
	return []string{"SELECT set_config(" + literal(name) + ", " + literal(v) + ", false)", set}
}

// settingName quotes the name of a setting: prefix.name is two identifiers.
func settingName(name string) string {
	prefix, rest, two := strings.Cut(name, ".")
	if !two {
		return ident(name)
	}
	return ident(prefix) + "." + ident(rest)
}

// checkFiles makes sure that the server would take its files: a reload with a broken file does nothing and says so only in
// the log, and a restart with one is an outage.
func (s *server) checkFiles(ctx context.Context) error {
	var l live
	err := s.session.document(ctx, `SELECT json_build_object('files', (SELECT coalesce(json_agg(json_build_object('file', coalesce(sourcefile, ''), 'line', coalesce(sourceline, 0),
  'name', coalesce(lower(name), ''), 'error', error)), '[]') FROM pg_file_settings WHERE error IS NOT NULL),
  'hba_errors', (SELECT coalesce(json_agg(json_build_object('line', line_number, 'error', error) ORDER BY line_number), '[]') FROM pg_hba_file_rules WHERE error IS NOT NULL AND type IS NULL))`, &l)
	if err != nil {
		return fmt.Errorf("check the files of %s: %w", s.node.Name, err)
	}
	if bad := l.fileErrors(); len(bad) > 0 {
		return fmt.Errorf("%s would not take its files: %s", s.node.Name, strings.Join(bad, "; "))
	}
	return nil
}

// reload makes the server read its files again, after they were checked, and waits until it has.
type reload struct {
	engine.Order
	server *server
}

func (s reload) String() string { return "check, reload" }

func (s reload) After(w engine.Snapshot) engine.Snapshot { return s.server.reads(w, engine.Reload) }

func (s reload) Run(ctx context.Context) error {
	if err := s.server.checkFiles(ctx); err != nil {
		return err
	}
	before, err := s.server.session.query(ctx, "SELECT pg_conf_load_time()")
	if err != nil {
		return fmt.Errorf("reload %s: %w", s.server.node.Name, err)
	}
	if err := s.server.session.change(ctx, "reload", "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		now, err := s.server.session.query(ctx, "SELECT pg_conf_load_time()")
		if err != nil {
			return fmt.Errorf("reload %s: %w", s.server.node.Name, err)
		}
		if now[0][0] != before[0][0] {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("reload %s: it did not read its files within 10 s; its last log lines:\n%s", s.server.node.Name, s.server.machine.Logs(ctx, 8))
		}
		if err := engine.Pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// restart restarts a server after its files were checked: one with files that it would not take is left running.
type restart struct {
	engine.Order
	server *server
	why    []string
}

func (s restart) String() string { return "check, restart" }

func (s restart) After(w engine.Snapshot) engine.Snapshot {
	return s.server.reads(w, engine.Reload, engine.Restart).With(serverKind{s.server.site}.starting(s.server))
}

func (s restart) Effects() []engine.Effected {
	return []engine.Effected{{Class: engine.ClassRestart, On: serverID(s.server.node.Name), Addr: s.server.address(), Why: strings.Join(s.why, ", ")}}
}

func (s restart) Run(ctx context.Context) error {
	if err := s.server.checkFiles(ctx); err != nil {
		return err
	}
	s.server.session.close()
	return s.server.machine.Restart(ctx)
}
