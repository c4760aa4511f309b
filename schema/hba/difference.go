package hba

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
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

// party is a role or a database, or all that a word of a rule means, or all others.
type party struct {
	token       Token // Name: that one; the zero value: any other
	groups      []string
	replication bool
}

var others = party{replication: true}

// The databases that rules mean without a name: replication is one of them, and the others depend on the role.
var (
	replications = Token{Keyword, "replication"}
	sameUser     = Token{Keyword, "sameuser"}
	sameRole     = Token{Keyword, "samerole"}
)

// asks reports whether a role can ask for a database at all.
func (p party) asks(database party) bool {
	switch database.token {
	case replications:
		return p.replication
	case sameRole:
		return p.token.Kind != Name || p.token.Text == "" || len(p.groups) > 0
	}
	return true
}

func (p party) String() string {
	switch p.token.Kind {
	case Member:
		return "members of " + p.token.Text
	case Regexp:
		return "/" + p.token.Text
	case Keyword:
		return map[string]string{"sameuser": "the database of its name", "samerole": "databases of its groups' names", "replication": "replication"}[p.token.Text]
	}
	return p.token.Text
}

func roles(w World, named []Rule) []party {
	var out []party
	seen := map[Token]bool{}
	for _, r := range w.Roles {
		out = append(out, party{Token{Name, r.Name}, r.Groups, r.Replication})
		seen[Token{Name, r.Name}] = true
		for _, g := range r.Groups {
			seen[Token{Member, g}] = true // this role shows it
		}
	}
	for _, r := range named {
		for _, t := range r.Users {
			if !seen[t] && t.Kind != Keyword && t.Kind != File {
				out = append(out, party{token: t, replication: true})
			}
			seen[t] = true
		}
	}
	return append(out, others)
}

func databases(w World, named []Rule) []party {
	var out []party
	seen := map[Token]bool{}
	for _, name := range w.Databases {
		out = append(out, party{token: Token{Name, name}})
		seen[Token{Name, name}] = true
	}
	add := func(t Token) {
		if !seen[t] {
			out = append(out, party{token: t})
		}
		seen[t] = true
	}
	for _, r := range named {
		for _, t := range r.Databases {
			switch {
			case t.Kind == Name || t.Kind == Regexp || t == sameUser:
				add(t)
			case t == sameRole || t == Token{Keyword, "samegroup"}:
				add(sameUser)
				add(sameRole)
			}
		}
	}
	return append(out, party{token: replications}, others)
}

// index finds the rules that may be for a role without asking them all.
type index struct {
	named  map[string][]entry // those that are for a few names only
	others []entry
}

func byName(rules []entry) index {
	x := index{named: map[string][]entry{}}
	for _, e := range rules {
		names := map[string]bool{}
		for _, t := range e.rule.Users {
			if t.Kind == Name {
				names[t.Text] = true
			}
		}
		if slices.ContainsFunc(e.rule.Users, func(t Token) bool { return t.Kind != Name }) || len(names) == 0 {
			x.others = append(x.others, e)
			continue
		}
		for name := range names {
			x.named[name] = append(x.named[name], e)
		}
	}
	return x
}

func (x index) of(p party) []entry {
	if p.token.Kind != Name || len(x.named[p.token.Text]) == 0 {
		return x.others
	}
	out := slices.Concat(x.others, x.named[p.token.Text])
	slices.SortFunc(out, func(a, b entry) int { return a.index - b.index })
	return out
}

// user reports whether a word means a role, or what another rule says of many.
func (p party) user(w Token) Answer {
	switch {
	case w.Kind == File:
		return Maybe
	case w.Kind == Keyword || w == p.token && p.token != (Token{}):
		return Yes
	case w.Kind == Member:
		return when(p.token.Kind == Name && (p.token.Text == w.Text || slices.Contains(p.groups, w.Text)))
	case w.Kind == Regexp && p.token.Kind == Name && p.token.Text != "":
		return expressed(w.Text, p.token.Text)
	}
	return No
}

// database reports whether a word means a database that the role asks for.
func (p party) database(w Token, role party) Answer {
	own := role.token.Kind == Name && role.token == p.token && p.token != (Token{})
	switch {
	case w.Kind == File:
		return Maybe
	case p.token == replications || w == replications:
		return when(w == p.token)
	case w == Token{Keyword, "all"} || w == p.token && p.token != (Token{}):
		return Yes
	case w == sameUser:
		return when(own)
	case w.Kind == Keyword: // samerole
		return when(own || p.token.Kind == Keyword || p.token.Kind == Name && slices.Contains(role.groups, p.token.Text))
	case w.Kind == Regexp && p.token.Kind == Name && p.token.Text != "":
		return expressed(w.Text, p.token.Text)
	}
	return No
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
		both, only, without := map[int]bool{}, map[int]bool{}, map[int]bool{}
		for i := range plain[o] {
			if secure[o][i] || d.world.TLS == No {
				both[i] = true
			} else {
				without[i] = true
			}
		}
		for i := range secure[o] {
			if !plain[o][i] {
				only[i] = true
			}
		}
		for _, s := range []struct {
			how string
			of  map[int]bool
		}{{"", both}, {" over TLS", only}, {" without TLS", without}} {
			for _, of := range apart(all, s.of) {
				e := effect{turn: o.turn, trust: o.trust, how: s.how, from: fromCells(all, of)}
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

func add(to map[outcome]map[int]bool, o outcome, i int) {
	if to[o] == nil {
		to[o] = map[int]bool{}
	}
	to[o][i] = true
}

// beyond reports whether a cell is outside the server and its declared networks.
func (w World) beyond(c cell) bool {
	if c.place != "" {
		return c.host != ""
	}
	inside := func(n netip.Prefix) bool { return n.Bits() <= c.network.Bits() && n.Contains(c.network.Addr()) }
	return !slices.ContainsFunc(loopbacks, inside) && !slices.ContainsFunc(w.Networks, inside)
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
