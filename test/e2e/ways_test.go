package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRootOnTheEnginesMachineNeedsNoExec: a plan costs no exec there, says the same as by exec, and finds the same room and files.
func TestRootOnTheEnginesMachineNeedsNoExec(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	said := map[bool]string{}
	for _, c.byExec = range []bool{true, false} {
		since := time.Now()
		r := c.want(0, "plan")
		said[c.byExec] = r.out + c.want(0, "status", "-o", "json").out
		execs := 0
		for _, node := range []string{"a", "b"} {
			list := c.docker("events", "--since", strconv.FormatInt(since.Unix()-1, 10), "--until", strconv.FormatInt(time.Now().Unix()+1, 10), "--filter", "container="+c.name(node),
				"--filter", "event=exec_start", "--format", "{{.TimeNano}}")
			for _, at := range strings.Fields(list) {
				if n, err := strconv.ParseInt(at, 10, 64); err == nil && n >= since.UnixNano() {
					execs++
				}
			}
		}
		if inside := os.Geteuid() == 0 && !c.byExec; inside != (execs == 0) {
			t.Errorf("by exec %v, as user %d: a plan and a status took %d execs", c.byExec, os.Geteuid(), execs)
		}
	}
	for _, out := range said {
		contains(t, out, " matches ", `"replay_lag_bytes": 0`)
	}
	c.byExec = false
	c.docker("pause", c.name("b"))
	if r := c.run("plan"); r.code == 1 || !strings.Contains(r.out+r.err, "paused") {
		t.Errorf("a paused container: %s", r)
	}
	c.docker("unpause", c.name("b"))
	c.docker("restart", c.name("a"))
	c.eventually("the restarted server is found", func() bool { return c.run("plan").code == 0 })
}

// TestNewStandbysShareABaseBackup: their primary sends its data once, and each has a copy that is whole.
func TestNewStandbysShareABaseBackup(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, image string) {
		t.Parallel()
		c := newCluster(t, image, strings.Replace(life, "max_connections = 50", "max_connections = 50\n    max_wal_senders = 6\n    log_replication_commands = true", 1))
		c.apply()
		c.edit(`replica "%-c"`, "replica \"%-d\" {}\nreplica \"%-e\" {}\nreplica \"%-f\" { delay = \"1s\" }\nreplica \"%-c\"")
		c.sql("a", "CREATE TABLE big AS SELECT g, repeat('x', 100) FROM generate_series(1, 50000) g")
		before := strings.Count(c.docker("logs", c.name("a")), "command: BASE_BACKUP")
		c.apply()
		if n := strings.Count(c.docker("logs", c.name("a")), "command: BASE_BACKUP") - before; n != 1 {
			t.Errorf("three new standbys took %d base backups", n)
		}
		for _, node := range []string{"d", "e"} {
			c.replicated("a", node)
			if got := c.sql(node, "SELECT count(*) FROM big"); got != "50000" {
				t.Errorf("%s has %s rows", node, got)
			}
		}
		if left := c.docker("ps", "-aq", "--filter", "label=io.pgrepl.helper", "--filter", "label=io.pgrepl.cluster="+c.prefix); left != "" {
			t.Errorf("a helper is left: %s", left)
		}
	})
}

// TestATablespaceIsNotLost: what it holds lies beside the data directory, and every new standby has it.
func TestATablespaceIsNotLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	for _, node := range []string{"a", "b"} {
		c.docker("exec", "-u", "postgres", c.name(node), "mkdir", "/var/lib/postgresql/more")
	}
	c.sql("a", "CREATE TABLESPACE more LOCATION '/var/lib/postgresql/more'")
	c.sql("a", "CREATE TABLE far TABLESPACE more AS SELECT g FROM generate_series(1, 1000) g")
	c.edit("replica", "replica \"%-d\" {}\nreplica \"%-e\" {}\nreplica")
	c.apply()
	for _, node := range []string{"b", "d", "e"} {
		c.eventually("the rows are on "+node, func() bool {
			got, _ := c.trySQL(node, "postgres", "SELECT count(*) FROM far")
			return got == "1000"
		})
	}
}

// TestANewStandbyRestartsByItself: Docker takes any signal that goes through it for a stop by hand, and no more restarts what is to
// run unless stopped; so no new standby is woken by one.
func TestANewStandbyRestartsByItself(t *testing.T) {
	t.Parallel()
	for _, byExec := range []bool{true, false} {
		c := newCluster(t, usualImage(t), small+"replica \"%-c\" {}\nreplica \"%-d\" {}\n")
		c.byExec = byExec
		c.apply()
		for _, node := range []string{"b", "c", "d"} {
			c.docker("exec", "-u", "postgres", c.name(node), "sh", "-c", "kill -KILL $(head -qn 1 /var/lib/postgresql/pgdata/postmaster.pid /var/lib/postgresql/data/pgdata/postmaster.pid 2>/dev/null)")
		}
		for _, node := range []string{"b", "c", "d"} {
			c.eventually(node+" is up again", func() bool {
				return c.docker("inspect", "-f", "{{.State.Running}} {{.RestartCount}}", c.name(node)) == "true 1"
			})
		}
	}
}
