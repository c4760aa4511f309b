package engine

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func snapshots(t *rapid.T) Snapshot {
	s := Snapshot{}
	for i := range rapid.IntRange(0, 5).Draw(t, "things") {
		r := Resource{ID: ID{Kind: rapid.SampledFrom([]string{"role", "slot"}).Draw(t, "kind"), Name: fmt.Sprint(i)}, Ours: true,
			Attrs: rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.Custom(func(t *rapid.T) Attr {
				return Attr{Value: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "value"), List: rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 2).Draw(t, "list"),
					Origin: Origin{Line: rapid.IntRange(0, 9).Draw(t, "line")}}
			})).Draw(t, "attrs")}
		s[r.ID] = r
	}
	return s
}

func TestNothingDiffersFromItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := snapshots(t)
		if c := compare(s, s); len(c.changes)+len(c.undeclared)+len(c.unseen) > 0 {
			t.Fatalf("%+v", c)
		}
	})
}

func TestEveryChangeBringsTheWorldNearer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, world := snapshots(t), snapshots(t)
		for _, c := range compare(want, world).changes {
			switch c.Action {
			case Delete:
				world = world.Without(c.ID)
			default:
				if len(c.Fields) == 0 && c.Action == Update {
					t.Fatalf("%s changes nothing", c.ID)
				}
				world = world.With(c.New)
			}
		}
		if c := compare(want, world); len(c.changes) > 0 {
			t.Fatalf("%+v", c.changes)
		}
	})
}

func TestWhatIsLeftAlone(t *testing.T) {
	seen := snapshot([]Resource{
		{ID: ID{Kind: "role", Name: "ours"}, Ours: true},
		{ID: ID{Kind: "role", Name: "theirs"}},
		{ID: ID{Kind: "role", Name: "dark"}, Ours: true, Unknown: "container is exited"},
	})
	c := compare(snapshot([]Resource{{ID: ID{Kind: "role", Name: "dark"}, Attrs: map[string]Attr{"login": {Value: "true"}}}}), seen)
	if len(c.changes) != 1 || c.changes[0].Action != Delete || c.changes[0].ID.Name != "ours" {
		t.Errorf("changes %+v", c.changes)
	}
	if len(c.undeclared) != 1 || c.undeclared[0].ID.Name != "theirs" || len(c.unseen) != 1 {
		t.Errorf("undeclared %+v, unseen %+v", c.undeclared, c.unseen)
	}
}

func TestTheWorldSaysWhatAChangeTakes(t *testing.T) {
	f := fields(map[string]Attr{"a": {Value: "1", Effect: Restart}, "b": {Value: "1"}, "gone": {Value: "1", Effect: Reload}},
		map[string]Attr{"a": {Value: "2", Effect: Live}, "b": {Value: "2", Effect: Recreate}, "new": {Value: "", Effect: Live}})
	got := ""
	for _, x := range f {
		got += fmt.Sprintf("%s %s %t %t\n", x.Path, x.Effect, x.Had, x.Has)
	}
	const want = "a restart true true\nb recreate true true\ngone reload true false\nnew live false true\n"
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestWhatRestsOnTheUnseenWaits(t *testing.T) {
	id := func(name string) ID { return ID{Kind: "thing", Name: name} }
	changes := []Change{
		{ID: id("free"), Action: Create},
		{ID: id("rests"), Action: Create, New: Resource{Needs: []ID{id("dark")}}},
		{ID: id("rests on that"), Action: Update, New: Resource{Needs: []ID{id("rests")}}},
		{ID: id("is used"), Action: Delete, Old: Resource{Needs: []ID{id("dark")}}},
		{ID: id("was used"), Action: Update, Old: Resource{Needs: []ID{id("dark")}}},
	}
	now, waiting := settled(changes, []Resource{{ID: id("dark")}})
	if len(now) != 2 || now[0].ID.Name != "free" || now[1].ID.Name != "was used" || !waiting {
		t.Errorf("%+v, %t", now, waiting)
	}
	if _, waiting := settled(changes[1:2], []Resource{{ID: id("dark")}}); waiting {
		t.Error("nothing that is done now would reveal more")
	}
}

func TestTargetAndExclude(t *testing.T) {
	id := func(name string) ID { return ID{Kind: "node", Name: name} }
	addr := func(label, key string) Address { return Address{Block: "replica", Label: label, Key: key} }
	again := []Field{{Effect: Recreate}}
	onNew := Resource{ID: id("on"), Needs: []ID{id("new")}}
	want := snapshot([]Resource{{ID: id("net")}, {ID: id("new")}, onNew, {ID: id("a"), Needs: []ID{id("net")}}, {ID: id("b"), Needs: []ID{id("net")}}, {ID: id("b2")}})
	changes := []Change{{ID: id("net"), Addr: Address{Block: "network", Label: "net"}}, {ID: id("a"), Addr: addr("a", "")}, {ID: id("b"), Addr: addr("b", "1")}, {ID: id("b2"), Addr: addr("b", "2")},
		{ID: id("new"), Addr: Address{Block: "network", Label: "new"}, Fields: again}, {ID: id("on"), Addr: addr("on", ""), New: onNew, Fields: again}}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "net a b b2 new on"},
		{Options{Target: []string{"replica.a"}}, "net a"},
		{Options{Target: []string{"replica.b"}}, "net b b2"},
		{Options{Target: []string{`replica.b["2"]`}}, "b2"},
		{Options{Exclude: []string{"replica.b"}}, "net a new on"},
		{Options{Target: []string{"replica.a"}, Exclude: []string{"network.net"}}, "a"},
		{Options{Target: []string{"replica.c"}}, ""},
		{Options{Target: []string{"network.net"}}, "net"},
		{Options{Target: []string{"network.new"}}, "new on"},
		{Options{Target: []string{"replica.on"}}, "new on"},
		{Options{Target: []string{"network.new"}, Exclude: []string{"replica.on"}}, "new"},
	} {
		in, out := selected(changes, want, c.o)
		got := ""
		for i, x := range in {
			if i > 0 {
				got += " "
			}
			got += x.ID.Name
		}
		if got != c.want || len(in)+len(out) != len(changes) {
			t.Errorf("%+v: %s, want %s; %d left out", c.o, got, c.want, len(out))
		}
	}
}
