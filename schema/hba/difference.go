package hba

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// World is who may want to connect, as far as it is declared. Others, and what rules name beside it, count as well.
type World struct {
	Roles     []Person // that can log in
	Databases []string
	Subnet    netip.Prefix   // of the server's network, what samenet means; invalid: not known
	Networks  []netip.Prefix // all that are declared
	TLS       Answer         // whether a client can have it
}

// Person is a role that can log in.
type Person struct {
	Name        string
	Groups      []string // through others as well
	Replication bool
}

// Turn is how a change of rules turns out for a client.
type Turn string

// The turns.
const (
	Loses Turn = "loses"
	Gains Turn = "gains"
	Opens Turn = "needs no password for" // was let in before, by another method than trust
)

// Shift is one line of what a change of rules means: who loses or gains what, from where.
type Shift struct {
	Turn   Turn
	Trust  bool // it gains that without any proof of who it is
	Beyond bool // from addresses outside the declared networks
	World  bool // from addresses that no rule singles out
	Text   string
}

// shown is how many names of one sort a line has.
const shown = 4

// mostWork bounds a comparison, in rules looked at.
const mostWork = 20_000_000

// Difference says whom new rules let in that the old ones did not, and whom they let in no more, for one client of each kind
// that the rules and the world tell apart. It is not whole where there are too many kinds, or where only the server can tell.
func Difference(old, new []Rule, w World) (shifts []Shift, whole bool) {
	before, after := changed(old, new)
	if !differ(before, after) {
		return nil, true
	}
	all := slices.Concat(old, new)
	d := &difference{world: w, roles: roles(w, all), databases: databases(w, all), whole: true, known: map[string][]effect{}, found: map[effect]map[int][]int{}}
	byOld, byNew := byName(before), byName(after)
	for i, r := range d.roles {
		d.role(i, byOld.of(r), byNew.of(r))
	}
	return d.shifts(), d.whole
}

// entry is a rule of one of the two lists; one that is in both, in the same order, is not changed.
type entry struct {
	rule    *Rule
	index   int
	changed bool
}

// changed marks all between the rules that both lists begin with and those that both end with.
func changed(old, new []Rule) (before, after []entry) {
	keys := func(rules []Rule) (entries []entry, keys []string) {
		for i := range rules {
			entries, keys = append(entries, entry{&rules[i], i, true}), append(keys, rules[i].Key())
		}
		return entries, keys
	}
	before, a := keys(old)
	after, b := keys(new)
	for i := 0; i < min(len(a), len(b)) && a[i] == b[i]; i++ {
		before[i].changed, after[i].changed = false, false
	}
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0 && a[i] == b[j] && before[i].changed && after[j].changed; i, j = i-1, j-1 {
		before[i].changed, after[j].changed = false, false
	}
	return before, after
}

// effect is what a change does to somebody, from somewhere.
type effect struct {
	turn          Turn
	trust         bool
	beyond, world bool
	how, from     string
	replication   bool
}

type difference struct {
	world     World
	roles     []party
	databases []party
	work      int
	whole     bool
	known     map[string][]effect      // by the rules that are left to ask for an address
	found     map[effect]map[int][]int // the databases, by role
}

// narrow keeps the rules that are for a client as far as one part of them says. Where only the server can tell, one that both
// lists have makes no difference.
func (d *difference) narrow(in []entry, says func(*Rule) Answer) []entry {
	var out []entry
	for _, e := range in {
		d.work++
		switch says(e.rule) {
		case Yes:
			out = append(out, e)
		case Maybe:
			d.whole = d.whole && !e.changed
		}
	}
	return out
}

func differ(before, after []entry) bool {
	is := func(e entry) bool { return e.changed }
	return slices.ContainsFunc(before, is) || slices.ContainsFunc(after, is)
}

func (d *difference) role(i int, before, after []entry) {
	if d.exhausted() {
		return
	}
	user := func(r *Rule) Answer {
		if !r.Valid || r.Open || slices.Contains(inclusions, string(r.Type)) {
			return Maybe
		}
		return anyOf(r.Users, d.roles[i].user)
	}
	before, after = d.narrow(before, user), d.narrow(after, user)
	for j, p := range d.databases {
		replication := p.token == replications
		if d.exhausted() || !differ(before, after) || !d.roles[i].asks(p) {
			continue
		}
		database := func(r *Rule) Answer {
			return anyOf(r.Databases, func(w Token) Answer { return p.database(w, d.roles[i]) })
		}
		for _, e := range d.effects(d.narrow(before, database), d.narrow(after, database)) {
			e.replication = replication
			if d.found[e] == nil {
				d.found[e] = map[int][]int{}
			}
			d.found[e][i] = append(d.found[e][i], j)
		}
	}
}

