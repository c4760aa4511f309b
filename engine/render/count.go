package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgrepl/engine"
)

// What of a plan is counted, before it is a document.

// declares reports whether a plan that makes everything counts the object, too: it does not where all of it is said in another's row.
func declares(r engine.Resource) bool {
	switch r.Addr.Block {
	case "image", "cluster":
		return false
	case "superuser": // initdb makes it
		for _, a := range r.Attrs {
			if !a.Default {
				return true
			}
		}
		return false
	}
	return true
}

// Streaming counts the standbys that were seen to stream, and those that do not for a reason that is no fault.
func Streaming(p engine.Plan) string {
	n, others := 0, map[string]int{}
	for _, r := range p.Seen {
		switch a := r.Attrs["replication"]; {
		case a.Value == "streaming" && a.Reason != "":
			others[a.Reason]++
		case a.Value == "streaming":
			n++
		}
	}
	out := counted(n, "replica") + " streaming"
	for _, reason := range slices.Sorted(maps.Keys(others)) {
		out += fmt.Sprintf(", %d %s", others[reason], reason)
	}
	return out
}

// times is how often something of the class happens: a server can restart twice in a plan.
func times(p engine.Plan, class engine.Class) int {
	n := 0
	for _, s := range p.Steps {
		if slices.ContainsFunc(s.Effects(), func(e engine.Effected) bool { return e.Class == class }) {
			n++
		}
	}
	return n
}

// about is how long writes are expected to stop, rounded up coarsely so that a plan does not change with every measurement.
func about(p engine.Plan) string {
	var longest time.Duration
	for _, r := range p.Risks {
		longest = max(longest, r.Stops)
	}
	for _, s := range []int{1, 2, 3, 5, 10, 15, 20, 30} {
		if longest > 0 && longest <= time.Duration(s)*time.Second {
			return fmt.Sprintf("about %d s", s)
		}
	}
	if longest > 0 {
		return fmt.Sprintf("about %d min", (longest+time.Minute-1)/time.Minute)
	}
	return ""
}

// interrupted lists the objects that an effect of the class comes to, each once.
func interrupted(d Document, class engine.Class) []string {
	out := []string{}
	for _, r := range d.Risks {
		if r.Class == class && !slices.Contains(out, r.Object) {
			out = append(out, r.Object)
		}
	}
	return out
}

func summary(p engine.Plan, d Document) Summary {
	s := Summary{Restart: interrupted(d, engine.ClassRestart), Recreate: interrupted(d, engine.ClassRecreate), Loss: []string{},
		Restarts: times(p, engine.ClassRestart), Renewals: times(p, engine.ClassRecreate), Objects: objects(p)}
	for _, c := range d.Changes {
		if !c.told(false) {
			continue
		}
		switch {
		case c.Action == added && !c.shared():
			s.Add++
		case c.Action == removed:
			s.Remove++
		case c.Action == changed:
			s.Change++
		}
	}
	for _, r := range d.Risks {
		lost := r.Class != "" && r.Class != engine.ClassRestart && r.Class != engine.ClassRecreate
		if lost && !slices.Contains(s.Loss, string(r.Class)) {
			s.Loss = append(s.Loss, string(r.Class))
		}
		s.Writes = s.Writes || r.Class != "" && !lost && strings.HasPrefix(r.Object, "master.")
	}
	return s
}

// objects counts what the file declares.
func objects(p engine.Plan) int {
	seen := map[engine.Address]bool{}
	for _, r := range p.Wanted {
		if declares(r) {
			seen[r.Addr] = true
		}
	}
	return len(seen)
}
