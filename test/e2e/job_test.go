package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// infra is a copy of examples/infra-repo in a folder of its own with a remote, the forge that it is on, and the machine that runs
// its jobs.
type infra struct {
	*cluster // its folder is where somebody works on the repository
	forge    *forge
	remote   string
	bin      string   // the programs that the jobs find
	runner   []string // the runner's own environment
	pulls    int
}

func newInfra(t *testing.T) *infra {
	image := usualImage(t)
	example := "../../examples/infra-repo"
	text, err := os.ReadFile(example + "/pgrepl.hcl")
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, image, prefixed(string(text)))
	declared, err := os.ReadFile(filepath.Join(c.dir, "pgrepl.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := copyTree(example, c.dir); err != nil {
		t.Fatal(err)
	}
	c.write(string(declared))
	registry, _, _ := strings.Cut(image, ":")
	rewrite(t, filepath.Join(c.dir, "policies.hcl"), `["postgres:"]`, `["`+registry+`:"]`)

	i := &infra{cluster: c, forge: newForge(t), remote: t.TempDir(), bin: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range standIns {
		if err := os.Symlink(self, filepath.Join(i.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(program, filepath.Join(i.bin, "pgrepl")); err != nil {
		t.Fatal(err)
	}
	i.runner = append(slices.Clone(c.env), "FORGE="+i.forge.URL, "HOUR=20", "PATH="+i.bin+":"+os.Getenv("PATH"))

	i.gitIn(i.remote, "init", "--quiet", "--bare", "--initial-branch=main")
	i.gitIn(i.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
	i.git("init", "--quiet", "--initial-branch=main")
	i.git("remote", "add", "origin", i.remote)
	i.commit("the repository as it is copied")
	i.git("push", "--quiet", "origin", "main")
	return i
}

func rewrite(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q: %v", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, new)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (i *infra) git(args ...string) string { i.t.Helper(); return i.gitIn(i.dir, args...) }

func (i *infra) gitIn(dir string, args ...string) string {
	i.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=dba", "-c", "user.email=dba@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		i.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (i *infra) commit(title string) {
	i.t.Helper()
	i.git("add", "--all")
	i.git("commit", "--quiet", "--allow-empty", "-m", title)
}

// open begins a pull request with what was edited.
func (i *infra) open(title string, fork bool) int {
	i.t.Helper()
	i.pulls++
	i.forge.pulls[i.pulls] = &pull{fork: fork}
	i.git("checkout", "--quiet", "-b", fmt.Sprint("change-", i.pulls))
	i.push(i.pulls, title)
	return i.pulls
}

// push commits what was edited to a pull request, and makes the commit that merging it would give.
func (i *infra) push(n int, title string) {
	i.t.Helper()
	branch := fmt.Sprint("change-", n)
	i.commit(title)
	i.git("checkout", "--quiet", "--detach", "main")
	i.git("merge", "--quiet", "--no-ff", "-m", fmt.Sprintf("Merge pull request #%d", n), branch)
	p := i.forge.pulls[n]
	p.head, p.merge = i.git("rev-parse", branch), i.git("rev-parse", "HEAD")
	i.git("push", "--quiet", "--force", "origin", fmt.Sprintf("HEAD:refs/pull/%d/merge", n), branch)
	i.git("checkout", "--quiet", branch)
}

// merge merges a pull request.
func (i *infra) merge(n int) {
	i.t.Helper()
	p := i.forge.pulls[n]
	i.git("checkout", "--quiet", "main")
	i.git("merge", "--quiet", "--ff-only", p.merge)
	i.git("push", "--quiet", "origin", "main")
	p.merged = true
}

// ran is what came of a job.
type ran struct {
	code    int
	said    string
	dir     string // the folder in which it ran
	skipped bool   // its condition did not hold
	left    string // the folder that it uploaded, in its first place
}

// want fails unless a job ended with a code.
func (r ran) want(t *testing.T, code int, parts ...string) ran {
	t.Helper()
	if r.skipped || r.code != code {
		t.Fatalf("wanted the job to end with %d: %d, skipped %v\n%s", code, r.code, r.skipped, r.said)
	}
	contains(t, r.said, parts...)
	return r
}

// checkout is a new folder with one commit, and as many before it as depth says.
func (i *infra) checkout(commit, depth string) string {
	i.t.Helper()
	dir := i.t.TempDir()
	i.gitIn(dir, "init", "--quiet")
	i.gitIn(dir, "fetch", "--quiet", "--depth", depth, "file://"+i.remote, commit)
	i.gitIn(dir, "checkout", "--quiet", "FETCH_HEAD")
	return dir
}

// shell runs a line of a job.
func (i *infra) shell(r *ran, env []string, line string) int {
	cmd := exec.Command("sh", "-e", "-c", line)
	cmd.Dir = r.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GITLAB_") || strings.HasPrefix(v, "CI") }), append(slices.Clone(i.runner), env...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		i.t.Fatal(err)
	}
	r.said += "$ " + line + "\n" + out.String()
	return cmd.ProcessState.ExitCode()
}

func parse(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// gitHub runs a job as its workflow says, on a commit. The expressions in it are looked up in on; one that is not there fails.
func (i *infra) gitHub(workflow, job, commit string, on map[string]string) ran {
	i.t.Helper()
	var w struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			If    string
			Steps []struct {
				Uses, Run, If string
				Env, With     map[string]string
			}
		}
	}
	parse(i.t, filepath.Join(i.dir, ".github/workflows", workflow+".yml"), &w)
	known := map[string]string{"github.repository": owned, "github.token": jobToken, "vars.DOCKER_HOST": os.Getenv("DOCKER_HOST"), "secrets.APP_PASSWORD": "a password"}
	maps.Copy(known, on)
	value := func(text string) string {
		for {
			before, rest, found := strings.Cut(text, "${{")
			if !found {
				return text
			}
			name, after, _ := strings.Cut(rest, "}}")
			v, is := known[strings.TrimSpace(name)]
			if !is {
				i.t.Fatalf("%s: nothing is known of %q", workflow, name)
			}
			text = before + v + after
		}
	}
	holds := func(condition string) bool {
		for part := range strings.SplitSeq(condition, " && ") {
			op := " == "
			if strings.Contains(part, " != ") {
				op = " != "
			}
			left, right, _ := strings.Cut(part, op)
			if quoted, is := strings.CutPrefix(right, "'"); is {
				right = strings.TrimSuffix(quoted, "'")
			} else {
				right = value("${{" + right + "}}")
			}
			if (value("${{"+left+"}}") == right) != (op == " == ") {
				return false
			}
		}
		return true
	}
	j := w.Jobs[job]
	if j.If != "" && !holds(j.If) {
		return ran{skipped: true}
	}
	i.forge.permissions = w.Permissions
	r, temp := ran{}, i.t.TempDir()
	for _, s := range j.Steps {
		if r.code != 0 && s.If != "${{ !cancelled() }}" {
			continue
		}
		uses, _, _ := strings.Cut(s.Uses, "@")
		switch {
		case uses == "actions/checkout":
			depth := s.With["fetch-depth"]
			if depth == "" {
				depth = "1"
			}
			r.dir = i.checkout(commit, depth)
		case uses == "actions/upload-artifact":
			r.left = i.t.TempDir()
			if err := copyTree(filepath.Join(r.dir, s.With["path"]), r.left); err != nil {
				i.t.Fatal(err)
			}
		case s.Run != "":
			env := []string{"GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=" + owned, "GITHUB_SHA=" + commit, "RUNNER_TEMP=" + temp, "GITHUB_STEP_SUMMARY=" + temp + "/summary", "GITHUB_PATH=" + temp + "/path"}
			for k, v := range s.Env {
				env = append(env, k+"="+value(v))
			}
			r.code = i.shell(&r, env, s.Run)
		default:
			i.t.Fatalf("%s: a step that is not understood: %+v", workflow, s)
		}
	}
	return r
}

// gitLab runs a job as .gitlab-ci.yml says, on a commit, with what an earlier one left.
func (i *infra) gitLab(job, commit, left string, on map[string]string) ran {
	i.t.Helper()
	type gitLabJob struct {
		Variables map[string]string
		Script    []string
		After     []string `yaml:"after_script"`
		Needs     []string
		Artifacts struct{ Paths []string }
	}
	var nodes map[string]yaml.Node
	parse(i.t, filepath.Join(i.dir, ".gitlab-ci.yml"), &nodes)
	node, j := nodes[job], gitLabJob{}
	if err := node.Decode(&j); err != nil {
		i.t.Fatal(err)
	}
	i.forge.permissions = map[string]string{"api": "write"}
	env := []string{"GITLAB_CI=true", "CI=true", "GITLAB_TOKEN=" + jobToken, "CI_API_V4_URL=" + i.forge.URL + "/api/v4", fmt.Sprint("CI_PROJECT_ID=", owner),
		"CI_COMMIT_SHA=" + commit, "CI_DEFAULT_BRANCH=main"}
	for k, v := range on {
		env = append(env, k+"="+v)
	}
	for k, v := range j.Variables {
		env = append(env, k+"="+os.Expand(v, func(name string) string { return on[name] }))
	}
	r := ran{dir: i.checkout(commit, "1")}
	if len(j.Needs) > 0 {
		if err := copyTree(left, filepath.Join(r.dir, "out")); err != nil {
			i.t.Fatal(err)
		}
	}
	r.code = i.shell(&r, env, strings.Join(j.Script, "\n"))
	if len(j.After) > 0 {
		i.shell(&r, env, strings.Join(j.After, "\n")) // its code counts for nothing
	}
	if len(j.Artifacts.Paths) > 0 {
		r.left = filepath.Join(r.dir, j.Artifacts.Paths[0])
	}
	return r
}
