package fake_test

import (
	"strings"
	"testing"

	"pgrepl/schema"
	"pgrepl/test/transitions"
)

// chains are the transitions that are tried on real Docker, as lives of a cluster in memory. What the language or a server
// refuses is left out, and so is what is done by hand in SQL.
func chains(t *testing.T) []life {
	all, err := transitions.Chains()
	if err != nil {
		t.Fatal(err)
	}
	var out []life
	for _, c := range all {
		l := life{name: "transitions-" + c.Name, vars: []string{"image=postgres:16", "patched=postgres:16.4"}}
		l.add("start", c.Start, transitions.Transition{})
		for _, tr := range c.Transitions {
			if tr.Refused == "" && tr.Open == "" {
				l.add(tr.Name, tr.After, tr)
			}
		}
		out = append(out, l)
	}
	return out
}

// add adds a stage with a file, and with what happens before and is asked for in a transition.
func (l *life) add(name, text string, tr transitions.Transition) {
	text = strings.ReplaceAll(text, "%", "shop")
	var rebuild []string
	for _, r := range tr.Rebuild {
		rebuild = append(rebuild, strings.ReplaceAll(r, "%", "shop"))
	}
	var cluster *schema.Cluster
	l.stages = append(l.stages, stage{name: name, file: text, events: events(tr.Events), rebuild: rebuild, load: func(t *testing.T) *schema.Cluster {
		if cluster == nil {
			cluster = load(t, name, text, l.vars)
		}
		return cluster
	}})
}

// events are those that the cluster in memory knows.
func events(all []string) string {
	var out strings.Builder
	for _, e := range all {
		if e = strings.ReplaceAll(e, "%", "shop"); !strings.HasPrefix(e, "sql ") {
			out.WriteString(e + "\n")
		}
	}
	return out.String()
}

// TestOpenTransitions holds that what is said to be wrong still is.
func TestOpenTransitions(t *testing.T) {
	all, err := transitions.Chains()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		for _, tr := range c.Transitions {
			if tr.Open == "" {
				continue
			}
			l := life{name: c.Name, vars: []string{"image=postgres:16", "patched=postgres:16.4"}}
			l.add("before", tr.Before, transitions.Transition{})
			if err := l.live(t, newWorld(false), nil, nil); err != nil {
				t.Fatalf("%s: before %s: %v", c.Name, tr.Name, err)
			}
			if l.add(tr.Name, tr.After, transitions.Transition{}); l.live(t, newWorld(false), nil, nil) == nil {
				t.Errorf("%s: %s was wrong, and seems not to be any more: take the line \"open\" out", c.Name, tr.Name)
			}
		}
	}
}

// TestTransitions takes the catalogue's clusters from one transition to the next.
func TestTransitions(t *testing.T) {
	for _, l := range chains(t) {
		t.Run(l.name, func(t *testing.T) {
			if err := l.live(t, newWorld(false), nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
}
