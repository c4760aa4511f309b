package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// freePort is a port of this machine that nobody has at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// pythonImage is what examples/flask is built on here; where none can be had, that is reported as untested.
func pythonImage(t *testing.T) (name string, ok bool) {
	t.Helper()
	cmd := exec.Command("../image/python")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var code *exec.ExitError
	if errors.As(err, &code) && code.ExitCode() == 3 && os.Getenv("CI") != "true" {
		t.Log("UNTESTED: examples/flask (no image with Python can be had)")
		return "", false
	}
	if err != nil {
		t.Fatalf("image of Python: %v", err)
	}
	lines := strings.Fields(string(out))
	return lines[len(lines)-1], true
}

var (
	published = regexp.MustCompile(`(?m)^  port = .*\n`)
	fixedNet  = regexp.MustCompile(`subnet = ".*"`) // which another test's network may have been given
)

// example is one of examples/ with an app in it, under names of the test's own, and where its API answers.
func (c *cluster) example(name, port string) (api string) {
	c.t.Helper()
	text, err := os.ReadFile("../../examples/" + name + "/pgrepl.hcl")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := copyTree("../../examples/"+name+"/app", filepath.Join(c.dir, "app")); err != nil {
		c.t.Fatal(err)
	}
	c.write(fixedNet.ReplaceAllString(published.ReplaceAllString(prefixed(string(text)), ""), fmt.Sprintf("subnet = %q", c.subnet())))
	host := freePort(c.t)
	c.edit(port, fmt.Sprintf(`["%d:5000"]`, host))
	c.t.Cleanup(c.removeImages)
	return fmt.Sprintf("http://127.0.0.1:%d/items", host)
}

func (c *cluster) builtImages() string {
	return c.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "label=io.pgrepl.image")
}

