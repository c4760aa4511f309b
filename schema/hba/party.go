package hba

import "slices"

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
