package hba

import (
	"net/netip"
	"slices"
)

// Answer is what can be told without the server.
type Answer int

// The answers, in rising certainty that it is so.
const (
	No Answer = iota
	Maybe
	Yes
)

// Connection is somebody who asks to be let in over the network, as far as a file knows of them.
type Connection struct {
	Role        string
	Groups      []string     // what the role is known to be a member of; others may be granted by hand
	Database    string       // "" any
	Replication bool         // a physical replication connection, which asks for no database
	From        netip.Prefix // the network that the client is in; invalid: not known; within 127.0.0.0/8: it comes from the server's own container
	SameNet     Answer       // whether the server is in that network
	TLS         Answer
}

// Admit goes through the rules as the server does (the first that matches decides, and nothing behind it is asked) and says
// whether the connection gets as far as being asked who it is. The second value is the rule that decides a No or Yes; -1 where
// none matches.
func Admit(rules []Rule, c Connection) (Answer, int) {
	maybe := false
	for i, r := range rules {
		switch m := r.matches(c); {
		case m == No:
		case r.Method == "reject" && m == Yes:
			if maybe {
				return Maybe, -1
			}
			return No, i
		case r.Method == "reject":
		case m == Yes && !maybe:
			return Yes, i
		default:
			maybe = true
		}
	}
	if maybe {
		return Maybe, -1
	}
	return No, -1
}

// matches is the least certain of what the parts of a rule say.
func (r Rule) matches(c Connection) Answer {
	if !r.Valid || r.Open {
		return Maybe
	}
	return min(r.forType(c), anyOf(r.Databases, c.database), anyOf(r.Users, c.user), r.Address.holds(c))
}

func (r Rule) forType(c Connection) Answer {
	switch r.Type {
	case Host, HostNoGSS:
		return Yes
	case HostSSL:
		return c.TLS
	case HostNoSSL: // a client that may do without TLS tries both
		return max(Yes-c.TLS, Maybe)
	case Local, HostGSS:
		return No
	}
	return Maybe // what another file holds
}

// anyOf is the most certain answer of a list's words.
func anyOf(words []Token, says func(Token) Answer) Answer {
	best := No
	for _, w := range words {
		best = max(best, says(w))
	}
	return best
}

func (c Connection) database(w Token) Answer {
	switch {
	case w.Kind == File:
		return Maybe
	case c.Replication: // all and names mean databases only
		return when(w.Kind == Keyword && w.Text == "replication")
	case w.Kind == Keyword && w.Text == "all":
		return Yes
	case w.Kind == Keyword && w.Text == "replication":
		return No
	case w.Kind == Name && c.Database != "":
		return when(w.Text == c.Database)
	case w.Kind == Name:
		return Yes // that one, if no other
	case w.Kind == Keyword && w.Text == "sameuser" && c.Database != "":
		return when(c.Database == c.Role)
	}
	return Maybe
}

func (c Connection) user(w Token) Answer {
	switch {
	case w.Kind == Keyword:
		return Yes
	case w.Kind == Name:
		return when(w.Text == c.Role)
	case w.Kind == Member && (w.Text == c.Role || slices.Contains(c.Groups, w.Text)):
		return Yes
	}
	return Maybe
}

func (a Address) holds(c Connection) Answer {
	switch a.Kind {
	case AnyAddress:
		return Yes
	case SameNet:
		return c.SameNet
	case SameHost:
		return when(isLoopback(c.From))
	case Network:
		prefix, whole := a.prefix()
		switch {
		case whole && isLoopback(prefix) && !isLoopback(c.From):
			return No // it comes over the network
		case !c.From.IsValid() || !whole:
			return Maybe
		case !prefix.Overlaps(c.From):
			return No
		case prefix.Bits() <= c.From.Bits():
			return Yes
		}
	}
	return Maybe
}

var loopbacks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func isLoopback(p netip.Prefix) bool {
	return slices.ContainsFunc(loopbacks, func(l netip.Prefix) bool { return l.Bits() <= p.Bits() && l.Contains(p.Addr()) })
}

func when(is bool) Answer {
	if is {
		return Yes
	}
	return No
}
