package hba

import "slices"

// mostShadows is how many rules are held against those before them.
const mostShadows = 2000

// Shadowed says which rules can never match, each with the one before it that matches whatever it would.
func Shadowed(rules []Rule) map[int]int {
	out := map[int]int{}
	var wide []int
	for i, r := range rules[:min(len(rules), mostShadows)] {
		if !r.Valid || r.Open || slices.Contains(inclusions, string(r.Type)) {
			continue
		}
		if by := slices.IndexFunc(wide, func(w int) bool { return rules[w].covers(r) }); by >= 0 {
			out[i] = wide[by]
			continue
		}
		wide = append(wide, i)
	}
	return out
}

// covers reports whether a rule matches whatever another one matches.
func (r Rule) covers(o Rule) bool {
	if r.Type != o.Type && (r.Type != Host || o.Type == Local) {
		return false
	}
	return coverEach(r.Databases, o.Databases, coversDatabase) && coverEach(r.Users, o.Users, coversUser) && r.Address.covers(o.Address)
}

func coverEach(by, of []Token, covers func(by, of Token) bool) bool {
	return !slices.ContainsFunc(of, func(o Token) bool {
		return !slices.ContainsFunc(by, func(b Token) bool { return b.Kind != File && (b == o || covers(b, o)) })
	})
}

func coversDatabase(by, of Token) bool {
	all := by == Token{Keyword, "all"} && of.Kind != File
	return all && of != replications || by.Kind == Regexp && of.Kind == Name && expressed(by.Text, of.Text) == Yes
}

func coversUser(by, of Token) bool {
	return by.Kind == Keyword && of.Kind != File || by.Kind == Regexp && of.Kind == Name && expressed(by.Text, of.Text) == Yes
}

func (a Address) covers(o Address) bool {
	if a.Kind == AnyAddress || a.key() == o.key() || a.Kind == SameNet && o.Kind == SameHost {
		return true
	}
	if a.Kind != Network || o.Kind != Network {
		return false
	}
	wide, whole := a.prefix()
	narrow, wholeToo := o.prefix()
	return whole && wholeToo && wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr())
}
