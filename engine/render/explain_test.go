package render

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
)

var update = flag.Bool("update", false, "write what is found into the golden files")

// at is a place in the file of the tests.
func at(line, column int) engine.Origin {
	return engine.Origin{File: "pgrepl.hcl", Line: line, Column: column}
}

// shop is a master and two replicas: of the master settings, the port and a rule differ, one replica matches, one is stopped.
type shop struct{ want, seen []engine.Resource }

func newShop() *shop {
	s := &shop{}
	attr := func(v string, e engine.Effect, o engine.Origin) engine.Attr {
		return engine.Attr{Value: v, Effect: e, Origin: o}
	}
	port := engine.Attr{Value: "127.0.0.1:5432", Effect: engine.Recreate, Reason: "fixed when a container is made", Origin: at(11, 3)}
	rules := engine.Attr{List: []string{"local all all peer", "host all all samenet scram-sha-256"}, Effect: engine.Reload, Origin: at(7, 5)}
	for i, name := range []string{"db", "a", "b"} {
		addr := engine.Address{Block: map[bool]string{true: "master", false: "replica"}[i == 0], Label: name}
		memory := engine.Attr{Default: true, Effect: engine.Live, Origin: at(10*(i+1), 1)}
		add := func(id engine.ID, want, seen map[string]engine.Attr, unknown string) {
			s.want = append(s.want, engine.Resource{ID: id, Addr: addr, Origin: memory.Origin, Attrs: want})
			s.seen = append(s.seen, engine.Resource{ID: id, Addr: addr, Ours: true, Attrs: seen, Unknown: unknown})
		}
		want := map[string]engine.Attr{"settings.work_mem": attr("8MB", "", at(4, 5)), "settings.max_connections": attr("200", "", at(5, 5))}
		seen := map[string]engine.Attr{"settings.work_mem": attr("8MB", engine.Reload, engine.Origin{}), "settings.max_connections": attr("200", engine.Restart, engine.Origin{})}
		published := port
		switch name {
		case "db":
			seen["settings.work_mem"] = attr("64MB", engine.Reload, engine.Origin{})
			seen["settings.jit"] = attr("off", engine.Reload, engine.Origin{})
			published = engine.Attr{}
			add(engine.ID{Kind: "hba", On: name}, map[string]engine.Attr{"hba": rules}, map[string]engine.Attr{"hba": {List: []string{"local all all peer", "host all all 0.0.0.0/0 trust"}}}, "")
		case "b":
			add(engine.ID{Kind: "settings", On: name}, want, nil, "container is exited")
		}
		if name != "b" {
			add(engine.ID{Kind: "settings", On: name}, want, seen, "")
		}
		add(engine.ID{Kind: "node", Name: name}, map[string]engine.Attr{"port": port, "memory": memory}, map[string]engine.Attr{"port": published, "memory": memory}, "")
	}
	s.seen = append(s.seen, engine.Resource{ID: engine.ID{Kind: "role", Name: "legacy"}, Addr: engine.Address{Block: "role", Label: "legacy"}, Attrs: map[string]engine.Attr{"login": {Value: "true"}}})
	s.want = append(s.want, engine.Resource{ID: engine.ID{Kind: "role", Name: "app"}, Addr: engine.Address{Block: "role", Label: "app"}, Origin: at(40, 1), Attrs: map[string]engine.Attr{"login": {Value: "true", Effect: engine.Live, Origin: at(41, 3)}}})
	return s
}

// The shop is one kind of everything, and plans without steps.
func (s *shop) Kinds() []engine.Kind {
	var out []engine.Kind
	for _, name := range []string{"hba", "node", "role", "settings"} {
		out = append(out, kind{s, name})
	}
	return out
}
func (*shop) Look(context.Context) error              { return nil }
func (*shop) Verify(context.Context) []engine.Problem { return nil }
func (*shop) Guard([]engine.Step) []engine.Step       { return nil }
func (*shop) Broken(engine.Snapshot) []string         { return nil }
func (*shop) Topology(engine.Snapshot) []engine.Node  { return nil }
func (*shop) Unfinished(engine.Snapshot) []string     { return nil }

type kind struct {
	of   *shop
	name string
}

func (k kind) Name() string                           { return k.name }
func (k kind) Want() []engine.Resource                { return k.only(k.of.want) }
func (k kind) Seen() []engine.Resource                { return k.only(k.of.seen) }
func (kind) Facts(_, _ engine.Snapshot) []engine.Fact { return nil }
func (kind) Steps(engine.Change) []engine.Step        { return nil }
func (k kind) only(of []engine.Resource) []engine.Resource {
	return slices.DeleteFunc(slices.Clone(of), func(r engine.Resource) bool { return r.ID.Kind != k.name })
}

// account is what a server says of its settings beside their values.
func account(id engine.ID, path string) *engine.Account {
	if id.Kind != "settings" || !strings.HasPrefix(path, "settings.") {
		return nil
	}
	a := engine.Account{Effect: engine.Reload, Reason: "context user: any session may have a value of its own"}
	if id.On == "b" {
		return &a
	}
	const auto = "/data/postgresql.auto.conf"
	switch path {
	case "settings.work_mem":
		a.InForce, a.SetBy = "8MB", "ALTER SYSTEM, which wrote "+auto+":3"
		if id.On == "db" {
			a.InForce, a.Waits = "64MB", "96MB, for a reload"
			a.Places = []engine.Place{{File: "/data/postgresql.conf", Line: 130, Value: "4MB"}, {File: auto, Line: 3, Value: "96MB"}}
			a.Others = []string{"16MB for role app, before what the files say (ALTER ROLE \"app\" RESET work_mem takes it away)"}
		}
	case "settings.log_statement":
		a.InForce, a.SetBy = "none", "nobody: it is the server's default"
	}
	return &a
}

