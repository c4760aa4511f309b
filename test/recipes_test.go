package test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const recipes = "../examples/infra-repo"

// workflow is what these tests ask of a GitHub workflow.
type workflow struct {
	On          yaml.Node
	Permissions map[string]string
	Concurrency struct {
		Group  string
		Cancel bool `yaml:"cancel-in-progress"`
	}
	Jobs map[string]struct {
		Permissions map[string]string
		RunsOn      yaml.Node `yaml:"runs-on"`
		If          string
		Environment string
		Timeout     int `yaml:"timeout-minutes"`
		Env         map[string]string
		Steps       []struct {
			Uses, Run, If string
			Env           map[string]string
			With          map[string]string
		}
	}
}

func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	out := map[string]workflow{}
	files, _ := filepath.Glob(recipes + "/.github/workflows/*.yml")
	for _, file := range files {
		var w workflow
		read(t, file, &w)
		out[strings.TrimSuffix(filepath.Base(file), ".yml")] = w
	}
	return out
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestWorkflowsMayDoLittle holds what each workflow may do, and that nothing that somebody outside can write becomes a part of a
// script, or comes near a secret.
func TestWorkflowsMayDoLittle(t *testing.T) {
	may := map[string]map[string]string{
		"pgrepl-plan":    {"contents": "read"},
		"pgrepl-comment": {"actions": "read", "contents": "read", "pull-requests": "write"},
		"pgrepl-apply":   {"actions": "read", "contents": "read", "pull-requests": "write"},
	}
	found := workflows(t)
	if names := slices.Sorted(maps.Keys(found)); !slices.Equal(names, slices.Sorted(maps.Keys(may))) {
		t.Fatalf("workflows: %v", names)
	}
	pinned := regexp.MustCompile(`^actions/[a-z-]+@v[0-9]+$`)
	for name, w := range found {
		if !maps.Equal(w.Permissions, may[name]) {
			t.Errorf("%s may %v, and should %v", name, w.Permissions, may[name])
		}
		for id, job := range w.Jobs {
			if job.Permissions != nil || job.Timeout == 0 {
				t.Errorf("%s, %s: permissions of its own %v, timeout %d", name, id, job.Permissions, job.Timeout)
			}
			secret := strings.Join(slices.Collect(maps.Values(job.Env)), " ")
			for _, step := range job.Steps {
				secret += strings.Join(slices.Collect(maps.Values(step.Env)), " ")
				if strings.Contains(step.Run, "${{") {
					t.Errorf("%s, %s: an expression inside a script: %s", name, id, step.Run)
				}
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s, %s: %q is not pinned to a major version", name, id, step.Uses)
				}
				if strings.HasPrefix(step.Uses, "actions/checkout@") && (step.With["persist-credentials"] != "false" || step.With["ref"] != "") {
					t.Errorf("%s, %s: the checkout keeps its token, or is of another commit: %v", name, id, step.With)
				}
			}
			if has := strings.Contains(secret, "secrets."); has != (name == "pgrepl-apply") {
				t.Errorf("%s, %s: has secrets: %v", name, id, has)
			}
		}
	}
	if on := found["pgrepl-plan"].On; on.Content[0].Value != "pull_request" || len(on.Content) != 2 {
		t.Error("pgrepl-plan has to run on pull_request alone: pull_request_target would give the scripts of a fork a token")
	}
	apply := found["pgrepl-apply"]
	if apply.Concurrency.Group == "" || strings.Contains(apply.Concurrency.Group, "${{") || apply.Concurrency.Cancel {
		t.Errorf("two applies may run at once, or one is cut short: %+v", apply.Concurrency)
	}
	if apply.Jobs["apply"].Environment != "production" {
		t.Error("apply is in no environment")
	}
	for id, job := range found["pgrepl-plan"].Jobs {
		own := strings.Contains(job.If, "head.repo.full_name == github.repository")
		if hosted := job.RunsOn.Value == "ubuntu-latest"; own == hosted {
			t.Errorf("%s: the pull request of a fork on a runner of ours, or the other way round: %s", id, job.If)
		}
	}
}

// TestGitLabAppliesOneAtATime, in its environment, after a merge only, and plans for members of the project only.
func TestGitLabAppliesOneAtATime(t *testing.T) {
	var ci map[string]struct {
		Rules         []struct{ If string }
		Environment   string
		ResourceGroup string `yaml:"resource_group"`
		Interruptible bool
		Artifacts     struct{ Access string }
	}
	var whole map[string]yaml.Node
	read(t, recipes+"/.gitlab-ci.yml", &whole)
	delete(whole, "stages")
	text, err := yaml.Marshal(whole)
	if err == nil {
		err = yaml.Unmarshal(text, &ci)
	}
	if err != nil {
		t.Fatal(err)
	}
	apply := ci["apply"]
	if apply.ResourceGroup == "" || apply.Environment != "production" || apply.Interruptible || len(apply.Rules) != 1 || !strings.Contains(apply.Rules[0].If, "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH") {
		t.Errorf("apply: %+v", apply)
	}
	if ci["plan"].Artifacts.Access != "developer" {
		t.Errorf("plans can be read by guests: %+v", ci["plan"])
	}
}

// TestRecipesNameScriptsThatAreThere holds that what is named can be run, and that all that is there is named.
func TestRecipesNameScriptsThatAreThere(t *testing.T) {
	named := map[string]bool{}
	script := regexp.MustCompile(`\bci/[a-z]+\.sh\b`)
	err := filepath.WalkDir(recipes, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, s := range script.FindAllString(string(text), -1) {
			named[s] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named["ci/github.sh"], named["ci/gitlab.sh"] = true, true // lib.sh takes one of them
	for s := range named {
		text, err := os.ReadFile(filepath.Join(recipes, s))
		info, _ := os.Stat(filepath.Join(recipes, s))
		if err != nil {
			t.Errorf("%s is named: %v", s, err)
		} else if runs := strings.HasPrefix(string(text), "#!/bin/sh\n"); runs != (info.Mode()&0o111 != 0) || runs && !strings.Contains(string(text), "\nset -eu\n") {
			t.Errorf("%s: what is run is executable, is for sh and stops at the first error; what is only read is not", s)
		}
	}
	there, _ := filepath.Glob(recipes + "/ci/*")
	if len(there) != len(named) {
		t.Errorf("there are %v, and named are %v", there, slices.Sorted(maps.Keys(named)))
	}
}

// hook is one of pre-commit's.
type hook struct {
	ID, Name, Entry, Language, Files string
	PassFilenames                    *bool `yaml:"pass_filenames"`
}

// TestHooksAreTheSame: this repository offers the hooks that the example has.
func TestHooksAreTheSame(t *testing.T) {
	var offered []hook
	read(t, "../.pre-commit-hooks.yaml", &offered)
	var config struct{ Repos []struct{ Hooks []hook } }
	read(t, recipes+"/.pre-commit-config.yaml", &config)
	used := config.Repos[0].Hooks
	if len(used) != 2 || len(offered) != len(used) {
		t.Fatalf("offered %v, used %v", offered, used)
	}
	for i, o := range offered {
		u := used[i]
		if o.ID != u.ID || !strings.HasPrefix(u.Entry, o.Entry) || o.Files != u.Files || (o.PassFilenames == nil) != (u.PassFilenames == nil) {
			t.Errorf("offered %+v, used %+v", o, u)
		}
	}
}
