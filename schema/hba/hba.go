// Package hba reads pg_hba.conf as the servers of versions 15 to 18 do (the manual's chapter "The pg_hba.conf File"): what
// they take it takes, what they refuse it refuses, and what only the server can know, such as what an included file holds,
// it leaves to the server. A test holds it against their own pg_hba_file_rules.
package hba

import "net/netip"

// Type is the first word of a rule: which connections it is for, or that it names other files.
type Type string

// The types. The last three name files and came with version 16.
const (
	Local           Type = "local"
	Host            Type = "host"
	HostSSL         Type = "hostssl"
	HostNoSSL       Type = "hostnossl"
	HostGSS         Type = "hostgssenc"
	HostNoGSS       Type = "hostnogssenc"
	Include         Type = "include"
	IncludeIfExists Type = "include_if_exists"
	IncludeDir      Type = "include_dir"
)

// Rule is one rule: a line, or several that backslashes join. The server asks the rules in their order, and the first that
// matches decides.
type Rule struct {
	Type      Type
	Path      string // of the types that name files
	Databases []Token
	Users     []Token
	Address   Address // of all types but local
	Method    string
	Options   []Option // as written; where a name comes twice, the last one holds
	Valid     bool     // the server takes it; where it does not, a Problem says why, and the rest is as far as it was read
	Open      bool     // only the server knows what it says, and so whether it takes it: an @file stands where one word does

	Line     int // in the text, from 1, as pg_hba_file_rules counts
	From, To int // its bytes in the text
	text     string
}

// String is the rule as its author wrote it, its tokens joined by one space: Parse makes the same rule of it.
func (r Rule) String() string { return r.text }

// Kind is what a word means among databases and users.
type Kind int

// The kinds. A quote at the beginning of a word makes it a name, except before a regular expression.
const (
	Name    Kind = iota
	Keyword      // all, and of databases sameuser, samerole, samegroup, replication
	Member       // +role: the role and all its members
	Regexp       // /expression, from version 16
	File         // @file: the words that the file holds
)

// Token is one word of a list of databases or users.
type Token struct {
	Kind Kind
	Text string // without quotes, and without the sign of its kind
}

// AddressKind says which clients an address means.
type AddressKind int

// The kinds of address.
const (
	NoAddress  AddressKind = iota
	AnyAddress             // all
	SameHost               // samehost: the server's own addresses
	SameNet                // samenet: the networks that the server is in
	Network                // IP and Mask
	HostName               // Host, looked up at every connection; with a dot in front, all below it
)

// Address is the clients that a rule is for.
type Address struct {
	Kind AddressKind
	IP   netip.Addr // as written, also its bits that the mask leaves out
	Mask netip.Addr // nearly always ones and then zeros, which the server does not insist on
	Host string
}

// Option is NAME=VALUE behind the method.
type Option struct{ Name, Value string }

// Problem is what the server does not take in a rule, or a warning: what it takes, but otherwise than it looks.
type Problem struct {
	Warning  bool
	From, To int // its bytes in the text
	Text     string
	Hint     string   // what to write instead; ""
	Word     string   // one that may be misspelt; ""
	Known    []string // what it could be
}

// Parse reads the text of a pg_hba.conf for a major version. Every line that is not empty becomes a rule, also one with a
// problem; a rule has one error at most, as the server stops at the first.
func Parse(text string, version int) ([]Rule, []Problem) {
	s := source{text: text, line: 1}
	var rules []Rule
	var problems []Problem
	for {
		l, ok := s.next()
		if !ok {
			return rules, problems
		}
		p := parser{version: version, line: l}
		if p.read() {
			rules = append(rules, p.rule)
			problems = append(problems, p.problems...)
		}
	}
}

// Quote writes a name of a database or role so that it means that name and nothing else.
func Quote(name string) string {
	out := `"`
	for i := range len(name) {
		if name[i] == '"' {
			out += `"`
		}
		out += name[i : i+1]
	}
	return out + `"`
}
