package fake_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers/fake"
	"pgrepl/test/outputs"
)

// documented holds what every plan must keep as a document: it is as docs/plan.schema.json says, reading it back loses
// nothing, and each live number has a place of its own.
func documented(t *testing.T, title render.Title, p engine.Plan) {
	t.Helper()
	d := render.Tell(title, p)
	saved := written(t, d)
	if err := outputs.Held("plan", saved); err != nil {
		t.Errorf("%v\n%s", err, saved)
	}
	read, err := render.Read(saved)
	if err != nil {
		t.Fatal(err)
	}
	if again := written(t, read); !bytes.Equal(saved, again) {
		t.Errorf("saved, read and saved again it is\n%s\nwant\n%s", again, saved)
	}
	if read.ID() != d.ID() {
		t.Error("what is read has another id")
	}
	for i := range p.Risks { // what is allowed is never stored
		p.Risks[i].Allowed, p.Risks[i].Denied = false, false
	}
	var told, retold bytes.Buffer
	if err := errors.Join(render.Text(&told, render.Tell(title, p), render.Options{Full: true}), render.Text(&retold, read, render.Options{Full: true})); err != nil {
		t.Fatal(err)
	}
	if told.String() != retold.String() {
		t.Errorf("what is read is told as\n%s\nwant\n%s", &retold, &told)
	}
	for _, r := range slices.Concat(p.Risks, p.Standing) {
		if r.Figure != "" && !slices.Contains(slices.Collect(maps.Values(d.Facts)), r.Figure) {
			t.Errorf("%s: %s is in no fact", r.Text, r.Figure)
		}
		if r.Figure != "" && strings.Contains(apart(t, d), r.Figure) {
			t.Errorf("%s is not in the facts alone", r.Figure)
		}
	}
}

