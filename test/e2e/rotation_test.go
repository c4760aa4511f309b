package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const rotated = `
variable "image" { default = "postgres:16" }
variable "copier" {
  sensitive = true
  default   = "the first"
}
variable "chief" {
  sensitive = true
  default   = "chief one"
}
cluster "%" {
  image = var.image
  superuser { password = var.chief }
}
role "copier" {
  login       = true
  replication = true
  password    = var.copier
}
master "%-a" {}
replica "%-b" {}
replica "%-c" { upstream = replica.%-b }
`

// TestTheReplicationPasswordChanges: the new verifier, the passfiles, then one standby after the other logs in. A standby that
// cannot is a reason to go back.
func TestTheReplicationPasswordChanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), rotated)
	c.apply()
	kept := func() string {
		return c.sql("a", "SELECT count(*) FROM pgrepl.object WHERE kind = 'rotation'")
	}
	passfile := func(node string) string {
		return c.docker("exec", c.name(node), "cat", "/var/lib/postgresql/pgrepl/passfile")
	}
	streams := func() {
		t.Helper()
		for upstream, standby := range map[string]string{"a": "b", "b": "c"} {
			if got := c.sql(upstream, "SELECT state FROM pg_stat_replication"); got != "streaming" {
				t.Errorf("%s is %q", standby, got)
			}
		}
	}
	c.sub("every standby logs in with the new one", func(t *testing.T) {
		began := c.sql("a", "SELECT backend_start FROM pg_stat_replication")
		c.env = append(c.env, "PGREPL_VAR_copier=the second")
		r := c.apply()
		contains(t, r.out, "alter role copier (password)", "write passfile, log in with the new password", "forget the old password of role copier", "No restart")
		if strings.Contains(r.String(), "the second") {
			t.Error("the password is shown")
		}
		if now := c.sql("a", "SELECT backend_start FROM pg_stat_replication"); now <= began {
			t.Error("the standby did not log in afresh")
		}
		contains(t, passfile("b")+passfile("c"), ":copier:the second")
		streams()
		if kept() != "0" {
			t.Error("the old verifier is still there")
		}
	})
	c.sub("together with one parameter that rises and one that falls, which gives standbys two turns", func(t *testing.T) {
		c.edit("  image = var.image\n", "  image = var.image\n  settings = { max_connections = 60, max_wal_senders = 20 }\n")
		c.env[1] = "PGREPL_VAR_copier=in between"
		contains(t, c.apply().out, "5 restarts.", "forget the old password of role copier")
		streams()
		c.edit("  settings = { max_connections = 60, max_wal_senders = 20 }\n", "")
		c.env[1] = "PGREPL_VAR_copier=the second"
		c.apply()
		streams()
	})
	c.sub("one that cannot log in is a reason to go back", func(t *testing.T) {
		before := c.sql("a", "SELECT rolpassword FROM pg_authid WHERE rolname = 'copier'")
		c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "sed -i '/replication/ s/scram-sha-256/reject/' /var/lib/postgresql/pgdata/pg_hba.conf")
		c.sql("a", "SELECT pg_reload_conf()")
		r := c.want(6, "apply", "--auto-approve", "--exclude", "master."+c.name("a"), "--var", "copier=the third")
		contains(t, r.err, "does not come back with the new password of role copier", "the old password is in force again, and in every passfile")
		if now := c.sql("a", "SELECT rolpassword FROM pg_authid WHERE rolname = 'copier'"); now != before {
			t.Error("the role has another verifier")
		}
		contains(t, passfile("b")+passfile("c"), ":copier:the second")
		streams()
		c.apply()
	})
	c.sub("killed at each side effect", func(t *testing.T) {
		for n := 1; ; n += stride(3) {
			password := "PGREPL_VAR_copier=number " + strconv.Itoa(n)
			c.env = append(c.env[:1:1], password, "PGREPL_CRASH_AT="+strconv.Itoa(n)+"+")
			killed := c.run("apply", "--auto-approve")
			c.env = append(c.env[:1:1], password)
			c.apply()
			streams()
			if kept() != "0" {
				t.Fatalf("killed after side effect %d: the old verifier is still there", n)
			}
			if killed.code == 0 {
				t.Logf("killed at %d points", n/stride(3))
				if n < 6 {
					t.Errorf("only %d points", n-1)
				}
				return
			}
			if killed.code != 128+int(syscall.SIGKILL) {
				t.Fatalf("%s", killed)
			}
		}
	})
	c.sub("the superuser's password, too", func(t *testing.T) {
		last := c.env[1]
		c.env = append(c.env[:1:1], last, "PGREPL_VAR_chief=chief two")
		c.apply()
		if out, err := c.login("postgres", "chief two"); err != nil {
			t.Errorf("login: %s", out)
		}
		if _, err := c.login("postgres", "chief one"); err == nil {
			t.Error("the old password still works")
		}
	})
}
