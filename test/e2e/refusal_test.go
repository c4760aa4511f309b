package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// objects lists everything on the engine that carries the test's prefix, so that "nothing was touched" can be held.
func (c *cluster) objects() string {
	c.t.Helper()
	var out []string
	for _, list := range [][]string{{"ps", "-a", "--format", "{{.ID}} {{.Names}} {{.State}}"}, {"volume", "ls", "--format", "{{.Name}}"}, {"network", "ls", "--format", "{{.ID}} {{.Name}}"}} {
		for line := range strings.Lines(c.docker(list...)) {
			if strings.Contains(line, c.prefix) {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	return strings.Join(out, "\n")
}

// refuses fails unless plan and apply both refuse with the parts in their messages, and leave everything as it was.
func (c *cluster) refuses(parts ...string) {
	c.t.Helper()
	before := c.objects()
	for _, args := range [][]string{{"plan"}, {"apply", "--auto-approve"}} {
		r := c.want(1, args...)
		contains(c.t, r.err, parts...)
	}
	if after := c.objects(); after != before {
		c.t.Errorf("something was touched:\n%s\n--- before\n%s", after, before)
	}
}

func TestANameThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	image := usualImage(t)
	for _, kind := range []struct {
		name  string
		make  func(c *cluster)
		gone  func(c *cluster)
		parts []string
	}{
		{"container", func(c *cluster) { c.docker("create", "--name", c.name("a"), image, "sleep", "1") }, func(c *cluster) { c.docker("rm", c.name("a")) },
			[]string{"PGR210", "pgrepl.hcl:4:1: error: a container", "give the block another `name`"}},
		{"volume", func(c *cluster) { c.docker("volume", "create", c.name("b")) }, func(c *cluster) { c.docker("volume", "rm", c.name("b")) },
			[]string{"PGR211", "pgrepl.hcl:5:1: error: a volume", "`volume`", "docker volume rm"}},
		{"network", func(c *cluster) { c.docker("network", "create", c.prefix) }, func(c *cluster) { c.docker("network", "rm", c.prefix) },
			[]string{"PGR212", "a network", "external = true"}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, image, small)
			kind.make(c)
			c.refuses(kind.parts...)
			kind.gone(c)
			c.silent(kind.parts[0])
		})
	}
}

func TestAnotherClustersObjectsAreRefusedByItsName(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.docker("volume", "create", "--label", "io.pgrepl.cluster=elsewhere", c.name("a"))
	c.refuses("PGR211", `belongs to the pgrepl cluster "elsewhere"`)
}

func TestAPortThatIsTakenIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	c.edit(`master "%-a" {}`, `master "%-a" { port = `+port+` }`)
	c.refuses("PGR213", "127.0.0.1:"+port, "address already in use")
	l.Close()
	c.silent("PGR213")

	c.docker("run", "-d", "--name", c.name("other"), "-p", "127.0.0.1:"+port+":5432", "--entrypoint", "sleep", usualImage(t), "1000")
	c.refuses("PGR213", "taken by container "+c.name("other"))
}

func TestASubnetThatOverlapsIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.docker("network", "create", "--subnet", "10.213.0.0/16", c.name("other"))
	c.edit(`master`, "network \"%\" { subnet = \"10.213.7.0/24\" }\nmaster")
	c.refuses("PGR214", "10.213.7.0/24 overlaps network "+c.name("other"))
	c.edit("10.213.7.0/24", "10.214.7.0/24")
	c.silent("PGR214")
}

func TestAMissingExternalNetworkIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.edit(`master`, "network \"%\" { external = true }\nmaster")
	c.refuses("PGR221", "is external and does not exist", "docker network create")
	c.docker("network", "create", c.prefix)
	c.silent("PGR221")
	c.apply()
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.docker("network", "inspect", c.prefix) // it was not ours to remove
}

func TestAMissingImageIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "pgrepl-nowhere.invalid/postgres:17", small)
	c.refuses("PGR215", "pgrepl-nowhere.invalid/postgres:17", "cannot be pulled")
	c.env = []string{"PGREPL_VAR_image=" + usualImage(t)}
	c.silent("PGR215")
}

func TestAnImageOfAnotherMajorVersionIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.edit("image = var.image", "image = var.image\n  version = 16")
	c.edit(`cluster "%" { image`, "cluster \"%\" {\n  image")
	c.edit("16 }", "16\n}")
	c.refuses("PGR220", "has PostgreSQL 17, the file says version 16")
	c.edit("version = 16", "version = 17")
	c.silent("PGR220")
}

func TestNoEngineNoPermissionAndAnOldEngine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	r := c.want(1, "plan", "--docker", "unix:///nonexistent/docker.sock")
	contains(t, r.err, "PGR301", "no Docker engine answers at unix:///nonexistent/docker.sock", "next: ")
	c.env = append(c.env, "DOCKER_HOST=tcp://127.0.0.1:1")
	contains(t, c.want(1, "plan").err, "PGR301", "tcp://127.0.0.1:1")
	c.env = c.env[:len(c.env)-1]

	old := oldEngine(t)
	contains(t, c.want(1, "plan", "--docker", old).err, "PGR303", "too old", "1.39", "20.10")

	// Root may use any socket, so the plan runs as nobody, who may not.
	cmd := exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "plan", "-f", filepath.Join(c.dir, "pgrepl.hcl"))
	open := t.TempDir()
	for _, d := range []string{filepath.Dir(program), c.dir, filepath.Dir(c.dir), filepath.Dir(filepath.Dir(c.dir)), open} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Dir, cmd.Env = open, append(os.Environ(), append(c.env, "HOME="+open)...)
	res := finish(t, cmd)
	if res.code != 1 {
		t.Errorf("as nobody: %s", res)
	}
	contains(t, res.err, "PGR302", "no permission on the Docker socket", "docker group")
}

func TestAVolumeOfAnotherClusterOrMajorVersionIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.want(0, "destroy", "--auto-approve")
	c.docker("volume", "rm", c.name("a")) // the master's data is gone: a new one would be another cluster
	c.refuses("PGR219", "would start empty, while replica."+c.name("b")+" holds data", "promote "+c.name("b")+" by hand")
	c.edit(`replica "%-b" {}`, "")
	c.refuses("PGR219", "would start empty, while volume "+c.name("b"), `volume = "`+c.name("b")+`"`)
	c.edit(`master`, "replica \"%-b\" {}\nmaster")

	other := newCluster(t, usualImage(t), strings.ReplaceAll(small, "%-b", "%-c"))
	other.apply()
	other.want(0, "destroy", "--auto-approve")
	other.docker("run", "--rm", "-v", c.name("b")+":/from:ro", "-v", other.name("c")+":/to", "--entrypoint", "sh", usualImage(t), "-c", "rm -rf /to/pgdata; cp -a /from/pgdata /to/pgdata")
	other.refuses("PGR217", "holds another cluster: system identifier")

	img16, ok := image(t, 16, "plain")
	if !ok {
		return
	}
	third := newCluster(t, usualImage(t), small)
	third.apply()
	third.want(0, "destroy", "--auto-approve")
	third.env = []string{"PGREPL_VAR_image=" + img16}
	third.refuses("PGR216", "holds data of PostgreSQL 17, the file asks for 16")
	third.env = []string{"PGREPL_VAR_image=" + usualImage(t)}
	third.silent("PGR216", "PGR217", "PGR219")
}

func TestAReplicaThatIsNotInRecoveryIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.silent("PGR218")
	c.sql("b", "SELECT pg_promote()")
	c.eventually("b is promoted", func() bool { return c.sql("b", "SELECT pg_is_in_recovery()") == "f" })
	c.sql("b", "CREATE TABLE written_here ()")
	c.refuses("PGR218", "replica."+c.name("b")+" is not in recovery", "on timeline 2", "is on timeline 1")
	c.docker("stop", c.name("b"))
	c.refuses("PGR218", "is not in recovery")
	c.docker("start", c.name("b"))
	c.eventually("b answers", func() bool {
		out, err := c.trySQL("b", "postgres", "SELECT count(*) FROM written_here")
		return err == nil && out == "0"
	})
}

func TestAnotherVolumeForANodeWithDataIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.edit(`replica "%-b" {}`, `replica "%-b" { volume = "%-new" }`)
	c.refuses("PGR224", "keeps its data in volume "+c.name("b")+", the file says "+c.name("new"))
	c.edit(`volume = "%-new"`, `volume = "%-b"`)
	c.silent("PGR224")
}
