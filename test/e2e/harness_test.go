// Package e2e proves pgrepl on a real Docker engine with real PostgreSQL. Every test makes objects under names of its own
// and removes them, also when it fails; only examples/async runs under its real names, and alone.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var versions = []int{15, 16, 17, 18}

// usual is the version of the tests that run on one only.
const usual = 17

var program string // the built pgrepl

func TestMain(m *testing.M) {
	if code, is := standIn(); is {
		os.Exit(code)
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.APIVersion}}").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need a Docker engine: %v\n%s", err, out)
		return 1
	}
	dir, err := os.MkdirTemp("", "pgrepl-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "pgrepl")
	without := "-X pgrepl/engine.without=" + os.Getenv("PGREPL_TEST_WITHOUT") // codes of rules, in make rules
	if out, err := exec.Command("go", "build", "-ldflags", without, "-o", program, "pgrepl/cmd/pgrepl").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

var images = struct {
	sync.Mutex
	names map[string]string
}{names: map[string]string{}}

// image makes or finds the test image of a major version. 16 may be impossible to have: then the version is reported as
// untested, which with CI=true is a failure.
func image(t *testing.T, version int, layout string) (name string, ok bool) {
	t.Helper()
	images.Lock()
	defer images.Unlock()
	key := fmt.Sprint(version, " ", layout)
	if n, made := images.names[key]; made {
		return n, n != ""
	}
	cmd := exec.Command("../image/build", fmt.Sprint(version), layout)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var code *exec.ExitError
	if errors.As(err, &code) && code.ExitCode() == 3 {
		images.names[key] = ""
		if os.Getenv("CI") == "true" {
			t.Fatalf("PostgreSQL %d cannot be tested here, and CI=true", version)
		}
		t.Logf("UNTESTED: PostgreSQL %d (no image can be had)", version)
		return "", false
	}
	if err != nil {
		t.Fatalf("image of PostgreSQL %d: %v", version, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	images.names[key] = lines[len(lines)-1]
	return images.names[key], true
}

// chaos reports whether everything is to be tried that takes long: every point at which a run can be killed, and every version
// where one tells as much about the rest as in CI (make chaos).
func chaos() bool { return os.Getenv("PGREPL_TEST_CHAOS") != "" }

// all reports whether what runs on some versions is to run on each, and every chain of transitions (make e2e, make transitions).
func all() bool { return os.Getenv("PGREPL_TEST_ALL") != "" }

// someVersions are those that a test runs on where the versions hardly differ: the last that is named, and all of them in make
// chaos and make e2e.
func someVersions(named ...int) []int {
	if chaos() || all() {
		return named
	}
	return named[len(named)-1:]
}

// stride is the distance between the points at which a run is killed.
func stride(usually int) int {
	if chaos() {
		return 1
	}
	return usually
}

// eachVersion runs a test on every major version.
func eachVersion(t *testing.T, f func(t *testing.T, image string)) { onVersions(t, versions, f) }

func onVersions(t *testing.T, versions []int, f func(t *testing.T, image string)) {
	for _, v := range versions {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			if img, ok := image(t, v, "plain"); ok {
				f(t, img)
			}
		})
	}
}

func usualImage(t *testing.T) string {
	img, ok := image(t, usual, "plain")
	if !ok {
		t.Fatalf("no image of PostgreSQL %d", usual)
	}
	return img
}

// cluster is one cluster under test: a folder with a pgrepl.hcl, in which % stands for the test's own prefix.
type cluster struct {
	t      *testing.T
	prefix string
	dir    string
	env    []string
	byExec bool // the way into its nodes is docker exec, also where this is root on the engine's machine
	probes int  // that hangs has sent
}

func newCluster(t *testing.T, image, hcl string) *cluster {
	t.Helper()
	b := make([]byte, 4)
	_, _ = rand.Read(b)
	c := &cluster{t: t, prefix: cmp.Or(os.Getenv("PGREPL_TEST_PREFIX"), "pgrt") + hex.EncodeToString(b), dir: t.TempDir(), env: []string{"PGREPL_VAR_image=" + image},
		byExec: crc32.ChecksumIEEE([]byte(t.Name()))%2 == 0} // each way for one half of the tests
	c.write(hcl)
	t.Cleanup(c.remove)
	return c
}

// sub runs one part of a test, on which failures of the cluster's helpers are then reported.
func (c *cluster) sub(name string, f func(t *testing.T)) {
	whole := c.t
	defer func() { c.t = whole }()
	whole.Run(name, func(t *testing.T) {
		c.t = t
		f(t)
	})
}

func (c *cluster) name(s string) string { return c.prefix + "-" + s }

func (c *cluster) write(hcl string) {
	c.t.Helper()
	text := strings.ReplaceAll(hcl, "%", c.prefix)
	if err := os.WriteFile(filepath.Join(c.dir, "pgrepl.hcl"), []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// edit replaces text in the file and fails where it is not there.
func (c *cluster) edit(old, new string) {
	c.t.Helper()
	path := filepath.Join(c.dir, "pgrepl.hcl")
	text, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	old, new = strings.ReplaceAll(old, "%", c.prefix), strings.ReplaceAll(new, "%", c.prefix)
	if !strings.Contains(string(text), old) {
		c.t.Fatalf("the file has no %q:\n%s", old, text)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, new)), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// remove takes away whatever carries the prefix, by its name: a failed test may have left anything.
func (c *cluster) remove() {
	if c.t.Failed() && os.Getenv("PGREPL_TEST_KEEP") != "" {
		return
	}
	helpers, _ := exec.Command("docker", "ps", "-aq", "--filter", "label=io.pgrepl.helper", "--filter", "label=io.pgrepl.cluster="+c.prefix).Output()
	for _, id := range strings.Fields(string(helpers)) { // which have no name; one that a killed run has left is swept after a minute only
		_ = exec.Command("docker", "rm", "-f", "-v", id).Run()
	}
	for _, kind := range []struct{ list, remove []string }{
		{[]string{"ps", "-a", "--format", "{{.Names}}"}, []string{"rm", "-f", "-v"}},
		{[]string{"volume", "ls", "--format", "{{.Name}}"}, []string{"volume", "rm", "-f"}},
		{[]string{"network", "ls", "--format", "{{.Name}}"}, []string{"network", "rm"}},
	} {
		out, _ := exec.Command("docker", kind.list...).Output()
		for _, name := range strings.Fields(string(out)) {
			if strings.Contains(name, c.prefix) {
				if out, err := exec.Command("docker", append(kind.remove, name)...).CombinedOutput(); err != nil && !strings.Contains(string(out), "No such") {
					c.t.Logf("remove %s: %v: %s", name, err, out)
				}
			}
		}
	}
}

// result is one finished run of the program.
type result struct {
	code     int
	out, err string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", r.code, r.out, r.err)
}

func (c *cluster) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	if c.byExec {
		cmd.Env = append(cmd.Env, "PGREPL_EXEC=1")
	}
	return cmd
}

// run runs the program and returns what came of it.
func (c *cluster) run(args ...string) result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	return finish(c.t, c.command(ctx, args...))
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	e := cmd.Run()
	r := result{0, out.String(), err.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(e, &exit):
		r.code = exit.ExitCode()
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			r.code = 128 + int(s.Signal())
		}
	case e != nil:
		t.Fatal(e)
	}
	return r
}

