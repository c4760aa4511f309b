package health

import (
	"strings"
	"testing"
)

// TestTreeHasEveryNodeOnce: each below the one that it follows, also where that one is not in the report, or is not what it should be.
func TestTreeHasEveryNodeOnce(t *testing.T) {
	for nodes, want := range map[string]string{
		"a b>a c>a d>b":     "a b d c",
		"b>a d>b a c>a":     "a b d c",
		"b>a c>b d>gone":    "b c d",
		"a b>c c>b d>a e>d": "a d e b c",
	} {
		var r Report
		for node := range strings.FieldsSeq(nodes) {
			name, upstream, _ := strings.Cut(node, ">")
			r.Nodes = append(r.Nodes, NodeReport{Name: name, Upstream: upstream})
		}
		var got []string
		for _, n := range r.Tree() {
			got = append(got, n.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, wanted %s", nodes, got, want)
		}
	}
}

func TestHeadOfALine(t *testing.T) {
	for want, subject := range map[string]Subject{"": {}, "a: ": {Node: "a"}, "slot s on a: ": {Node: "a", Slot: "s"}, "app web: ": {App: "web"}} {
		if got := subject.Head(); got != want {
			t.Errorf("%q, wanted %q", got, want)
		}
	}
}
