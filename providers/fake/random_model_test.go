package fake_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// block is one block of a random file: its first line, and the lines in it.
type block struct {
	head string
	body []string
}

func (b *block) say(format string, args ...any) {
	b.body = append(b.body, fmt.Sprintf(format, args...))
}

func (b block) String() string {
	return b.head + " {\n" + strings.Join(b.body, "\n") + "\n}\n"
}

// write puts blocks into the text of a file.
func write(blocks []block) string {
	var out strings.Builder
	for _, b := range blocks {
		out.WriteString(b.String())
	}
	return out.String()
}

// draw makes one random file, block by block. The names are few, so that two files have much in common.
type draw struct {
	*rapid.T
	blocks []block
	level  string // wal_level
}

func (d *draw) one(what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(d.T, what)
}

// likely is true so many times of ten; a smaller example has less in it.
func (d *draw) likely(what string, of10 int) bool {
	return rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).Draw(d.T, what) >= 10-of10
}

func (d *draw) some(what string, from []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(s string) bool { return !d.likely(what+" "+s, 5) })
}

// declared is a whole random cluster that the language takes: a master named db, up to four replicas in cascades, roles with
// memberships, databases, slots, settings, rules, networks, ports, and commits that wait.
func declared(t *rapid.T) []block {
	d := &draw{T: t, level: rapid.SampledFrom([]string{"replica", "logical"}).Draw(t, "wal_level")}
	replicas := rapid.Permutation([]string{"ra", "rb", "rc", "rd"}).Draw(t, "replicas")[:rapid.IntRange(0, 4).Draw(t, "how many")]
	network := d.network()
	roles := d.roles()
	databases := d.databases(roles)
	slots := d.slots(databases)
	direct := d.nodes(replicas, network, slots)
	d.cluster(direct)
	return d.blocks
}

func (d *draw) add(b block) { d.blocks = append(d.blocks, b) }

func (d *draw) cluster(direct []string) {
	b := block{head: `cluster "shop"`}
	b.say("  image = %q", d.one("image", "postgres:16", "postgres:16.4"))
	if d.likely("labels of all", 2) { // the networks' as well, which are made anew for it
		b.say("  labels = { team = %q }", d.one("team", "dba", "shop"))
	}
	b.say("  settings = {")
	b.say("    wal_level = %q", d.level)
	for _, s := range sizes[d.one("size", "usual", "small", "large", "wide", "deep")] {
		b.say("    %s", s)
	}
	for _, s := range d.some("cluster setting", []string{"shared_buffers", "work_mem", "log_lock_waits"}) {
		b.say("    %s", d.setting(s))
	}
	b.say("  }")
	if d.likely("hba", 5) {
		b.say("  hba = [")
		for _, rule := range d.some("rule", []string{"host all reader 10.0.0.0/8 reject", "local all all peer", "host shop all samenet md5"}) {
			b.say("    %q,", rule)
		}
		b.say("    %q,", "host all,replication all samenet scram-sha-256")
		b.say("  ]")
	}
	if len(direct) > 0 && d.likely("synchronous", 5) {
		members := rapid.Permutation(direct).Draw(d.T, "members")[:rapid.IntRange(1, len(direct)).Draw(d.T, "how many members")]
		b.say("  synchronous {")
		b.say("    mode     = %q", d.one("mode", "first", "any"))
		b.say("    count    = %d", rapid.IntRange(1, len(members)).Draw(d.T, "count"))
		b.say("    replicas = [replica.%s]", strings.Join(members, ", replica."))
		b.say("  }")
	}
	d.add(b)
}

// sizes are what a standby must not have less of than its primary: from one to another all of it rises, or falls, or both.
var sizes = map[string][]string{
	"small": {"max_connections = 50"},
	"large": {"max_connections = 200", "max_worker_processes = 12", "max_wal_senders = 16"},
	"wide":  {"max_connections = 300", "max_worker_processes = 6"},
	"deep":  {"max_connections = 40", "max_worker_processes = 16", "max_locks_per_transaction = 128"},
}

// setting is one with a value.
func (d *draw) setting(name string) string {
	values := map[string][]string{"shared_buffers": {`"64MB"`, `"256MB"`}, "work_mem": {`"4MB"`, `"8MB"`, `"32MB"`}, "log_lock_waits": {"true", "false"}}[name]
	return name + " = " + d.one(name, values...)
}

func (d *draw) network() string {
	name := d.one("network", "", "north", "south")
	if name == "" {
		return ""
	}
	b := block{head: fmt.Sprintf("network %q", name)}
	if name == "north" {
		b.say("  internal = %s", d.one("internal", "true", "false"))
	}
	if name == "south" {
		b.say("  subnet = %q", "172.30.0.0/16")
	}
	d.add(b)
	return "network." + name
}

var replicating = []string{"copier", "replicator"}

