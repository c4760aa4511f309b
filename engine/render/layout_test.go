package render

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyNodes draws up to 100 nodes, each of which follows any other, itself, or one that is not there.
func anyNodes(t *rapid.T) []Node {
	n := rapid.IntRange(1, 100).Draw(t, "nodes")
	kind := rapid.SampledFrom([]string{"fan", "chain", "tree", "anyhow"}).Draw(t, "kind")
	nodes := []Node{{Name: "n0", Part: master}}
	for i := 1; i < n; i++ {
		up := 0
		switch kind {
		case "chain":
			up = i - 1
		case "tree":
			up = rapid.IntRange(0, i-1).Draw(t, "upstream")
		case "anyhow":
			up = rapid.IntRange(0, n).Draw(t, "upstream")
		}
		nodes = append(nodes, Node{Name: fmt.Sprint("n", i), Part: replica, Upstream: fmt.Sprint("n", up)})
	}
	return nodes
}

// left is where the room of a node begins: one that hangs has its line beside it.
func left(p place) int {
	if p.hangs {
		return p.x - indent
	}
	return p.x
}

func TestArrangedNodesKeepApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t)
		places := arrange(nodes)
		if !reflect.DeepEqual(places, arrange(nodes)) {
			t.Fatal("arranged in two ways")
		}
		if len(places) != len(nodes) {
			t.Fatalf("%d places for %d nodes", len(places), len(nodes))
		}
		for i, p := range places {
			if !reflect.DeepEqual(p.node, nodes[i]) || p.x < 0 || p.level < 0 {
				t.Fatalf("%v is at %d, level %d", p.node, p.x, p.level)
			}
			if p.above >= 0 {
				up := places[p.above]
				if up.node.Name != p.node.Upstream || !slices.Contains(up.below, i) || p.level <= up.level {
					t.Fatalf("%s at level %d is not below %s at level %d", p.node.Name, p.level, up.node.Name, up.level)
				}
			}
			for _, o := range places[:i] {
				if o.level == p.level && left(p) < o.x+boxWidth && left(o) < p.x+boxWidth {
					t.Fatalf("%s and %s overlap at level %d: %d and %d", p.node.Name, o.node.Name, p.level, p.x, o.x)
				}
			}
		}
	})
}

// TestCirclesAreOpened: nobody of a circle is lost.
func TestCirclesAreOpened(t *testing.T) {
	places := arrange([]Node{{Name: "a", Part: replica, Upstream: "b"}, {Name: "b", Part: replica, Upstream: "a"}, {Name: "c", Part: replica, Upstream: "c"}})
	if places[0].above != 1 || places[1].above >= 0 || places[2].above >= 0 {
		t.Errorf("%+v", places)
	}
}

func TestManyLeavesHangInColumns(t *testing.T) {
	nodes := []Node{{Name: "db", Part: master}}
	for i := range 99 {
		nodes = append(nodes, Node{Name: fmt.Sprint("r", i), Part: replica, Upstream: "db"})
	}
	width, height := 0, 0
	for _, p := range arrange(nodes) {
		width, height = max(width, p.x+boxWidth), max(height, p.y()+boxHeight)
	}
	if width > 1700 || height > 1700 {
		t.Errorf("100 nodes take %d x %d", width, height)
	}
}

func TestNamesAreShortenedInTheMiddle(t *testing.T) {
	for name, want := range map[string]string{"standby": "standby", "12345678": "12345678", "shop-replica-one": "shop…one", "größenwahn": "größ…ahn"} {
		if got := shortened(name, 8); got != want {
			t.Errorf("%s became %s, not %s", name, got, want)
		}
	}
}
