package hba

import (
	"slices"
)

var classes = []string{"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit", "word"}

// bracket reads a bracket expression behind its [; it is true for what a quantifier may follow.
func (e *expression) bracket() bool {
	if e.eat("[:<:]]") || e.eat("[:>:]]") { // the beginning and the end of a word
		return false
	}
	e.eat("^")
	for first := true; e.err == ""; first = false {
		if e.at >= len(e.text) {
			e.fail("a bracket is not closed")
			return true
		}
		if !first && e.eat("]") {
			return true
		}
		e.member(first)
	}
	return true
}

// member reads one character, range or class of a bracket expression.
func (e *expression) member(first bool) {
	if e.dash(first) {
		e.fail("a range has no beginning")
		return
	}
	from, single := e.element()
	if e.err != "" || !single || !e.dash(false) {
		return
	}
	e.at++
	if e.at >= len(e.text) {
		e.fail("a bracket is not closed")
		return
	}
	to, single := e.element()
	switch {
	case e.err != "":
	case !single:
		e.fail("a class cannot end a range")
	case from > to:
		e.fail("a range has its ends the wrong way round")
	}
}

// dash is true where a dash stands next that makes a range: not at either end of the brackets.
func (e *expression) dash(first bool) bool {
	return !first && e.peek() == '-' && (e.at+1 >= len(e.text) || e.text[e.at+1] != ']')
}

// element reads one character, by its name or an escape, too, or a class, which is none.
func (e *expression) element() (r rune, single bool) {
	switch {
	case e.eat("[."):
		return e.collated(".]"), true
	case e.eat("[="):
		return e.collated("=]"), false
	case e.eat("[:"):
		if name := string(e.named(":]", "a class")); e.err == "" && !slices.Contains(classes, name) {
			e.fail("a class of characters is not known")
		}
		return 0, false
	case e.eat("\\"):
		class := slices.Contains([]rune("dDsSwW"), e.peek())
		e.escape(false, true)
		return e.code, !class
	}
	e.at++
	return e.text[e.at-1], true
}

func (e *expression) collated(end string) rune {
	r, known := collatingElement(e.named(end, "a character"))
	if !known {
		e.fail("the name of a character is not known")
	}
	return r
}

// named reads a name up to the sign that closes it.
func (e *expression) named(end, what string) []rune {
	start := e.at
	for e.at < len(e.text) {
		if name := e.text[start:e.at]; e.eat(end) {
			if len(name) == 0 {
				e.fail("the name of " + what + " is empty")
			}
			return name
		}
		e.at++
	}
	e.fail("a bracket is not closed")
	return nil
}
