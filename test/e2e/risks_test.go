package e2e

import (
	"strings"
	"testing"
)

// healthy is a cluster about which no rule has anything to say; each risk adds something to one of its blocks.
const healthy = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image = var.image
  CLUSTER
}
master "%-a" {
  MASTER
}
replica "%-b" {
  REPLICA
}
`

// risk is something that one rule is about: a change of the file, or of the cluster behind its back, and what undoes that.
type risk struct {
	code, name               string
	cluster, master, replica string // added to these blocks
	extra                    string // added to the file
	do, undo                 func()
	args                     []string // of plan
	words                    []string
}

// judged fails unless the plan names the code while the risk is there, and only then. Where the rule refuses, so does apply.
func (c *cluster) judged(r risk) {
	c.sub(r.code+" "+r.name, func(t *testing.T) {
		if r.do != nil {
			r.do()
		}
		c.write(strings.NewReplacer("CLUSTER", r.cluster, "MASTER", r.master, "REPLICA", r.replica).Replace(healthy) + r.extra)
		got := c.run(append([]string{"plan"}, r.args...)...)
		contains(t, got.out+got.err, append(r.words, "["+r.code+"]")...)
		if r.undo != nil {
			r.undo()
		}
		c.write(strings.NewReplacer("CLUSTER", "", "MASTER", "", "REPLICA", "").Replace(healthy))
		c.silent(r.code)
	})
}

// silent fails where a plan names one of the codes.
func (c *cluster) silent(codes ...string) {
	c.t.Helper()
	r := c.run("plan")
	for _, code := range codes {
		if strings.Contains(r.out+r.err, code) {
			c.t.Errorf("%s is said:\n%s", code, r)
		}
	}
}

// shell runs a script in a node as the server's user.
func (c *cluster) shell(node, script string) string {
	c.t.Helper()
	return c.docker("exec", "-u", "postgres", c.name(node), "sh", "-euc", "cd /var/lib/postgresql; "+script)
}

// derived makes an image that says of itself to be another build of PostgreSQL's own.
func (c *cluster) derived(from, version string) string {
	c.t.Helper()
	name := "pgrepl-test/derived:" + strings.ReplaceAll(version, "+", "-") + "-" + c.prefix
	c.docker("create", "--name", c.name("derived"), from, "true")
	c.docker("commit", "--change", "ENV PG_VERSION="+version, c.name("derived"), name)
	c.docker("rm", c.name("derived"))
	c.t.Cleanup(func() { c.docker("image", "rm", "-f", name) })
	return name
}

// wrote has a server have written some WAL for ten minutes.
func (c *cluster) wrote(node string) {
	c.t.Helper()
	for range 3 {
		c.sql(node, "SELECT pg_logical_emit_message(false, 'x', 'x')")
		c.sql(node, "SELECT pg_switch_wal()")
	}
	c.shell(node, "cd pgdata/pg_wal; touch -d '10 minutes ago' $(ls | grep -E '^[0-9A-F]{24}$' | head -n 1)")
}

// TestRisks lets rules be given by a real cluster, each alone, and no more when its cause is gone.
func TestRisks(t *testing.T) {
	t.Parallel()
	bare := newCluster(t, usualImage(t), "")
	bookworm := bare.derived(usualImage(t), "17.2-1.pgdg120+1")
	trixie := bare.derived(usualImage(t), "17.6-1.pgdg130+2")
	c := newCluster(t, bookworm, strings.NewReplacer("CLUSTER", "", "MASTER", "", "REPLICA", "").Replace(healthy))
	c.apply()
	c.silent("PGR")
	sql := func(node string, queries ...string) func() {
		return func() {
			for _, q := range queries {
				c.sql(node, q)
			}
		}
	}
	shell := func(node, script string) func() { return func() { c.shell(node, script) } }
	const aSlot = "SELECT pg_create_physical_replication_slot('idle', true)"
	const noSlot = "SELECT pg_drop_replication_slot('idle')"
	limited := []string{"ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'", "SELECT pg_reload_conf()"}
	unlimited := []string{"ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()"}
	hba := func(rules ...string) string { // and the one by which the standby streams
		return `hba = ["` + strings.Join(append(rules, "host replication replicator samenet scram-sha-256"), `", "`) + `"]`
	}
	const third = "replica \"%-c\" {}\n"
	const huge, notHuge = "truncate -s 4T pgdata/base/5/4294967290", "rm pgdata/base/5/4294967290"

	for _, r := range []risk{
		{code: "PGR202", name: "an archive without a command", cluster: `settings = { archive_mode = "on" }`, words: []string{"no archive_command"}},
		{code: "PGR203", name: "commits that are lost", cluster: `settings = { synchronous_commit = "off" }`, words: []string{"loses the latest commits"}},
		{code: "PGR236", name: "a role whose commits wait for nobody", cluster: "synchronous {\n    replicas = [replica.%-b]\n  }",
			do:   sql("a", "CREATE ROLE careless; ALTER ROLE careless SET synchronous_commit = off"),
			undo: sql("a", "DROP ROLE careless"), words: []string{"synchronous_commit is off for role careless"}},
		{code: "PGR237", name: "a limit that the disk reaches first", cluster: `settings = { max_slot_wal_keep_size = "1000TB" }`, words: []string{"more than the disk of", " free)"}},
		{code: "PGR261", name: "a member of nothing", extra: "role \"app\" {\n  member_of = [\"nobodys\"]\n}\n", words: []string{`"nobodys", and there is no such role`}},
		{code: "PGR263", name: "more CPUs than there are", replica: "cpus = 512", words: []string{"asks for 512 CPUs"}},
		{code: "PGR264", name: "more memory than there is", replica: `memory = "900TB"`, words: []string{"is no limit"}},
		{code: "PGR265", name: "an image of another system", replica: `image = "` + trixie + `"`, words: []string{"is built on Debian 13, the one before on Debian 12"}},
		{code: "PGR266", name: "queries that need more /dev/shm", cluster: `settings = { work_mem = "64MB" }`, words: []string{"384 MB of /dev/shm, which has 64 MB"}},
		{code: "PGR280", name: "somebody who is locked out", cluster: hba(), words: []string{"loses"}},
		{code: "PGR281", name: "open to the world", cluster: hba("host all all all scram-sha-256"), words: []string{"! warning"}},
		{code: "PGR282", name: "a rule behind another", cluster: hba("host all all samenet scram-sha-256", "host postgres all samenet md5"), words: []string{"never matches"}},
		{code: "PGR283", name: "somebody who is let in", cluster: hba("host all all samenet scram-sha-256", "host all all 10.9.0.0/16 scram-sha-256"), words: []string{"! note"}},
		{code: "PGR284", name: "rules that only the server can read", cluster: hba("host @names all samenet scram-sha-256"), words: []string{"in part only"}},
		{code: "PGR227", name: "a file that it would not start with", do: shell("a", "echo 'nonsense = 1' >> pgdata/postgresql.conf"), undo: shell("a", "sed -i '$d' pgdata/postgresql.conf"),
			words: []string{"would not start again"}},
		{code: "PGR262", name: "the same, and a reload", cluster: `settings = { work_mem = "8MB" }`, do: shell("a", "echo 'nonsense =' >> pgdata/postgresql.conf"),
			undo: shell("a", "sed -i '$d' pgdata/postgresql.conf"), words: []string{"would not take its files"}},
		{code: "PGR223", name: "a login that is refused", do: shell("a", "cp pgrepl/credential /tmp/good; echo wrong > pgrepl/credential"), undo: shell("a", "cp /tmp/good pgrepl/credential"),
			words: []string{"does not let the management role"}},
		{code: "PGR242", name: "a rebuild that was begun", do: shell("b", "echo what the master does not have > pgrepl/rebuild"), undo: shell("b", "rm pgrepl/rebuild"),
			words: []string{"was begun and not finished"}},
		{code: "PGR244", name: "another receiver by the name of the standby", do: func() {
			c.shell("b", "mkdir /tmp/wal; nohup pg_receivewal -n -D /tmp/wal -d '"+strings.ReplaceAll(c.sql("b", "SHOW primary_conninfo"), "'", `'\''`)+"' >/tmp/wal.log 2>&1 & echo $! > /tmp/wal.pid")
			c.eventually("it streams", func() bool { return c.sql("a", "SELECT count(*) FROM pg_stat_replication") == "2" })
		}, undo: func() {
			c.shell("b", "kill $(cat /tmp/wal.pid)")
			c.eventually("it is gone", func() bool { return c.sql("a", "SELECT count(*) FROM pg_stat_replication") == "1" })
		}, words: []string{"2 receivers stream from " + c.name("a") + " as " + c.name("b")}},
		{code: "PGR201", name: "a slot that nobody reads", do: func() { c.sql("a", aSlot); c.wrote("a") }, undo: sql("a", noSlot),
			words: []string{"slot idle on " + c.name("a") + " holds WAL and nothing reads it (about ", " MiB an hour more; the disk is full in "}},
		{code: "PGR238", name: "a slot that is about to be lost", do: func() {
			sql("a", append(limited, aSlot)...)()
			c.wrote("a")
		}, undo: sql("a", append(unlimited, noSlot)...), words: []string{"slot idle on " + c.name("a") + " is beyond max_slot_wal_keep_size", "it is lost in less than 1 min"}},
		{code: "PGR208", name: "a copy of all data", extra: third, words: []string{"all data is copied from master." + c.name("a") + " (about 32 MiB, less than 1 min)"}},
		{code: "PGR209", name: "a copy that does not fit", extra: third, do: shell("a", huge), undo: shell("a", notHuge), words: []string{"about 8 TiB, about 1 day", "larger than the room that its disk has left"}},
		{code: "PGR239", name: "a copy that outlasts its WAL", extra: third, do: func() { shell("a", huge)(); sql("a", limited...)(); c.wrote("a") },
			undo: func() { shell("a", notHuge)(); sql("a", unlimited...)() }, words: []string{"lasts less long than the copy takes"}},
	} {
		c.judged(r)
	}
	c.settled()

	c.sub("PGR321 a file that it would not start with, after an apply", func(t *testing.T) {
		c.write(strings.NewReplacer("CLUSTER", "", "MASTER", "", "REPLICA", "").Replace(healthy) + "role \"app\" {}\n")
		c.shell("b", "echo 'nonsense = 1' >> pgdata/postgresql.conf")
		contains(t, c.want(6, "apply", "--auto-approve").err, "[PGR321]")
		c.shell("b", "sed -i '$d' pgdata/postgresql.conf")
		c.settled()
	})
	back := func(node string) {
		c.docker("restart", c.name(node))
		c.eventually(node+" answers", func() bool { _, err := c.trySQL(node, "postgres", "SELECT 1"); return err == nil })
	}
	c.judged(risk{code: "PGR222", name: "a master in recovery", do: func() { c.shell("a", "touch pgdata/standby.signal"); back("a") },
		undo: func() { c.shell("a", "rm pgdata/standby.signal"); back("a") }, words: []string{"is in recovery: its data is a standby's"}})
	b := "replica." + c.name("b")
	fork := func() { // on a timeline of its own
		if c.sql("b", "SELECT timeline_id FROM pg_control_checkpoint()") == "1" {
			c.sql("b", "SELECT pg_promote()")
			c.shell("b", "touch pgdata/standby.signal")
			back("b")
		}
	}
	c.sub("PGR226 a replica that has followed another primary", func(t *testing.T) {
		fork()
		c.refuses("[PGR226]", b+" is in recovery on timeline 2")
	})
	c.sub("PGR241 data from before two rebuilds", func(t *testing.T) {
		fork()
		c.shell("b", "mkdir pgdata.old; cp pgdata/PG_VERSION pgdata.old")
		contains(t, c.want(1, "plan", "--rebuild", b, "--allow=data").err, "[PGR241]", "holds data from before an earlier rebuild")
		c.shell("b", "rm -r pgdata.old")
		if r := c.want(3, "plan", "--detailed-exitcode", "--rebuild", b); strings.Contains(r.out+r.err, "PGR241") {
			t.Errorf("there is one only:\n%s", r)
		}
		c.apply("--rebuild", b, "--allow=data")
		c.replicated("a", "b")
		c.silent("PGR")
	})
}
