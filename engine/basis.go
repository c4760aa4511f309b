package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Premise is one fact that a plan rests on: what was seen of something that it changes, warns of, or could not look at.
type Premise struct {
	Fact  string `json:"fact"`
	Value string `json:"value"`
}

// Values of a premise about a whole object.
const (
	absent    = "does not exist"
	present   = "exists"
	notLooked = "not looked at"
)

// Basis lists the facts that the plan rests on, by fact. No live number is among them, so a cluster that works does not move
// it; nor is a secret.
func (p Plan) Basis() []Premise {
	var out []Premise
	for _, c := range p.Changes {
		switch c.Action {
		case Create:
			out = append(out, Premise{c.ID.String(), absent})
		case Delete:
			out = append(out, Premise{c.ID.String(), present})
		case Update:
			for _, f := range c.Fields {
				out = append(out, Premise{c.ID.String() + ": " + f.Path, seenAs(f)})
			}
		}
	}
	for _, r := range p.Unseen {
		out = append(out, Premise{r.ID.String(), notLooked + ": " + r.Unknown})
	}
	for _, r := range slices.Concat(p.Risks, p.Standing) {
		if r.Code != "" {
			out = append(out, Premise{"[" + r.Code + "] " + r.Addrs[0].String(), r.Text})
		}
	}
	slices.SortFunc(out, func(a, b Premise) int { return strings.Compare(a.Fact+"\x00"+a.Value, b.Fact+"\x00"+b.Value) })
	return slices.Compact(out)
}

// seenAs is what was seen of an attribute, in words.
func seenAs(f Field) string {
	switch {
	case !f.Had:
		return "not set"
	case f.Before.Secret || f.After.Secret:
		return "another than declared (sensitive)"
	case len(f.Before.List) > 0:
		return strings.TrimSpace(strings.Join(f.Before.List, "; ") + " " + f.Before.Value)
	}
	return f.Before.Value
}

// Moved says of each fact in which two bases differ what it was and what it is; asDeclared stands for what one of them has
// nothing to say of.
func Moved(was, is []Premise) []string {
	const asDeclared = "as declared"
	before, now := premises(was), premises(is)
	var facts, out []string
	for _, p := range slices.Concat(was, is) {
		facts = append(facts, p.Fact)
	}
	slices.Sort(facts)
	for _, fact := range slices.Compact(facts) {
		a, b := before[fact], now[fact]
		if a != b {
			out = append(out, fmt.Sprintf("%s was %s, is %s", fact, cmp.Or(a, asDeclared), cmp.Or(b, asDeclared)))
		}
	}
	return out
}

// premises joins what is said of the same fact.
func premises(all []Premise) map[string]string {
	out := map[string]string{}
	for _, p := range all {
		if before, said := out[p.Fact]; said {
			p.Value = before + "; " + p.Value
		}
		out[p.Fact] = cmp.Or(p.Value, "none")
	}
	return out
}
