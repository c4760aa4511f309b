package e2e

import (
	"bufio"
	"context"
	"os/exec"
	"testing"
	"time"
)

// freezeScript stops (or lets go on) the shell of a preparation that runs in a node, and with it what comes after the
// command that it waits for. It says when it begins to look, and ends when it has found one.
const freezeScript = `echo looking
freeze() {
	found=
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" != $$ ] && [ "$(cat $p/comm 2>/dev/null)" = sh ] && tr '\0' '\n' < $p/cmdline | grep -q 'rm -rf pgdata[.]part' && kill -$1 ${p#/proc/} && found=1
	done
	[ -n "$found" ]
}
until freeze $1; do sleep 0.02; done`

// signalPreparation looks for a preparation in a node and sends it a signal. started is called once it looks.
func (c *cluster) signalPreparation(node, signal string, started func()) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "exec", "-u", "postgres", c.name(node), "sh", "-c", freezeScript, "freeze", signal)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = bufio.NewReader(out).ReadString('\n')
	started()
	if err := cmd.Wait(); err != nil {
		c.t.Fatalf("no preparation in %s was sent %s: %v", node, signal, err)
	}
}

// TestAPreparationThatOutlivesItsApply kills an apply during initdb, whose commands go on to their end, and lets that come
// between the next apply's look and what it does about it: the next one finds the work done, with another password for the
// management role than it would have given.
func TestAPreparationThatOutlivesItsApply(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	// initdb is held by something that waits for it in the container: one that starts when it runs can come too late
	first := newGate(t, "POST", "/containers/"+c.name("a")+"/exec")
	dead := c.start("apply", "--auto-approve", "--docker", first.endpoint)
	first.await(t, dead)
	c.signalPreparation("a", "STOP", first.release)
	_ = dead.cmd.Process.Kill()
	dead.wait()

	g := newGate(t, "POST", "/containers/"+c.name("a")+"/restart")
	next := c.start("apply", "--auto-approve", "--docker", g.endpoint)
	g.await(t, next)
	c.signalPreparation("a", "CONT", func() {})
	c.eventually("it comes to its end", func() bool {
		return exec.Command("docker", "exec", c.name("a"), "test", "-s", "/var/lib/postgresql/pgdata/PG_VERSION").Run() == nil
	})
	g.release()
	if code := next.wait(); code != 0 {
		t.Errorf("the next apply ended with %d: %s", code, next.err)
	}
	c.settled()
	c.replicated("a", "b")
}
