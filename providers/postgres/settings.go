package postgres

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
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
	r.Needs = append(r.Needs, k.outOfSight(s)...)
	for name, v := range s.settings() {
		if v.Unset {
			continue // cannot be compared
		}
		_, isFixed := fixed[name]
		a := engine.Attr{Value: v.Value, Default: isFixed, Origin: origin(v.Origin)}
		if v.Sensitive {
			a.Value, a.Secret = schema.Hidden, true
		}
		if !v.Sensitive {
			a.Value = shown(s.describe(name), v.Value)
		}
		r.Attrs[settingPath+name] = a
	}
	return r
}

// describe is what is known of a setting. The running server has the last word: this one, or where it is still to be made,
// the primary, so that one line of the file is one value on every node. Before there is any, the catalogue knows.
func (s *server) describe(name string) catalogue.Setting {
	known, _ := catalogue.Of(s.site.file.Version).Lookup(name)
	live, ok := s.seen.live.Settings[name]
	if !ok {
		live = s.site.primary().seen.live.Settings[name]
	}
	if live.Type != "" {
		known.Type, known.Unit, known.Context, known.Enum = live.Type, live.Unit, live.Context, live.Enum
	}
	return known
}

func (k settingsKind) Want() []engine.Resource { return wantOn(k.servers, k.want) }

func (k settingsKind) Seen() []engine.Resource { return seenOn(k.servers, k.want, k.seenAttrs) }

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
		if _, declared := s.settings()[name]; declared || s.derived(name) {
			continue
		}
		known := s.describe(name)
		a := engine.Attr{Value: shown(known, v), Effect: effectOf(known)}
		if live, exists := s.seen.live.Settings[name]; exists && !shadowed(live) && !equalSetting(known, live.Reset, v) {
			a = unread(a.Value) // it never was in force, and goes without a restart
		}
		attrs[settingPath+name] = a
	}
	for name, l := range s.seen.live.Settings { // taken out of the file, and in force until the server reads it
		_, written := inFile[name]
		_, declared := s.settings()[name]
		if written || declared || !strings.HasSuffix(l.File, autoConfFile) || s.derived(name) {
			continue
		}
		known := s.describe(name)
		effect := effectOf(known)
		attrs[settingPath+name] = engine.Attr{Value: shown(known, l.Reset) + " " + waiting(effect), Effect: effect}
	}
	for _, name := range s.standsStill() {
		attrs[settingPath+name] = engine.Attr{Value: fmt.Sprintf("%d (replay stands still: %s has %d)", s.inForce()[name], s.site.primary().node.Name, s.site.primary().inForce()[name]), Effect: engine.Restart}
	}
	return attrs
}

// derived reports whether the setting is another kind's. A standby has no synchronous standbys: there the name is drift.
func (s *server) derived(name string) bool {
	return slices.Contains(replicationSettings, name) || name == synchronousNames && s.isPrimary()
}

func (s *server) seenSetting(name string, want schema.Setting, inFile map[string]string) engine.Attr {
	live, exists := s.seen.live.Settings[name]
	file, written := inFile[name]
	known := s.describe(name)
	a := engine.Attr{Secret: want.Sensitive, Effect: effectOf(known)}
	inForce := exists && (equalSetting(known, live.Reset, want.Value) || computes(known, live, want.Value))
	switch {
	case written && equalSetting(known, file, want.Value) && (!exists || inForce || shadowed(live)):
		a.Value = shown(known, want.Value)
	case written && equalSetting(known, file, want.Value):
		a.Value = shown(known, live.Reset) + " " + waiting(a.Effect)
	case written && inForce && !shadowed(live):
		a.Effect = engine.Reload
		a.Value = unread(shown(known, file)).Value
	case !written && !exists:
		a.Value = "not set"
	case !written && inForce && known.Quoted && s.found():
		// ALTER SYSTEM would write the names in quotes, and the server take that for another value, which waits for a restart
		a.Value = shown(known, want.Value)
	case !written && inForce:
		// in force, but from elsewhere: from the server's own files it may go at any time
		a.Value, a.Effect, a.Reason = shown(known, live.Reset)+orDefault(s.sourceOf(name, live), " (from default)"), engine.Live, "written where pgrepl keeps it"
	default:
		a.Value = shown(known, live.Reset)
		if !written && !equalSetting(known, live.Reset, live.Boot) { // initdb writes defaults, too
			a.Value += s.sourceOf(name, live)
		}
		if live.Pending {
			a.Value += " (another value waits for a restart)"
		}
	}
	if exists && s.argued(name, live) && !inForce {
		a.Effect, a.Reason = engine.Recreate, "given as an argument, which no file and no restart changes"
	}
	if want.Sensitive {
		a.Value = map[bool]string{true: schema.Hidden, false: "(differs)"}[a.Value == shown(known, want.Value)]
	}
	return a
}

