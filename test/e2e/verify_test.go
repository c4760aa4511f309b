package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"pgrepl/engine/health"
	"pgrepl/test/outputs"
)

const verified = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image = var.image
  synchronous {
    replicas = [replica.%-b, replica.%-c]
  }
}
master "%-a" {}
replica "%-b" {}
replica "%-c" {}
replica "%-d" { upstream = replica.%-b }
replica "%-e" { delay = "1h" }
`

// TestVerify times a row on its way to replicas of every kind; says of one that cannot be asked that it is not known, of one that
// does not get it that it did not arrive, and of a commit that waits in vain why; and leaves nothing to plan.
func TestVerify(t *testing.T) {
	t.Parallel()
	onVersions(t, someVersions(15, 16, 18, 17), func(t *testing.T, image string) {
		c := newCluster(t, image, verified)
		c.apply()
		var v health.Verification
		text := []byte(c.want(0, "verify", "-o", "json", "--for", "8s", "--every", "500ms").out)
		if err := outputs.Held("verify", text); err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal(text, &v); err != nil || len(v.Modes) != 2 {
			t.Fatalf("%v: %s", err, text)
		}
		for _, m := range v.Modes {
			if m.Commit.Sent < 2 || m.Commit.Arrived != m.Commit.Sent || len(m.Replicas) != 4 {
				t.Errorf("%s: %s", m.Mode, text)
			}
			for _, r := range m.Replicas {
				late := r.Delay > 0
				if r.Received.Arrived != m.Commit.Sent || r.Flushed.Arrived != m.Commit.Sent || !late && r.Readable.Arrived != m.Commit.Sent || late && r.Readable.Arrived > 0 {
					t.Errorf("%s of %s: %+v", r.Replica, m.Mode, r)
				}
				if !late && (*r.Received.P50 > *r.Flushed.P50 || *r.Flushed.P50 > *r.Readable.P50 || *r.Replayed.P50 > *r.Readable.P50) {
					t.Errorf("the stages of %s are not in order: %+v", r.Replica, r)
				}
			}
		}
		c.settled()
		c.frozenMeanwhile("d")

		c.pause("b")
		r := c.want(2, "verify", "--wait", "2s")
		contains(t, r.out, "cannot be asked", "1 of 1 did not arrive", "next: pgrepl status") // b, and d below it
		c.pause("c")
		contains(t, c.want(2, "verify", "--wait", "2s").out, "a commit waited for its synchronous replicas in vain, and was given up after 2.0 s")
		c.docker("unpause", c.name("b"))
		c.docker("unpause", c.name("c"))
		c.eventually("all is well again", func() bool { return c.run("verify").code == 0 })
		c.docker("stop", c.name("a"))
		contains(t, c.want(3, "verify").err, "takes no writes")
	})
}

// frozenMeanwhile freezes a replica while probes are under way: the run says so of it, goes on with the others, and ends when it is to,
// and the next has its rows again.
func (c *cluster) frozenMeanwhile(node string) {
	c.t.Helper()
	const last = "SELECT at FROM pgrepl.probe"
	was, began := c.sql("a", last), time.Now()
	over := make(chan result, 1)
	go func() {
		over <- c.run("verify", "-o", "json", "--for", "10s", "--every", "1s", "--wait", "4s")
	}()
	c.eventually("probes are under way", func() bool { return c.sql("a", last) != was })
	c.pause(node)
	r := <-over
	took := time.Since(began)
	c.docker("unpause", c.name(node))
	var v health.Verification
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || r.code != 3 || v.Level != health.Unknown || took > 45*time.Second {
		c.t.Fatalf("%v after %s: %s", err, took, r)
	}
	for _, m := range v.Modes {
		for _, replica := range m.Replicas {
			if frozen := replica.Replica == c.name(node); (replica.Problem != "") != frozen || !frozen && replica.Flushed.Arrived != replica.Flushed.Sent {
				c.t.Errorf("%s of %s: %+v", replica.Replica, m.Mode, replica)
			}
		}
	}
	c.eventually("all is well again", func() bool { return c.run("verify").code == 0 })
}
