package engine

import (
	"fmt"
	"strings"
)

// Promise is what an approval is given for, as text that is equal for equal plans: every change with its fields, every step
// in its words, and every risk. Bringing an image to the engine is no part of it: that may happen before the lock is
// taken, which is made of it.
func (p Plan) Promise() string {
	var b strings.Builder
	for _, c := range p.Changes {
		if c.ID.Kind == "image" {
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", c.Action, c.ID)
		for _, f := range c.Fields {
			fmt.Fprintf(&b, "  %s: %q %q -> %q %q (%s)\n", f.Path, f.Before.Value, f.Before.List, f.After.Value, f.After.List, f.Effect)
		}
	}
	for _, s := range p.Steps {
		if s.ID().Do != "pull" {
			fmt.Fprintf(&b, "%s: %s\n", s.ID(), s)
		}
	}
	for _, r := range p.Risks {
		fmt.Fprintf(&b, "risk %s %s %v %s %s %s\n", r.Code, r.Class, r.Addrs, r.Text, r.Why, r.Allow)
	}
	return b.String()
}