func written(t *testing.T, d render.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := render.JSON(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// apart is a document without its live numbers.
func apart(t *testing.T, d render.Document) string {
	t.Helper()
	d.Facts = nil
	return string(written(t, d))
}

// TestEveryPlanIsADocument takes all lives and transitions, and each plan in them twice: the same plan is the same bytes.
func TestEveryPlanIsADocument(t *testing.T) {
	plans := 0
	for _, l := range append(lives(t), chains(t)...) {
		t.Run(l.name, func(t *testing.T) {
			w := newWorld(true)
			for _, s := range l.stages {
				s.happen(t, w)
				c := s.bind(t, w)
				err := converge(c, engine.Options{}, 1, func(p engine.Plan) {
					plans++
					documented(t, s.title(t), p)
					again, err := plan(c, engine.Options{})
					if err != nil {
						t.Fatal(err)
					}
					if a, b := written(t, render.Tell(s.title(t), p)), written(t, render.Tell(s.title(t), again)); !bytes.Equal(a, b) {
						t.Errorf("%s: planned twice, the plan is\n%s\nand\n%s", s.name, a, b)
					}
				})
				if no := (refused{}); err != nil && !errors.As(err, &no) {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
		})
	}
	t.Logf("%d plans", plans)
	if plans < 200 && !t.Failed() {
		t.Errorf("only %d plans", plans)
	}
}

// TestASavedPlanHoldsNoSecret looks for the values of sensitive variables in the plans that make everything out of them.
func TestASavedPlanHoldsNoSecret(t *testing.T) {
	const first, second = "canary-first-19ca", "canary-second-77e0"
	w, seen := newWorld(true), 0
	text := strings.Replace(everyBlock, "superuser {", "superuser {\n password = var.secret\n", 1)
	text = strings.Replace(text, `role "app" {`, "role \"app\" {\n password = var.secret\n", 1)
	text = strings.Replace(text, `master "db" {`, "master \"db\" {\n env = { TOKEN = var.secret }\n", 1)
	for _, secret := range []string{first, second} {
		c := fake.New(load(t, secret, text, []string{"secret=" + secret}), w)
		err := converge(c, engine.Options{}, 1, func(p engine.Plan) {
			saved := string(written(t, render.Tell(render.Title{Command: "plan", Cluster: "shop", Vars: load(t, secret, text, []string{"secret=" + secret}).Inputs().Vars}, p)))
			for _, canary := range []string{first, second} {
				if strings.Contains(saved, canary) {
					t.Errorf("the plan holds %s:\n%s", canary, saved)
				}
			}
			seen += strings.Count(saved, "(sensitive)")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 3 {
		t.Errorf("%d sensitive values: there was too little to look for", seen)
	}
}

// TestTheFactsAloneMove: the plans of a cluster that is as before but for its live numbers differ in the facts alone.
func TestTheFactsAloneMove(t *testing.T) {
	moved := 0
	for _, l := range lives(t) {
		w := newWorld(true)
		for _, s := range l.stages {
			s.happen(t, w)
			_ = converge(s.bind(t, w), engine.Options{}, 1, func(p engine.Plan) {
				before := render.Tell(s.title(t), p)
				for _, risks := range [][]engine.Risk{p.Risks, p.Standing} {
					for i := range risks {
						if risks[i].Figure != "" {
							risks[i].Figure += " and more"
						}
						risks[i].Stops *= 20
					}
				}
				after := render.Tell(s.title(t), p)
				if before.ID() != after.ID() || apart(t, before) != apart(t, after) {
					t.Errorf("%s: a live number moves the plan", s.name)
				}
				a, _ := json.Marshal(before.Facts)
				b, _ := json.Marshal(after.Facts)
				if !bytes.Equal(a, b) {
					moved++
				}
			})
		}
	}
	if moved < 20 {
		t.Errorf("only %d plans have a number that moves", moved)
	}
}

// TestASecretGivenLater: a plan that was made without the value of a variable is the same with it.
func TestASecretGivenLater(t *testing.T) {
	const text = `
variable "secret" { sensitive = true }
cluster "shop" {}
master "db" {
  env = { TOKEN = var.secret }
}
role "app" {
  password = var.secret
  settings = { work_mem = var.secret }
}
`
	planned := func(vars ...string) render.Document {
		p, err := plan(fake.New(load(t, "shop", text, vars), newWorld(true)), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return render.Tell(render.Title{Command: "plan", Cluster: "shop"}, p)
	}
	without, with := planned(), planned("secret=8MB")
	if len(without.Unchecked) < 2 || len(with.Unchecked) > 0 {
		t.Fatalf("not checked: %v without the value, %v with it", without.Unchecked, with.Unchecked)
	}
	if without.ID() != with.ID() || len(with.Promise) == 0 {
		t.Errorf("without the value it is plan %s, and with it %s", without.ID(), with.ID())
	}
}

// TestDriftIsNoPartOfAPlan: the same wish from another start is not what an apply leaves that was killed.
func TestDriftIsNoPartOfAPlan(t *testing.T) {
	file := func(settings, role string) string {
		return "cluster \"shop\" {\n settings = { " + settings + " }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nrole \"app\" {\n" + role + "\n}\n"
	}
	before, after := file(`work_mem = "8MB"`, ""), file(`work_mem = "12MB", max_connections = 200`, "login = true")
	for name, drift := range map[string]string{
		"none":                   before,
		"a value that changes":   file(`work_mem = "64MB"`, ""),
		"one that does not":      file(`work_mem = "8MB"`, "createdb = true"),
		"an object that is gone": strings.Replace(before, `replica "ra" {}`, "", 1),
	} {
		w := newWorld(true)
		become := func(text string) *fake.Cluster {
			c := fake.New(load(t, name, text, nil), w)
			if text != after {
				if err := converge(c, engine.Options{}, 1, func(engine.Plan) {}); err != nil {
					t.Fatal(err)
				}
			}
			return c
		}
		planned := func() engine.Plan {
			p, err := plan(become(after), engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		become(before)
		saved := render.Tell(render.Title{Command: "plan", Cluster: "shop"}, planned())
		become(drift)
		if left := saved.Left(planned()); left != (name == "none") {
			t.Errorf("%s: a part of the plan: %t", name, left)
		}
	}
}
