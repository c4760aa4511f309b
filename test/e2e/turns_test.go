package e2e

import (
	"strings"
	"testing"
)

// TestTurns raises one hot-standby parameter and lowers another in one apply, and leaves standbys with too little by hand: what
// stands still looks healthy, and is found and healed.
func TestTurns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), life)
	c.apply()
	started := func(node string) string { return c.sql(node, "SELECT pg_postmaster_start_time()") }
	c.sub("one rises and another falls", func(t *testing.T) {
		a, b := started("a"), started("b")
		c.edit("max_connections = 50", "max_connections = 30\n    max_wal_senders = 20")
		r := c.apply()
		contains(t, r.out, "5 restarts.", "once the master has less", "Writes stop once, for about 2 s")
		contains(t, r.err, "writes stopped for ")
		if started("a") == a || started("b") == b {
			t.Error("a server was not restarted")
		}
		for _, node := range []string{"a", "b", "c"} {
			if got := c.sql(node, "SHOW max_connections") + " " + c.sql(node, "SHOW max_wal_senders"); got != "30 20" {
				t.Errorf("%s has %s", node, got)
			}
		}
		c.replicated("a", "c")
	})
	c.sub("and the other way round", func(t *testing.T) {
		c.edit("max_connections = 30\n    max_wal_senders = 20", "max_connections = 70")
		c.apply()
		c.replicated("a", "c")
	})
	c.sub("raised on the master alone: its standbys stand still, and are healed", func(t *testing.T) {
		c.sql("a", "ALTER SYSTEM SET max_connections = 150")
		c.docker("restart", c.name("a"))
		c.eventually("b stands still", func() bool {
			out, err := c.trySQL("b", "postgres", "SELECT pg_is_wal_replay_paused()")
			return err == nil && out == "t"
		})
		r := c.want(2, "plan", "--detailed-exitcode")
		contains(t, strings.Join(strings.Fields(r.out), " "), "70 (replay stands still: "+c.name("a")+" has 150) -> 70 restart", "max_connections (150 for now)")
		c.apply()
		c.replicated("a", "c")
	})
	c.sub("lowered on a standby alone, which does not start again", func(t *testing.T) {
		c.sql("b", "ALTER SYSTEM SET max_connections = 20")
		c.docker("restart", c.name("b"))
		c.eventually("b starts again and again", func() bool { return c.docker("inspect", "-f", "{{.RestartCount}}", c.name("b")) != "0" })
		c.apply()
		c.replicated("a", "c")
	})
	c.sub("lowered in the wrong order: a standby that does not start with what the file says", func(t *testing.T) {
		for _, node := range []string{"b", "a"} { // the record of the lower value comes when b is down already
			c.sql(node, "ALTER SYSTEM SET max_connections = 60")
		}
		c.docker("restart", c.name("b"))
		c.docker("restart", c.name("a"))
		c.edit("max_connections = 70", "max_connections = 60")
		c.eventually("b starts again and again", func() bool { return c.docker("inspect", "-f", "{{.RestartCount}}", c.name("b")) != "0" })
		contains(t, c.want(2, "plan", "--detailed-exitcode").out, "max_connections")
		c.apply()
		c.replicated("a", "c")
		if got := c.sql("b", "SHOW max_connections"); got != "60" {
			t.Errorf("b has %s", got)
		}
	})
}
