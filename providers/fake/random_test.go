package fake_test

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pgrepl/engine"
	"pgrepl/providers/fake"
	"pgrepl/schema"
)

// seeded runs a property with the same draws each time, as long as nobody asks for others with -rapid.seed.
func seeded(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	seed := flag.Lookup("rapid.seed")
	if seed.Value.String() == "0" {
		if err := seed.Value.Set("20"); err != nil {
			t.Fatal(err)
		}
		defer seed.Value.Set("0")
	}
	rapid.Check(t, property)
}

// file loads a random text, which has to be one that the language takes.
func file(t *rapid.T, text string) *schema.Cluster {
	cluster, diags := schema.Load(schema.Options{Path: "pgrepl.hcl",
		ReadDir:  func(string) ([]string, error) { return nil, errors.New("not a folder") },
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil }})
	if diags.HasErrors() {
		var b strings.Builder
		diags.WriteText(&b)
		t.Fatalf("the language does not take\n%s\n%s", text, &b)
	}
	return cluster
}

// TestAnyClusterBecomesAnyOther takes a random cluster to another one. Nothing is left to plan then, and the world is the same
// as if the second had been made at once.
func TestAnyClusterBecomesAnyOther(t *testing.T) {
	seeded(t, func(t *rapid.T) {
		before, after := write(declared(t)), write(declared(t))
		quick, o := rapid.Bool().Draw(t, "quick"), engine.Options{ReverseTies: rapid.Bool().Draw(t, "reverse ties")}
		changed, made := newWorld(quick), newWorld(quick)
		for _, step := range []struct {
			world *fake.World
			text  string
		}{{changed, before}, {changed, after}, {made, after}} {
			if err := converge(fake.New(file(t, step.text), step.world), o, 1, func(engine.Plan) {}); err != nil {
				t.Fatalf("%v\nbefore\n%s\nafter\n%s", err, before, after)
			}
		}
		if got, want := told(changed), told(made); got != want {
			t.Fatalf("the changed cluster differs from one that was made at once:\n%s\nbefore\n%s\nafter\n%s", difference(want, got), before, after)
		}
	})
}

// told is a world without what it remembers of how it came to be: that the password of a role has been changed.
func told(w *fake.World) string { return strings.ReplaceAll(w.String(), "  rotation = done\n", "") }

// TestTheOrderOfBlocksMeansNothing plans the same file with its blocks in another order.
func TestTheOrderOfBlocksMeansNothing(t *testing.T) {
	seeded(t, func(t *rapid.T) {
		w := newWorld(true)
		if err := converge(fake.New(file(t, write(declared(t))), w), engine.Options{}, 1, func(engine.Plan) {}); err != nil {
			t.Fatal(err)
		}
		blocks := declared(t)
		text, other := write(blocks), write(rapid.Permutation(blocks).Draw(t, "order"))
		a, errA := plan(fake.New(file(t, text), w), engine.Options{})
		b, errB := plan(fake.New(file(t, other), w), engine.Options{})
		if errA != nil || errB != nil {
			t.Fatalf("%v\n%v", errA, errB)
		}
		if one, two := strings.Join(a.Promise(), "\n"), strings.Join(b.Promise(), "\n"); one != two {
			t.Fatalf("the plans differ:\n%s\nfor\n%s\nand\n%s", difference(one, two), text, other)
		}
	})
}

// difference lists the lines that only one of two texts has.
func difference(a, b string) string {
	has := func(text string) map[string]bool {
		out := map[string]bool{}
		for line := range strings.Lines(text) {
			out[line] = true
		}
		return out
	}
	var out strings.Builder
	inA, inB := has(a), has(b)
	for line := range strings.Lines(a) {
		if !inB[line] {
			fmt.Fprintf(&out, "- %s", line)
		}
	}
	for line := range strings.Lines(b) {
		if !inA[line] {
			fmt.Fprintf(&out, "+ %s", line)
		}
	}
	return out.String()
}
