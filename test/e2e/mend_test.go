package e2e

import (
	"strings"
	"testing"
)

// TestAServerThatCannotStartIsMended breaks what a server starts with. Once the file says something else again, or what it
// always said, the next apply writes the files anew and starts the server.
func TestAServerThatCannotStartIsMended(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), life)
	c.apply()
	mends := func(node string) {
		t.Helper()
		c.eventually(node+" starts again and again", func() bool {
			return c.docker("inspect", "-f", "{{.RestartCount}}", c.name(node)) != "0"
		})
		r := c.want(2, "plan", "--detailed-exitcode")
		plan := strings.Join(strings.Fields(r.out), " ")
		contains(t, plan, "files not as declared -> as declared", c.name(node)+" ", "write postgresql.auto.conf and pg_hba.conf, start")
		c.apply()
		c.settled()
		c.replicated("a", "c")
	}
	c.sub("a value that the machine does not have", func(t *testing.T) {
		c.edit("  settings = {", "  settings = {\n    shared_buffers = \"900GB\"")
		if r := c.run("apply", "--auto-approve"); r.code != 6 || !strings.Contains(r.err, "could not map anonymous shared memory") && !strings.Contains(r.err, "annot allocate memory") {
			t.Fatalf("exit %d\n%s", r.code, r.err)
		}
		c.edit("\n    shared_buffers = \"900GB\"", "")
		mends("c")
	})
	c.sub("a broken pg_hba.conf of the master", func(t *testing.T) {
		c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "echo 'host all bogus line' >> /var/lib/postgresql/pgdata/pg_hba.conf")
		c.docker("restart", c.name("a"))
		mends("a")
	})
	c.sub("an unknown setting in a replica's file", func(t *testing.T) {
		c.docker("exec", "-u", "postgres", c.name("b"), "sh", "-c", "echo \"wal_keep_segments = '64'\" >> /var/lib/postgresql/pgdata/postgresql.auto.conf")
		c.docker("restart", c.name("b"))
		mends("b")
	})
}
