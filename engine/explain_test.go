package engine

import (
	"fmt"
	"strings"
	"testing"
)

// TestExplainSaysHowThingsStand holds the state of an object and of its attributes, and why a plan leaves what differs.
func TestExplainSaysHowThingsStand(t *testing.T) {
	id, old := ID{Kind: "role", Name: "app"}, ID{Kind: "role", Name: "application"}
	of := func(values ...string) map[string]Attr {
		attrs := map[string]Attr{}
		for _, v := range values {
			path, value, _ := strings.Cut(v, "=")
			attrs[path] = Attr{Value: value, Effect: Live}
		}
		return attrs
	}
	wanted := Resource{ID: id, Attrs: of("login=true", "limit=3")}
	renamed, partial := wanted, wanted
	renamed.Was, partial.Partial = old, true
	for _, c := range []struct {
		about      string
		want, seen []Resource
		refused    []Problem
		postponed  bool
		says       string
	}{
		{"the same", []Resource{wanted}, []Resource{{ID: id, Attrs: wanted.Attrs}}, nil, false, "role app: matches; limit: matches; login: matches"},
		{"one differs", []Resource{wanted}, []Resource{{ID: id, Attrs: of("login=true", "limit=9")}}, nil, false, "role app: differs; limit: differs 9 -> 3; login: matches"},
		{"one is more", []Resource{wanted}, []Resource{{ID: id, Attrs: of("login=true", "limit=3", "jit=off")}}, nil, false, "role app: differs; jit: differs off -> ; limit: matches; login: matches"},
		{"one is more and does not matter", []Resource{partial}, []Resource{{ID: id, Attrs: of("login=true", "limit=3", "jit=off")}}, nil, false, "role app: matches; limit: matches; login: matches"},
		{"refused", []Resource{wanted}, []Resource{{ID: id, Attrs: of("login=true", "limit=9")}}, []Problem{{Code: "PGR213"}}, false, "role app: differs, refused; limit: differs, refused 9 -> 3; login: matches"},
		{"waits", []Resource{wanted}, []Resource{{ID: id, Attrs: of("login=true", "limit=9")}}, nil, true, "role app: differs, waits; limit: differs, waits 9 -> 3; login: matches"},
		{"missing", []Resource{wanted}, nil, nil, false, "role app: does not exist; limit: does not exist; login: does not exist"},
		{"missing, and waits", []Resource{wanted}, nil, nil, true, "role app: does not exist, waits; limit: does not exist, waits; login: does not exist, waits"},
		{"ours, and gone from the file", nil, []Resource{{ID: id, Ours: true, Attrs: of("login=true")}}, nil, false, "role app: not in the file; login: not in the file"},
		{"somebody else's", nil, []Resource{{ID: id, Attrs: of("login=true")}}, nil, false, "role app: not in the file, and not made by pgrepl; login: not in the file, and not made by pgrepl"},
		{"not looked at", []Resource{wanted}, []Resource{{ID: id, Unknown: "container is exited"}}, nil, false, "role app: not looked at; limit: not looked at; login: not looked at"},
		{"by another name", []Resource{renamed}, []Resource{{ID: old, Ours: true, Attrs: of("login=true", "limit=9")}}, nil, false, "role app: differs; limit: differs 9 -> 3; login: matches"},
	} {
		t.Run(c.about, func(t *testing.T) {
			p := Plan{Wanted: snapshot(c.want), Seen: snapshot(c.seen)}
			if !c.postponed && len(c.refused) == 0 {
				p.Changes = compare(p.Wanted, p.Seen).changes
			}
			e := Explain(p, c.refused, Question{Of: func(r Resource) bool { return r.ID == id }})
			if got := said(e); got != c.says {
				t.Errorf("\n got %s\nwant %s", got, c.says)
			}
		})
	}
}

func said(e Explanation) string {
	var out []string
	add := func(name string, s State, h Held, f Field) {
		text := fmt.Sprintf("%s: %s", name, s)
		if h != "" {
			text += ", " + string(h)
		}
		if f.Path != "" {
			text += fmt.Sprintf(" %s -> %s", f.Before.Value, f.After.Value)
		}
		out = append(out, text)
	}
	for _, o := range e.Objects {
		add(o.ID.String(), o.State, o.Held, Field{})
		for _, a := range o.Attrs {
			add(a.Path, a.State, a.Held, a.Change)
		}
	}
	return strings.Join(out, "; ")
}
