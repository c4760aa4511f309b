package hba

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Door answers for many roles whether the rules let them in over the network: from anywhere, to any database.
type Door struct {
	rules  []Rule
	exists map[string]bool // databases
	subnet netip.Prefix    // what samenet means; invalid: not known
	tls    Answer
	half   []bool           // rules that let in only from inside, or to databases that do not exist
	named  map[string][]int // rules that are for this role by its name only
	others []int            // all that may be for anybody
	single bool             // a rule speaks of the role's own name, by sameuser
	known  map[string]Way   // of roles that no rule names, by their groups
}

// Way is what a Door has for a role. The numbers are of rules, -1 where there is none.
type Way struct {
	In        bool
	Inside    int    // lets the role in from inside the container only
	Elsewhere int    // lets it in to databases only that do not exist
	Database  string // one of those
	Rejected  int    // rejects it before what would let it in
}

// NewDoor sorts the rules by whom they are for, so that each role asks only those that may be for it. A database that does not
// exist is no way in.
func NewDoor(rules []Rule, exists map[string]bool, subnet netip.Prefix, tls Answer) *Door {
	d := &Door{rules: rules, exists: exists, subnet: subnet, tls: tls, half: make([]bool, len(rules)), named: map[string][]int{}, known: map[string]Way{}}
	for i, r := range rules {
		d.half[i] = r.Valid && !r.Open && r.Method != "reject" && (r.inside() || !slices.ContainsFunc(r.Databases, func(t Token) bool { return t.Kind != Name || exists[t.Text] }))
		d.single = d.single || slices.ContainsFunc(r.Databases, func(t Token) bool { return t.Kind == Keyword && t.Text == "sameuser" })
		for _, t := range r.Users {
			if t.Kind == Member && d.named[t.Text] == nil {
				d.named[t.Text] = []int{} // asked by everybody, and has to be asked for itself
			}
		}
		if !r.Valid || r.Open || slices.ContainsFunc(r.Users, func(t Token) bool { return t.Kind != Name }) || len(r.Users) == 0 {
			d.others = append(d.others, i)
			continue
		}
		for _, t := range r.Users {
			if of := d.named[t.Text]; len(of) == 0 || of[len(of)-1] != i {
				d.named[t.Text] = append(of, i)
			}
		}
	}
	return d
}

// For goes through the rules for a role. Roles that no rule names have the same way if they have the same groups.
func (d *Door) For(role string, groups []string) Way {
	if d.named[role] != nil || d.single {
		return d.walk(role, groups)
	}
	of := strings.Join(groups, "\x00")
	way, again := d.known[of]
	if !again {
		way = d.walk(role, groups)
		d.known[of] = way
	}
	return way
}

func (d *Door) walk(role string, groups []string) Way {
	c := Connection{Role: role, Groups: groups, SameNet: Yes, TLS: d.tls}
	way := Way{Inside: -1, Elsewhere: -1, Rejected: -1}
	turned := rejections{subnet: d.subnet}
	named, others := d.named[role], d.others
	for len(named)+len(others) > 0 {
		var i int
		if len(others) == 0 || len(named) > 0 && named[0] < others[0] {
			i, named = named[0], named[1:]
		} else {
			i, others = others[0], others[1:]
		}
		if d.half[i] && way.Inside >= 0 && way.Elsewhere >= 0 || d.half[i] && way.Elsewhere >= 0 && !d.rules[i].inside() {
			continue // it adds nothing
		}
		if d.ask(&way, &turned, i, c) {
			way.In = true
			break
		}
	}
	return way
}

// ask reports whether a rule lets the role in. What it does otherwise, it notes.
func (d *Door) ask(way *Way, turned *rejections, i int, c Connection) bool {
	r := &d.rules[i]
	if !r.Valid || r.Open {
		return true
	}
	kind := r.Type
	if kind == Local { // from inside the container, which is meant where it is written
		kind = Host
	}
	user := anyOf(r.Users, c.user)
	switch {
	case user == No || Rule{Type: kind}.forType(c) == No:
		return false
	case r.Method != "reject":
		return d.lets(way, *turned, i, r, c)
	case user == Yes && r.Type == Host:
		turned.add(i, r, c)
	}
	return false
}

