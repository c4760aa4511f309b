package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

const life = `
variable "image" { default = "postgres:16" }
variable "password" {
  sensitive = true
  default   = "first"
}
cluster "%" {
  image = var.image
  settings = {
    max_connections = 50
    work_mem        = "8MB"
  }
  hba = [
    "host replication replicator samenet scram-sha-256",
    "host all all samenet scram-sha-256",
  ]
}
role "replicator" {
  login       = true
  replication = true
}
role "app" {
  login    = true
  password = var.password
}
role "group" {}
master "%-a" {}
replica "%-b" {}
replica "%-c" { upstream = replica.%-b }
`

// TestALifeOfChanges takes one cluster through what a file can say, one change after the other, each proved on the servers.
func TestALifeOfChanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), life)
	c.apply()
	started := func(node string) string { return c.sql(node, "SELECT pg_postmaster_start_time()") }

	c.sub("a reload is only a reload", func(t *testing.T) {
		before := started("a")
		c.edit(`work_mem        = "8MB"`, `work_mem        = "12MB"`)
		r := c.apply("--deny=restart,recreate")
		contains(t, r.out, "work_mem  8MB -> 12MB  reload", "No restart, no data touched.")
		if c.sql("c", "SHOW work_mem") != "12MB" || started("a") != before {
			t.Error("work_mem is not in force, or a server was restarted")
		}
	})
	c.sub("another spelling of a value is no change", func(t *testing.T) {
		c.edit(`"12MB"`, `"12288kB"`)
		c.settled()
		c.edit(`"12288kB"`, `12288`)
		c.settled()
	})
	c.sub("a restart goes to the standbys first when a value rises", func(t *testing.T) {
		c.edit("max_connections = 50", "max_connections = 60")
		if r := c.want(3, "apply", "--auto-approve", "--deny=restart"); !strings.Contains(r.err, "refused by --deny: restart") {
			t.Errorf("%s", r)
		}
		c.apply()
		if !(started("c") < started("b") && started("b") < started("a")) {
			t.Errorf("order of restarts: c %s, b %s, a %s", started("c"), started("b"), started("a"))
		}
		c.replicated("a", "c")
	})
	c.sub("and to the primary first when it falls", func(t *testing.T) {
		c.edit("max_connections = 60", "max_connections = 30")
		c.apply()
		if !(started("a") < started("b") && started("b") < started("c")) {
			t.Errorf("order of restarts: a %s, b %s, c %s", started("a"), started("b"), started("c"))
		}
		c.replicated("a", "c")
	})
	c.sub("one that goes from the file, and was higher than the default, falls", func(t *testing.T) {
		c.edit("max_connections = 30", "max_connections = 30\n    max_wal_senders = 20")
		c.apply()
		c.edit("\n    max_wal_senders = 20", "")
		c.apply()
		if !(started("a") < started("b") && started("b") < started("c")) {
			t.Errorf("order of restarts: a %s, b %s, c %s", started("a"), started("b"), started("c"))
		}
		c.replicated("a", "c")
	})
	c.sub("a setting that goes is the default again", func(t *testing.T) {
		c.edit("work_mem        = 12288", "")
		contains(t, c.apply().out, "work_mem", "-> default")
		if got := c.sql("b", "SHOW work_mem"); got != "4MB" {
			t.Errorf("work_mem is %s", got)
		}
	})
	c.sub("a bad value is the server's own error at the line of the node, and mends", func(t *testing.T) {
		c.edit("max_connections = 30", "max_connections = 30\n    work_mem = \"lots\"")
		r := c.run("apply", "--auto-approve")
		if r.code != 6 && r.code != 65 {
			t.Errorf("wanted a failure: %s", r)
		}
		contains(t, r.err, "work_mem")
		c.edit("\n    work_mem = \"lots\"", "")
		c.apply()
	})
	c.sub("hba rules change, move and go", func(t *testing.T) {
		c.edit(`"host replication replicator`, `"host all group 10.0.0.0/8 reject",
    "host replication replicator`)
		contains(t, c.apply().out, "+     2  host  all          group       10.0.0.0/8", "(was 2)")
		if got := c.sql("c", "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'reject'"); got != "1" {
			t.Errorf("rejecting rules on c: %s", got)
		}
	})
	c.sub("role attributes and memberships", func(t *testing.T) {
		c.edit("  password = var.password\n", "  password = var.password\n  member_of = [role.group]\n  createdb = true\n  connection_limit = 3\n")
		c.apply()
		if got := c.sql("a", "SELECT rolcreatedb, rolconnlimit, pg_has_role('app', 'group', 'member') FROM pg_roles WHERE rolname = 'app'"); got != "t|3|t" {
			t.Errorf("app: %s", got)
		}
	})
	c.sub("a password that changes is seen, and never shown", func(t *testing.T) {
		stored := c.sql("a", "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
		c.apply()
		if now := c.sql("a", "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'"); now != stored {
			t.Error("an apply without a change wrote the verifier again")
		}
		c.env = append(c.env, "PGREPL_VAR_password=second")
		r := c.apply()
		contains(t, r.out, "password  changes (sensitive)")
		if strings.Contains(r.String(), "second") {
			t.Errorf("the password is shown: %s", r)
		}
		if out, err := c.login("app", "second"); err != nil {
			t.Errorf("login with the new password: %s", out)
		}
	})
	c.sub("a replica moves to another upstream", func(t *testing.T) {
		c.edit("replica \"%-c\" { upstream = replica.%-b }", "replica \"%-c\" {}")
		c.apply("--allow=slot")
		if got := c.sql("a", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"); got != "2" {
			t.Errorf("the master serves %s standbys", got)
		}
		if got := c.sql("b", "SELECT count(*) FROM pg_replication_slots"); got != "0" {
			t.Errorf("slots left on b: %s", got)
		}
	})
	c.sub("memory changes in place, a port takes a new container around the same data", func(t *testing.T) {
		before := started("b")
		c.edit(`replica "%-b" {}`, `replica "%-b" { memory = "256MB" }`)
		c.apply("--deny=restart,recreate")
		if started("b") != before {
			t.Error("b was restarted")
		}
		c.edit(`{ memory = "256MB" }`, `{ shm_size = "96MB" }`)
		contains(t, c.apply().out, "! recreate replica."+c.name("b"))
		c.replicated("a", "b")
	})
	c.sub("a role that goes, and one that owns something", func(t *testing.T) {
		c.sql("a", "CREATE SCHEMA app AUTHORIZATION app")
		c.edit("role \"app\" {", "role \"app2\" {")
		contains(t, c.want(3, "apply", "--auto-approve").err, "role app is dropped; what it owns (1 object) goes to postgres", "--allow=role:role.app")
		c.apply("--allow=role")
		if got := c.sql("a", "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'app'"); got != "postgres" {
			t.Errorf("the schema belongs to %s", got)
		}
	})
	c.sub("a replica that goes is data that goes", func(t *testing.T) {
		c.edit("replica \"%-c\" {}", "")
		contains(t, c.want(3, "apply", "--auto-approve").err, "volume "+c.name("c")+" is deleted", "--allow=data:replica."+c.name("c"))
		c.apply("--allow=data:replica." + c.name("c"))
		if got := c.sql("a", "SELECT count(*) FROM pg_replication_slots"); got != "1" {
			t.Errorf("slots on a: %s", got)
		}
	})
	c.sub("destroy keeps the volumes, and the same file attaches them again", func(t *testing.T) {
		r := c.want(0, "destroy", "--auto-approve")
		contains(t, r.err, "Volumes kept", c.name("a"), c.name("b"))
		c.apply()
		c.replicated("a", "b")
		c.want(0, "destroy", "--auto-approve", "--allow=data")
		c.nothingLeft()
	})
}

// login logs in from another node over the network, as an application would.
func (c *cluster) login(role, password string) (string, error) {
	out, err := exec.Command("docker", "exec", "-u", "postgres", "-e", "PGPASSWORD="+password, c.name("b"), "psql", "-X", "-w", "-h", c.name("a"), "-U", role, "-d", "postgres", "-c", "SELECT 1").CombinedOutput()
	return string(out), err
}
