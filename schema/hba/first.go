package hba

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Client is one attempt to connect, with all that a server knows of it when it goes through its rules.
type Client struct {
	Role        string
	Groups      []string // all that the role was made a member of, through others as well; a superuser is in no other group for it
	Missing     bool     // there is no such role: it is not even a member of itself
	Database    string
	Replication bool           // a physical replication connection, which asks for no database
	From        netip.Addr     // invalid: it comes by the local socket
	Server      []netip.Prefix // the server's own addresses, each with the bits of its network; nil: not known
	TLS, GSS    bool           // what encrypts it
}

// First goes through the rules as the server does and returns the one that decides: the first that matches; -1 where none
// does, by which the client is refused, too. It is not known where only the server can tell (host names, included files, an
// expression that we do not follow): then it is the first rule of which that is so.
func First(rules []Rule, c Client) (rule int, known bool) {
	for i, r := range rules {
		if m := r.fits(c); m != No {
			return i, m == Yes
		}
	}
	return -1, true
}

// fits is the least certain of what the parts of a rule say of a client.
func (r Rule) fits(c Client) Answer {
	if !r.Valid || r.Open || slices.Contains(inclusions, string(r.Type)) {
		return Maybe
	}
	if !r.Type.carries(c) {
		return No
	}
	return min(r.Address.has(c), anyOf(r.Databases, c.database), anyOf(r.Users, c.user))
}

// carries reports whether a type of rule is for the way that a client comes.
func (t Type) carries(c Client) bool {
	if t == Local || !c.From.IsValid() {
		return t == Local && !c.From.IsValid()
	}
	switch t {
	case HostSSL:
		return c.TLS
	case HostNoSSL:
		return !c.TLS
	case HostGSS:
		return c.GSS
	case HostNoGSS:
		return !c.GSS
	}
	return true
}

func (a Address) has(c Client) Answer {
	switch a.Kind {
	case HostName:
		return Maybe
	case Network:
		return when(masked(a.IP, c.From, a.Mask))
	case SameHost, SameNet:
		if c.Server == nil {
			return Maybe
		}
		return when(slices.ContainsFunc(c.Server, func(own netip.Prefix) bool {
			return own.Addr() == c.From || a.Kind == SameNet && own.Contains(c.From)
		}))
	}
	return Yes
}

// masked reports whether two addresses are the same in the bits of a mask, which need not be ones and then zeros.
func masked(a, b, mask netip.Addr) bool {
	x, y, m := a.AsSlice(), b.AsSlice(), mask.AsSlice()
	if len(x) != len(y) || len(x) != len(m) {
		return false
	}
	for i := range x {
		if (x[i]^y[i])&m[i] != 0 {
			return false
		}
	}
	return true
}

func (c Client) database(w Token) Answer {
	switch {
	case w.Kind == File:
		return Maybe
	case c.Replication: // all and names mean databases only
		return when(w == Token{Keyword, "replication"})
	case w.Kind == Regexp:
		return expressed(w.Text, c.Database)
	case w.Kind == Name:
		return when(w.Text == c.Database)
	}
	switch w.Text {
	case "all":
		return Yes
	case "sameuser":
		return when(c.Role == c.Database)
	case "samerole", "samegroup":
		return when(c.member(c.Database))
	}
	return No
}

func (c Client) user(w Token) Answer {
	switch w.Kind {
	case Keyword:
		return Yes
	case Name:
		return when(w.Text == c.Role)
	case Member:
		return when(c.member(w.Text))
	case Regexp:
		return expressed(w.Text, c.Role)
	}
	return Maybe
}

func (c Client) member(group string) bool {
	return !c.Missing && (group == c.Role || slices.Contains(c.Groups, group))
}

// agreed is the part of regular expressions that means the same to the servers and to Go, for names of printable ASCII.
var agreed = regexp.MustCompile(`^(?:[A-Za-z0-9_ ,@%&=<>~!#'";:/-]|\\[dws.$^*+?()|\[\]{}\\-]|[.^$|)*+?]|\((?:\?:)?|\{\d+(?:,\d*)?\}|\[\^?[A-Za-z0-9_ -]+\])*$`)

// expressed asks a regular expression for a name.
func expressed(expression, name string) Answer {
	printable := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	options := strings.Contains(strings.ReplaceAll(expression, "(?:", "("), "(?")
	if !printable || options || !agreed.MatchString(expression) || strings.HasPrefix(expression, "***") {
		return Maybe
	}
	e, err := regexp.Compile(expression)
	if err != nil {
		return Maybe
	}
	return when(e.MatchString(name))
}
