package hba

import (
	"slices"
	"strings"
	"unicode"
)

// regexpError says what the server's regular expressions (chapter "Regular Expression Details") do not take in one; "" where
// they take it, and where its own first options put it into an older syntax.
func regexpError(text string) string {
	e := expression{text: []rune(text)}
	switch {
	case strings.HasPrefix(text, "***="):
		return ""
	case strings.HasPrefix(text, "***:"):
		e.at = 4
	case strings.HasPrefix(text, "***"):
		return "*** stands before : or = only"
	}
	if e.embedded() || e.err != "" {
		return e.err
	}
	e.branches(false)
	if e.err == "" && e.at < len(e.text) {
		e.fail("a parenthesis is closed that was not opened")
	}
	return e.err
}

// expression is an advanced regular expression that is being read.
type expression struct {
	text   []rune
	at     int
	opened int    // groups that were opened
	closed []bool // by number: groups that are complete
	depth  int
	code   rune // the character of the last escape
	spaced bool // blanks and comments are left out: (?x)
	unsure bool // it is too deep for us to follow
	err    string
}

func (e *expression) fail(text string) {
	if e.err == "" && !e.unsure {
		e.err = text
	}
}

// more is true while there is something left to read.
func (e *expression) more() bool { return e.err == "" && e.at < len(e.text) }

func (e *expression) peek() rune {
	if e.at < len(e.text) {
		return e.text[e.at]
	}
	return -1
}

// eat takes a word where it stands next.
func (e *expression) eat(word string) bool {
	runes := []rune(word)
	if e.at+len(runes) > len(e.text) || !slices.Equal(e.text[e.at:e.at+len(runes)], runes) {
		return false
	}
	e.at += len(runes)
	return true
}

// skip goes over blanks and comments where they are left out.
func (e *expression) skip() {
	for e.spaced && e.at < len(e.text) && (unicode.IsSpace(e.peek()) || e.peek() == '#') {
		if e.peek() == '#' {
			for e.at < len(e.text) && e.peek() != '\n' {
				e.at++
			}
			continue
		}
		e.at++
	}
}