func (d *difference) exhausted() bool {
	if d.work > mostWork {
		d.whole = false
	}
	return d.work > mostWork
}

// effects are the same where the same rules are left.
func (d *difference) effects(before, after []entry) []effect {
	if !differ(before, after) {
		return nil
	}
	var key []byte
	for _, e := range before {
		key = binary.AppendUvarint(key, uint64(e.index)+1)
	}
	key = append(key, 0)
	for _, e := range after {
		key = binary.AppendUvarint(key, uint64(e.index)+1)
	}
	out, again := d.known[string(key)]
	if !again {
		out = d.byAddress(before, after)
		d.known[string(key)] = out
	}
	return out
}

// outcome is one effect without its addresses.
type outcome struct {
	turn  Turn
	trust bool
}

// byAddress asks both lists for each cell, without TLS and with it.
func (d *difference) byAddress(before, after []entry) []effect {
	left := make([]Rule, 0, len(before)+len(after))
	for _, e := range slices.Concat(before, after) {
		left = append(left, *e.rule)
	}
	all := cells(left, d.world.Subnet)
	plain, secure := map[outcome]map[int]bool{}, map[outcome]map[int]bool{}
	for i, c := range all {
		if d.exhausted() {
			break
		}
		local := c.place == localSocket
		if !local && !c.at.IsValid() {
			continue
		}
		if o, is := d.turn(before, after, c, false); is {
			add(plain, o, i)
			if local {
				add(secure, o, i)
			}
		}
		if o, is := d.turn(before, after, c, true); is && !local && d.world.TLS != No {
			add(secure, o, i)
		}
	}
	var out []effect
	for _, o := range []outcome{{Loses, false}, {Gains, false}, {Gains, true}, {Opens, true}} {
		for _, how := range []string{"", overTLS, withoutTLS} {
			for _, of := range apart(all, d.how(how, plain[o], secure[o])) {
				e := effect{turn: o.turn, trust: o.trust, how: how, from: fromCells(all, of)}
				for i := range of {
					e.beyond = e.beyond || d.world.beyond(all[i])
					e.world = e.world || all[i].place == "" && all[i].within < 0
				}
				out = append(out, e)
			}
		}
	}
	return out
}

const (
	overTLS    = " over TLS"
	withoutTLS = " without TLS"
)

// how keeps the cells in which something happens with TLS only, without it only, or either way.
func (d *difference) how(how string, plain, secure map[int]bool) map[int]bool {
	out := map[int]bool{}
	for i := range plain {
		if both := secure[i] || d.world.TLS == No; both && how == "" || !both && how == withoutTLS {
			out[i] = true
		}
	}
	for i := range secure {
		if !plain[i] && how == overTLS {
			out[i] = true
		}
	}
	return out
}

func add(to map[outcome]map[int]bool, o outcome, i int) {
	if to[o] == nil {
		to[o] = map[int]bool{}
	}
	to[o][i] = true
}

// turn asks both lists for one client.
func (d *difference) turn(before, after []entry, c cell, tls bool) (outcome, bool) {
	old, new := d.method(before, c, tls), d.method(after, c, tls)
	switch {
	case old == "" && new != "":
		return outcome{Gains, new == "trust"}, true
	case old != "" && new == "":
		return outcome{Loses, false}, true
	case old != "trust" && new == "trust":
		return outcome{Opens, true}, true
	}
	return outcome{}, false
}

// method is how the first rule that matches lets a client in; "" where none does, or it rejects.
func (d *difference) method(rules []entry, c cell, tls bool) string {
	for _, e := range rules {
		d.work++
		local := c.place == localSocket
		if local != (e.rule.Type == Local) {
			continue
		}
		if !local && (!e.rule.Type.carries(Client{From: everywhere[0].Addr(), TLS: tls}) || e.rule.Address.holdsCell(c) != Yes) {
			continue
		}
		if e.rule.Method == "reject" {
			return ""
		}
		return e.rule.effective()
	}
	return ""
}
