package e2e

import (
	"context"
	"testing"
	"time"
)

// TestDatabasesComeAndGo has somebody make and drop databases without pause, as test suites do, while plans look at the servers: the
// functions that tell about a database fail where it is dropped after its row was read.
func TestDatabasesComeAndGo(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		made := 0
		for ; ctx.Err() == nil; made++ {
			c.sql("a", "CREATE DATABASE passing STRATEGY file_copy")
			c.sql("a", "DROP DATABASE passing")
		}
		ended <- made
	}()
	plans := 0
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); plans++ {
		if r := c.run("plan"); r.code != 0 {
			t.Errorf("plan %d: exit code %d\n%s%s", plans, r.code, r.out, r.err)
			break
		}
	}
	stop()
	t.Logf("%d databases, %d plans", <-ended, plans)
}
