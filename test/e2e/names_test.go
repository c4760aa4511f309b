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
