package hba

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Key is the same for two rules that the server treats alike: the order of names in a list, the order of options, and the
// way in which an address is written make no difference. What quotes change in meaning is in it. Of a rule that only the
// server knows, or does not take, it is the text.
func (r Rule) Key() string {
	switch {
	case !r.Valid:
		return "not valid " + r.text
	case r.Open:
		return "open " + r.text
	case slices.Contains(inclusions, string(r.Type)):
		return fmt.Sprintf("%s %q", r.Type, r.Path)
	}
	return fmt.Sprintf("%s %q %q %s %q %q", r.Type, set(r.Databases), set(r.Users), r.Address.key(), r.effective(), r.settled())
}

// InSubnet is what rules say on a server whose network has this subnet: samenet written out. One that is not valid changes nothing.
func InSubnet(rules []Rule, subnet netip.Prefix) []Rule {
	out := slices.Clone(rules)
	for i, r := range out {
		if r.Address.Kind == SameNet && subnet.IsValid() {
			out[i].Address = Address{Kind: Network, IP: subnet.Masked().Addr(), Mask: mask(subnet)}
		}
	}
	return out
}

// mask is that of a network: ones and then zeros.
func mask(p netip.Prefix) netip.Addr {
	m, _ := ones(p.Addr()).Prefix(p.Bits())
	return m.Addr()
}

func set(tokens []Token) []string {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		if t == (Token{Keyword, "samegroup"}) {
			t.Text = "samerole" // its older name
		}
		out[i] = fmt.Sprint(t.Kind, " ", t.Text)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// key leaves out the bits of an address that its mask leaves out.
func (a Address) key() string {
	switch a.Kind {
	case Network:
		ip, mask := a.IP.AsSlice(), a.Mask.AsSlice()
		for i := range ip {
			ip[i] &= mask[i]
		}
		return fmt.Sprintf("%x/%x", ip, mask)
	case HostName:
		return fmt.Sprintf("name %q", strings.ToLower(a.Host))
	}
	return fmt.Sprint("kind ", int(a.Kind))
}

// settled are the options that hold, by name. An ldapurl sets what other options set, too, so that their order counts.
func (r Rule) settled() []string {
	var out []string
	for i, o := range r.Options {
		later := slices.ContainsFunc(r.Options[i+1:], func(l Option) bool { return l.Name == o.Name })
		if !later || r.has("ldapurl") {
			out = append(out, o.Name+"="+o.Value)
		}
	}
	if !r.has("ldapurl") {
		slices.Sort(out)
	}
	return out
}
