package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAHostPathAsVolume keeps the data in folders of this machine, which are nobody's to label.
func TestAHostPathAsVolume(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/var/tmp", "pgrt") // t.TempDir could not remove what belongs to the container's postgres
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, usualImage(t), small)
	for _, n := range []string{"a", "b"} {
		c.edit(`"%-`+n+`" {}`, `"%-`+n+`" { volume = "`+filepath.Join(dir, n)+`" }`)
	}
	c.want(0, "plan")
	if _, err := os.Stat(filepath.Join(dir, "a")); err == nil {
		t.Error("the plan made a folder")
	}
	c.apply()
	c.silent("PGR225")
	c.replicated("a", "b")
	c.docker("rm", "-f", c.name("b"))
	c.apply()
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	if _, err := os.Stat(filepath.Join(dir, "a", "pgdata", "PG_VERSION")); err != nil {
		t.Errorf("destroy removed what is on the host: %v", err)
	}
	c.apply()
	c.replicated("a", "b")
	c.want(0, "destroy", "--auto-approve")

	if out, err := exec.Command("sh", "-c", "mkdir "+dir+"/c && echo 16 > "+dir+"/c/PG_VERSION").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	other := newCluster(t, usualImage(t), strings.Replace(small, `"%-a" {}`, `"%-a" { volume = "`+dir+`/c" }`, 1))
	other.refuses("PGR225", dir+"/c holds a data directory of PostgreSQL 16")
}
