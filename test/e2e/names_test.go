package e2e

import (
	"strings"
	"testing"
)

const named = `
variable "image" { default = "postgres:16" }
cluster "%" { image = var.image }
role "replicator" {
  login       = true
  replication = true
}
role "app" {
  login    = true
  password = "first"
}
role "reader" { member_of = [role.app] }
database "shop" { owner = role.app }
slot "archive" {}
master "%-a" {}
replica "%-b" { slot = slot.one }
slot "one" {}
`

// TestOtherNames renames what can be renamed in place: nothing is made anew, nothing loses its position, its password or
// what it owns, and no standby stops for it.
func TestOtherNames(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, image string) {
		c := newCluster(t, image, named)
		c.apply()
		verifiers := c.sql("a", "SELECT string_agg(rolpassword, ' ' ORDER BY rolpassword) FROM pg_authid WHERE rolname IN ('app', 'replicator')")
		oid := c.sql("a", "SELECT oid FROM pg_database WHERE datname = 'shop'")
		started := c.sql("b", "SELECT pg_postmaster_start_time()")
		position := c.sql("a", "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'archive'")
		c.edit(`role "replicator" {`, "role \"streamer\" {\n  renamed_from = \"replicator\"")
		c.edit(`role "app" {`, "role \"owner\" {\n  renamed_from = \"app\"")
		c.edit(`[role.app]`, `[role.owner]`)
		c.edit(`database "shop" { owner = role.app }`, "database \"store\" {\n  owner = role.owner\n  renamed_from = \"shop\"\n}")
		c.edit(`slot "archive" {}`, `slot "vault" { renamed_from = "archive" }`)
		c.edit(`slot "one" {}`, `slot "two" { renamed_from = "one" }`)
		c.edit(`slot.one`, `slot.two`)
		c.apply()
		c.settled()
		c.replicated("a", "b")
		for query, want := range map[string]string{
			"SELECT string_agg(rolpassword, ' ' ORDER BY rolpassword) FROM pg_authid WHERE rolname IN ('owner', 'streamer')":     verifiers,
			"SELECT oid FROM pg_database WHERE datname = 'store'":                                                                oid,
			"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'store'":                                            "owner",
			"SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'vault'":                                             position,
			"SELECT string_agg(slot_name, ' ' ORDER BY slot_name) FROM pg_replication_slots":                                     "two vault",
			"SELECT usename FROM pg_stat_replication":                                                                            "streamer",
			"SELECT string_agg(roleid::regrole::text, ' ') FROM pg_auth_members WHERE member = 'reader'::regrole":                "owner",
			"SELECT count(*) FROM pg_roles WHERE rolname IN ('app', 'replicator')":                                               "0",
			"SELECT string_agg(kind || ' ' || name, ', ' ORDER BY kind, name) FROM pgrepl.object WHERE name NOT IN ('postgres')": "database store, role owner, role reader, role streamer, slot two, slot vault",
		} {
			if got := c.sql("a", query); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		if got := c.sql("b", "SELECT pg_postmaster_start_time()"); got != started {
			t.Errorf("the standby was restarted")
		}
	})
}

