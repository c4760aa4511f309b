package e2e

import (
	"strings"
	"testing"
)

// TestWhatWasChangedByHandIsNamedAndHealed takes a healthy cluster, breaks one thing, and expects the next plan to say
// what it is and the next apply to mend it.
func TestWhatWasChangedByHandIsNamedAndHealed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), life)
	c.apply()
	for _, d := range []struct {
		name string
		by   func()
		plan []string // of the plan that follows
		args []string
	}{
		{"a replica's container is gone", func() { c.docker("rm", "-f", c.name("b")) }, []string{"~ replica.%-b", "add container", "look again"}, nil},
		{"the master is stopped", func() { c.docker("stop", c.name("a")) }, []string{"~ master.%-a", "exited -> running", "look again"}, nil},
		{"the master's container is gone", func() { c.docker("rm", "-f", c.name("a")) }, []string{"~ master.%-a", "add container", "look again"}, nil},
		{"everything is stopped", func() { c.docker("stop", c.name("c"), c.name("b"), c.name("a")) }, []string{"look again"}, nil},
		{"a standby is paused", func() { c.docker("pause", c.name("c")) }, []string{"paused -> running"}, nil},
		{"a standby was killed", func() { c.docker("kill", c.name("b")) }, []string{"exited -> running"}, nil},
		{"a replica's container and volume are gone", func() { c.docker("rm", "-f", c.name("c")); c.docker("volume", "rm", c.name("c")) }, []string{"base backup of replica.%-b"}, nil},
		{"a setting was changed", func() { c.sql("b", "ALTER SYSTEM SET work_mem = '99MB'"); c.sql("b", "SELECT pg_reload_conf()") }, []string{"settings.work_mem  99MB -> 8MB  reload"}, nil},
		{"a setting was added", func() { c.sql("a", "ALTER SYSTEM SET wal_keep_size = '64MB'"); c.sql("a", "SELECT pg_reload_conf()") }, []string{"settings.wal_keep_size  64MB -> default  reload"}, nil},
		{"a setting was reset and waits for a restart", func() { c.sql("c", "ALTER SYSTEM RESET max_connections"); c.sql("c", "SELECT pg_reload_conf()") }, []string{"max_connections"}, nil},
		{"a setting comes from the server's own file", func() {
			c.docker("exec", "-u", "postgres", c.name("b"), "sh", "-c", "echo \"work_mem = '77MB'\" >> /var/lib/postgresql/pgdata/postgresql.conf")
			c.sql("b", "ALTER SYSTEM RESET work_mem")
			c.sql("b", "SELECT pg_reload_conf()")
		}, []string{"settings.work_mem 77MB (from postgresql.conf:", "-> 8MB reload"}, nil},
		{"a setting was changed and not read", func() { c.sql("b", "ALTER SYSTEM SET work_mem = '99MB'") }, []string{"settings.work_mem  99MB (in the file, not in force) -> 8MB  reload", "No restart"}, nil},
		{"a setting was changed and waits for a restart", func() {
			c.sql("c", "ALTER SYSTEM SET max_connections = 70")
			c.sql("c", "SELECT pg_reload_conf()")
		}, []string{"settings.max_connections  70 (in the file, not in force) -> 50  reload", "No restart"}, nil},
		{"a setting was added and never read", func() { c.sql("a", "ALTER SYSTEM SET wal_level = 'logical'") }, []string{"settings.wal_level  logical (in the file, not in force) -> default  reload", "No restart"}, nil},
		{"pg_hba.conf was edited", func() {
			c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "echo 'host all all 0.0.0.0/0 trust' >> /var/lib/postgresql/pgdata/pg_hba.conf")
		}, []string{"hba 4 rules", "0.0.0.0/0"}, nil},
		{"pg_hba.conf cannot be read any more", func() {
			c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "echo 'host all all 0.0.0.0/33 trust' >> /var/lib/postgresql/pgdata/pg_hba.conf")
		}, []string{"hba 4 rules"}, nil},
		{"a role was altered", func() { c.sql("a", "ALTER ROLE app CREATEDB CONNECTION LIMIT 9") }, []string{"createdb", "true -> false", "connection_limit", "9 -> -1"}, nil},
		{"a role was dropped", func() { c.sql("a", "DROP ROLE \"group\"") }, []string{"+ role.group"}, nil},
		{"a password was changed", func() { c.sql("a", "ALTER ROLE app PASSWORD 'other'") }, []string{"password", "changes (sensitive)"}, nil},
		{"the replication password was changed", func() { c.sql("a", "ALTER ROLE replicator PASSWORD 'other'") }, []string{"changes (sensitive)"}, nil},
		{"a slot was dropped", func() {
			c.docker("stop", c.name("b"))
			c.sql("a", "SELECT pg_drop_replication_slot('"+strings.ReplaceAll(c.name("b"), "-", "_")+"')")
		}, []string{"add slot"}, nil},
		{"the network was removed under stopped containers", func() {
			c.docker("stop", c.name("c"), c.name("b"), c.name("a"))
			c.docker("network", "rm", c.prefix)
		}, []string{"+ network", "recreate"}, nil},
	} {
		c.sub(d.name, func(t *testing.T) {
			d.by()
			r := c.want(2, "plan", "--detailed-exitcode")
			plan := strings.Join(strings.Fields(r.out), " ")
			for _, p := range d.plan {
				p = strings.Join(strings.Fields(strings.ReplaceAll(p, "%", c.prefix)), " ")
				if !strings.Contains(plan, p) {
					t.Errorf("the plan has no %q:\n%s", p, r.out)
				}
			}
			c.apply(d.args...)
			c.replicated("a", "c")
		})
	}
}

func TestWhatIsNotDeclaredIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.sql("a", "CREATE ROLE legacy LOGIN")
	c.sql("a", "SELECT pg_create_physical_replication_slot('debezium', true)")
	c.sql("a", "CREATE DATABASE old")
	r := c.want(0, "plan", "--detailed-exitcode")
	contains(t, r.out, "Not declared here, left alone: ", "role legacy", "slot debezium on "+c.name("a"), "database old", "[PGR201]")

	c.edit("master", "role \"legacy\" {\n  login = true\n  createdb = true\n}\nmaster")
	r = c.apply()
	contains(t, r.out, "~ role.legacy", "managed by", "nobody -> pgrepl")
	c.edit("role \"legacy\" {\n  login = true\n  createdb = true\n}\n", "")
	c.apply()
	if got := c.sql("a", "SELECT count(*) FROM pg_roles WHERE rolname = 'legacy'"); got != "0" {
		t.Error("a role that was adopted and then removed from the file is still there")
	}
}

func TestASensitiveVariableMayStayUnsetUntilItIsNeeded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), strings.Replace(life, "  default   = \"first\"\n", "", 1))
	contains(t, c.want(0, "plan").out, "Not checked: role.app password (var.password has no value)")
	before := c.objects()
	contains(t, c.want(1, "apply", "--auto-approve").err, "PGR309", "role.app cannot be made: password (var.password has no value)", "PGREPL_VAR_")
	if after := c.objects(); after != before {
		t.Errorf("something was made: %s", after)
	}
	c.want(0, "apply", "--auto-approve", "--var", "password=given")
	c.settled() // without the variable: not checked, and no change
	contains(t, c.want(0, "plan").out, "Not checked: role.app password")
	contains(t, c.want(2, "plan", "--detailed-exitcode", "--var", "password=another").out, "changes (sensitive)")
}
