package postgres

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema/hba"
)

// mostShifts is how many lines of one sort a change of rules has in a plan.
const mostShifts = 6

// Facts say what a change of the rules means for who can connect, and what is wrong with the rules as they are to be. Nodes
// with the same rules are told of together.
func (k hbaKind) Facts(want, seen engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	told := map[string][]*server{}
	var order []string
	for _, s := range k.servers {
		key := fmt.Sprintf("%q %q %s", want[hbaID(s.node.Name)].Attrs["hba"].List, seen[hbaID(s.node.Name)].Attrs["hba"].List, s.subnet())
		if told[key] == nil {
			order = append(order, key)
		}
		told[key] = append(told[key], s)
	}
	for _, key := range order {
		out = append(out, k.factsOf(told[key], want, seen)...)
	}
	return out
}

func (k hbaKind) factsOf(servers []*server, want, seen engine.Snapshot) []engine.Fact {
	s := servers[0]
	f := engine.Fact{On: hbaID(s.node.Name), Path: "hba", Addr: s.address(), Origin: want[hbaID(s.node.Name)].Attrs["hba"].Origin}
	others := ""
	if len(servers) > 1 {
		others = fmt.Sprintf(" (and %d more with the same rules)", len(servers)-1)
	}
	rules := s.declaredRules()
	out := k.shadows(s, f, others)
	live := seen[hbaID(s.node.Name)]
	if live.Unknown != "" || live.Attrs == nil {
		return out // a new server: whom it lets in is what it is made for
	}
	old := k.readRules(live.Attrs["hba"].List)
	turn, before, after := f, old, rules
	if was, is := s.subnetBefore(seen), s.subnet(); was.IsValid() && is.IsValid() && was != is { // the same rules let in others
		before, after = hba.InSubnet(old, was), hba.InSubnet(rules, is)
		turn.On, turn.Path = nodeID(s.node.Name), "network"
	}
	out = append(out, shiftFacts(turn, others, before, after, k.world(s))...)
	return append(out, k.wideFacts(s, f, others, old)...)
}

func (k hbaKind) readRules(lines []string) []hba.Rule {
	rules, _ := hba.Parse(strings.Join(lines, "\n"), k.file.Version)
	management, _ := hba.Parse(managementLine, k.file.Version)
	return slices.DeleteFunc(rules, func(r hba.Rule) bool { return r.Key() == management[0].Key() })
}

func (s *server) declaredRules() []hba.Rule {
	var out []hba.Rule
	for _, l := range s.node.HBA {
		out = append(out, l.Rule)
	}
	return out
}

func (s *server) subnet() netip.Prefix {
	if s.node.Network == nil {
		return netip.Prefix{}
	}
	p, _ := netip.ParsePrefix(s.node.Network.Subnet)
	return p
}

// subnetBefore is the subnet of the network that the server was seen on; not valid where nobody knows.
func (s *server) subnetBefore(seen engine.Snapshot) netip.Prefix {
	on, _, _ := strings.Cut(seen[nodeID(s.node.Name)].Attrs["network"].Value, " ") // behind the name stands what became of it
	p, _ := netip.ParsePrefix(seen[engine.ID{Kind: "network", Name: on}].Attrs["subnet"].Value)
	return p
}

// world is who is declared, as a server sees them.
func (k hbaKind) world(s *server) hba.World {
	w := hba.World{Subnet: s.subnet(), TLS: s.node.TLS()}
	groups := k.file.Groups()
	for _, r := range roleKind(k).roles() {
		if r.Login {
			w.Roles = append(w.Roles, hba.Person{Name: r.Name, Groups: groups[r.Name], Replication: r.Replication || r.Superuser})
		}
	}
	for _, d := range k.file.Databases {
		w.Databases = append(w.Databases, d.Name)
	}
	for _, n := range k.file.Networks {
		if p, err := netip.ParsePrefix(n.Subnet); err == nil {
			w.Networks = append(w.Networks, p)
		}
	}
	return w
}

// shiftFacts are what a change of the rules does.
func shiftFacts(f engine.Fact, others string, old, new []hba.Rule, w hba.World) []engine.Fact {
	shifts, whole := hba.Difference(old, new, w)
	by := map[string][]string{}
	for _, s := range shifts {
		code := "PGR283"
		switch {
		case s.Turn == hba.Loses:
			code = "PGR280"
		case s.World || s.Trust && s.Beyond:
			code = "PGR281"
		}
		by[code] = append(by[code], s.Text)
	}
	if !whole {
		by["PGR284"] = []string{"who gets in by its pg_hba.conf can be told in part only"}
	}
	f.Turn = true
	var out []engine.Fact
	for _, code := range []string{"PGR280", "PGR281", "PGR283", "PGR284"} {
		texts := by[code]
		if more := len(texts) - mostShifts; more > 0 {
			texts = append(texts[:mostShifts:mostShifts], fmt.Sprintf("and %d more such lines", more))
		}
		for _, text := range texts {
			f.Code, f.Text = code, text+others
			out = append(out, f)
		}
	}
	return out
}

// shadows are rules that never match.
func (k hbaKind) shadows(s *server, f engine.Fact, others string) []engine.Fact {
	var out []engine.Fact
	shadowed := hba.Shadowed(s.declaredRules())
	for i, l := range s.node.HBA {
		if by, is := shadowed[i]; is && len(out) < mostShifts {
			f.Code, f.Origin = "PGR282", origin(l.Origin)
			f.Text = fmt.Sprintf("%q never matches on %s: %s before it%s", l.Text, s.address(), k.those(s, by), others)
			out = append(out, f)
		}
	}
	return out
}

// those names the rules that stand in the way of another one.
func (hbaKind) those(s *server, rules []int) string {
	if len(rules) == 1 {
		return fmt.Sprintf("%q is", s.node.HBA[rules[0]].Text)
	}
	var names []string
	for _, i := range rules {
		names = append(names, fmt.Sprintf("%q", s.node.HBA[i].Text))
	}
	if more := len(names) - mostHiding; more > 0 {
		names = append(names[:mostHiding:mostHiding], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + ", which match all that it would, are"
}

// mostHiding is how many rules that together hide another one are named.
const mostHiding = 3

// wideFacts are rules that are open beyond the declared networks, and were so before: they stand.
func (k hbaKind) wideFacts(s *server, f engine.Fact, others string, old []hba.Rule) []engine.Fact {
	had := map[string]bool{}
	for _, r := range old {
		had[r.Key()] = true
	}
	w := k.world(s)
	var out []engine.Fact
	for _, l := range s.node.HBA {
		world, trust := l.Rule.Wide(w)
		if !world && !trust || !had[l.Rule.Key()] || len(out) == mostShifts {
			continue
		}
		to := "from anywhere"
		if !world {
			to = "from beyond the declared networks"
		}
		if trust {
			to += " without a password"
		}
		f.Code, f.Path, f.Origin = "PGR281", "what stands in hba", origin(l.Origin) // also where another rule changes
		f.Text = fmt.Sprintf("%q on %s lets in %s%s", l.Text, s.address(), to, others)
		out = append(out, f)
	}
	return out
}
