package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgrepl/engine/health"
)

// TestHealth breaks a cluster in many ways while its status is watched: each verdict is given by a real fault, with its limit and the
// next command, goes when the fault goes, and is never given without one. The true lag is held against what the writer itself
// knows, and the verdicts against the proof of concept's monitoring query, where that is right.
func TestHealth(t *testing.T) {
	t.Parallel()
	onVersions(t, someVersions(15, 16, 18, 17), func(t *testing.T, image string) {
		c := newCluster(t, image, watched)
		c.apply()
		o, w := c.observe(), c.writing("a")
		o.well()
		if got := c.monitoringSQL("a"); !strings.Contains(got["Replication Overview "+c.name("b")], "HEALTHY") {
			t.Errorf("monitoring.sql says %v", got)
		}
		c.sub("a steady writer", func(t *testing.T) { c.steadyWriter(o, w) })
		c.sub("an idle primary", func(t *testing.T) { c.idlePrimary(o) })
		c.sub("a cut link", func(t *testing.T) { c.cutLink(o, w) })
		c.sub("replay paused by hand", func(t *testing.T) { c.pausedReplay(o, w) })
		c.sub("a frozen walreceiver", func(t *testing.T) { c.frozenReceiver(o, w) })
		c.sub("a slot that nothing reads", func(t *testing.T) { c.idleSlot(o, w) })
		c.sub("a node that is stopped or hangs", func(t *testing.T) { c.stoppedNode(o) })
		c.sub("the master is down", func(t *testing.T) { c.masterDown(o) })
		c.sub("a setting waits for a restart", func(t *testing.T) { c.pendingRestart(o) })
		c.sub("two primaries", func(t *testing.T) { c.twoPrimaries(o) })
		elsewhere := []string{"commits_hang", "app", "drift", "slot_status", "room", "system_id"} // in tests of their own
		for _, rule := range health.Rules() {
			if _, found := o.rules[rule.Name]; !found && !slices.Contains(elsewhere, rule.Name) {
				t.Errorf("no fault made the rule %s find something", rule.Name)
			}
		}
	})
}

// quiet fails where anything was found since a moment.
func (o *observer) quiet(since time.Time) {
	o.c.t.Helper()
	reports := o.since(since)
	if len(reports) < 3 {
		o.c.t.Errorf("only %d samples", len(reports))
	}
	for _, r := range reports {
		if r.Level != health.OK {
			o.c.t.Errorf("%s for no reason: %+v", r.Level, r.Findings)
			return
		}
	}
}

func (c *cluster) steadyWriter(o *observer, w *truth) {
	began := time.Now()
	stop := w.steadily()
	<-time.After(6 * time.Second)
	stop()
	o.quiet(began)
	sum := o.compare(w, began)
	c.t.Logf("%d samples of standbys, %d of them behind", sum.samples, sum.behind)
}

// idlePrimary: where nothing is written nobody is behind, for however long. The time since the last replayed transaction grows.
func (c *cluster) idlePrimary(o *observer) {
	began := time.Now()
	<-time.After(8 * time.Second)
	o.quiet(began)
	for _, r := range o.since(began.Add(time.Second)) {
		for _, n := range r.Standbys() {
			if lag := n.Behind(); lag == nil || lag.Low > every {
				c.t.Errorf("%s is behind by %v", n.Name, lag)
			}
		}
	}
	// Not after those eight seconds: a commit of autovacuum's, or one that was replayed late, begins it anew.
	c.eventually("the naive lag is what it is known for", func() bool {
		return c.sql("b", "SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp()) > 7") == "t"
	})
}

// cutLink takes a standby off the network while its primary writes. The primary's views say nothing of it: the sender is called
// streaming, and replay_lag stays what it was.
func (c *cluster) cutLink(o *observer, w *truth) {
	began := time.Now()
	stop := w.steadily()
	<-time.After(time.Second)
	c.docker("network", "disconnect", c.prefix, c.name("b"))
	o.finds(health.Warning, "lag_time", o.node("b"))
	o.finds(health.Critical, "lag_time", o.node("b"))
	o.finds(health.Critical, "lag_time", o.node("c")) // which follows it
	if got := c.monitoringSQL("a")["Replication Overview "+c.name("b")]; !strings.Contains(got, "HEALTHY") {
		c.t.Errorf("monitoring.sql says %s: it is known to be wrong here, where replay_lag does not move without a reply", got)
	}
	stop()
	w.write(6 << 20)
	o.finds(health.Warning, "lag_bytes", o.node("b"))
	o.finds(health.Warning, "slot_retained", o.slot("a", c.slotOf("b")))
	w.write(16 << 20)
	o.finds(health.Critical, "lag_bytes", o.node("b"))
	o.finds(health.Critical, "slot_retained", o.slot("a", c.slotOf("b")))
	if got := c.monitoringSQL("a")["Replication Overview "+c.name("b")]; !strings.Contains(got, "WARNING (>10MB)") {
		c.t.Errorf("monitoring.sql says %s of 22 MB, and is right about bytes", got)
	}
	o.finds(health.Warning, "replica_silent", o.node("b"))
	sum := o.compare(w, began)
	c.t.Logf("%d samples of standbys, %d of them behind; the two bounds are %s apart at most, with a sample every %s", sum.samples, sum.behind, sum.widest, every)
	if sum.behind < 20 {
		c.t.Errorf("only %d samples while one was behind", sum.behind)
	}
	c.docker("network", "connect", c.prefix, c.name("b"))
	c.sql("a", "SELECT pg_terminate_backend(pid) FROM pg_stat_replication") // which would wait for TCP's patience
	c.docker("restart", c.name("b"))
	o.well()
}

