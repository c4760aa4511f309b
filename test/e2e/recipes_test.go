package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRecipes lives with examples/infra-repo: each job runs as its file says, with the real program on a real cluster; only the
// forges are stood in for.
func TestRecipes(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.sub("GitHub", func(t *testing.T) { i.onGitHub(t) })
	if !t.Failed() {
		i.sub("GitLab", func(t *testing.T) { i.onGitLab(t) })
	}
}

// planned runs what GitHub does when a commit is pushed to a pull request, and wants the check to end with a code.
func (i *infra) planned(t *testing.T, n, code int) ran {
	t.Helper()
	p, job, other := i.forge.pulls[n], "plan", "diff"
	on := map[string]string{"github.event.pull_request.number": fmt.Sprint(n), "github.event.pull_request.head.repo.full_name": owned,
		"vars.PGREPL_SOURCE": "/not/asked/for", "vars.PGREPL_REVISION": "v1"}
	if p.fork {
		job, other = "diff", "plan"
		on["github.event.pull_request.head.repo.full_name"] = "somebody/infra"
	}
	if !i.gitHub("pgrepl-plan", other, p.merge, on).skipped {
		t.Fatalf("%s ran, and the pull request is of a fork: %v", other, p.fork)
	}
	r := i.gitHub("pgrepl-plan", job, p.merge, on).want(t, code)
	conclusion := "success"
	if code != 0 {
		conclusion = "failure"
	}
	i.forge.runs = append(i.forge.runs, planRun{id: 500 + len(i.forge.runs), pull: n, head: p.head, fork: p.fork, conclusion: conclusion, left: r.left})
	return r
}

// commented runs what GitHub does after that, on main.
func (i *infra) commented() ran {
	run := i.forge.runs[len(i.forge.runs)-1]
	return i.gitHub("pgrepl-comment", "comment", i.git("rev-parse", "main"), map[string]string{
		"github.event.workflow_run.event": "pull_request", "github.event.workflow_run.conclusion": run.conclusion,
		"github.event.workflow_run.id": fmt.Sprint(run.id), "github.event.workflow_run.head_sha": run.head})
}

// applied runs what GitHub does when main moves.
func (i *infra) applied() ran {
	return i.gitHub("pgrepl-apply", "apply", i.git("rev-parse", "main"), nil)
}

