package e2e

import (
	"strings"
	"testing"
)

// TestAReplicaThatWasAwayTooLong: its slot has lost WAL that it needs. The plan says so, the slot is made anew, and once the
// old copy is gone the replica is cloned again.
func TestAReplicaThatWasAwayTooLong(t *testing.T) {
	eachVersion(t, func(t *testing.T, image string) {
		c := newCluster(t, image, `
variable "image" { default = "postgres:16" }
cluster "%" {
  image    = var.image
  settings = { max_slot_wal_keep_size = "16MB", max_wal_size = "32MB", min_wal_size = "32MB" }
}
master "%-a" {}
replica "%-b" {}
`)
		c.apply()
		c.docker("stop", c.name("b"))
		for range 4 {
			c.sql("a", "SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 1000000))) FROM generate_series(1, 30)")
			c.sql("a", "CHECKPOINT")
		}
		if status := c.sql("a", "SELECT wal_status FROM pg_replication_slots"); status != "lost" {
			t.Fatalf("the slot is %s", status)
		}
		r := c.want(2, "plan", "--detailed-exitcode")
		plan := strings.Join(strings.Fields(r.out), " ")
		contains(t, plan, "replica."+c.name("b")+" cannot catch up: slot "+strings.ReplaceAll(c.name("b"), "-", "_")+" has lost WAL that it needs [PGR230]", "wal lost -> kept")
		c.docker("rm", "-f", c.name("b"))
		c.docker("volume", "rm", c.name("b"))
		c.apply()
		c.settled()
		c.replicated("a", "b")
	})
}
