package e2e

import (
	"os/exec"
	"testing"
	"time"
)

// freezeScript stops (or lets go on) the shell of a preparation that runs in a node, and with it what comes after the
// command that it waits for.
const freezeScript = `for p in /proc/[0-9]*; do
[ "${p#/proc/}" != $$ ] && [ "$(cat $p/comm 2>/dev/null)" = sh ] && tr '\0' '\n' < $p/cmdline | grep -q 'rm -rf pgdata[.]part' && kill -$1 ${p#/proc/} && found=1
done; [ -n "${found-}" ]`

func (c *cluster) signalPreparation(node, signal string) bool {
	return exec.Command("docker", "exec", "-u", "postgres", c.name(node), "sh", "-c", freezeScript, "freeze", signal).Run() == nil
}

// TestAPreparationThatOutlivesItsApply kills an apply during initdb, whose commands go on to their end, and lets that come
// between the next apply's look and what it does about it: the next one finds the work done, with another password for the
// management role than it would have given.
func TestAPreparationThatOutlivesItsApply(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	dead := c.start("apply", "--auto-approve")
	c.eventually("initdb runs, and is held", func() bool { return c.signalPreparation("a", "STOP") })
	_ = dead.cmd.Process.Kill()
	dead.wait()

	g := newGate(t, "POST", "/containers/"+c.name("a")+"/restart")
	next := c.start("apply", "--auto-approve", "--docker", g.endpoint)
	select {
	case <-g.reached:
	case <-time.After(60 * time.Second):
		t.Fatalf("the next apply does not end what was left going: %s", next.err)
	}
	c.eventually("the preparation goes on", func() bool { return c.signalPreparation("a", "CONT") })
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