// TestExplain holds what is said of an object or attribute, in both formats.
func TestExplain(t *testing.T) {
	of := func(block, label string) func(engine.Resource) bool {
		return func(r engine.Resource) bool { return r.Addr.Block == block && r.Addr.Label == label }
	}
	everywhere := func(r engine.Resource) bool { return r.Addr.Block == "master" || r.Addr.Block == "replica" }
	plan, _, err := engine.Make(newShop(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	halted, refused := plan, []engine.Problem{{Code: "PGR213", Summary: "port 127.0.0.1:5432 is taken by container other"}}
	halted.Changes = nil
	publishes := engine.Word{Says: "publishes the server on the host"}
	for _, c := range []struct {
		name    string
		plan    engine.Plan
		refused []engine.Problem
		q       engine.Question
		word    engine.Word
	}{
		{"object", plan, nil, engine.Question{Address: "master.db", Of: of("master", "db")}, engine.Word{}},
		{"object_matches", plan, nil, engine.Question{Address: "replica.a", Of: of("replica", "a")}, engine.Word{}},
		{"object_stopped", plan, nil, engine.Question{Address: "replica.b", Of: of("replica", "b")}, engine.Word{}},
		{"object_missing", plan, nil, engine.Question{Address: "role.app", Of: of("role", "app")}, engine.Word{}},
		{"setting_everywhere", plan, nil, engine.Question{Address: "cluster", Path: "settings.work_mem", Of: everywhere}, engine.Word{}},
		{"setting_undeclared", plan, nil, engine.Question{Address: "replica.a", Path: "settings.log_statement", Of: of("replica", "a")}, engine.Word{}},
		{"setting_surplus", plan, nil, engine.Question{Address: "master.db", Path: "settings.jit", Of: of("master", "db")}, engine.Word{}},
		{"settings", plan, nil, engine.Question{Address: "cluster", Path: "settings", Of: everywhere}, engine.Word{}},
		{"port", plan, nil, engine.Question{Address: "master.db", Path: "port", Of: of("master", "db")}, publishes},
		{"port_refused", halted, refused, engine.Question{Address: "master.db", Path: "port", Of: of("master", "db")}, publishes},
		{"part", plan, nil, engine.Question{Address: "cluster", Of: everywhere, Among: func(path string) bool { return path == "settings.max_connections" }}, engine.Word{}},
		{"port_by_another_word", plan, nil, engine.Question{Address: "replica.a", Path: "port", Of: of("replica", "a")}, engine.Word{Change: "another object, see renamed_from"}},
		{"port_fixed", plan, nil, engine.Question{Address: "replica.a", Path: "port", Of: of("replica", "a")}, engine.Word{Change: "refused"}},
		{"hba", plan, nil, engine.Question{Address: "master.db", Path: "hba", Of: of("master", "db")}, engine.Word{}},
		{"foreign", plan, nil, engine.Question{Address: "role.legacy", Of: of("role", "legacy")}, engine.Word{}},
		{"word", plan, nil, engine.Question{Address: "master.db", Path: "protect", Of: of("master", "db")}, engine.Word{Says: "never removed or made anew while it says so", Default: "false", Origin: at(12, 3)}},
		{"blind", engine.Blind(newShop(), "no Docker engine answers"), nil, engine.Question{Address: "master.db", Of: of("master", "db")}, engine.Word{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Account = account
			e := engine.Explain(c.plan, c.refused, c.q)
			e.Word = c.word
			var b strings.Builder
			if err := Explain(&b, e, Options{}); err != nil {
				t.Fatal(err)
			}
			golden(t, "explain/"+c.name+".txt", b.String())
			b.Reset()
			if err := ExplainJSON(&b, e); err != nil {
				t.Fatal(err)
			}
			golden(t, "explain/"+c.name+".json", b.String())
		})
	}
}

func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have {
		t.Errorf("%s is\n%s\nwanted\n%s", name, have, want)
	}
}

// TestExplainTellsNoSecret puts a secret everywhere where an attribute can stand.
func TestExplainTellsNoSecret(t *testing.T) {
	const canary = "canary-5d41402a"
	id := engine.ID{Kind: "role", Name: "app"}
	addr := engine.Address{Block: "role", Label: "app"}
	with := func(v string) engine.Snapshot {
		return engine.Snapshot{id: {ID: id, Addr: addr, Attrs: map[string]engine.Attr{"password": {Value: v, Secret: true, Effect: engine.Live}}}}
	}
	for _, path := range []string{"", "password"} {
		for _, p := range []engine.Plan{{Wanted: with(canary), Seen: with(canary + "x")}, {Wanted: with(canary), Seen: engine.Snapshot{}}, {Wanted: engine.Snapshot{}, Seen: with(canary)}} {
			e := engine.Explain(p, nil, engine.Question{Address: "role.app", Path: path, Of: func(engine.Resource) bool { return true }})
			var b strings.Builder
			if err := Explain(&b, e, Options{}); err != nil {
				t.Fatal(err)
			}
			if err := ExplainJSON(&b, e); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), canary) || !strings.Contains(b.String(), "(sensitive)") {
				t.Errorf("%s", &b)
			}
		}
	}
}