// from says where a value comes from that does not stand in postgresql.auto.conf.
func (l liveSetting) from() string {
	switch {
	case l.Source == "default" || strings.HasSuffix(l.File, autoConfFile):
		return ""
	case l.File != "":
		return fmt.Sprintf(" (from %s:%d)", path.Base(l.File), l.Line)
	}
	return " (from " + l.Source + ")"
}

// argued reports whether a value comes from the arguments of the server's container: it beats every file. Of what our own session
// has set, the server does not say where it had it from before.
func (s *server) argued(name string, l liveSetting) bool {
	return s.seen.byHand && (l.Source == "command line" || shadowed(l) && slices.Contains(s.machine.Arguments(), name))
}

// sourceOf says where a value comes from, whatever our own session has set.
func (s *server) sourceOf(name string, l liveSetting) string {
	switch {
	case s.argued(name, l):
		return " (from command line)"
	case shadowed(l):
		return ""
	}
	return l.from()
}

// Argued names the settings of a node that the file wants otherwise than the arguments of its container have them.
func (s *Site) Argued(node string) []string {
	var out []string
	srv := s.server(node)
	if srv == nil || srv.seen.reach != up {
		return nil
	}
	inFile := srv.seen.live.inAutoConf()
	for name, want := range srv.settings() {
		if !want.Unset && srv.seenSetting(name, want, inFile).Effect == engine.Recreate {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// unread is a value that stands in the file and that the server has not taken over: the next start would. The file is put
// right and read again; that nothing waits for a restart any more, the server then finds by itself.
func unread(value string) engine.Attr {
	return engine.Attr{Value: value + " (in the file, not in force)", Effect: engine.Reload}
}

// computes reports whether the server has worked out a value by itself, as the wanted one says: wal_buffers = -1.
func computes(known catalogue.Setting, live liveSetting, want string) bool {
	return known.Computed && equalSetting(known, known.Boot, want) && live.Source != "configuration file"
}

// shadowed reports whether what our session sees was set for the role or the database and so says nothing of the file.
func shadowed(l liveSetting) bool {
	return l.Source == "database" || l.Source == "user" || l.Source == "database user" || l.Source == "client" || l.Source == "session"
}

// effectOf is what a change of the setting takes (pg_settings.context, chapter "System Views").
func effectOf(s catalogue.Setting) engine.Effect {
	if s.Restarts() {
		return engine.Restart
	}
	return engine.Reload
}

// equalSetting compares two spellings of a value as the server would read them.
func equalSetting(s catalogue.Setting, a, b string) bool {
	if a == b {
		return true
	}
	x, errX := schema.Canonical(s, a)
	y, errY := schema.Canonical(s, b)
	return errX == nil && errY == nil && x == y
}

// shown writes a value as SHOW would; a list with its names written one way.
func shown(s catalogue.Setting, v string) string {
	c, err := schema.Canonical(s, v)
	if err != nil {
		return v
	}
	return schema.Show(s, c)
}

// Facts are what the settings of the file mean for the cluster, whether they change or not.
func (k settingsKind) Facts(want, seen engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	reported := map[string]bool{} // what several nodes inherit is said once
	for _, s := range k.servers {
		id := nodeID(s.node.Name)
		sameImage := want[id].Attrs["image"].Value == seen[id].Attrs["image"].Value
		for _, f := range slices.Concat(s.settingFacts(), s.startFacts(sameImage), s.refusedFacts()) {
			if at := f.Code + f.Origin.String(); !reported[at] {
				reported[at] = true
				out = append(out, f)
			}
		}
	}
	return append(out, k.primary().shadowFacts()...)
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
	if need, has := s.sharedHash(), cmp.Or(s.node.ShmSize, dockersShm); need > has {
		fact("PGR266", "work_mem", fmt.Sprintf("one parallel hash join may take %d MB of /dev/shm, which has %d MB", need>>20, has>>20),
			"the query fails where it does (could not resize shared memory segment)", "write a larger shm_size, or less work_mem")
	}
	return out
}

// dockersShm is what a container has of /dev/shm where nothing is said.
const dockersShm = 64 << 20

// sharedHash is how much of /dev/shm one parallel hash join may take: its table is shared, and each process adds what a hash may
// have (hash_mem_multiplier times work_mem). 0 where that is left at its default, which fits.
func (s *server) sharedHash() int64 {
	_, written := s.node.Settings["work_mem"]
	work, known := s.number("work_mem") // in kB
	workers, too := s.number("max_parallel_workers_per_gather")
	times, err := strconv.ParseFloat(s.value("hash_mem_multiplier"), 64)
	if !written || !known || !too || err != nil || workers == 0 || s.value("dynamic_shared_memory_type") == "mmap" {
		return 0
	}
	return int64(float64(work)*1024*times) * int64(workers+1)
}

func isOff(v string) bool {
	c, err := schema.Canonical(catalogue.Setting{Type: "bool"}, v)
	return err == nil && c == "off"
}

// Steps writes what differs and makes it take effect: with a reload, or with a restart that other changes may share. What
// takes a restart is written only when it is the server's turn: one that crashed before that would come up with it too early.
func (k settingsKind) Steps(c engine.Change) []engine.Step {
	s := k.server(c.ID.On)
	if c.Action == engine.Create || s.seen.reach != up || s.rebuild() != nil {
		return nil // written before the server first starts
	}
	interim := s.interim()
	set := alterSystem{Order: engine.Order{Self: engine.StepID{Do: "set", On: c.ID}, On: s.node.Name}, server: s, fields: c.Fields, interim: interim}
	var restart, later []string
	for _, f := range c.Fields {
		name := strings.TrimPrefix(f.Path, settingPath)
		n, between := interim[name]
		if between {
			later = append(later, name)
		}
		switch {
		case between && n == s.inForce()[name]: // stays as it is until then
			continue
		case between || !s.written(name):
			set.names = append(set.names, name)
		}
		if f.Effect == engine.Restart || f.Effect == engine.Recreate {
			restart = append(restart, name)
		}
	}
	var steps []engine.Step
	if len(restart) > 0 {
		set.Behind = slices.Concat(k.before(s.firstTurn()), []engine.StepID{s.firstTurn().step("settle")}, k.decoded(s))
		steps = k.restarts(s, restart)
	} else {
		steps = []engine.Step{k.reload(s, serverID(s.node.Name), set.Self)}
	}
	if len(set.names) > 0 {
		steps = append(steps, set)
	}
	if len(later) > 0 {
		steps = append(steps, k.lowers(s, fieldsOf(c, later...), later)...)
	}
	return steps
}

// outOfSight is what of the way by which a standby hears of lower values cannot be looked at: they wait until it can. What can be
// is the order's business, and no reason to bring it along with --target.
func (k settingsKind) outOfSight(s *server) []engine.ID {
	var out []engine.ID
	if _, late := s.when(); !late || s.isPrimary() {
		return nil
	}
	if k.primary().seen.reach != up {
		out = append(out, settingsID(k.primary().node.Name))
	}
	for above := s; s.relinksFirst() && !above.isPrimary(); above = above.upstream() {
		if above.seen.reach != up || above.upstream().seen.reach != up {
			out = append(out, replicaID(above.node.Name))
		}
	}
	return out
}

// decoded are the steps after which no logical slot is left on a server of those that go: with one, and too low a wal_level in its
// file, it would not come up again if it crashed.
func (k settingsKind) decoded(s *server) []engine.StepID {
	var out []engine.StepID
	for _, l := range s.seen.live.Slots {
		id := slotID(s.node.Name, l.Name)
		declared := slotKind(k).slot(id)
		if l.Type == "logical" && (k.dropsFirst(s, l) || declared != nil && !declared.Logical) {
			out = append(out, engine.StepID{Do: "drop", On: id})
		}
	}
	return out
}

// written reports whether postgresql.auto.conf has the wanted value already, so that only the server has to take it.
func (s *server) written(name string) bool {
	file, there := s.seen.live.inAutoConf()[name]
	want, declared := s.settings()[name]
	return there && declared && equalSetting(s.describe(name), file, want.Value)
}
