package e2e

import (
	"strings"
	"testing"
)

// TestAStandbyWhoseReplayWasPaused pauses one by hand; its upstream restarts meanwhile, after which it would never stream again.
func TestAStandbyWhoseReplayWasPaused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.sql("b", "SELECT pg_wal_replay_pause()")
	c.eventually("it is paused", func() bool { return c.sql("b", "SELECT pg_get_wal_replay_pause_state()") == "paused" })
	c.docker("restart", c.name("a"))
	c.eventually("the master is back", func() bool { _, err := c.trySQL("a", "postgres", "SELECT 1"); return err == nil })
	r := c.want(0, "plan")
	contains(t, r.out, "replay", "paused -> running", "resume replay, wait until it streams", "somebody paused it by hand [PGR228]")
	c.apply()
	c.silent("PGR228")
	c.replicated("a", "b")

	c.sql("b", "SELECT pg_wal_replay_pause()")
	c.edit(`cluster "%" { image = var.image }`, "cluster \"%\" {\n  image = var.image\n  settings = { shared_buffers = \"64MB\" }\n}")
	c.apply()
	c.replicated("a", "b")
}

// TestAStandbyThatPausedItself has less than its master, by somebody's hand: there is nothing to resume, and going on would end it.
func TestAStandbyThatPausedItself(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.sql("a", "ALTER SYSTEM SET max_connections = 200")
	c.docker("restart", c.name("a"))
	c.eventually("the standby stands still", func() bool {
		out, err := c.trySQL("b", "postgres", "SELECT pg_get_wal_replay_pause_state()")
		return err == nil && out == "paused"
	})
	contains(t, c.want(0, "plan").out, "it has too little of max_connections [PGR228]", "max_connections")
	if out := c.want(0, "plan").out; strings.Contains(out, "resume") {
		t.Errorf("the plan resumes what cannot go on:\n%s", out)
	}
	c.apply()
	c.replicated("a", "b")
}
