package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// everything has one of each thing that a file can ask for.
const everything = life + `
database "shop" { owner = role.app }
role "report" {
  member_of = [role.group, "pg_monitor"]
  settings  = { work_mem = "16MB" }
}
slot "archive" {}
slot "below" { upstream = replica.%-b }
replica "%-d" {}
network "%" {}
`

// TestKilledAtEachSideEffectOfACreation kills apply before its first side effect, then before its second, and so on until a
// run ends unkilled. Each time the next apply must go on from there, and leave nothing that is not in the file.
func TestKilledAtEachSideEffectOfACreation(t *testing.T) {
	t.Parallel()
	points := 0
	for _, after := range []string{"", "+"} {
		if after != "" && !chaos() {
			break // `make chaos` runs the other side too, and every point
		}
		for n, unkilled := 1, false; !unkilled; n += stride(12) {
			ok := t.Run(fmt.Sprintf("side effect %d%s", n, after), func(t *testing.T) {
				unkilled = creationKilledAt(t, fmt.Sprint(n, after))
			})
			if !ok {
				break
			}
			if !unkilled {
				points++
			}
		}
	}
	if points*stride(12) < 30 && !t.Failed() {
		t.Errorf("only %d points: a creation has more side effects than that", points)
	}
	t.Logf("killed at %d points; each time the next apply went on", points)
}

// creationKilledAt creates everything, is killed once, and goes on. It reports whether the run had no such point any more.
func creationKilledAt(t *testing.T, point string) (unkilled bool) {
	c := newCluster(t, usualImage(t), everything)
	c.env = append(c.env, "PGREPL_CRASH_AT="+point)
	killed := c.run("apply", "--auto-approve")
	c.env = c.env[:1]
	if killed.code != 137 && killed.code != 0 {
		t.Fatalf("the run that was to be killed: %s", killed)
	}
	c.apply()
	c.replicated("a", "c")
	c.replicated("a", "d")
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.nothingLeft()
	return killed.code == 0
}

// TestKilledAtEachSideEffectOfARemoval does the same to an apply that takes a replica away with its data. In between, the
// replica is put back.
func TestKilledAtEachSideEffectOfARemoval(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	const replica = "replica \"%-b\" {}\n"
	const onReplica = "slot \"theirs\" { upstream = replica.%-b }\n"
	c.edit("master", onReplica+"master")
	marks := fmt.Sprintf("%[1]s-a %[2]s_b, %[1]s-b theirs", c.prefix, strings.ReplaceAll(c.prefix, "-", "_"))
	for n := 1; ; n += stride(2) {
		t.Logf("side effect %d", n)
		c.apply()
		if got := c.sql("a", "SELECT string_agg(node || ' ' || name, ', ' ORDER BY node) FROM pgrepl.object WHERE kind = 'slot'"); got != marks {
			t.Fatalf("side effect %d: the ledger has %s, want %s", n-1, got, marks)
		}
		c.edit(onReplica, "")
		c.edit(replica, "")
		c.env = append(c.env, fmt.Sprintf("PGREPL_CRASH_AT=%d", n))
		killed := c.run("apply", "--auto-approve", "--allow=data,slot")
		c.env = c.env[:1]
		c.apply("--allow=data,slot")
		if left := c.objects(); strings.Contains(left, c.name("b")) {
			t.Fatalf("side effect %d: left behind: %s", n, left)
		}
		if slots := c.sql("a", "SELECT count(*) FROM pg_replication_slots"); slots != "0" {
			t.Fatalf("side effect %d: %s slots left", n, slots)
		}
		if killed.code == 0 {
			t.Logf("killed at %d points", n/stride(2))
			if n < 6 {
				t.Errorf("only %d points: a removal has more side effects than that", n-1)
			}
			return
		}
		c.edit("master", replica+onReplica+"master")
	}
}

// background is a run of the program that goes on while the test does something else.
type background struct {
	cmd *exec.Cmd
	err *lockedBuffer
}

func (c *cluster) start(args ...string) *background {
	c.t.Helper()
	b := &background{cmd: c.command(context.Background(), args...), err: &lockedBuffer{}}
	b.cmd.Stderr = b.err
	if err := b.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = b.cmd.Process.Kill() })
	return b
}

func (b *background) wait() int {
	_ = b.cmd.Wait()
	if s, ok := b.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return b.cmd.ProcessState.ExitCode()
}

// lockedBuffer may be read while the program still writes.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// filled makes a cluster whose master holds enough that a base backup of it takes seconds.
func filled(t *testing.T) *cluster {
	c := newCluster(t, usualImage(t), strings.Replace(small, `replica "%-b" {}`, "", 1))
	c.apply()
	c.sql("a", "CREATE TABLE bulk AS SELECT g, repeat(md5(g::text), 30) AS filler FROM generate_series(1, 600000) g")
	c.edit(`master "%-a" {}`, "master \"%-a\" {}\nreplica \"%-b\" {}")
	return c
}

func (c *cluster) cloning() bool {
	out, err := c.trySQL("a", "postgres", "SELECT count(*) FROM pg_stat_progress_basebackup")
	return err == nil && out == "1"
}

