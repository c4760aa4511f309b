package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const waits = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image = var.image
  synchronous {
    replicas = [replica.%-b]
  }
}
master "%-a" {}
replica "%-b" {}
replica "%-c" {}
`

// hangs reports whether a commit on the master does not come back: the server has it wait for a standby for more than 2 s.
func (c *cluster) hangs() bool {
	c.t.Helper()
	c.probes++
	name := "hangs" + strconv.Itoa(c.probes)
	done := make(chan error, 1)
	go func() {
		_, err := c.trySQL("a", "postgres", "SET application_name = "+name+"; SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'test', 'x')")
		done <- err
	}()
	for deadline := time.Now().Add(time.Minute); ; {
		select {
		case err := <-done:
			if err != nil {
				c.t.Errorf("a commit fails: %v", err)
			}
			return false
		case <-time.After(500 * time.Millisecond):
		}
		if c.sql("a", "SELECT count(*) FROM pg_stat_activity WHERE application_name = '"+name+"' AND wait_event = 'SyncRep' AND clock_timestamp() - query_start > '2 s'") != "0" {
			c.t.Cleanup(func() { <-done })
			return true
		}
		if time.Now().After(deadline) {
			c.t.Fatal("a commit neither comes back nor waits for a standby")
		}
	}
}

func (c *cluster) names() string {
	return strings.ReplaceAll(c.sql("a", "SHOW synchronous_standby_names"), c.prefix+"-", "")
}

// TestCommitsWaitForStandbys takes a cluster through what a synchronous block can say, and through what befalls its standbys.
func TestCommitsWaitForStandbys(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), waits)
	c.apply()
	c.settled()
	if got := c.names(); got != `FIRST 1 ("b")` {
		t.Fatalf("the server has %s", got)
	}
	if got := c.sql("b", "SHOW synchronous_standby_names"); got != "" {
		t.Errorf("the standby has %s", got)
	}
	c.sub("PGR231 its standby is away", func(t *testing.T) {
		c.docker("stop", c.name("b"))
		if !c.hangs() {
			t.Error("commits do not wait")
		}
		r := c.want(0, "plan")
		contains(t, r.out, "every commit on master."+c.name("a")+" waits", "[PGR231]")
		c.want(0, "status")
		c.apply()
		if c.hangs() {
			t.Error("commits wait still")
		}
		c.silent("PGR231")
	})
	c.sub("PGR232 its standby restarts", func(t *testing.T) {
		c.edit("  synchronous {", "  settings = { max_connections = 120 }\n  synchronous {")
		contains(t, c.want(0, "plan").out, "[PGR232]")
		c.edit("  settings = { max_connections = 120 }\n", "")
		c.silent("PGR232")
	})
	c.sub("changed by hand", func(t *testing.T) {
		c.sql("a", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
		c.sql("a", "SELECT pg_reload_conf()")
		contains(t, c.want(0, "plan").out, `first 1 of "nobody"`)
		c.apply()
		if got := c.names(); got != `FIRST 1 ("b")` || c.hangs() {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("another member", func(t *testing.T) {
		c.edit("replicas = [replica.%-b]", "mode = \"any\"\n    replicas = [replica.%-b, replica.%-c]")
		c.apply()
		if got := c.names(); got != `ANY 1 ("b", "c")` {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("one leaves", func(t *testing.T) {
		c.edit("replicas = [replica.%-b, replica.%-c]", "replicas = [replica.%-c]")
		c.edit("replica \"%-b\" {}\n", "")
		c.apply("--allow=data")
		if got := c.names(); got != `ANY 1 ("c")` || c.hangs() {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("a standby that does not answer is not waited for", func(t *testing.T) {
		c.edit("  synchronous {\n    mode = \"any\"\n    replicas = [replica.%-c]\n  }\n", "")
		c.apply()
		if got := c.names(); got != "" {
			t.Fatalf("the server has %s", got)
		}
		c.edit("  image = var.image\n", "  image = var.image\n  synchronous {\n    replicas = [replica.%-c]\n  }\n")
		c.freeze("c")
		r := c.want(6, "apply", "--auto-approve")
		contains(t, r.err, "a commit does not come back", "it is off again, as before")
		if got := c.names(); got != "" || c.hangs() {
			t.Errorf("the server has %s", got)
		}
		c.docker("kill", c.name("c")) // a fast shutdown would wait for the frozen process
		c.apply()
		if got := c.names(); got != `FIRST 1 ("c")` || c.hangs() {
			t.Errorf("the server has %s", got)
		}
	})
}

// freeze stops the walreceiver of a standby: its connection looks alive, and only a commit tells.
func (c *cluster) freeze(node string) {
	c.t.Helper()
	c.docker("exec", c.name(node), "sh", "-c", "kill -STOP "+c.sql(node, "SELECT pid FROM pg_stat_wal_receiver"))
}

// TestCommitsGoBackToTheStandbyBefore: a change to a standby that does not answer leaves the one before in force, also where it
// had to be let go meanwhile.
func TestCommitsGoBackToTheStandbyBefore(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), waits)
	c.apply()
	c.sub("which stays as it is", func(t *testing.T) {
		c.edit("replicas = [replica.%-b]", "replicas = [replica.%-c]")
		c.freeze("c")
		r := c.want(6, "apply", "--auto-approve")
		contains(t, r.err, "a commit does not come back", "it is first 1 of replica."+c.name("b")+" again, as before")
		if strings.Contains(r.out, "empty synchronous_standby_names") {
			t.Errorf("there is a moment without a standby:\n%s", r.out)
		}
		if got := c.names(); got != `FIRST 1 ("b")` || c.hangs() {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("whose link changes in the same plan", func(t *testing.T) {
		c.edit("replica \"%-b\" {}", "replica \"%-b\" { slot = slot.other }\nslot \"other\" {}")
		r := c.want(6, "apply", "--auto-approve")
		contains(t, r.out, "empty synchronous_standby_names")
		contains(t, r.err, "a commit does not come back", "it is first 1 of replica."+c.name("b")+" again, as before")
		if got := c.names(); got != `FIRST 1 ("b")` || c.hangs() {
			t.Errorf("the server has %s", got)
		}
	})
	c.sub("and on when it answers", func(t *testing.T) {
		c.docker("kill", c.name("c")) // a fast shutdown would wait for the frozen process
		c.apply()
		if got := c.names(); got != `FIRST 1 ("c")` || c.hangs() {
			t.Errorf("the server has %s", got)
		}
	})
}

// TestKilledBetweenStandbys kills apply before and after each side effect of going from one standby to another: commits wait for
// one of the two at every moment.
func TestKilledBetweenStandbys(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), waits)
	c.apply()
	from, to := "b", "c"
	for n := 1; ; n++ {
		c.edit("replicas = [replica.%-"+from+"]", "replicas = [replica.%-"+to+"]")
		c.env = append(c.env, "PGREPL_CRASH_AT="+strconv.Itoa(n)+"+")
		killed := c.run("apply", "--auto-approve")
		c.env = c.env[:1]
		if got := c.names(); got != `FIRST 1 ("`+from+`")` && got != `FIRST 1 ("`+to+`")` {
			t.Fatalf("killed after side effect %d: the server has %s", n, got)
		}
		c.apply()
		if got := c.names(); got != `FIRST 1 ("`+to+`")` || c.hangs() {
			t.Fatalf("killed after side effect %d: the server has %s", n, got)
		}
		from, to = to, from
		if killed.code == 0 {
			t.Logf("killed at %d points", n-1)
			if n < 4 {
				t.Errorf("only %d points: a switch has more side effects than that", n-1)
			}
			return
		}
		if killed.code != 128+int(syscall.SIGKILL) {
			t.Fatalf("%s", killed)
		}
	}
}

// TestKilledWhileCommitsAreSwitched kills apply before and after each side effect of switching on.
func TestKilledWhileCommitsAreSwitched(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), waits)
	on := "  synchronous {\n    replicas = [replica.%-b]\n  }\n"
	c.edit(on, "")
	c.apply()
	for n := 1; ; n++ {
		c.edit("  image = var.image\n", "  image = var.image\n"+on)
		c.env = append(c.env, "PGREPL_CRASH_AT="+strconv.Itoa(n)+"+")
		killed := c.run("apply", "--auto-approve")
		c.env = c.env[:1]
		c.apply()
		c.settled()
		if got := c.names(); got != `FIRST 1 ("b")` || c.hangs() {
			t.Fatalf("killed after side effect %d: the server has %s", n, got)
		}
		if killed.code == 0 {
			t.Logf("killed at %d points", n-1)
			if n < 4 {
				t.Errorf("only %d points: a switch has more side effects than that", n-1)
			}
			return
		}
		if killed.code != 128+int(syscall.SIGKILL) {
			t.Fatalf("%s", killed)
		}
		c.edit(on, "")
		c.apply()
	}
}

// TestNoStepAfterWhichCommitsHang kills apply at each side effect of changes that take synchronous standbys down, and rests
// there: whatever runs and whatever is down then, a commit comes back, as the plan says.
func TestNoStepAfterWhichCommitsHang(t *testing.T) {
	t.Parallel()
	for _, change := range []struct{ name, members, instead, replaced string }{
		{"its only one gets a new container", "[replica.%-b]", "synchronous is off instead of first 1 of replica.", "b"},
		{"both of two get one", "[replica.%-b, replica.%-c]\n    count = 2", "synchronous is first 1 of replica.", "bc"},
	} {
		t.Run(change.name, func(t *testing.T) {
			file := strings.Replace(waits, "[replica.%-b]", change.members, 1)
			c := newCluster(t, usualImage(t), file)
			c.apply()
			want, killed := c.names(), 0
			for n := 1; ; n += stride(7) {
				changed := file
				for _, node := range change.replaced {
					changed = strings.Replace(changed, fmt.Sprintf("replica \"%%-%c\" {", node), fmt.Sprintf("replica \"%%-%c\" { shm_size = \"%dMB\" ", node, 64+n), 1)
				}
				c.write(changed)
				contains(t, c.want(0, "plan").out, "Writes go on; standbys restart.", change.instead)
				c.env = append(c.env, "PGREPL_CRASH_AT="+strconv.Itoa(n)+"+")
				r := c.run("apply", "--auto-approve")
				c.env = c.env[:1]
				if c.hangs() {
					t.Fatalf("killed after side effect %d, commits wait for %s", n, c.names())
				}
				if r.code == 0 {
					break
				}
				killed++
				if r.code != 128+int(syscall.SIGKILL) {
					t.Fatalf("%s", r)
				}
				c.apply()
				if got := c.names(); got != want || c.hangs() {
					t.Fatalf("killed after side effect %d: the server has %s", n, got)
				}
			}
			t.Logf("killed at %d points", killed)
			if killed < 2 {
				t.Error("such a change has more side effects than that")
			}
			if got := c.names(); got != want {
				t.Errorf("the server has %s", got)
			}
		})
	}
}

// TestCommitsAreLetGo: a standby is away, every commit waits, and whoever runs the cluster would rather have them go on.
func TestCommitsAreLetGo(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), waits)
	c.apply()
	c.docker("stop", c.name("b"))
	if !c.hangs() {
		t.Fatal("commits do not wait")
	}
	plan := c.want(0, "plan").out
	if first, _, _ := strings.Cut(plan, "\n"); !strings.HasPrefix(first, "! commits hang: every commit on master."+c.name("a")+" waits") {
		t.Errorf("the first line is %q", first)
	}
	contains(t, c.want(0, "status").out, "CRITICAL: every commit on master."+c.name("a")+" waits")
	contains(t, c.want(0, "plan", "--allow=synchronous").out, "commits wait for off instead of first 1 of replica."+c.name("b")+" until the others are back")

	for n := 1; c.names() != ""; n++ { // it dies before its standby is back
		c.env = append(c.env, "PGREPL_CRASH_AT="+strconv.Itoa(n)+"+")
		c.want(128+int(syscall.SIGKILL), "apply", "--auto-approve", "--allow=synchronous", "--parallelism=1")
		c.env = c.env[:1]
	}
	if c.docker("inspect", "-f", "{{.State.Running}}", c.name("b")) != "false" {
		t.Error("the standby came back before")
	}
	if got := c.names(); got != "" || c.hangs() {
		t.Errorf("the server has %s", got)
	}
	c.apply()
	if got := c.names(); got != `FIRST 1 ("b")` || c.hangs() {
		t.Errorf("the server has %s", got)
	}
}
