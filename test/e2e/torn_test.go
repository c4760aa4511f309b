package e2e

import "testing"

// TestADataDirectoryThatIsEmptyOrIncomplete empties a standby's data directory, which is then made anew, and takes away only what
// makes it one, which nobody but its owner can put right.
func TestADataDirectoryThatIsEmptyOrIncomplete(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	inVolume := func(script string) {
		c.docker("stop", c.name("b"))
		c.docker("run", "--rm", "-v", c.name("b")+":/v", "--entrypoint", "sh", usualImage(t), "-c", script)
	}
	inVolume("mv /v/pgdata/PG_VERSION /v/")
	c.refuses("PGR260", "volume "+c.name("b")+" holds a part of a data directory", "docker volume rm "+c.name("b"))
	contains(t, c.want(0, "status").out, "incomplete")
	c.docker("start", c.name("b"))
	c.refuses("PGR260")
	inVolume("mv /v/PG_VERSION /v/pgdata/")
	c.apply()
	c.silent("PGR260")
	inVolume("find /v/pgdata -mindepth 1 -delete")
	contains(t, c.want(0, "plan").out, "base backup of master."+c.name("a"))
	c.apply()
	c.replicated("a", "b")
}
