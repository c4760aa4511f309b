package e2e

import (
	"os/exec"
	"testing"
)

const late = small + `
replica "%-late" { delay = "1h" }
`

// TestAStandbyThatWorksOffItsDelayIsNotTakenForBroken: one that lost its upstream while it waits out its delay connects again only
// afterwards. For an instant it does not seem to wait: whenever it reads its settings anew.
func TestAStandbyThatWorksOffItsDelayIsNotTakenForBroken(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), late)
	c.apply()
	c.sql("a", "CREATE TABLE public.waited_for ()")
	waits := func() bool {
		return c.sql("late", "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event = 'RecoveryApplyDelay'") == "1"
	}
	c.eventually("the standby waits out its delay", waits)
	c.sql("a", "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name LIKE '%late'")
	c.eventually("nothing receives", func() bool { return c.sql("late", "SELECT count(*) FROM pg_stat_wal_receiver") == "0" })
	c.settled()

	reloads := exec.Command("docker", "exec", "-u", "postgres", c.name("late"), "sh", "-c", psqlScript, "sql", "postgres",
		"DO $$ BEGIN FOR i IN 1..100000 LOOP PERFORM pg_reload_conf(), pg_sleep(0.002); END LOOP; END $$")
	if err := reloads.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.sql("late", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO%pg_reload_conf%' AND pid <> pg_backend_pid()")
		_ = reloads.Wait()
	}()
	for range 8 {
		c.settled()
	}
}