// want runs the program and fails unless it ends with code.
func (c *cluster) want(code int, args ...string) result {
	c.t.Helper()
	r := c.run(args...)
	if r.code != code {
		c.t.Fatalf("pgrepl %s: wanted exit code %d:\n%s", strings.Join(args, " "), code, r)
	}
	return r
}

// apply applies the file, and proves that nothing is left to do.
func (c *cluster) apply(args ...string) result {
	c.t.Helper()
	r := c.want(0, append([]string{"apply", "--auto-approve"}, args...)...)
	c.settled()
	return r
}

// settled fails unless a plan finds nothing to do.
func (c *cluster) settled() {
	c.t.Helper()
	r := c.want(0, "plan", "--detailed-exitcode")
	if !strings.Contains(r.out, " matches ") {
		c.t.Fatalf("the plan is not empty:\n%s", r)
	}
}

// sql runs a statement in a node as the superuser through the local socket; the management role's own way in would be
// needed otherwise, so it goes as pgrepl with the credential that the node holds.
func (c *cluster) sql(node, query string) string {
	c.t.Helper()
	out, err := c.trySQL(node, "postgres", query)
	if err != nil {
		c.t.Fatalf("%s on %s: %v: %s", query, node, err, out)
	}
	return out
}

const psqlScript = `set -eu
for d in /var/lib/postgresql/pgrepl /var/lib/postgresql/data/pgrepl; do [ -f $d/credential ] && dir=$d; done
PGPASSWORD=$(cat $dir/credential) exec psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -U pgrepl -d "$1" -c "$2"`

func (c *cluster) trySQL(node, database, query string) (string, error) {
	out, err := exec.Command("docker", "exec", "-u", "postgres", c.name(node), "sh", "-c", psqlScript, "sql", database, query).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// docker runs a docker command.
func (c *cluster) docker(args ...string) string {
	c.t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// eventually waits for a condition, with a limit.
func (c *cluster) eventually(what string, ok func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			c.t.Fatalf("never came true: %s", what)
		}
		<-time.After(200 * time.Millisecond) // most conditions cost an exec, and that costs the others
	}
}

// replicated writes a row on the primary and waits until a standby has it.
func (c *cluster) replicated(primary, standby string) {
	c.t.Helper()
	n := c.sql(primary, "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS public.pgrt_probe (n int); INSERT INTO public.pgrt_probe VALUES (1); SELECT count(*) FROM public.pgrt_probe")
	c.eventually("the row is on "+standby, func() bool {
		out, err := c.trySQL(standby, "postgres", "SELECT count(*) FROM public.pgrt_probe")
		return err == nil && out == n
	})
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("there is no %q in:\n%s", p, text)
		}
	}
}

const small = `
variable "image" { default = "postgres:16" }
cluster "%" { image = var.image }
master "%-a" {}
replica "%-b" {}
`
