package fake_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/fake"
	"pgrepl/schema"
)

// TestCommentOfFiftyNodes: a plan that makes fifty replicas, and one that restarts them all, go into one comment with room to
// spare; in the smallest one they still say what restarts.
func TestCommentOfFiftyNodes(t *testing.T) {
	file := func(connections int) *schema.Cluster {
		var b strings.Builder
		fmt.Fprintf(&b, "cluster \"shop\" {\n  settings = {\n    max_connections = %d\n    max_wal_senders = 60\n    max_replication_slots = 60\n  }\n}\nmaster \"db\" {}\n", connections)
		for i := range 50 {
			fmt.Fprintf(&b, "replica \"r%02d\" {}\n", i+1)
		}
		return load(t, "fifty", b.String(), nil)
	}
	made, err := plan(fake.New(file(100), newWorld(true)), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	between, err := providers.Between(file(100), file(200))
	if err != nil {
		t.Fatal(err)
	}
	restarted, _, err := engine.Make(between, engine.Options{Regardless: true})
	if err != nil {
		t.Fatal(err)
	}
	title := render.Title{Command: "plan", Cluster: "shop", File: render.File{Path: "pgrepl.hcl"}}
	for _, p := range []engine.Plan{made, restarted} {
		whole := comment(title, p)
		first, _, _ := strings.Cut(whole, "\n")
		t.Logf("%s: %d bytes of markdown, %d of text", first, len(whole), len(text(title, p)))
		if len(whole) > render.DefaultMaxBytes || strings.Contains(whole, "Left out") {
			t.Errorf("%d bytes:\n%s", len(whole), whole)
		}
		var small strings.Builder
		if err := render.Markdown(&small, render.Tell(title, p), render.Options{MaxBytes: render.LeastMaxBytes}); err != nil {
			t.Fatal(err)
		}
		restarts := len(p.Risks) == 0 || strings.Contains(small.String(), "**restart** `replica.r01`, `replica.r02`, `replica.r03`, and 48 more: `max_connections`")
		if small.Len() > render.LeastMaxBytes || !strings.HasPrefix(small.String(), first) || !strings.Contains(small.String(), "Left out") || !restarts {
			t.Errorf("%d bytes:\n%s", small.Len(), &small)
		}
	}
}
