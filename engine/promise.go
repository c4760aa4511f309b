package engine

import (
	"fmt"
	"strings"
)

// Promise is what an approval is given for, one line for each change with its fields, each step in its words, and each risk.
// Equal plans have equal lines. Bringing an image to the engine is no part of it: that may happen before the lock is taken,
// which is made of it. A secret is not in it, only that it changes; of what is new, not even that, so that a plan can be made before
// the secret is there.
func (p Plan) Promise() []string {
	var out []string
	for _, c := range p.Changes {
		if c.ID.Kind == "image" {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s", c.Action, c.ID)
		for _, f := range c.Fields {
			if c.Action == Create && f.After.Secret {
				continue
			}
			fmt.Fprintf(&b, "\n  %s: %s -> %s (%s)", f.Path, promised(f.Before), promised(f.After), f.Effect)
		}
		out = append(out, b.String())
	}
	for _, s := range p.Steps {
		if s.ID().Do != "pull" {
			out = append(out, fmt.Sprintf("%s: %s", s.ID(), s))
		}
	}
	for _, r := range p.Risks {
		out = append(out, fmt.Sprintf("risk %s %s %v %s %s %s", r.Code, r.Class, r.Addrs, r.Text, r.Why, r.Allow))
	}
	return out
}

func promised(a Attr) string {
	if a.Secret {
		return "(sensitive)"
	}
	return fmt.Sprintf("%q %q", a.Value, a.List)
}
