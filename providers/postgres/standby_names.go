package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// standbyNames is a value of synchronous_standby_names; the zero value is "", which waits for nobody.
type standbyNames struct {
	any     bool // ANY, otherwise FIRST
	count   int
	members []string // application names
}

var standbyNamesForm = regexp.MustCompile(`(?is)^(?:(first|any)\s+)?([0-9]+)\s*\((.*)\)$`)

// parseStandbyNames reads what the server took (syncrep_gram.y): FIRST 2 (a, b), ANY 2 (a, b), 2 (a, b), or a, b.
func parseStandbyNames(value string) standbyNames {
	value = strings.TrimSpace(value)
	n := standbyNames{count: 1}
	if m := standbyNamesForm.FindStringSubmatch(value); m != nil {
		n.any = strings.EqualFold(m[1], "any")
		n.count, _ = strconv.Atoi(m[2])
		value = m[3]
	}
	if n.members = quotedNames(value); len(n.members) == 0 {
		return standbyNames{}
	}
	return n
}

// quotedNames splits a list by the commas outside double quotes; a doubled quote inside them is one.
func quotedNames(list string) []string {
	var out []string
	var word strings.Builder
	quoted := false
	flush := func() {
		if w := word.String(); w != "" {
			out = append(out, w)
		}
		word.Reset()
	}
	for i := 0; i < len(list); i++ {
		c := list[i]
		switch {
		case c == '"' && quoted && strings.HasPrefix(list[i+1:], `"`):
			word.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			word.WriteByte(c)
		case c == ',':
			flush()
		case !strings.ContainsRune(" \t\r\n", rune(c)):
			word.WriteByte(c)
		}
	}
	flush()
	return out
}

func (n standbyNames) off() bool { return len(n.members) == 0 }

// String is the setting's value. Names are always quoted: node-1 would not be a name otherwise.
func (n standbyNames) String() string {
	if n.off() {
		return ""
	}
	var quoted []string
	for _, m := range n.members {
		quoted = append(quoted, ident(m))
	}
	return fmt.Sprintf("%s %d (%s)", map[bool]string{true: "ANY", false: "FIRST"}[n.any], n.count, strings.Join(quoted, ", "))
}

// has reports whether a standby of that name counts; the server compares without regard to case, and * is everybody.
func (n standbyNames) has(applicationName string) bool {
	return slices.ContainsFunc(n.members, func(m string) bool { return m == "*" || strings.EqualFold(m, applicationName) })
}

// place is where a standby stands in the list, which is its priority for FIRST.
func (n standbyNames) place(applicationName string) int {
	return slices.IndexFunc(n.members, func(m string) bool { return m == "*" || strings.EqualFold(m, applicationName) })
}

// equal reports whether two values mean the same: order matters to FIRST only.
func (n standbyNames) equal(o standbyNames) bool {
	canonical := func(n standbyNames) []string {
		members := strings.Split(strings.ToLower(strings.Join(n.members, "\n")), "\n")
		if n.any {
			slices.Sort(members)
		}
		return members
	}
	return n.off() == o.off() && n.any == o.any && n.count == o.count && slices.Equal(canonical(n), canonical(o))
}

// atMost waits for no more standbys than n, and for none if n is 0.
func (n standbyNames) atMost(count int) standbyNames {
	if count <= 0 {
		return standbyNames{}
	}
	n.count = min(n.count, count)
	return n
}

// within is what is left of the names where only those of o may stay: never more waiting than before.
func (n standbyNames) within(o standbyNames) standbyNames {
	n.members = slices.DeleteFunc(slices.Clone(n.members), func(m string) bool { return m == "*" || !o.has(m) })
	n.count = min(n.count, o.count, len(n.members))
	if n.off() {
		return standbyNames{}
	}
	return n
}