// lets reports whether a rule that is for the role lets it in, and notes where it does so only half.
func (d *Door) lets(way *Way, turned rejections, i int, r *Rule, c Connection) bool {
	for _, w := range r.Databases {
		database, is := w.Text, true
		switch {
		case w.Kind == Keyword && w.Text == "replication":
			continue
		case w.Kind == Keyword && w.Text == "sameuser":
			database = c.Role
			is = d.exists[database]
		case w.Kind == Name:
			is = d.exists[database]
		default:
			database = "" // more than one
		}
		if by := turned.covers(database, r.Address, r.Type == Local); by >= 0 {
			if way.Rejected < 0 {
				way.Rejected = by
			}
			continue
		}
		switch {
		case !is:
			if way.Elsewhere < 0 {
				way.Elsewhere, way.Database = i, database
			}
		case r.inside():
			if way.Inside < 0 {
				way.Inside = i
			}
		default:
			return true
		}
	}
	return len(r.Databases) == 0
}

// rejections are what was turned away by rules before.
type rejections struct {
	subnet netip.Prefix
	of     map[string][]rejection // by database; "" is every one
}

type rejection struct {
	by      int
	address Address
}

func (t *rejections) add(by int, r *Rule, c Connection) {
	if t.of == nil {
		t.of = map[string][]rejection{}
	}
	for _, w := range r.Databases {
		database := w.Text
		switch {
		case w.Kind == Keyword && w.Text == "all":
			database = ""
		case w.Kind == Keyword && w.Text == "sameuser":
			database = c.Role
		case w.Kind != Name:
			continue // not certain
		}
		t.of[database] = append(t.of[database], rejection{by, r.Address})
	}
}

// covers is the rule that turns away whoever comes from an address to a database; -1 where none does.
func (t *rejections) covers(database string, from Address, local bool) int {
	if by := t.coveredBy(t.of[""], from, local); by >= 0 || database == "" {
		return by
	}
	return t.coveredBy(t.of[database], from, local)
}

func (t *rejections) coveredBy(by []rejection, from Address, local bool) int {
	if local { // host rules say nothing of it
		return -1
	}
	everywhere := map[int]bool{}
	for _, one := range by {
		if one.address.Kind == AnyAddress || one.address.Kind == from.Kind && from.Kind == SameNet {
			return one.by
		}
		prefix, whole := t.prefix(one.address)
		if !whole {
			continue
		}
		if p, ok := t.prefix(from); ok && prefix.Bits() <= p.Bits() && prefix.Contains(p.Addr()) {
			return one.by
		}
		if prefix.Bits() == 0 {
			everywhere[prefix.Addr().BitLen()] = true
			if len(everywhere) == 2 {
				return one.by
			}
		}
	}
	return -1
}

// prefix is an address as a network, where it is one and known.
func (t *rejections) prefix(a Address) (netip.Prefix, bool) {
	switch a.Kind {
	case SameNet:
		return t.subnet, t.subnet.IsValid()
	case Network:
		return a.prefix()
	}
	return netip.Prefix{}, false
}

// inside reports whether only the container itself has the address.
func (r *Rule) inside() bool {
	return r.Type != Local && (r.Address.Kind == SameHost || r.Address.loopback())
}

func (a Address) loopback() bool {
	if a.Kind != Network {
		return false
	}
	prefix, whole := a.prefix()
	return whole && isLoopback(prefix)
}

// Nearest is the rule that misses a connection by the least, and by what; -1 where none is near.
func Nearest(rules []Rule, c Connection) (rule int, why string) {
	rule, least := -1, 2
	for i, r := range rules {
		if !r.Valid || r.Open || r.Type == Local || r.Method == "reject" {
			continue
		}
		misses := r.misses(c)
		if len(misses) > 0 && len(misses) < least {
			rule, least, why = i, len(misses), misses[0]
		}
	}
	return rule, why
}

// misses are the parts of a rule that a connection does not fit.
func (r Rule) misses(c Connection) []string {
	var out []string
	if anyOf(r.Databases, c.database) == No {
		switch named := anyOf(r.Databases, func(t Token) Answer { return when(t.Kind == Keyword && t.Text == "all") }); {
		case c.Replication && named == Yes:
			out = append(out, "The database all does not match replication, which has to be named.")
		default:
			out = append(out, "It is for other databases.")
		}
	}
	if anyOf(r.Users, c.user) == No {
		out = append(out, fmt.Sprintf("It is for other roles than %s.", c.Role))
	}
	if r.Address.holds(c) == No {
		from := "the replica's address"
		if c.From.IsValid() {
			from = c.From.String()
		}
		out = append(out, "Its address does not hold "+from+".")
	}
	if r.forType(c) == No {
		out = append(out, fmt.Sprintf("%s matches only where ssl or GSSAPI is on, and it is off.", r.Type))
	}
	return out
}
