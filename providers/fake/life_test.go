package fake_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers/fake"
	"pgrepl/schema"
)

var update = flag.Bool("update", false, "write what is found into the golden files")

// A life is a txtar in testdata: what happens to one cluster, stage after stage.
//
//	1-new.hcl       the file from now on
//	2-gone.events   what somebody does by hand
//	3-anew.rebuild  --rebuild of these addresses
//	9-end.destroy   destroy instead of apply; the text is what --allow says
//	1-new.plan      what is planned then, in as many parts as there are looks; the plan is applied
//	1-new.md        where it is there: the same for a comment
//
// The comment holds variables: var x=v.
type life struct {
	name   string
	vars   []string
	stages []stage
}

type stage struct {
	name    string
	events  string
	file    string // the last one
	destroy bool
	allow   []string
	rebuild []string
	plan    string
	comment bool // its plans are written for a comment too
	load    func(*testing.T) *schema.Cluster
}

func lives(t *testing.T) []life {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no lives", err)
	}
	var out []life
	for _, path := range paths {
		out = append(out, readLife(t, path))
	}
	return out
}

func readLife(t *testing.T, path string) life {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := life{name: strings.TrimSuffix(filepath.Base(path), ".txtar")}
	for line := range strings.Lines(string(archive.Comment)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "var "); ok {
			l.vars = append(l.vars, v)
		}
	}
	file := ""
	for _, f := range archive.Files {
		name, ext := strings.TrimSuffix(f.Name, filepath.Ext(f.Name)), filepath.Ext(f.Name)
		if n := len(l.stages); n == 0 || l.stages[n-1].name != name {
			l.stages = append(l.stages, stage{name: name})
		}
		s := &l.stages[len(l.stages)-1]
		switch ext {
		case ".hcl":
			file = string(f.Data)
		case ".events":
			s.events = string(f.Data)
		case ".destroy":
			s.destroy, s.allow = true, strings.Fields(string(f.Data))
		case ".rebuild":
			s.rebuild = strings.Fields(string(f.Data))
		case ".plan":
			s.plan = string(f.Data)
		case ".md":
			s.comment = true
		default:
			t.Fatalf("%s: what is %s?", path, f.Name)
		}
		s.file = file
		text, vars := file, l.vars
		var cluster *schema.Cluster
		s.load = func(t *testing.T) *schema.Cluster {
			if cluster == nil {
				cluster = load(t, name, text, vars)
			}
			return cluster
		}
	}
	return l
}

func load(t *testing.T, name, text string, vars []string) *schema.Cluster {
	cluster, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", Vars: vars,
		ReadDir:  func(string) ([]string, error) { return nil, errors.New("not a folder") },
		ReadFile: func(path string) ([]byte, error) { return []byte(text), nil }})
	if diags.HasErrors() {
		var b strings.Builder
		diags.WriteText(&b)
		t.Fatalf("%s: %s", name, &b)
	}
	return cluster
}

func (s stage) bind(t *testing.T, w *fake.World) *fake.Cluster {
	if s.destroy {
		return fake.Destroy(s.load(t), w, func(node engine.Address) bool {
			return engine.Allows(s.allow, engine.ClassData, node)
		})
	}
	c := fake.New(s.load(t), w)
	c.Rebuild(s.rebuild)
	return c
}

func (s stage) title(t *testing.T) render.Title {
	if s.destroy {
		return render.Title{Command: "destroy", Cluster: s.load(t).Name, File: render.File{Path: "pgrepl.hcl"}}
	}
	return render.Title{Command: "plan", Cluster: s.load(t).Name, File: render.File{Path: "pgrepl.hcl"}}
}

func (s stage) happen(t *testing.T, w *fake.World) {
	for line := range strings.Lines(s.events) {
		if err := w.Happen(strings.TrimSpace(line)); err != nil {
			t.Fatalf("%s: %s: %v", s.name, line, err)
		}
	}
}

// newWorld has the images, except those that a test wants pulled.
func newWorld(quick bool) *fake.World {
	w := fake.NewWorld("postgres:16", "postgres:16.4")
	w.Quick = quick
	return w
}

// refused is a plan that may not be carried out.
type refused struct{ problems []engine.Problem }

func (r refused) Error() string {
	var b strings.Builder
	for _, p := range r.problems {
		fmt.Fprintf(&b, "%s: error: %s [%s]\n", p.Origin, p.Summary, p.Code)
	}
	return b.String()
}

