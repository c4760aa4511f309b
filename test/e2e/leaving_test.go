package e2e

import "testing"

// TestAForeignSlotOnAReplicaThatGoes makes a slot by hand on a replica, which then leaves the file.
func TestAForeignSlotOnAReplicaThatGoes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.sql("b", "SELECT pg_create_physical_replication_slot('theirs', true), pg_create_physical_replication_slot('empty')")
	c.edit(`replica "%-b" {}`, "")
	needs := "--allow=slot:replica." + c.name("b")
	contains(t, c.want(0, "plan").out, "slot theirs on "+c.name("b")+" goes with it", "slot empty on "+c.name("b")+" goes with it", "needs "+needs)
	contains(t, c.want(3, "apply", "--auto-approve", "--allow=data").err, "slot theirs on "+c.name("b"), needs)
	c.docker("stop", c.name("b")) // it makes no difference
	contains(t, c.want(3, "apply", "--auto-approve", "--allow=data").err, needs)
	c.apply("--allow=data", needs)
}