func (c *cluster) slotOf(node string) string { return strings.ReplaceAll(c.name(node), "-", "_") }

// pausedReplay: a standby receives and does not replay; it looks well to its upstream.
func (c *cluster) pausedReplay(o *observer, w *truth) {
	began := time.Now()
	c.sql("c", "SELECT pg_wal_replay_pause()")
	contains(c.t, o.finds(health.Critical, "replay_paused", o.node("c")).Text, "by hand")
	w.write(2000)
	o.finds(health.Warning, "lag_time", o.node("c"))
	r := o.until("b is well", func(r health.Report) bool { return r.Node(c.name("b")).Level == health.OK })
	if n := r.Node(c.name("c")); *n.Flush != 0 || *n.Replay == 0 {
		c.t.Errorf("not flushed: %d, not replayed: %d", *n.Flush, *n.Replay)
	}
	c.sql("c", "SELECT pg_wal_replay_resume()")
	o.well()
	o.compare(w, began)
}

// frozenReceiver: the process is there, and does nothing.
func (c *cluster) frozenReceiver(o *observer, w *truth) {
	began := time.Now()
	pid := c.sql("b", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'")
	c.docker("exec", c.name("b"), "sh", "-c", "kill -STOP "+pid) // not every image has the program
	w.write(2000)
	o.finds(health.Warning, "lag_time", o.node("b"))
	o.finds(health.Warning, "replica_silent", o.node("b"))
	c.docker("exec", c.name("b"), "sh", "-c", "kill -CONT "+pid)
	o.well()
	o.compare(w, began)
}

// idleSlot: nothing reads it, and it holds WAL.
func (c *cluster) idleSlot(o *observer, w *truth) {
	c.sql("a", "CHECKPOINT") // where the slot begins
	c.sql("a", "SELECT pg_create_physical_replication_slot('stray', true)")
	began := time.Now()
	o.finds(health.Warning, "slot_inactive", o.slot("a", "stray"))
	w.write(7 << 20)
	o.finds(health.Warning, "slot_retained", o.slot("a", "stray"))
	if got := c.monitoringSQL("a")["Replication Slot Status stray"]; !strings.Contains(got, "SLOT INACTIVE") {
		c.t.Errorf("monitoring.sql says %s", got)
	}
	o.finds(health.Critical, "slot_inactive", o.slot("a", "stray"))
	if took := time.Since(began); took < 59*time.Second || took > 70*time.Second {
		c.t.Errorf("critical after %s, not after a minute", took)
	}
	c.sql("a", "SELECT pg_drop_replication_slot('stray')")
	o.well()
}

func (c *cluster) stoppedNode(o *observer) {
	c.docker("stop", c.name("c"))
	contains(c.t, o.finds(health.Critical, "node", o.node("c")).Text, "its container has ended with 0")
	o.finds(health.Warning, "slot_inactive", o.slot("b", c.slotOf("c")))
	c.docker("start", c.name("c"))
	o.well()
	c.pause("c")
	contains(c.t, o.finds(health.Critical, "node", o.node("c")).Text, "its container is paused")
	c.docker("unpause", c.name("c"))
	o.well()
	c.docker("stop", c.name("b"))
	o.finds(health.Critical, "no_replica", health.Subject{})
	if got := c.monitoringSQL("a"); !strings.Contains(got["No Replica Alert"], "NO REPLICA CONNECTED") {
		c.t.Errorf("monitoring.sql says %v", got)
	}
	o.finds(health.Warning, "replica_missing", o.node("c")) // its upstream is not up
	c.docker("start", c.name("b"))
	o.well()
	// One that cannot get in stays away: its server is up, and its stream is not.
	c.docker("network", "disconnect", c.prefix, c.name("c"))
	c.sql("b", "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
	o.finds(health.Warning, "replica_missing", o.node("c"))
	contains(c.t, o.finds(health.Critical, "replica_missing", o.node("c")).Text, "not connected for 1")
	c.docker("network", "connect", c.prefix, c.name("c"))
	c.docker("restart", c.name("c"))
	o.well()
}

func (c *cluster) masterDown(o *observer) {
	c.docker("kill", c.name("a"))
	o.finds(health.Critical, "node", o.node("a"))
	o.finds(health.Critical, "primaries", health.Subject{})
	r := o.until("b is seen", func(r health.Report) bool { return r.Node(c.name("b")).Position != nil })
	if b := r.Node(c.name("b")); b.LagLow == nil || b.Replay == nil {
		c.t.Errorf("what was known of b is gone: %+v", b)
	}
	once := c.want(2, "status", "--exit-code")
	contains(c.t, once.out, "primary -", "no primary: of what answers nothing takes writes, and "+c.name("a")+" does not answer")
	c.docker("start", c.name("a"))
	o.well()
}

func (c *cluster) pendingRestart(o *observer) {
	c.sql("b", "ALTER SYSTEM SET max_connections = 200")
	c.sql("b", "SELECT pg_reload_conf()")
	contains(c.t, o.finds(health.Warning, "pending_restart", o.node("b")).Text, "max_connections")
	contains(c.t, c.want(1, "status", "--exit-code").out, "waits for a restart: max_connections", "differs from the file: replica."+c.name("b"))
	c.sql("b", "ALTER SYSTEM RESET max_connections")
	c.sql("b", "SELECT pg_reload_conf()")
	o.well()
	for _, change := range []string{"SET max_files_per_process = 2000", "RESET max_files_per_process"} { // which no file has otherwise
		c.sql("b", "ALTER SYSTEM "+change)
		c.sql("b", "SELECT pg_reload_conf()")
	}
	c.eventually("the server believes that it waits for a restart", func() bool {
		return c.sql("b", "SELECT pending_restart FROM pg_settings WHERE name = 'max_files_per_process'") == "t"
	})
	c.want(0, "status", "--exit-code")
}

// twoPrimaries is the last: what has written by itself cannot follow any more.
func (c *cluster) twoPrimaries(o *observer) {
	c.sql("b", "SELECT pg_promote()")
	contains(c.t, o.finds(health.Critical, "primaries", health.Subject{}).Text, "2 primaries where there is to be one: "+c.name("a")+", "+c.name("b"))
	contains(c.t, o.finds(health.Critical, "part", o.node("b")).Text, "on timeline 2")
	contains(c.t, o.finds(health.Critical, "timeline", o.node("c")).Text, "timeline 2, the primary is on 1") // it has followed b
}

// TestHealthOfSlotsAndDisks: a replica that is away loses its slot; and a disk fills up, slowly and then at once.
func TestHealthOfSlotsAndDisks(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), scarce)
	c.docker("volume", "create", "--label", "io.pgrepl.cluster="+c.prefix, "--label", "io.pgrepl.object=volume/"+c.name("a"), "--label", "io.pgrepl.node="+c.name("a"),
		"--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=400m", c.name("a"))
	c.apply()
	o := c.observe()
	o.well()

	c.docker("stop", c.name("b"))
	c.sql("a", "ALTER SYSTEM SET max_wal_size = '1GB'") // so that no checkpoint comes, which would take the WAL away at once
	c.sql("a", "SELECT pg_reload_conf()")
	c.sql("a", "SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 1000000))) FROM generate_series(1, 45)")
	o.finds(health.Warning, "slot_status", o.slot("a", c.slotOf("b")))
	c.flood("a")
	contains(t, o.finds(health.Critical, "slot_status", o.slot("a", c.slotOf("b"))).Text, "slot is lost")
	contains(t, c.want(2, "status", "-o", "nagios").out, "REPLICATION CRITICAL - ", "slot is lost")
	c.docker("start", c.name("b"))
	c.want(0, "apply", "--auto-approve") // rebuilds it
	o.well()

	c.sql("a", "ALTER SYSTEM SET max_slot_wal_keep_size = -1")
	c.sql("a", "SELECT pg_reload_conf()")
	c.sql("a", "SELECT pg_create_physical_replication_slot('stray', true)")
	w := c.writing("a")
	stop := w.again(1<<20, 250*time.Millisecond) // about 4 MiB a second
	defer stop()
	f := o.finds(health.Critical, "room", o.slot("a", "stray"))
	contains(t, f.Text, "its disk is full in ")
	contains(t, f.Limit, "60 min")
	stop()
	c.docker("exec", c.name("a"), "sh", "-c", "dd if=/dev/zero of=/var/lib/postgresql/ballast bs=1M || :")
	contains(t, o.finds(health.Critical, "room", o.node("a")).Text, "its disk is full: ")
}