// plan looks and plans.
func plan(c *fake.Cluster, o engine.Options) (engine.Plan, error) {
	if err := c.Look(context.Background()); err != nil {
		return engine.Plan{}, err
	}
	p, problems, err := engine.Make(c, o)
	if err == nil && len(problems) > 0 {
		err = refused{problems}
	}
	return p, err
}

// converge applies until there is nothing left to do, as apply does: a further plan is in order only where the one before
// said that it would have to look again. see is given every plan before it is carried out.
func converge(c *fake.Cluster, o engine.Options, parallel int, see func(engine.Plan)) error {
	for looks := 0; ; looks++ {
		p, err := plan(c, o)
		if err != nil {
			return err
		}
		unlikely := unlike(p)
		see(p)
		switch {
		case p.Empty():
			return nil
		case unlikely != nil:
			return unlikely
		case looks == 3:
			return errors.New("still not done after the third plan")
		}
		if res := engine.Apply(context.Background(), p, parallel, func(engine.Event) {}); res.Err != nil {
			return res.Err
		}
		if p.LookAgain {
			continue
		}
		if p, err = plan(c, o); err != nil {
			return err
		}
		if p.Empty() {
			return nil
		}
		return fmt.Errorf("the plan after the last step is not empty:\n%s", text(render.Title{Command: "plan"}, p))
	}
}

// unlike holds the model against the wish: After of all the steps must give what the file wants.
func unlike(p engine.Plan) error {
	if p.LookAgain || len(p.Unseen) > 0 || len(p.LeftOut) > 0 {
		return nil
	}
	world := p.Seen
	for _, s := range p.Steps {
		world = s.After(world)
	}
	for _, want := range p.Wanted.Sorted() {
		got, there := world[want.ID]
		if !there {
			return fmt.Errorf("after the steps there would be no %s", want.ID)
		}
		for _, path := range slices.Sorted(maps.Keys(want.Attrs)) {
			if a, b := want.Attrs[path], got.Attrs[path]; a.Value != b.Value || !slices.Equal(a.List, b.List) {
				return fmt.Errorf("after the steps %s of %s would be %q, wanted is %q", path, want.ID, b.Value, a.Value)
			}
		}
	}
	for _, c := range p.Changes {
		if _, there := world[c.ID]; c.Action == engine.Delete && there {
			return fmt.Errorf("after the steps %s would still be there", c.ID)
		}
	}
	return nil
}

func text(title render.Title, p engine.Plan) string {
	var b bytes.Buffer
	if err := render.Text(&b, render.Tell(title, p), render.Options{}); err != nil {
		panic(err)
	}
	return b.String()
}

func comment(title render.Title, p engine.Plan) string {
	var b bytes.Buffer
	if err := render.Markdown(&b, render.Tell(title, p), render.Options{MaxBytes: render.DefaultMaxBytes}); err != nil {
		panic(err)
	}
	return b.String()
}

// TestLives plans, compares, applies and plans again.
func TestLives(t *testing.T) {
	for _, l := range lives(t) {
		t.Run(l.name, func(t *testing.T) {
			w := newWorld(false)
			found := map[string]string{}
			for _, s := range l.stages {
				s.happen(t, w)
				var plans, comments []string
				err := converge(s.bind(t, w), engine.Options{}, 1, func(p engine.Plan) {
					if s.destroy {
						p.Refused(s.allow)
					}
					plans = append(plans, text(s.title(t), p))
					comments = append(comments, comment(s.title(t), p))
				})
				if no := (refused{}); errors.As(err, &no) {
					plans = append(plans, no.Error())
				} else if err != nil {
					t.Errorf("%s: %v\n%s", s.name, err, strings.Join(plans, "\n"))
				}
				found[s.name+".plan"] = strings.Join(plans, "\n--- then ---\n\n")
				if s.comment {
					found[s.name+".md"] = strings.Join(comments, "\n--- then ---\n\n")
				}
			}
			golden(t, filepath.Join("testdata", l.name+".txtar"), found)
		})
	}
}

func golden(t *testing.T, path string, found map[string]string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, member := range archive.Files {
		got, isGolden := found[member.Name]
		delete(found, member.Name)
		if !isGolden || got == string(member.Data) {
			continue
		}
		if *update {
			archive.Files[i].Data = []byte(got)
			continue
		}
		t.Errorf("%s is\n%s\nwant\n%s", member.Name, got, member.Data)
	}
	for name := range found {
		t.Errorf("%s is missing; make an empty one and run with -update", name)
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