func (c *cluster) removeImages() {
	out, _ := exec.Command("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "label=io.pgrepl.image").Output()
	for _, ref := range strings.Fields(string(out)) {
		if strings.Contains(ref, c.prefix) {
			_ = exec.Command("docker", "image", "rm", "-f", ref).Run()
		}
	}
}

// asks sends one request, again until the app listens.
func (c *cluster) asks(method, url, body string, code int) string {
	c.t.Helper()
	var text []byte
	c.eventually(method+" "+url+" answers", func() bool {
		request, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			c.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, _ = io.ReadAll(answer.Body)
		if answer.StatusCode != code {
			c.t.Fatalf("%s %s: %s: %s", method, url, answer.Status, text)
		}
		return true
	})
	return string(text)
}

// travels posts an item, and finds it by the API and by SQL on both servers.
func (c *cluster) travels(api, name, master, replica string) {
	c.t.Helper()
	var made, all struct {
		ID      int
		Items   []struct{ Name string }
		Standby bool
	}
	body, _ := json.Marshal(map[string]string{"name": name})
	if err := json.Unmarshal([]byte(c.asks("POST", api, string(body), 201)), &made); err != nil || made.ID == 0 {
		c.t.Fatalf("%v: %+v", err, made)
	}
	has := func(url string, standby bool) bool {
		all.Items = nil
		if err := json.Unmarshal([]byte(c.asks("GET", url, "", 200)), &all); err != nil {
			c.t.Fatal(err)
		}
		for _, i := range all.Items {
			if i.Name == name {
				return all.Standby == standby
			}
		}
		return false
	}
	if !has(api+"?from=master", false) {
		c.t.Errorf("the master does not have %s by the API: %+v", name, all)
	}
	c.eventually("the API reads it from the replica", func() bool { return has(api, true) })
	for _, node := range []string{master, replica} {
		if got, err := c.trySQL(node, "app", "SELECT count(*) FROM items WHERE name = '"+name+"'"); err != nil || got != "1" {
			c.t.Errorf("%s has %s rows of it: %v", node, got, err)
		}
	}
}

func (c *cluster) id(name string) string { return c.docker("inspect", "-f", "{{.Id}}", c.name(name)) }

// TestExampleFlask is the application of the proof of concept: rows that are posted travel, and its container is made anew when
// something changes that it uses, and only then.
func TestExampleFlask(t *testing.T) {
	t.Parallel()
	python, ok := pythonImage(t)
	if !ok {
		return
	}
	const first, second = "canary/ä first 4b1d", "canary-second-77ae"
	c := newCluster(t, usualImage(t), small)
	api := c.example("flask", "[5000]")
	base := append(c.env, "PGREPL_VAR_python="+python)
	c.env = append(base[:len(base):len(base)], "PGREPL_VAR_app_password="+first)

	said := c.want(0, "plan").String() + c.want(0, "graph").String() + c.apply().String()
	c.travels(api, "one", "db-master", "db-replica")
	before := c.id("app-flask")

	c.sub("the password is in a file that only the app can read, and nowhere else", func(t *testing.T) {
		files := c.docker("exec", c.name("app-flask"), "ls", "-l", "/run/secrets")
		contains(t, files, "MASTER_URL", "REPLICA_URL", "-r-------- 1 nobody")
		image := c.docker("inspect", "-f", "{{.Config.Image}}", c.name("app-flask"))
		said += c.docker("inspect", c.name("app-flask")) + c.docker("inspect", image) + c.docker("history", "--no-trunc", image) + c.docker("logs", c.name("app-flask")) +
			c.docker("exec", c.name("app-flask"), "sh", "-c", `tr "\0" "\n" < /proc/1/environ`) + c.docker("volume", "inspect", "pgrepl-secrets-"+c.name("app-flask")) +
			c.docker("diff", c.name("app-flask"))
		if strings.Contains(said, "first 4b1d") || strings.Contains(said, "first%204b1d") {
			t.Errorf("the password is shown:\n%s", said)
		}
		if layer := c.docker("diff", c.name("app-flask")); strings.Contains(layer, "_URL") {
			t.Errorf("the secrets are in the container's own layer:\n%s", layer)
		}
	})
	c.sub("a restart of the master is none of the app", func(t *testing.T) {
		c.docker("restart", c.name("db-master"))
		c.want(0, "apply", "--auto-approve")
		c.settled()
		c.travels(api, "two", "db-master", "db-replica")
		if c.id("app-flask") != before {
			t.Error("the app has another container")
		}
	})
	c.sub("without the password nothing is compared, and nothing made", func(t *testing.T) {
		c.env = base
		contains(t, c.want(0, "plan").out, " matches ", "Not checked: app.", "secrets.MASTER_URL")
		c.docker("rm", "-f", c.name("app-flask"))
		contains(t, c.want(2, "status", "--exit-code").out, "its container is missing", "app."+c.name("app-flask"))
		contains(t, c.run("apply", "--auto-approve").err, "cannot be made: secrets.MASTER_URL", "PGR309")
		c.env = append(base[:len(base):len(base)], "PGREPL_VAR_app_password="+first)
		c.apply()
		c.travels(api, "three", "db-master", "db-replica")
	})
	c.sub("another password is another URL", func(t *testing.T) {
		before = c.id("app-flask")
		c.env = append(base[:len(base):len(base)], "PGREPL_VAR_app_password="+second)
		r := c.apply()
		contains(t, r.out, "secrets.MASTER_URL   changes (sensitive)  recreate", "Servers go on; apps restart.")
		if strings.Contains(r.String(), second) || c.id("app-flask") == before {
			t.Errorf("%s", r)
		}
		c.travels(api, "four", "db-master", "db-replica")
	})
	c.sub("what its image is built of is compared", func(t *testing.T) {
		file := filepath.Join(c.dir, "app", "app.py")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("items=["), []byte("version=2, items=[")), 0o644); err != nil {
			t.Fatal(err)
		}
		r := c.apply()
		contains(t, r.out, "build image pgrepl/"+c.prefix, "remove image pgrepl/"+c.prefix)
		contains(t, c.asks("GET", api, "", 200), `"version":2`)
		if n := strings.Count(c.builtImages(), "pgrepl/"+c.prefix); n != 1 {
			t.Errorf("there are %d images:\n%s", n, c.builtImages())
		}
	})
	c.sub("without its block there is no app", func(t *testing.T) {
		path := filepath.Join(c.dir, "pgrepl.hcl")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		without, _, _ := strings.Cut(string(text), "# Leave this block out")
		if err := os.WriteFile(path, []byte(without), 0o644); err != nil {
			t.Fatal(err)
		}
		c.apply()
		left := c.docker("ps", "-a", "--format", "{{.Names}}") + c.docker("volume", "ls", "-q") + c.builtImages()
		if strings.Contains(left, c.name("app-flask")) {
			t.Errorf("it is still there:\n%s", left)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		c.apply()
		c.travels(api, "five", "db-master", "db-replica")
	})
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.nothingLeft()
	if strings.Contains(c.builtImages(), c.prefix) {
		t.Errorf("left behind: %s", c.builtImages())
	}
}

