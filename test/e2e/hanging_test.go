package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const hanging = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image    = var.image
  settings = { max_connections = 20 }
  synchronous {
    mode     = "any"
    replicas = [replica.%-b, replica.%-c]
  }
}
role "client" {
  login    = true
  password = "secret"
}
master "%-a" {}
replica "%-b" {}
replica "%-c" {}
`

// TestEverythingWorksWhileCommitsHang has every commit wait in vain, in every way that pgrepl could be caught by it, and holds
// that it says so on the first line and finds the way out.
func TestEverythingWorksWhileCommitsHang(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), hanging)
	c.apply()
	c.sql("a", "CREATE TABLE public.written (n bigint PRIMARY KEY)")
	c.sql("a", "GRANT SELECT, INSERT ON public.written TO client")
	l := &walk{lived: &lived{cluster: c, clients: startClients(t, c.name("a"))}}
	commands := [][]string{{"plan", "--allow=synchronous"}, {"explain", "replica." + c.name("b") + ".slot"}, {"plan"}, {"status"}}
	says := func(t *testing.T, why string) {
		t.Helper()
		for _, args := range commands {
			begun := time.Now()
			r := c.want(0, args...)
			line, _, _ := strings.Cut(r.out, "\n")
			if !strings.Contains(line, "every commit on master."+c.name("a")+" waits: synchronous is") || !strings.Contains(line, why) {
				t.Errorf("pgrepl %s begins with %q, and does not say %q", strings.Join(args, " "), line, why)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("pgrepl %s took %s", strings.Join(args, " "), took)
			}
		}
	}
	c.sub("two of three are dead", func(t *testing.T) {
		c.docker("kill", c.name("b"), c.name("c"))
		if l.writes() != hang {
			t.Fatal("commits do not wait")
		}
		says(t, "none of them streams")
		commands = commands[2:]
	})
	c.sub("and the master has restarted", func(t *testing.T) {
		c.docker("restart", c.name("a"))
		c.eventually("it is back", func() bool { _, err := c.trySQL("a", "postgres", "SELECT 1"); return err == nil })
		if l.writes() != hang {
			t.Fatal("commits do not wait")
		}
		says(t, "none of them streams")
	})
	c.sub("and commits that hang have all connections", func(t *testing.T) {
		full := l.exhaust()
		t.Logf("%d connections hang", full)
		says(t, "none of them streams")
	})
	c.sub("and one of them holds the rows of the ledger", func(t *testing.T) {
		go func() {
			_, _ = c.trySQL("a", "postgres", "SET application_name = 'holds'; SET synchronous_commit = on; UPDATE pgrepl.object SET consumer = consumer")
		}()
		c.eventually("it hangs", func() bool {
			return c.sql("a", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holds' AND wait_event = 'SyncRep'") == "1"
		})
		says(t, "none of them streams")
		begun := time.Now()
		for n := 1; c.names() != ""; n++ { // it gives commits up before anything else, and dies then
			c.env = append(c.env, fmt.Sprintf("PGREPL_CRASH_AT=%d+", n))
			r := c.run("apply", "--auto-approve", "--allow=synchronous", "--parallelism=1")
			c.env = c.env[:1]
			if r.code != 128+9 {
				t.Fatalf("%s", r)
			}
		}
		t.Logf("let go after %s", time.Since(begun).Round(time.Millisecond))
		if c.docker("inspect", "-f", "{{.State.Running}}", c.name("b")) != "false" || l.writes() == hang {
			t.Errorf("the server has %q", c.names())
		}
		c.apply()
		if got := c.names(); got != `ANY 1 ("b", "c")` || l.writes() == hang {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("two of three are frozen", func(t *testing.T) {
		c.pause("b")
		if l.writes() == hang {
			t.Fatal("one is enough, and commits wait")
		}
		if first, _, _ := strings.Cut(c.want(0, "status").out, "\n"); strings.Contains(first, "every commit") {
			t.Errorf("status begins with %q", first)
		}
		c.pause("c")
		if l.writes() != hang {
			t.Fatal("commits do not wait")
		}
		says(t, "replica."+c.name("b")+", replica."+c.name("c")+" streams and does not answer")
		c.apply()
		if got := c.names(); got != `ANY 1 ("b", "c")` || l.writes() == hang {
			t.Errorf("the server has %s", got)
		}
	})
	if chaos() {
		l.frozenInOtherWays(says)
	}
	c.sub("and all of it goes", func(t *testing.T) {
		c.docker("kill", c.name("b"), c.name("c"))
		c.want(0, "destroy", "--auto-approve", "--allow=data")
		if left := c.docker("ps", "-aq", "--filter", "label=io.pgrepl.cluster="+c.prefix); left != "" {
			t.Errorf("there is still %s", left)
		}
	})
}

// frozenInOtherWays has a standby that streams not answer, in ways that take longer to see.
func (l *walk) frozenInOtherWays(says func(t *testing.T, why string)) {
	c := l.cluster
	c.sub("the first of the list is frozen, and the other is not asked", func(t *testing.T) {
		c.edit(`mode     = "any"`, `mode     = "first"`)
		c.apply()
		c.pause("b")
		if l.writes() != hang {
			t.Fatal("commits do not wait")
		}
		says(t, "replica."+c.name("b")+" streams and does not answer")
		contains(t, c.want(0, "plan", "--allow=synchronous").out, "commits wait for first 1 of replica."+c.name("c")+" instead of first 1 of replica."+c.name("b")+", replica."+c.name("c"))
		c.apply("--allow=synchronous")
		if got := c.names(); got != `FIRST 1 ("b", "c")` || l.writes() == hang {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("the first of the list does not replay, and commits wait for that", func(t *testing.T) {
		c.edit("max_connections = 20", "max_connections = 20, synchronous_commit = \"remote_apply\"")
		c.apply()
		c.sql("b", "SELECT pg_wal_replay_pause()")
		if l.writes() != hang {
			t.Fatal("commits do not wait")
		}
		says(t, "replica."+c.name("b")+" streams and does not answer")
		c.apply()
		if l.writes() == hang {
			t.Error("commits wait still")
		}
	})
	c.sub("a walreceiver is stopped", func(t *testing.T) {
		c.freeze("b")
		if l.writes() != hang {
			t.Fatal("commits do not wait")
		}
		c.eventually("it is seen", func() bool { return strings.HasPrefix(c.want(0, "status").out, "CRITICAL: every commit") })
		says(t, "replica."+c.name("b")+" streams and does not answer")
	})
}

// pause freezes a container. Docker cannot while a process of it is in the kernel.
func (c *cluster) pause(node string) {
	c.t.Helper()
	c.eventually(node+" is paused", func() bool { return exec.Command("docker", "pause", c.name(node)).Run() == nil })
}

// exhaust opens connections, and commits on each of them, until the server takes no more.
func (l *walk) exhaust() int {
	l.t.Helper()
	for n := 0; ; n++ {
		ctx, cancel := context.WithCancel(context.Background())
		l.t.Cleanup(cancel)
		conn, err := l.clients.dial(ctx, l.name("a"))
		if err != nil {
			if !strings.Contains(err.Error(), "53300") {
				l.t.Fatalf("connection %d: %v", n+1, err)
			}
			return n
		}
		go func(conn *pgx.Conn) { _, _ = conn.Exec(ctx, "INSERT INTO written VALUES ($1)", -n) }(conn)
		if n > 100 {
			l.t.Fatal("the server takes any number of connections")
		}
	}
}