func TestKilledInTheMiddleOfAClone(t *testing.T) {
	t.Parallel()
	c := filled(t)
	b := c.start("apply", "--auto-approve")
	c.eventually("a base backup runs", c.cloning)
	_ = b.cmd.Process.Kill()
	b.wait()
	c.docker("restart", c.name("b")) // its commands go on, and would come to their end
	c.eventually("the backup has ended", func() bool { return !c.cloning() })
	contains(t, c.want(0, "plan").out, "base backup of master."+c.name("a")+" (the one before died half way)")
	contains(t, c.want(0, "status").out, "half made", "its base backup died half way; pgrepl apply makes it anew")
	c.apply()
	c.replicated("a", "b")
	if got := c.sql("a", "SELECT count(*) FROM pg_replication_slots"); got != "1" {
		t.Errorf("slots on the master: %s", got)
	}
}

func TestInterruptedInTheMiddleOfAClone(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		t.Run(s.signal.String(), func(t *testing.T) {
			c := filled(t)
			b := c.start("apply", "--auto-approve")
			c.eventually("a base backup runs", c.cloning)
			_ = b.cmd.Process.Signal(s.signal)
			if code := b.wait(); code != s.code {
				t.Errorf("exit code %d, wanted %d", code, s.code)
			}
			contains(t, b.err.String(), "stopping; under way: ", "base backup", "not started: ", "next: pgrepl apply")
			c.eventually("the backup has ended", func() bool { return !c.cloning() })
			c.apply()
			c.replicated("a", "b")
		})
	}
}

func TestTwoAppliesAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	first := c.start("apply", "--auto-approve")
	c.eventually("the first holds the lock", func() bool {
		return strings.Contains(c.docker("ps", "-a", "--format", "{{.Names}}"), "pgrepl-lock-"+c.prefix)
	})
	r := c.want(5, "apply", "--auto-approve", "--lock-timeout=0s")
	contains(t, r.err, "another apply of this cluster is running", "--lock-timeout")
	second := c.want(0, "apply", "--auto-approve", "--lock-timeout=2m") // waits, then finds nothing to do
	if code := first.wait(); code != 0 {
		t.Errorf("the first ended with %d: %s", code, first.err)
	}
	contains(t, second.out, " matches ")
	c.settled()
	if out := c.docker("ps", "-aq", "--filter", "name=pgrepl-lock-"+c.prefix); out != "" {
		t.Errorf("the lock is left: %s", out)
	}
}

func TestAKilledApplyLeavesNoLockAndNoSession(t *testing.T) {
	t.Parallel()
	for way, byExec := range map[string]bool{"by exec": true, "by the network": false} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c := filled(t)
			c.byExec = byExec
			b := c.start("apply", "--auto-approve")
			c.eventually("a base backup runs", c.cloning)
			_ = b.cmd.Process.Kill()
			b.wait()
			c.eventually("the lock is gone", func() bool { return c.docker("ps", "-aq", "--filter", "name=pgrepl-lock-"+c.prefix) == "" })
			c.eventually("its sessions are gone", func() bool {
				return c.sql("a", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgrepl'") == "0"
			})
		})
	}
}

func TestTwoServersNeverShareAVolume(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	out := c.docker("inspect", "-f", "{{json .Config.Entrypoint}}", c.name("a"))
	if !strings.Contains(out, "flock") {
		t.Fatalf("the container does not take the volume's lock: %s", out)
	}
	script := `PATH=$PATH:/usr/lib/postgresql/17/bin; exec 9>>/var/lib/postgresql/pgrepl/lock; flock -n 9 && echo free || echo taken`
	if got := c.docker("run", "--rm", "-u", "postgres", "-v", c.name("a")+":/var/lib/postgresql", "--entrypoint", "sh", usualImage(t), "-c", script); got != "taken" {
		t.Errorf("a second container finds the volume %s", got)
	}
}

func TestApprovalNeedsATerminal(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "nothing-is-read", small)
	for _, command := range []string{"apply", "destroy"} {
		r := c.want(7, command)
		contains(t, r.err, "no terminal to ask", "--auto-approve")
	}
}

func TestTheSameBytesUnderLoad(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.edit(`cluster "%" { image = var.image }`, "cluster \"%\" {\n  image = var.image\n  settings = { work_mem = \"9MB\" }\n}")
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = c.trySQL("a", "postgres", "CREATE TABLE IF NOT EXISTS load (n int); INSERT INTO load SELECT generate_series(1, 20000)")
			}
		}
	}()
	defer close(stop)
	same := func(times int, args ...string) {
		first := c.want(0, args...).out
		for range times {
			if again := c.want(0, args...).out; again != first {
				t.Fatalf("pgrepl %s differs from run to run:\n%s\n---\n%s", strings.Join(args, " "), first, again)
			}
		}
	}
	same(10, "plan")
	same(3, "plan", "--full")
	same(3, "validate")
	same(3, "graph")
	c.edit(`"9MB"`, `"4MB"`) // as it is
	c.apply()
	same(5, "plan")
	// figures, positions and the clock, and the columns, which are as wide as they are
	numbers := regexp.MustCompile(`(≤ |≥ )?[0-9.]+ (([KMG]i)?B(/s)?|m?s|min)|WAL [0-9A-F]+/[0-9A-F]+|[0-9]{2}:[0-9]{2}:[0-9]{2}| +`)
	first := numbers.ReplaceAllString(c.want(0, "status").out, " ")
	if again := numbers.ReplaceAllString(c.want(0, "status").out, " "); again != first {
		t.Errorf("status differs in more than its live numbers:\n%s\n---\n%s", first, again)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	c := filled(t)
	r := c.run("apply", "--auto-approve", "--timeout=2s")
	if r.code != 6 {
		t.Errorf("wanted 6: %s", r)
	}
	contains(t, r.err, "--timeout of 2s is over")
	<-time.After(time.Second)
	c.apply()
}