// TestExampleAPI is the same API in Go, in an image that holds nothing but the program.
func TestExampleAPI(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	api := c.example("api", `["8080:5000"]`)
	c.env = append(c.env, "PGREPL_VAR_app_password=test")
	build := exec.Command("go", "build", "-ldflags=-s", "-o", filepath.Join(c.dir, "app", "api"), "pgrepl/examples/api/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.apply()
	c.travels(api, "one", "api-1", "api-2")
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.nothingLeft()
}

const withApp = small + `
role "app" {
  login    = true
  password = "canary-app-93c0"
}
database "shop" {}
app "%-web" {
  image   = var.image
  command = ["sh", "-c", "sleep 1000"]
  secrets = { URL = url(master.%-a, role.app, database.shop) }
}
`

// TestAppThatEnds: what an app says when it does not stay up is what apply says.
func TestAppThatEnds(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), withApp)
	c.edit(`"sleep 1000"`, `"echo cannot use $(cat /run/secrets/URL); exit 3"`)
	r := c.run("apply", "--auto-approve")
	contains(t, r.err, "app."+c.name("web")+" does not stay up: its container ended with 3 right after its start", "cannot use (sensitive)", "[PGR310]")
	if strings.Contains(r.String(), "canary-app-93c0") {
		t.Errorf("the password is shown:\n%s", r)
	}
	if r := c.want(0, "plan"); !strings.Contains(r.out, "state") {
		t.Errorf("an app that ends again and again looks well:\n%s", r)
	}
	c.sub("one that has done its work is done", func(t *testing.T) {
		c.edit(`echo cannot use $(cat /run/secrets/URL); exit 3`, `psql -c 'SELECT 1' $(cat /run/secrets/URL)`)
		c.edit(`  secrets =`, `  restart = "no"`+"\n  secrets =")
		c.apply()
		contains(t, c.docker("logs", c.name("web")), "(1 row)")
	})
}

// TestAppRefusals: names and ports that others have are found before anything is changed, and by-hand changes are drift.
func TestAppRefusals(t *testing.T) {
	t.Parallel()
	image := usualImage(t)
	c := newCluster(t, image, withApp)
	port := freePort(t)
	c.edit(`  command =`, fmt.Sprintf("  ports   = [\"%d:8000\"]\n  command =", port))
	c.docker("run", "-d", "--name", c.name("web"), "--entrypoint", "sleep", image, "1000")
	contains(t, c.run("plan").err, "a container "+c.name("web")+" exists already", "[PGR210]")
	c.docker("rm", "-f", c.name("web"))
	c.docker("run", "-d", "--name", c.name("other"), "-p", fmt.Sprintf("127.0.0.1:%d:80", port), "--entrypoint", "sleep", image, "1000")
	contains(t, c.run("plan").err, "is taken by container "+c.name("other"), "[PGR213]")
	c.docker("rm", "-f", c.name("other"))
	c.docker("volume", "create", "pgrepl-secrets-"+c.name("web"))
	contains(t, c.run("plan").err, "a volume pgrepl-secrets-"+c.name("web")+" exists already", "[PGR211]")
	c.docker("volume", "rm", "pgrepl-secrets-"+c.name("web"))
	c.apply()

	for hand, says := range map[string][]string{
		"other text in a secret": {"exec", c.name("web"), "sh", "-c", "echo x > /run/secrets/URL"},
		"a secret too many":      {"exec", c.name("web"), "sh", "-c", "echo x > /run/secrets/MORE"},
		"another policy":         {"update", "--restart=no", c.name("web")},
		"stopped":                {"stop", "-t", "1", c.name("web")},
		"paused":                 {"pause", c.name("web")},
		"removed":                {"rm", "-f", c.name("web")},
	} {
		c.sub(hand, func(t *testing.T) {
			c.docker(says...)
			if r := c.want(2, "plan", "--detailed-exitcode"); !strings.Contains(r.out, "app."+c.name("web")) {
				t.Errorf("it is not seen:\n%s", r)
			}
			c.apply("--target", "app."+c.name("web"))
		})
	}
	c.sub("under another name it is the same app", func(t *testing.T) {
		c.edit(`app "%-web" {`, "app \"%-web\" {\n  name = \"%-www\"\n  renamed_from = \"%-web\"")
		c.apply()
		if out := c.docker("ps", "-a", "--format", "{{.Names}}"); !strings.Contains(out, c.name("www")) || strings.Contains(out, c.name("web")) {
			t.Errorf("there are %s", out)
		}
	})
	c.sub("protected, it is not destroyed", func(t *testing.T) {
		c.edit(`app "%-web" {`, "app \"%-web\" {\n  protect = true")
		contains(t, c.run("destroy", "--auto-approve").err, "is protected", "PGR229")
	})
}

// TestAFolderThatCannotBeRead: what an image is built of is in the way of a plan alone.
func TestAFolderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	image := usualImage(t)
	c := newCluster(t, image, small+"app \"%-web\" { build = \"app\" }\n")
	c.t.Cleanup(c.removeImages)
	folder := filepath.Join(c.dir, "app")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM "+image+"\nCMD [\"sleep\", \"1000\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := c.apply(); strings.Contains(r.String(), "PGR267") {
		t.Errorf("a folder that can be read is in the way:\n%s", r)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	contains(t, c.run("plan").err, "app."+c.name("web")+" cannot be built", "[PGR267]")
	contains(t, c.want(0, "status").out, "1 of 1 replica healthy", "whether it is as in the file cannot be told: app."+c.name("web"))
	c.want(0, "verify")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	contains(t, c.want(0, "status").out, "1 of 1 replica healthy")
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.nothingLeft()
}

