package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// forge stands in for GitHub and GitLab: the requests that the scripts of examples/infra-repo make, and no others, over what it
// keeps of pull requests, runs and comments.
type forge struct {
	*httptest.Server
	t *testing.T

	mu          sync.Mutex
	permissions map[string]string // of the job that runs now
	pulls       map[int]*pull
	runs        []planRun
	comments    []comment
}

type pull struct {
	head, merge string // commits
	fork        bool
	merged      bool
}

// planRun is one run of the job that plans, with what it left.
type planRun struct {
	id, pull   int
	head       string
	fork       bool
	conclusion string // success or failure
	left       string // a folder; "" where it was removed since
}

type comment struct {
	id, pull   int
	user, body string
}

const (
	owned    = "dba/infra" // the repository on GitHub, and
	owner    = 7           // the project on GitLab
	me       = "github-actions[bot]"
	meID     = 40
	jobToken = "the token of this job"
)

func newForge(t *testing.T) *forge {
	f := &forge{t: t, pulls: map[int]*pull{}}
	mux := http.NewServeMux()
	handle := func(pattern, needs string, answer func(r *http.Request) any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			what, level, _ := strings.Cut(needs, ":")
			if has := f.permissions[what]; r.Header.Get("Authorization") != "Bearer "+jobToken || has == "" || has != "write" && has != level {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			got := answer(r)
			if got == nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_ = json.NewEncoder(w).Encode(got)
		})
	}
	gitHub, gitLab := "/repos/"+owned, fmt.Sprintf("/api/v4/projects/%d", owner)

	handle("GET "+gitHub+"/pulls/{n}", "pull-requests:read", func(r *http.Request) any {
		if p := f.pulls[numberOf(r)]; p != nil {
			return object{"head": object{"sha": p.head}}
		}
		return nil
	})
	handle("GET "+gitHub+"/commits/{sha}/pulls", "pull-requests:read", func(r *http.Request) any {
		return f.of(r.PathValue("sha"), func(n int, p *pull) object {
			return object{"number": n, "merged_at": mergedAt(p), "merge_commit_sha": p.merge}
		})
	})
	handle("GET "+gitHub+"/actions/workflows/pgrepl-plan.yml/runs", "actions:read", func(r *http.Request) any {
		out := []object{}
		for _, run := range slices.Backward(f.runs) {
			from := owned
			if run.fork {
				from = "somebody/infra"
			}
			if run.head == r.FormValue("head_sha") {
				out = append(out, object{"id": run.id, "run_number": run.id, "conclusion": run.conclusion, "head_repository": object{"full_name": from}})
			}
		}
		return object{"workflow_runs": out}
	})
	handle("GET "+gitHub+"/actions/runs/{n}/artifacts", "actions:read", func(r *http.Request) any { // what `gh run download` asks for
		for _, run := range f.runs {
			if run.id == numberOf(r) && run.left != "" {
				return object{"folder": run.left}
			}
		}
		return nil
	})
	handle("GET "+gitHub+"/issues/{n}/comments", "pull-requests:read", func(r *http.Request) any {
		return f.page(r, func(c comment) object { return object{"id": c.id, "body": c.body, "user": object{"login": c.user}} })
	})
	handle("POST "+gitHub+"/issues/{n}/comments", "pull-requests:write", func(r *http.Request) any { return f.add(numberOf(r), me, field(r)) })
	handle("PATCH "+gitHub+"/issues/comments/{id}", "pull-requests:write", func(r *http.Request) any { return f.patch(r, field(r)) })

	handle("GET /api/v4/user", "api:write", func(*http.Request) any { return object{"id": meID} })
	handle("GET "+gitLab+"/repository/commits/{sha}/merge_requests", "api:write", func(r *http.Request) any {
		return f.of(r.PathValue("sha"), func(n int, p *pull) object {
			state := "opened"
			if p.merged {
				state = "merged"
			}
			return object{"iid": n, "state": state, "target_branch": "main", "sha": p.head, "merge_commit_sha": p.merge, "squash_commit_sha": nil}
		})
	})
	handle("GET "+gitLab+"/merge_requests/{n}/pipelines", "api:write", func(r *http.Request) any {
		out := []object{}
		for _, run := range f.runs {
			from := owner
			if run.fork {
				from++
			}
			if run.pull == numberOf(r) {
				out = append(out, object{"id": run.id, "project_id": from, "sha": run.head})
			}
		}
		return out
	})
	handle("GET "+gitLab+"/pipelines/{n}/jobs", "api:write", func(r *http.Request) any {
		out := []object{}
		for _, run := range f.runs {
			if run.id == numberOf(r) {
				out = append(out, object{"id": 1000 + run.id, "name": "comment", "status": "success"}, object{"id": run.id, "name": "plan", "status": strings.Replace(run.conclusion, "failure", "failed", 1)})
			}
		}
		return out
	})
	handle("GET "+gitLab+"/jobs/{n}/artifacts/out/plan.json", "api:write", func(r *http.Request) any {
		for _, run := range f.runs {
			if run.id == numberOf(r) {
				if text, err := os.ReadFile(filepath.Join(run.left, "plan.json")); err == nil {
					return json.RawMessage(text)
				}
			}
		}
		return nil
	})
	handle("GET "+gitLab+"/merge_requests/{n}/notes", "api:write", func(r *http.Request) any {
		return f.page(r, func(c comment) object {
			author := meID
			if c.user != me {
				author++
			}
			return object{"id": c.id, "body": c.body, "author": object{"id": author}}
		})
	})
	handle("POST "+gitLab+"/merge_requests/{n}/notes", "api:write", func(r *http.Request) any { return f.add(numberOf(r), me, r.PostFormValue("body")) })
	handle("PUT "+gitLab+"/merge_requests/{n}/notes/{id}", "api:write", func(r *http.Request) any { return f.patch(r, r.PostFormValue("body")) })

	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

