package hba

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sentence is a shift that may be joined with others.
type sentence struct {
	effect
	who, what string
}

// shifts puts what was found into lines: databases that fare alike, then roles, then from where, then replication.
func (d *difference) shifts() []Shift {
	var lines []sentence
	for e, byRole := range d.found {
		who := map[string][]int{}
		for _, i := range slices.Sorted(maps.Keys(byRole)) {
			what := d.what(d.roles[i], byRole[i])
			who[what] = append(who[what], i)
		}
		for what, of := range who {
			lines = append(lines, sentence{e, d.who(of, e.replication), what})
		}
	}
	slices.SortFunc(lines, sentence.compare)
	lines = joined(lines, func(s *sentence) *string { return &s.from }, func(s *sentence) { s.beyond, s.world = false, false })
	lines = joined(lines, func(s *sentence) *string { return &s.what }, func(s *sentence) { s.replication = false })
	var out []Shift
	for _, l := range lines {
		text := fmt.Sprintf("%s: %s %s from %s%s", l.who, l.turn, l.what, l.from, l.how)
		if l.trust && l.turn == Gains {
			text += " with trust"
		}
		out = append(out, Shift{l.turn, l.trust, l.beyond, l.world, text})
	}
	return out
}

func (l sentence) compare(o sentence) int {
	number := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return cmp.Or(strings.Compare(string(o.turn), string(l.turn)), strings.Compare(l.who, o.who), number(l.replication)-number(o.replication), strings.Compare(l.what, o.what),
		number(l.trust)-number(o.trust), strings.Compare(l.how, o.how), strings.Compare(l.from, o.from), number(l.beyond)-number(o.beyond))
}

// joined makes one of the sentences that differ in one part only: from where, or what for databases and for replication.
func joined(sentences []sentence, part func(*sentence) *string, rest func(*sentence)) []sentence {
	at := map[sentence]int{}
	var out []sentence
	for _, s := range sentences {
		key := s
		*part(&key) = ""
		rest(&key)
		i, again := at[key]
		if !again {
			at[key] = len(out)
			out = append(out, s)
			continue
		}
		*part(&out[i]) += ", " + *part(&s)
		out[i].beyond, out[i].world = out[i].beyond || s.beyond, out[i].world || s.world
	}
	return out
}

func (d *difference) what(role party, of []int) string {
	if d.databases[of[0]].token == replications {
		return "replication"
	}
	return summed(d.databases, of, func(p party) bool { return p.token != replications && role.asks(p) }, "all databases", "", "")
}

func (d *difference) who(of []int, replication bool) string {
	return summed(d.roles, of, func(p party) bool { return !replication || p.replication }, "any role", "role ", "roles ")
}

// summed names some of the parties that may be meant: all, all but a few, or those. The last of them is any other.
func summed(parties []party, of []int, may func(party) bool, any, one, more string) string {
	is := map[int]bool{}
	for _, i := range of {
		is[i] = true
	}
	if !is[len(parties)-1] {
		var in []string
		for _, i := range of {
			in = append(in, parties[i].String())
		}
		switch {
		case len(in) > 1:
			return more + few(in)
		case parties[of[0]].token.Kind == Member:
			return in[0]
		}
		return one + in[0]
	}
	var out []string
	for i, p := range parties {
		if !is[i] && may(p) {
			out = append(out, p.String())
		}
	}
	if len(out) == 0 {
		return any
	}
	return any + " except " + few(out)
}

func few(names []string) string {
	if len(names) > shown {
		names = append(names[:shown:shown], plus(len(names)-shown))
	}
	return strings.Join(names, ", ")
}

func plus(n int) string { return fmt.Sprintf("%d more", n) }
