package hba

import (
	"net/netip"
	"slices"
)

// mostShadows is how many rules are held against those before them.
const mostShadows = 2000

// Shadowed says which rules can never match, each with those before it that match whatever it would: one, or several that only
// together do.
func Shadowed(rules []Rule) map[int][]int {
	out := map[int][]int{}
	var wide []int
	for i, r := range rules[:min(len(rules), mostShadows)] {
		if !r.Valid || r.Open || slices.Contains(inclusions, string(r.Type)) {
			continue
		}
		if by := slices.IndexFunc(wide, func(w int) bool { return rules[w].covers(r) }); by >= 0 {
			out[i] = []int{wide[by]}
			continue
		}
		if by := r.coveredBy(rules, wide); by != nil {
			out[i] = by
			continue
		}
		wide = append(wide, i)
	}
	return out
}

// mostParts is how many parts of a rule are asked for.
const mostParts = 20_000

// ways are how a client can come over the network, which the types of rules tell apart.
var ways = []Client{{}, {TLS: true}, {GSS: true}}

// coveredBy lists the rules before one that together match whatever it would; nil where they do not. It takes the rule apart, by
// database, user, the way that a client comes and the network that it comes from, until each part is one rule's alone.
func (r Rule) coveredBy(rules []Rule, before []int) []int {
	var some []int
	for _, i := range before {
		if b := rules[i]; b.meets(r) {
			some = append(some, i)
		}
	}
	from := r.froms(rules, some)
	if len(some) < 2 || len(r.Databases)*len(r.Users)*len(ways)*len(from) > mostParts {
		return nil
	}
	var by []int
	for _, database := range r.Databases {
		for _, user := range r.Users {
			for _, way := range r.ways() {
				for _, a := range from {
					first := slices.IndexFunc(some, func(i int) bool {
						b := rules[i]
						return b.comes(way) && coverEach(b.Databases, []Token{database}, coversDatabase) && coverEach(b.Users, []Token{user}, coversUser) && b.Address.covers(a)
					})
					if first < 0 {
						return nil
					}
					by = append(by, some[first])
				}
			}
		}
	}
	slices.Sort(by)
	return slices.Compact(by)
}

// meets reports whether a rule matches all of some part of another one.
func (r Rule) meets(o Rule) bool {
	some := func(by, of []Token, covers func(by, of Token) bool) bool {
		return slices.ContainsFunc(of, func(t Token) bool { return coverEach(by, []Token{t}, covers) })
	}
	return (r.Type == Local) == (o.Type == Local) && some(r.Databases, o.Databases, coversDatabase) && some(r.Users, o.Users, coversUser) &&
		(r.Address.covers(o.Address) || o.Address.covers(r.Address))
}

// ways are those by which a rule's clients come.
func (r Rule) ways() []Client {
	if r.Type == Local {
		return ways[:1]
	}
	return slices.DeleteFunc(slices.Clone(ways), func(c Client) bool { return !r.comes(c) })
}

func (r Rule) comes(way Client) bool {
	way.From = everywhere[0].Addr()
	return r.Type == Local || r.Type.carries(way)
}

// froms are the networks that make up a rule's address, as finely as the others part it. Where it is no network, it is one part.
func (r Rule) froms(rules []Rule, others []int) []Address {
	own := []netip.Prefix{}
	switch p, whole := r.Address.prefix(); {
	case r.Address.Kind == AnyAddress:
		own = append(own, everywhere...)
	case r.Address.Kind == Network && whole:
		own = append(own, p)
	default:
		return []Address{r.Address}
	}
	networks := slices.Clone(own)
	for _, i := range others {
		if p, whole := rules[i].Address.prefix(); rules[i].Address.Kind == Network && whole && slices.ContainsFunc(own, func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) }) {
			networks = append(networks, p)
		}
	}
	var out []Address
	for _, c := range nested(networks, netip.Prefix{}) {
		if c.at.IsValid() { // otherwise those inside it are all of it
			out = append(out, Address{Kind: Network, IP: c.at, Mask: ones(c.at)})
		}
	}
	return out
}

// ones is the mask of a single address.
func ones(a netip.Addr) netip.Addr {
	return last(netip.PrefixFrom(a, 0).Masked())
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