// TestARemovedBlockLetsGo: what a removed block names is no longer managed and stays as it is, and what is protected is not
// destroyed.
func TestARemovedBlockLetsGo(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), named)
	c.apply()
	c.edit(`role "reader" { member_of = [role.app] }`, "removed {\n  from    = role.reader\n  destroy = false\n}")
	c.edit(`database "shop" { owner = role.app }`, "removed {\n  from    = database.shop\n  destroy = false\n}")
	c.edit(`slot "archive" {}`, "removed {\n  from    = slot.archive\n  destroy = false\n}")
	c.edit(`replica "%-b" { slot = slot.one }`, "removed {\n  from    = replica.%-b\n  destroy = false\n}")
	c.edit(`master "%-a" {}`, `master "%-a" { protect = true }`)
	c.apply()
	c.settled()
	c.replicated("a", "b")
	c.docker("restart", c.name("b")) // it still gets in
	c.replicated("a", "b")
	if got := c.sql("a", "SELECT string_agg(kind || ' ' || name, ', ' ORDER BY kind, name) FROM pgrepl.object WHERE name NOT IN ('postgres')"); got != "role app, role replicator, slot one" {
		t.Errorf("the ledger has %s", got)
	}
	for _, refuses := range [][]string{{"destroy", "--auto-approve"}, {"destroy", "--auto-approve", "--allow=data"}} {
		if r := c.want(1, refuses...); !strings.Contains(r.err, "[PGR229]") || !strings.Contains(r.err, "protect = true") {
			t.Errorf("%v says\n%s", refuses, r.err)
		}
	}
	for _, gone := range []string{"role.reader", "database.shop", "slot.archive"} { // the blocks have done their work
		c.edit("removed {\n  from    = "+gone+"\n  destroy = false\n}\n", "")
	}
	c.settled()
	c.edit(" { protect = true }", " {}")
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	if left := c.objects(); !strings.Contains(left, c.name("b")) || strings.Contains(left, c.name("a")) {
		t.Errorf("left behind: %s", left)
	}
}

// TestOtherNamesOfNodes gives every node another name, one after the other and then all at once: new containers around the same
// data, and the volumes keep their names.
func TestOtherNamesOfNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), `
variable "image" { default = "postgres:16" }
cluster "%" { image = var.image }
master "%-a" {}
replica "%-b" {}
replica "%-c" { upstream = replica.%-b }
`)
	c.apply()
	c.sql("a", "CREATE TABLE kept AS SELECT 1 AS one")
	system := c.sql("a", "SELECT system_identifier FROM pg_control_system()")
	holds := func(primary string, standbys ...string) {
		t.Helper()
		c.settled()
		for _, s := range append(standbys, primary) {
			if got := c.sql(s, "SELECT one FROM kept") + " " + c.sql(s, "SELECT system_identifier FROM pg_control_system()"); got != "1 "+system {
				t.Errorf("%s holds %s", s, got)
			}
		}
		for _, s := range standbys {
			c.replicated(primary, s)
		}
		if got := c.docker("volume", "ls", "-q", "--filter", "name="+c.prefix); len(strings.Fields(got)) != 3 {
			t.Errorf("volumes: %s", got)
		}
	}
	c.edit(`replica "%-b" {}`, "replica \"%-mid\" { renamed_from = \"%-b\" }")
	c.edit(`upstream = replica.%-b`, `upstream = replica.%-mid`)
	c.apply()
	holds("a", "mid", "c")
	c.edit(`master "%-a" {}`, "master \"%-top\" { renamed_from = \"%-a\" }")
	c.apply()
	holds("top", "mid", "c")
	c.write(`
variable "image" { default = "postgres:16" }
cluster "%" { image = var.image }
master "%-1" {
  renamed_from = "%-top"
  volume       = "%-a"
}
replica "%-2" {
  renamed_from = "%-mid"
  volume       = "%-b"
}
replica "%-3" {
  upstream     = replica.%-2
  renamed_from = "%-c"
}
`)
	c.apply()
	holds("1", "2", "3")
	marks := c.sql("1", "SELECT string_agg(node || ' ' || name || ' ' || consumer, ', ' ORDER BY name) FROM pgrepl.object WHERE kind = 'slot'")
	under := strings.ReplaceAll(c.prefix, "-", "_")
	if want := c.name("1") + " " + under + "_2 " + c.name("2") + ", " + c.name("2") + " " + under + "_3 " + c.name("3"); marks != want {
		t.Errorf("the ledger has %s, want %s", marks, want)
	}
	if left := c.objects(); strings.Contains(left, "container "+c.name("a")) || strings.Contains(left, "mid") {
		t.Errorf("left behind: %s", left)
	}
}