// TestKilledWhileAnAppChanges kills apply at each side effect of the making, of a new password and of the removal of an app.
func TestKilledWhileAnAppChanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), strings.Replace(withApp, `"canary-app-93c0"`, "var.password", 1)+"variable \"password\" { default = \"a\" }\n")
	c.apply()
	plain, block := c.env, withApp[strings.Index(withApp, "app \"%-web\""):]
	for _, change := range []struct {
		what string
		make func(n int)
		then func()
	}{
		{"made", func(int) { c.docker("rm", "-f", c.name("web")) }, func() {}},
		{"another password", func(n int) { plain = append(c.env[:1:1], fmt.Sprintf("PGREPL_VAR_password=p%d", n)) }, func() {}},
		{"removed", func(int) { c.edit(block, "") }, func() {
			if left := c.docker("ps", "-a", "--format", "{{.Names}}") + c.docker("volume", "ls", "-q"); strings.Contains(left, c.name("web")) {
				c.t.Errorf("left behind:\n%s", left)
			}
			c.edit("variable \"password\"", block+"variable \"password\"")
			c.apply()
		}},
	} {
		c.sub(change.what, func(t *testing.T) {
			for n := 1; ; n += stride(2) {
				change.make(n)
				c.env = append(plain[:len(plain):len(plain)], fmt.Sprintf("PGREPL_CRASH_AT=%d", n))
				killed := c.run("apply", "--auto-approve")
				c.env = plain
				c.apply()
				change.then()
				if killed.code == 0 {
					t.Logf("killed at %d points", n/stride(2))
					return
				}
			}
		})
	}
}

// TestAppKeepsItsFiles: what lies in a VOLUME of an app's image is there in each container of it, until it may be deleted.
func TestAppKeepsItsFiles(t *testing.T) {
	t.Parallel()
	official, ok := image(t, usual, "official")
	if !ok {
		t.Fatalf("no official image of PostgreSQL %d", usual)
	}
	const where = "/var/lib/postgresql/data"
	block := withApp[strings.Index(withApp, "app \"%-web\""):]
	block = strings.Replace(block, "var.image", fmt.Sprintf("%q", official), 1)
	c := newCluster(t, usualImage(t), strings.Replace(withApp[:strings.Index(withApp, "app \"%-web\"")], `"canary-app-93c0"`, "var.password", 1)+"variable \"password\" { default = \"a\" }\n"+block)
	name := "pgrepl-data-" + c.name("web") + strings.ReplaceAll(where, "/", "-")
	taken := c.docker("volume", "create", name)
	contains(t, c.run("plan").err, "a volume "+strings.TrimSpace(taken)+" exists already", "[PGR211]")
	c.docker("volume", "rm", name)
	c.apply()
	c.docker("exec", c.name("web"), "sh", "-c", "echo kept > "+where+"/file")
	kept := func(what string) {
		c.t.Helper()
		if got := c.docker("exec", c.name("web"), "cat", where+"/file"); strings.TrimSpace(got) != "kept" {
			c.t.Errorf("%s: the file is %q", what, got)
		}
	}
	c.env = append(c.env, "PGREPL_VAR_password=b")
	c.apply()
	kept("another password")
	c.docker("rm", "-f", "-v", c.name("web"))
	c.apply()
	kept("a container that somebody removed")
	c.edit(`app "%-web" {`, "app \"%-web\" {\n  name = \"%-www\"\n  renamed_from = \"%-web\"")
	c.apply()
	c.edit("\n  name = \"%-www\"\n  renamed_from = \"%-web\"", "")
	c.edit(`app "%-web" {`, "app \"%-web\" {\n  renamed_from = \"%-www\"")
	c.apply()
	kept("another name and back")
	c.edit("\n  renamed_from = \"%-www\"", "")

	c.edit(block, "")
	c.apply()
	contains(t, c.want(0, "plan").out, "volume "+name)
	c.edit("variable \"password\"", block+"variable \"password\"")
	c.apply()
	kept("its block went and came")
	contains(t, c.want(0, "destroy", "--auto-approve").String(), "volume "+name)
	c.apply()
	kept("destroyed and made again")
	contains(t, c.want(0, "destroy", "--auto-approve", "--allow=data").out, "volume "+name+" is deleted")
	c.nothingLeft()
}