func (i *infra) onGitHub(t *testing.T) {
	f := i.forge
	f.t = t

	// The first version: the file is on main already, and nothing of it is there.
	first := i.open("the first version", false)
	f.add(first, "somebody", "### quoted <!-- pgrepl:plan:"+i.prefix+" -->")
	f.add(first, "somebody", "who else reads this?")
	f.add(first, me, "### of another cluster <!-- pgrepl:plan:other -->")
	i.planned(t, first, 0)
	i.commented().want(t, 0)
	comments := len(f.on(first))
	opened := f.on(first)[comments-1]
	contains(t, opened.body, "7 objects are added.", "<!-- pgrepl:plan:"+i.prefix+" -->")
	i.merge(first)
	i.applied().want(t, 0)
	contains(t, f.said(first, "apply").body, "### Applied ", "    done ")
	i.env = append(i.env, "PGREPL_VAR_app_password=a password")
	i.settled()
	i.applied().want(t, 0, " matches ")
	contains(t, f.said(first, "apply").body, "### Applied ", " matches ")

	// A change in three pushes, of which the second is against a policy. There is one comment all the time.
	i.edit("max_connections        = 100", "max_connections        = 200")
	change := i.open("more connections", false)
	i.planned(t, change, 0)
	i.commented().want(t, 0)
	before := f.said(change, "plan")
	contains(t, before.body, "max_connections", "3 restarts", "merge-at-night")

	i.edit("  synchronous {", "  hba = [\n    \"host replication replicator samenet scram-sha-256\",\n    \"host all all samenet scram-sha-256\",\n    \"host all app 10.0.0.0/8 trust\",\n  ]\n\n  synchronous {")
	i.push(change, "let them in")
	i.planned(t, change, 3)
	i.commented().want(t, 0)
	refused := f.said(change, "plan")
	contains(t, refused.body, "A policy forbids this.", "`no-trust`")
	if refused.id != before.id {
		t.Errorf("the comment is another one: %d, was %d", refused.id, before.id)
	}

	i.edit("10.0.0.0/8 trust", "10.0.0.0/8 scram-sha-256")
	i.push(change, "with a password")
	i.planned(t, change, 0)
	i.commented().want(t, 0)
	approved := f.said(change, "plan")
	contains(t, approved.body, "max_connections", "hba")
	if approved.id != before.id || strings.Contains(approved.body, "forbids") {
		t.Errorf("the comment was not brought up to date: %+v", approved)
	}

	// Merged by day, it waits for the night.
	i.merge(change)
	i.runner = append(i.runner, "HOUR=10")
	i.applied().want(t, 3)
	contains(t, f.said(change, "apply").body, "### Refused", "no restart between 8 and 18")
	if got := i.sql("shop-1", "SHOW max_connections"); got != "100" {
		t.Errorf("max_connections is %s by day", got)
	}
	i.runner = i.runner[:len(i.runner)-1]
	i.applied().want(t, 0)
	contains(t, f.said(change, "apply").body, "### Applied ")
	i.settled()

	// Somebody changes the cluster by hand between the plan and the merge.
	i.edit("max_connections        = 200", "max_connections        = 200\n    work_mem               = \"16MB\"")
	late := i.open("more memory", false)
	i.planned(t, late, 0)
	i.commented().want(t, 0)
	i.sql("shop-1", "ALTER SYSTEM SET work_mem = '64MB'")
	i.sql("shop-1", "SELECT pg_reload_conf()")
	i.merge(late)
	i.applied().want(t, 4, "stale: ")
	contains(t, f.said(late, "apply").body, "### The approved plan is stale", "work_mem was", "is 64MB")
	i.eventually("work_mem is as it was made by hand", func() bool { return i.sql("shop-1", "SHOW work_mem") == "64MB" })
	i.sql("shop-1", "ALTER SYSTEM RESET work_mem")
	i.sql("shop-1", "SELECT pg_reload_conf()")
	i.applied().want(t, 0)
	i.settled()

	// A fork: no plan, no Docker engine, a comment all the same; and nothing that it leaves is believed.
	i.edit(`"16MB"`, `"32MB"`)
	fork := i.open("from outside", true)
	host := "DOCKER_HOST=tcp://127.0.0.1:9"
	i.runner = append(i.runner, host)
	i.planned(t, fork, 0)
	i.runner = i.runner[:len(i.runner)-1]
	i.commented().want(t, 0)
	contains(t, f.said(fork, "diff").body, "work_mem")
	left := f.runs[len(f.runs)-1].left
	write(t, left, "number", fmt.Sprint(first))
	i.commented().want(t, 0, "is not at the commit of this run")
	write(t, left, "number", "1/../../x")
	i.commented().want(t, 1, "not what")
	write(t, left, "number", fmt.Sprint(fork))
	if err := os.Remove(filepath.Join(left, "comment.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/proc/self/environ", filepath.Join(left, "comment.md")); err != nil {
		t.Fatal(err)
	}
	i.commented().want(t, 1, "not what")
	i.want(0, "plan", "--out", filepath.Join(left, "plan.json")) // as good as any, but nobody of ours has made it
	i.merge(fork)
	i.applied().want(t, 1)
	contains(t, f.said(fork, "apply").body, "### Not applied ", "the last plan of the pull request did not succeed")

	// A push past all pull requests.
	i.git("checkout", "--quiet", "main")
	i.edit(`"32MB"`, `"16MB"`)
	i.commit("in a hurry")
	i.git("push", "--quiet", "origin", "main")
	i.applied().want(t, 1, "no pull request")

	// A file that is none.
	i.edit("max_connections        = 200", "max_conections         = 200")
	broken := i.open("a mistake", false)
	i.planned(t, broken, 65)
	i.commented().want(t, 0)
	contains(t, f.said(broken, "plan").body, "### There is no plan: pgrepl plan ended with 65 ", "max_connections")
	i.git("checkout", "--quiet", "main")
	if n := len(f.on(first)); n != comments+1 {
		t.Errorf("the first pull request has %d comments: %v", n, f.on(first))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pipeline runs what GitLab does when a commit is pushed to a merge request, and wants the plan to end with a code.
func (i *infra) pipeline(t *testing.T, n, code int) ran {
	t.Helper()
	p := i.forge.pulls[n]
	on := map[string]string{"CI_MERGE_REQUEST_IID": fmt.Sprint(n)}
	r := i.gitLab("plan", p.head, "", on).want(t, code)
	conclusion := "success"
	if code != 0 {
		conclusion = "failure"
	}
	i.forge.runs = append(i.forge.runs, planRun{id: 500 + len(i.forge.runs), pull: n, head: p.head, conclusion: conclusion, left: r.left})
	i.gitLab("comment", p.head, r.left, on).want(t, 0)
	return r
}

func (i *infra) appliedByGitLab() ran {
	return i.gitLab("apply", i.git("rev-parse", "main"), "", map[string]string{"CI_COMMIT_BRANCH": "main", "PGREPL_VAR_app_password": "a password"})
}

func (i *infra) onGitLab(t *testing.T) {
	f := i.forge
	f.t = t
	i.edit(`"16MB"`, `"8MB"`)
	n := i.open("less memory", false)
	f.add(n, "somebody", "### quoted <!-- pgrepl:plan:"+i.prefix+" -->")
	f.add(n, "somebody", "and")
	f.add(n, "somebody", "so on")
	r := i.pipeline(t, n, 0)
	text, err := os.ReadFile(filepath.Join(r.left, "report.json"))
	report := map[string]int{}
	if err := errors.Join(err, json.Unmarshal(text, &report)); err != nil || !maps.Equal(report, map[string]int{"create": 0, "update": 1, "delete": 0}) {
		t.Errorf("the report is %s: %v", text, err)
	}
	before := f.said(n, "plan")

	i.edit("10.0.0.0/8 scram-sha-256", "10.0.0.0/8 trust")
	i.push(n, "let them in")
	i.pipeline(t, n, 3)
	contains(t, f.said(n, "plan").body, "A policy forbids this.")
	i.edit("10.0.0.0/8 trust", "10.0.0.0/8 scram-sha-256")
	i.push(n, "not so")
	i.pipeline(t, n, 0)
	if after := f.said(n, "plan"); after.id != before.id || after.body != before.body {
		t.Errorf("the note is %+v, was %+v", after, before)
	}

	f.runs = append(f.runs, planRun{id: 900, pull: n, head: f.pulls[n].head, fork: true, conclusion: "success"})
	i.merge(n)
	i.sql("shop-1", "ALTER SYSTEM SET work_mem = '64MB'")
	i.sql("shop-1", "SELECT pg_reload_conf()")
	i.appliedByGitLab().want(t, 4)
	contains(t, f.said(n, "apply").body, "### The approved plan is stale", "is 64MB")
	i.sql("shop-1", "ALTER SYSTEM SET work_mem = '16MB'")
	i.sql("shop-1", "SELECT pg_reload_conf()")
	i.appliedByGitLab().want(t, 0)
	contains(t, f.said(n, "apply").body, "### Applied ")
	i.settled()
	i.appliedByGitLab().want(t, 0, " matches ")

	// A loss is allowed in the same merge request.
	i.edit("replica \"%-shop-3\" {}\n", "")
	i.edit("[replica.%-shop-2, replica.%-shop-3]", "[replica.%-shop-2]")
	smaller := i.open("one standby less", false)
	i.pipeline(t, smaller, 3)
	contains(t, f.said(smaller, "plan").body, "needs `--allow=data:replica."+i.name("shop-3"))
	write(t, i.dir, "allow.txt", "# as agreed\n\ndata:replica."+i.name("shop-3"))
	i.push(smaller, "its data may go")
	i.pipeline(t, smaller, 0)
	i.merge(smaller)
	i.appliedByGitLab().want(t, 0)
	i.settled()

	i.commit("past all merge requests")
	i.git("push", "--quiet", "origin", "main")
	i.appliedByGitLab().want(t, 1, "no pull request")
}

// TestHooks runs what pre-commit would, on files that are as they should be and on others.
func TestHooks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := copyTree("../../examples/infra-repo", dir); err != nil {
		t.Fatal(err)
	}
	var config struct {
		Repos []struct {
			Hooks []struct {
				ID, Entry     string
				PassFilenames *bool `yaml:"pass_filenames"`
			}
		}
	}
	parse(t, filepath.Join(dir, ".pre-commit-config.yaml"), &config)
	codes := func() map[string]int {
		out := map[string]int{}
		for _, h := range config.Repos[0].Hooks {
			args := strings.Fields(h.Entry)
			if h.PassFilenames == nil || *h.PassFilenames {
				args = append(args, "pgrepl.hcl", "policies.hcl")
			}
			cmd := exec.Command(program, args[1:]...)
			cmd.Dir = dir
			out[h.ID] = finish(t, cmd).code
		}
		return out
	}
	file := filepath.Join(dir, "pgrepl.hcl")
	for _, c := range []struct {
		old, new    string
		form, valid int
	}{
		{"", "", 0, 0},
		{"count    = 1", "count = 1", 2, 0},
		{"count = 1", "count    = 4", 0, 65},
		{"count    = 4", "count    = 1", 0, 0},
		{`"postgres:17"`, `"somebodys/postgres:17"`, 0, 3},
	} {
		if c.new != "" {
			rewrite(t, file, c.old, c.new)
		}
		if got := codes(); got["pgrepl-fmt"] != c.form || got["pgrepl-validate"] != c.valid || len(got) != 2 {
			t.Errorf("with %s: %v, wanted %d and %d", c.new, got, c.form, c.valid)
		}
	}
}

// TestInstall builds a program from the revision that is asked for, and has the steps that follow find it.
func TestInstall(t *testing.T) {
	t.Parallel()
	source, work := t.TempDir(), t.TempDir()
	i := &infra{cluster: &cluster{t: t, dir: source}}
	version := func(v string) string {
		t.Helper()
		for name, text := range map[string]string{"go.mod": "module pgrepl\n\ngo 1.24\n", "cmd/pgrepl/main.go": "package main\n\nfunc main() { println(\"version " + v + "\") }\n"} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o755), os.WriteFile(filepath.Join(source, name), []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		i.commit(v)
		return i.git("rev-parse", "HEAD")
	}
	i.git("init", "--quiet")
	first := version("one")
	version("two")
	script, err := filepath.Abs("../../examples/infra-repo/ci/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	path := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool { // of a machine that does not have it
		_, err := os.Stat(filepath.Join(dir, "pgrepl"))
		return err == nil
	})
	for range 2 { // the second finds what the first has made
		cmd := exec.Command(script, "bin")
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "PGREPL_SOURCE="+source, "PGREPL_REVISION="+first, "GITHUB_PATH="+filepath.Join(work, "path"), "PATH="+filepath.Join(work, "bin")+":"+strings.Join(path, ":"))
		if r := finish(t, cmd); r.code != 0 {
			t.Fatal(r)
		}
	}
	added, err := os.ReadFile(filepath.Join(work, "path"))
	if err != nil {
		t.Fatal(err)
	}
	if r := finish(t, exec.Command(filepath.Join(strings.TrimSpace(string(added)), "pgrepl"))); r.err != "version one\n" {
		t.Errorf("%s", r)
	}
}
