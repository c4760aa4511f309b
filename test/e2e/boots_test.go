package e2e

import (
	"strings"
	"testing"
)

// TestWhatWouldNotStartIsRefused asks for what a server does not start with. Nothing moves.
func TestWhatWouldNotStartIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), `
variable "image" { default = "postgres:16" }
cluster "%" {
  image    = var.image
  settings = { wal_level = "logical" }
}
database "shop" {}
slot "cdc" {
  type     = "logical"
  plugin   = "pgoutput"
  database = database.shop
}
master "%-a" {}
replica "%-b" {}
`)
	c.apply()
	started := func() string {
		return c.sql("a", "SELECT pg_postmaster_start_time()") + c.sql("b", "SELECT pg_postmaster_start_time()")
	}
	before := started()
	refused := func(settings, code string, words ...string) {
		c.t.Helper()
		c.edit(`settings = { wal_level = "logical" }`, `settings = { `+settings+` }`)
		r := c.want(1, "plan")
		contains(c.t, r.err, append(words, "["+code+"]")...)
		c.want(1, "apply", "--auto-approve")
		c.edit(`settings = { `+settings+` }`, `settings = { wal_level = "logical" }`)
		c.silent(code)
	}
	c.sub("PGR235 a library that is not there", func(t *testing.T) {
		refused(`wal_level = "logical", shared_preload_libraries = "auto_explain, pg_stat_statments"`, "PGR235", `names the library "pg_stat_statments", which master.`+c.name("a")+" does not have")
		refused(`wal_level = "logical", session_preload_libraries = "$libdir/nothing"`, "PGR235", `$libdir/nothing`)
	})
	c.sub("PGR233 fewer slots than there are", func(t *testing.T) {
		c.sql("a", "SELECT pg_create_physical_replication_slot('one', true), pg_create_physical_replication_slot('two', true)")
		refused(`wal_level = "logical", max_replication_slots = 3`, "PGR233", "4 slots stand on it", "one", "two")
		contains(t, c.want(0, "plan").out, "slot one on "+c.name("a")+" holds WAL and nothing reads it (about ")
	})
	c.sub("PGR234 a logical slot of somebody's", func(t *testing.T) {
		c.sql("a", "SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')")
		c.edit("slot \"cdc\" {\n  type     = \"logical\"\n  plugin   = \"pgoutput\"\n  database = database.shop\n}\n", "")
		c.edit(`settings = { wal_level = "logical" }`, `settings = {}`)
		r := c.want(1, "plan")
		contains(t, r.err, "logical slots stand on it (theirs)", "[PGR234]")
		c.sql("a", "SELECT pg_drop_replication_slot('theirs')")
		c.silent("PGR234")
	})
	if started() != before {
		t.Error("a server restarted")
	}
	c.sub("one of the file's goes before the server restarts with less", func(t *testing.T) {
		c.apply("--allow=slot:slot.cdc")
		if got := c.sql("a", "SHOW wal_level"); got != "replica" {
			t.Errorf("wal_level is %s", got)
		}
	})
	c.sub("a role's own value of a declared setting", func(t *testing.T) {
		c.edit(`settings = {}`, `settings = { synchronous_commit = "on" }`)
		c.apply()
		c.sql("a", "CREATE ROLE careless; ALTER ROLE careless SET synchronous_commit = off")
		c.sql("a", "ALTER DATABASE shop SET synchronous_commit = local")
		contains(t, strings.Join(strings.Fields(c.want(0, "plan").out), " "), "Standing: synchronous_commit is off for role careless, whatever the file says [PGR236]",
			"synchronous_commit is local for everybody in database shop")
	})
}
