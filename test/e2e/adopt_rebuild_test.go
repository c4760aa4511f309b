package e2e

import (
	"os/exec"
	"testing"
)

// TestAnAdoptedReplicaIsRebuiltInAContainerOfItsOwn: one that was made by hand waits for nothing, and would have its server on the
// data while that is replaced.
func TestAnAdoptedReplicaIsRebuiltInAContainerOfItsOwn(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	img, _ := image(t, usual, "official")
	replica := c.name("replica")
	c.docker("rm", "-fv", replica)
	c.docker("run", "--rm", "-u", "postgres", "-v", replica+":/v", "--entrypoint", "sh", img, "-c", "mkdir -m 700 /v/.into && mv /v/* /v/.into && mv /v/.into /v/pgdata")
	c.docker("run", "-d", "--name", replica, "--network", c.name("net"), "-v", replica+":/var/lib/postgresql/data", "-e", "PGDATA=/var/lib/postgresql/data/pgdata", "-e", "POSTGRES_PASSWORD="+handSuper, img)
	c.eventually("it is ready", func() bool {
		return exec.Command("docker", "exec", replica, "pg_isready", "-h", "127.0.0.1", "-q").Run() == nil
	})
	c.eventually("the replica streams", c.streaming)
	c.apply()
	for range 2 { // then its container is pgrepl's own
		began := c.sql("master", "SELECT now()")
		c.apply("--rebuild", "replica."+replica)
		c.labelledContainer("replica")
		c.flows()
		if got := c.sql("replica", "SELECT (pg_stat_file('PG_VERSION')).modification > '"+began+"'"); got != "t" {
			t.Error("its data is the old one")
		}
		if got := c.docker("exec", replica, "ls", "/var/lib/postgresql/data"); got != "pgdata\npgrepl" {
			t.Errorf("left behind: %s", got)
		}
	}
}
