package e2e

import (
	"fmt"
	"strings"
	"testing"
)

const scarce = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image    = var.image
  settings = { max_slot_wal_keep_size = "16MB", max_wal_size = "32MB", min_wal_size = "32MB" }
}
master "%-a" {}
replica "%-b" {}
`

// flood writes more WAL than a slot may keep.
func (c *cluster) flood(node string) {
	c.t.Helper()
	for range 4 {
		c.sql(node, "SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 1000000))) FROM generate_series(1, 30)")
		c.sql(node, "CHECKPOINT")
	}
}

// cutOff stops a replica until its slot has lost what it needs.
func (c *cluster) cutOff(upstream, node string) {
	c.t.Helper()
	c.docker("stop", c.name(node))
	c.flood(upstream)
	if status := c.sql(upstream, "SELECT wal_status FROM pg_replication_slots"); status != "lost" {
		c.t.Fatalf("the slot is %s", status)
	}
}

// entries lists what lies in the folder of a node's data.
func (c *cluster) entries(node string) string {
	c.t.Helper()
	return strings.Join(strings.Fields(c.docker("exec", c.name(node), "sh", "-c", "ls -d /var/lib/postgresql/pgdata* /var/lib/postgresql/pgrepl/rebuild 2>/dev/null || :")), " ")
}

const onlyData = "/var/lib/postgresql/pgdata"

// TestAReplicaThatWasAwayTooLong: its slot has lost WAL that it needs, and all that it has is on the master's history. A plain
// apply drops the slot and makes it anew, rebuilds the replica, and removes the old data.
func TestAReplicaThatWasAwayTooLong(t *testing.T) {
	t.Parallel()
	onVersions(t, someVersions(versions...), func(t *testing.T, image string) {
		c := newCluster(t, image, scarce)
		c.apply()
		c.replicated("a", "b")
		c.cutOff("a", "b")
		c.docker("start", c.name("b"))
		c.eventually("the plan sees that it cannot catch up", func() bool { return strings.Contains(c.run("plan").out, "PGR230") })
		r := c.want(2, "plan", "--detailed-exitcode")
		plan := strings.Join(strings.Fields(r.out), " ")
		slot := strings.ReplaceAll(c.name("b"), "-", "_")
		contains(t, plan, fmt.Sprintf("replica.%s cannot catch up: slot %s has lost WAL that it needs", c.name("b"), slot), "wal lost -> kept",
			"-> base backup of master."+c.name("a")+" rebuild", "base backup of "+c.name("a")+" beside the old data, swap, start", "remove the old data", "No data touched.")
		c.apply()
		c.replicated("a", "b")
		if got := c.entries("b"); got != onlyData {
			t.Errorf("left behind: %s", got)
		}
	})
}

// TestAStoppedReplicaThatWasAwayTooLong is found out in two stages: what it has can be told only when it is up.
func TestAStoppedReplicaThatWasAwayTooLong(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), scarce)
	c.apply()
	c.cutOff("a", "b")
	r := c.apply()
	contains(t, r.out, "look again", "PGR230")
	c.replicated("a", "b")
	if got := c.entries("b"); got != onlyData {
		t.Errorf("left behind: %s", got)
	}
}

// TestAReplicaThatHasAllItNeedsIsNotRebuilt: its slot is gone, but not the WAL.
func TestAReplicaThatHasAllItNeedsIsNotRebuilt(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.replicated("a", "b")
	c.docker("stop", c.name("b"))
	c.sql("a", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
	c.docker("start", c.name("b"))
	began := c.sql("a", "SELECT now()")
	r := c.apply()
	if strings.Contains(r.out, "rebuild") || strings.Contains(r.out, "PGR230") {
		t.Errorf("it is rebuilt:\n%s", r)
	}
	c.replicated("a", "b")
	if got := c.sql("b", "SELECT (pg_stat_file('PG_VERSION')).modification < '"+began+"'"); got != "t" {
		t.Error("its data is new")
	}
}

// TestAProtectedReplicaThatCannotCatchUp is left as it is, and says why.
func TestAProtectedReplicaThatCannotCatchUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), scarce)
	c.edit(`replica "%-b" {}`, `replica "%-b" { protect = true }`)
	c.apply()
	c.cutOff("a", "b")
	c.docker("start", c.name("b"))
	r := c.want(6, "apply", "--auto-approve")
	contains(t, r.err, "it never will: the WAL that it needs next is gone")
	contains(t, c.run("plan").out, "cannot catch up", "PGR230")
	c.edit("protect = true", "")
	c.apply()
	c.replicated("a", "b")
}