// braces is true where {m} begins behind a {.
func (e *expression) braces() bool {
	e.skip()
	return digit(e.peek())
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func digit(r rune) bool { return r >= '0' && r <= '9' }

// embedded reads options at the beginning, (?i). It is true for those that change the syntax.
func (e *expression) embedded() bool {
	if e.at+2 >= len(e.text) || !letter(e.text[e.at+2]) || !e.eat("(?") {
		return false
	}
	other := false
	for letter(e.peek()) {
		switch c := e.peek(); {
		case c == 'x':
			e.spaced = true
		case strings.ContainsRune("beq", c):
			other = true
		case !strings.ContainsRune("cimnpstw", c):
			e.fail("an embedded option is not known")
			return false
		}
		e.at++
	}
	if !e.eat(")") {
		e.fail("embedded options are not closed")
	}
	return other
}

// deepest is how many groups in one another we follow; the server's own limit is its stack.
const deepest = 200

// branches reads up to the end, or to the parenthesis that closes the group.
func (e *expression) branches(ahead bool) {
	if e.depth++; e.depth > deepest {
		e.unsure, e.at = true, len(e.text)
	}
	for e.skip(); e.more() && e.peek() != ')'; e.skip() {
		if !e.eat("|") {
			e.quantified(ahead)
		}
	}
	e.depth--
}

// quantified reads an atom and what says how often, or a constraint, which takes no such thing.
func (e *expression) quantified(ahead bool) {
	if e.atom(ahead) && e.err == "" {
		e.quantifier()
	}
}

// atom is true for what a quantifier may follow.
func (e *expression) atom(ahead bool) bool {
	c := e.peek()
	e.at++
	switch {
	case c == '*' || c == '+' || c == '?' || c == '{' && e.braces():
		e.fail("a quantifier has nothing to repeat")
	case c == '(':
		return e.group(ahead)
	case c == '[':
		return e.bracket()
	case c == '^' || c == '$':
		return false
	case c == '\\':
		return e.escape(ahead, false)
	}
	return true
}

func (e *expression) group(ahead bool) bool {
	switch {
	case e.eat("?#"):
		e.comment()
		return false
	case e.eat("?:"):
		e.inside(ahead)
		return true
	case e.eat("?=") || e.eat("?!") || e.eat("?<=") || e.eat("?<!"):
		e.inside(true)
		return false
	case e.eat("?"):
		e.fail("a quantifier has nothing to repeat")
		return false
	}
	if ahead {
		e.inside(ahead)
		return true
	}
	e.opened++
	n := e.opened
	e.inside(ahead)
	for len(e.closed) <= n {
		e.closed = append(e.closed, false)
	}
	e.closed[n] = true
	return true
}

func (e *expression) inside(ahead bool) {
	e.branches(ahead)
	if e.err == "" && !e.eat(")") {
		e.fail("a parenthesis is not closed")
	}
}

// comment reads the rest of (?# ).
func (e *expression) comment() {
	for e.at < len(e.text) && e.text[e.at] != ')' {
		e.at++
	}
	e.at = min(e.at+1, len(e.text))
}

// quantifier reads how often an atom comes; a comment may stand between the two.
func (e *expression) quantifier() {
	for e.skip(); e.eat("(?#"); e.skip() {
		e.comment()
	}
	start := e.at
	switch {
	case e.eat("*") || e.eat("+") || e.eat("?"):
		e.eat("?")
	case e.eat("{") && e.braces():
		e.bound()
	default:
		e.at = start
	}
}

// bound reads {m}, {m,} and {m,n}.
func (e *expression) bound() {
	least := e.count()
	if e.eat(",") && e.braces() && e.count() < least {
		e.fail("a repetition has its counts the wrong way round")
	}
	if e.err != "" {
		return
	}
	if !e.eat("}") {
		e.fail("a repetition is not written {m}, {m,} or {m,n}")
	}
	e.eat("?")
}

func (e *expression) count() int {
	n := 0
	for ; digit(e.peek()) && n <= 255; e.skip() {
		n = n*10 + int(e.peek()-'0')
		e.at++
	}
	if n > 255 {
		e.fail("a repetition counts to 255 at most")
	}
	return n
}

// named are the letters that are the codes behind a backslash.
const named, codes = "aBbefnrtv", "\a\\\b\x1b\f\n\r\t\v"

// escape reads what is behind a backslash, also inside brackets; it is true for what a quantifier may follow.
func (e *expression) escape(ahead, bracket bool) bool {
	if e.at >= len(e.text) {
		e.fail("a backslash stands at the end")
		return false
	}
	c := e.text[e.at]
	e.at++
	switch e.code = c; {
	case !letter(c) && !digit(c):
		return true
	case strings.ContainsRune("AmMyYZ", c):
		if bracket {
			e.fail("an escape cannot stand in brackets")
		}
		return false
	case strings.ContainsRune("dDsSwW", c):
		return true
	case strings.ContainsRune(named, c):
		e.code = rune(codes[strings.IndexRune(named, c)])
		return true
	case c == 'c':
		if e.at >= len(e.text) {
			e.fail("a backslash stands at the end")
			return false
		}
		e.code = e.text[e.at] & 0x1f
		e.at++
		return true
	case c == 'u':
		return e.hex(4, 4)
	case c == 'U':
		return e.hex(8, 8)
	case c == 'x':
		return e.hex(1, 255)
	case digit(c):
		e.numbered(ahead, bracket)
		return true
	}
	e.fail("an escape is not known")
	return false
}

// hex reads a code of 32 bits, of which the server, too, lets the others go.
func (e *expression) hex(least, most int) bool {
	value, n := uint32(0), 0
	for n < most && e.at < len(e.text) && strings.ContainsRune("0123456789abcdefABCDEF", e.text[e.at]) {
		value = value<<4 | uint32(strings.IndexRune("0123456789abcdef", e.text[e.at]|0x20))
		e.at++
		n++
	}
	switch {
	case n < least:
		e.fail("an escape lacks hexadecimal digits")
	case value > 0x7ffffffe:
		e.fail("an escape is no character")
	}
	e.code = rune(value)
	return true
}

// numbered reads a reference to a group, or the octal code of a character.
func (e *expression) numbered(ahead, bracket bool) {
	start := e.at - 1
	end, value := start, 0
	for end < len(e.text) && digit(e.text[end]) {
		value = min(value*10+int(e.text[end]-'0'), 1<<20)
		end++
	}
	if e.text[start] != '0' && (end == start+1 || value <= e.opened) {
		e.at = end
		if bracket {
			e.fail("an escape cannot stand in brackets")
		} else if ahead || value >= len(e.closed) || !e.closed[value] {
			e.fail("it refers to a group that is not there")
		}
		return
	}
	e.at = start
	value = 0
	for e.at < len(e.text) && e.at < start+3 && e.text[e.at] >= '0' && e.text[e.at] <= '7' && value*8+int(e.text[e.at]-'0') <= 0xff {
		value = value*8 + int(e.text[e.at]-'0')
		e.at++
	}
	if e.at == start {
		e.fail("an escape is not known")
	}
	e.code = rune(value)
}