type object = map[string]any

func numberOf(r *http.Request) int {
	n, _ := strconv.Atoi(r.PathValue("n"))
	return n
}

// field is the text that `gh --field body=@FILE` sends.
func field(r *http.Request) string {
	var sent struct{ Body string }
	_ = json.NewDecoder(r.Body).Decode(&sent)
	return sent.Body
}

func mergedAt(p *pull) any {
	if !p.merged {
		return nil
	}
	return "2026-01-01T00:00:00Z"
}

// of lists the pull requests that have a commit.
func (f *forge) of(sha string, tell func(n int, p *pull) object) any {
	out := []object{}
	for n, p := range f.pulls {
		if p.head == sha || p.merge == sha {
			out = append(out, tell(n, p))
		}
	}
	return out
}

// page has two comments at the most, however many are asked for, so that whoever forgets the next page finds little.
func (f *forge) page(r *http.Request, tell func(comment) object) any {
	const size = 2
	all := f.on(numberOf(r))
	from := 0
	if p, err := strconv.Atoi(r.FormValue("page")); err == nil {
		from = min(size*(p-1), len(all))
	}
	out := []object{}
	for _, c := range all[from:min(from+size, len(all))] {
		out = append(out, tell(c))
	}
	return out
}

// on are the comments of a pull request.
func (f *forge) on(pull int) []comment {
	return slices.DeleteFunc(slices.Clone(f.comments), func(c comment) bool { return c.pull != pull })
}

func (f *forge) add(pull int, user, body string) any {
	if f.pulls[pull] == nil || body == "" {
		return nil
	}
	f.comments = append(f.comments, comment{id: 100 + len(f.comments), pull: pull, user: user, body: body})
	return object{"id": 99 + len(f.comments)}
}

func (f *forge) patch(r *http.Request, body string) any {
	for i := range f.comments {
		if c := &f.comments[i]; strconv.Itoa(c.id) == r.PathValue("id") && body != "" {
			if c.user != me {
				f.t.Errorf("the comment of somebody else was overwritten: %s", c.body)
			}
			c.body = body
			return object{"id": c.id}
		}
	}
	return nil
}

// said is the one comment of ours on a pull request whose first line has the mark of a command.
func (f *forge) said(pull int, command string) comment {
	f.t.Helper()
	var found []comment
	for _, c := range f.on(pull) {
		first, _, _ := strings.Cut(c.body, "\n")
		if c.user == me && strings.Contains(first, "<!-- pgrepl:"+command+":") {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		f.t.Fatalf("pull request %d has %d comments of %s: %v", pull, len(found), command, found)
	}
	return found[0]
}

// copyTree copies what an artefact holds.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&os.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, info.Mode())
	})
}
