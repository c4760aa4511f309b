package e2e

import (
	"strings"
	"syscall"
	"testing"
)

// TestARuleThatLocksStandbysOutIsFoundAfterTheApply lets a host name in that is nobody's, which no file can tell. The standby
// streams on over the connection that it has, which is why only a fresh login can.
func TestARuleThatLocksStandbysOutIsFoundAfterTheApply(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), life)
	c.apply()
	c.edit("host replication replicator samenet", "host replication replicator nobody.invalid")
	r := c.want(6, "apply", "--auto-approve")
	contains(t, r.err, "PGR322", "replica."+c.name("b")+": a fresh replication login to "+c.name("a")+" is refused", "no pg_hba.conf entry")
	if got := c.sql("a", "SELECT state FROM pg_stat_replication"); got != "streaming" {
		t.Errorf("the standby's old connection: %q", got)
	}
	c.edit("host replication replicator nobody.invalid", "host replication replicator samenet")
	c.apply()
}

func TestClonesTakeNoMoreWalsendersThanThereAre(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), strings.Replace(small, "{ image = var.image }", "{\n  image = var.image\n  settings = { max_wal_senders = 4 }\n}", 1)+`
replica "%-c" {}
replica "%-d" {}
`)
	c.apply()
	if got := c.sql("a", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"); got != "3" {
		t.Errorf("%s standbys stream", got)
	}
}

func TestDestroyWorksWithTheMasterDown(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.docker("kill", c.name("a"))
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.nothingLeft()
	contains(t, c.want(0, "destroy", "--auto-approve").out, "nothing of it is on this Docker engine")
}

// TestAFullDisk gives a replica a volume of 20 MB, which a base backup does not fit into.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.docker("volume", "create", "--label", "io.pgrepl.cluster="+c.prefix, "--label", "io.pgrepl.object=volume/"+c.name("b"), "--label", "io.pgrepl.node="+c.name("b"),
		"--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=20m", c.name("b"))
	r := c.want(6, "apply", "--auto-approve")
	contains(t, r.err, c.name("b")+": base backup of "+c.name("a")+" failed", "No space left on device", "next: pgrepl apply goes on from here", "2 of 3 done, 1 failed")
	c.docker("rm", "-f", c.name("b"))
	c.docker("volume", "rm", c.name("b"))
	c.apply()
	c.replicated("a", "b")
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	c := filled(t)
	b := c.start("apply", "--auto-approve")
	c.eventually("a base backup runs", c.cloning)
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	c.eventually("it says that it stops", func() bool { return strings.Contains(b.err.String(), "again to stop now") })
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	if code := b.wait(); code != 130 {
		t.Errorf("exit code %d: %s", code, b.err)
	}
	c.apply()
}

// TestEverythingMisspelledOnce has a mistake in every line; each is found in the one pass, at its place.
func TestEverythingMisspelledOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "x:17", `
varible "image" {}
cluster "%" {
  imag  = "postgres:17"
  setings = {}
  hba = ["hosts all all samenet scram-sha-256", "host all all samenet scram"]
}
netwrk "n" {}
master "%-a" { prt = 5432 }
replica "%-b" { upstream = replica.%-x }
role "app" { logn = true }
slot "s" { tipe = "physical" }
`)
	r := c.want(65, "plan")
	for _, hint := range []string{`"variable"`, `"image"`, `"settings"`, `"host"`, `"scram-sha-256"`, `"network"`, `"port"`, `"login"`, `"type"`} {
		contains(t, r.err, "did you mean "+hint)
	}
	contains(t, r.err, "pgrepl.hcl:6:11: ", "pgrepl.hcl:10:")
}

// TestHalfAChangeBreaksNoStandby leaves out by --target what has to come first.
func TestHalfAChangeBreaksNoStandby(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), life)
	c.apply()
	c.edit("max_connections = 50", "max_connections = 40")
	r := c.want(1, "apply", "--auto-approve", "--target", "replica."+c.name("b"))
	contains(t, r.err, "replica."+c.name("b")+" has less of max_connections than its master, and stops replaying [PGR304]", "nothing was changed")
	c.replicated("a", "c")
	c.apply()
	c.edit("max_connections = 40", "max_connections = 60")
	r = c.want(1, "apply", "--auto-approve", "--target", "master."+c.name("a"))
	contains(t, r.err, "replica."+c.name("b")+" has less of max_connections than its master, and stops replaying [PGR304]", "nothing was changed")
	c.replicated("a", "c")
	c.apply()
	c.settled()
	c.replicated("a", "c")
}