func (d *draw) roles() []string {
	for _, name := range replicating {
		b := block{head: fmt.Sprintf("role %q", name), body: []string{"  login = true", "  replication = true"}}
		if d.likely("password of "+name, 3) {
			b.say("  password = %q", d.one("password", "one", "two"))
		}
		d.add(b)
	}
	names := d.some("role", []string{"app", "group", "reader"})
	for i, name := range names {
		b := block{head: fmt.Sprintf("role %q", name)}
		for _, a := range d.some(name, []string{"login = true", "createdb = true", "superuser = true", "inherit = false", "connection_limit = 3", `valid_until = "2040-01-01"`, `settings = { work_mem = "8MB" }`}) {
			b.say("  %s", a)
		}
		if d.likely("password of "+name, 5) {
			b.say("  password = %q", d.one("password", "one", "two"))
		}
		var groups []string
		for _, g := range d.some("groups of "+name, names[:i]) {
			groups = append(groups, "role."+g)
		}
		if d.likely("monitor", 3) {
			groups = append(groups, `"pg_monitor"`)
		}
		if len(groups) > 0 {
			b.say("  member_of = [%s]", strings.Join(groups, ", "))
		}
		d.add(b)
	}
	return names
}

func (d *draw) databases(roles []string) []string {
	names := d.some("database", []string{"sales", "shop"})
	for _, name := range names {
		b := block{head: fmt.Sprintf("database %q", name)}
		if owner := d.one("owner", append([]string{""}, roles...)...); owner != "" {
			b.say("  owner = role.%s", owner)
		}
		if d.likely("limit", 5) {
			b.say("  connection_limit = %s", d.one("limit", "3", "9"))
		}
		d.add(b)
	}
	return names
}

// slots are those of consumers, and for replicas; the second are returned.
func (d *draw) slots(databases []string) []string {
	if d.likely("archive", 3) {
		d.add(block{head: `slot "archive"`})
	}
	if d.level == "logical" && len(databases) > 0 && d.likely("cdc", 6) {
		d.add(block{head: `slot "cdc"`, body: []string{`  type = "logical"`, `  plugin = "pgoutput"`, "  database = database." + d.one("database of cdc", databases...)}})
	}
	return d.some("slot of a replica", []string{"spare_one", "spare_two"})
}

// nodes makes the master and the replicas, each below the master or one before it; it returns those that may be waited for.
func (d *draw) nodes(replicas []string, network string, slots []string) (direct []string) {
	ports := rapid.Permutation([]string{"", "", "", "5432", "5433", "5434"}).Draw(d.T, "ports") // often another's
	upstreams := []string{"db"}
	for i, name := range append([]string{"db"}, replicas...) {
		b := block{head: fmt.Sprintf("replica %q", name)}
		upstream, late := "db", false
		if i == 0 {
			b.head = fmt.Sprintf("master %q", name)
		} else {
			upstream = d.one("upstream of "+name, upstreams...)
			late = d.link(&b, upstream, &slots)
		}
		if network != "" {
			b.say("  network = %s", network)
		}
		if ports[i] != "" {
			b.say("  port = %s", ports[i])
		}
		if more := d.node(&b, i == 0); i > 0 && !more { // who follows may not have less
			upstreams = append(upstreams, name)
		}
		d.add(b)
		if i > 0 && upstream == "db" && !late {
			direct = append(direct, name)
		}
	}
	for _, left := range slots {
		d.add(block{head: fmt.Sprintf("slot %q", left)})
	}
	return direct
}

// link is how a replica follows; late reports whether on purpose behind.
func (d *draw) link(b *block, upstream string, slots *[]string) (late bool) {
	b.say("  role = role.%s", d.one("role", replicating...))
	if upstream != "db" {
		b.say("  upstream = replica.%s", upstream)
	}
	if len(*slots) > 0 && d.likely("slot", 5) {
		slot := block{head: fmt.Sprintf("slot %q", (*slots)[0])}
		if upstream != "db" {
			slot.say("  upstream = replica.%s", upstream)
		}
		d.add(slot)
		b.say("  slot = slot.%s", (*slots)[0])
		*slots = (*slots)[1:]
	}
	if late = d.likely("delay", 2); late {
		b.say("  delay = %q", d.one("delay", "1h", "30min"))
	}
	return late
}

// node is what every node can have; more reports whether it is a standby with more than its primary of what it may not have
// less of. A container that is made anew may change everything at once.
func (d *draw) node(b *block, master bool) (more bool) {
	for _, a := range d.some("attribute", []string{`memory = "1GB"`, "cpus = 2", `shm_size = "128MB"`, `env = { TZ = "UTC" }`, `labels = { team = "dba" }`, `restart = "always"`, "stop_timeout = 60"}) {
		if d.likely("take it", 4) {
			b.say("  %s", a)
		}
	}
	if d.likely("image of its own", 2) {
		b.say("  image = %q", d.one("image", "postgres:16", "postgres:16.4"))
	}
	own := d.some("own setting", []string{"shared_buffers", "work_mem", "log_lock_waits"})
	more = !master && d.likely("more than the master", 2)
	if len(own) == 0 || !d.likely("own settings", 4) {
		own = nil
	}
	if len(own) == 0 && !more {
		return false
	}
	b.say("  settings = {")
	if more {
		b.say("    max_connections = %s", d.one("max_connections", "400", "500"))
	}
	for _, s := range own {
		if !master && d.likely("null", 3) {
			b.say("    %s = null", s)
			continue
		}
		b.say("    %s", d.setting(s))
	}
	b.say("  }")
	return more
}
