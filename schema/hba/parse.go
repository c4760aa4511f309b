package hba

import (
	"fmt"
	"slices"
	"strings"
)

// parser reads one line. It looks at the same things in the same order as the server does, and stops at the first that
// the server would not take.
type parser struct {
	version    int
	line       line
	fields     []field
	next       int // the field to be read
	methodWord word
	rule       Rule
	problems   []Problem
	stopped    bool
}

var (
	connections = []string{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}
	inclusions  = []string{"include", "include_if_exists", "include_dir"}
	sames       = []string{"all", "sameuser", "samerole", "samegroup", "replication"}
)

// longest is how many bytes a word may have before version 16; then nothing may end it but a blank.
const longest = 10239

// read reads the line into the rule; false where nothing but blanks and comments is on it.
func (p *parser) read() bool {
	p.fields = p.line.fields()
	if len(p.fields) == 0 {
		return false
	}
	last := p.fields[len(p.fields)-1]
	p.rule = Rule{Line: p.line.number, From: p.line.at(p.fields[0][0].from), To: p.line.end(last[len(last)-1].to), text: written(p.fields)}
	p.words()
	p.commas()
	p.kind()
	p.databases()
	p.users()
	p.address()
	p.method()
	p.options()
	p.together()
	p.quote(last[len(last)-1])
	p.rule.Valid = !p.stopped
	return true
}

// wrong notes what the server refuses, at the words from..to of the line. Nothing behind it is looked at.
func (p *parser) wrong(from, to int, text string, args ...any) *Problem {
	p.stopped = true
	return p.note(Problem{Text: fmt.Sprintf(text, args...)}, from, to)
}

func (p *parser) warn(w word, text string, args ...any) *Problem {
	return p.note(Problem{Warning: true, Text: fmt.Sprintf(text, args...)}, w.from, w.to)
}

func (p *parser) note(n Problem, from, to int) *Problem {
	n.From, n.To = p.line.at(from), p.line.end(to)
	p.problems = append(p.problems, n)
	return &p.problems[len(p.problems)-1]
}

func (p *parser) wrongWord(w word, text string, args ...any) *Problem {
	return p.wrong(w.from, w.to, text, args...)
}

func (p *parser) wrongField(f field, text string, args ...any) *Problem {
	return p.wrong(f[0].from, f[len(f)-1].to, text, args...)
}

func (n *Problem) hint(text string) { n.Hint = text }

func (n *Problem) misspelt(word string, known []string) { n.Word, n.Known = word, known }

// words looks for what no line may hold.
func (p *parser) words() {
	for _, f := range p.fields {
		for _, w := range f {
			switch {
			case p.stopped:
				return
			case strings.IndexByte(w.text, 0) >= 0:
				p.wrongWord(w, "a NUL byte cannot stand in pg_hba.conf")
			case p.version < 16 && (len(w.text) > longest || len(w.text) == longest && (w.comma || strings.HasSuffix(w.source, `"`))):
				p.wrongWord(w, "PostgreSQL %d takes words of %d bytes at most", p.version, longest).hint("@file reads the names from a file")
			}
		}
	}
}

// commas tells of those that part what they seem to join.
func (p *parser) commas() {
	for _, f := range p.fields[1:] {
		if lead := f[0].lead; lead >= 0 {
			p.note(Problem{Warning: true, Text: "a comma behind a blank joins nothing", Hint: "write a,b or a, b"}, lead, lead+1)
		}
	}
}

// quote tells of a quote that is not closed: the server closes it at the end of the line. That is where the mistake is
// when the line came out wrong, and hardly what was meant when it did not.
func (p *parser) quote(last word) {
	if last.unclosed < 0 {
		return
	}
	from, to := p.line.at(last.unclosed), p.line.end(last.to)
	if p.stopped {
		p.problems = []Problem{{From: from, To: to, Text: "the quote is not closed"}}
		return
	}
	p.problems = append(p.problems, Problem{Warning: true, From: from, To: to, Text: "the quote is not closed", Hint: "the server closes it at the end of the line"})
}

// field takes the next field of a rule; false where there is none, or nothing more is to be read.
func (p *parser) field(what string) (field, bool) {
	switch {
	case p.done():
		return nil, false
	case p.next >= len(p.fields):
		first, last := p.fields[0], p.fields[len(p.fields)-1]
		p.wrong(first[0].from, last[len(last)-1].to, "the rule ends before its %s", what).hint(p.form())
		return nil, false
	}
	p.next++
	return p.fields[p.next-1], true
}

// form is what the fields of such a rule are.
func (p *parser) form() string {
	if p.rule.Type == Local {
		return "local DATABASE USER METHOD"
	}
	if p.rule.Address.Kind == Network && !p.rule.Address.Mask.IsValid() {
		return "TYPE DATABASE USER ADDRESS MASK METHOD, or ADDRESS/BITS"
	}
	return "TYPE DATABASE USER ADDRESS METHOD"
}

// single takes a field that holds one word. An @file in its place may hold anything: then the rule stays open.
func (p *parser) single(what string) (word, bool) {
	f, ok := p.field(what)
	if !ok {
		return word{}, false
	}
	if slices.ContainsFunc(f, word.file) {
		p.rule.Open = true
		return word{}, false
	}
	if len(f) > 1 {
		p.wrongField(f, "a rule has one %s", what).hint("write one rule for each")
		return word{}, false
	}
	return f[0], true
}

func (w word) file() bool { return !w.quoted && len(w.text) > 1 && w.text[0] == '@' }

func (p *parser) kind() {
	if p.done() {
		return
	}
	if first := p.fields[0][0].text; slices.Contains(inclusions, first) && p.version >= 16 {
		p.include(Type(first))
		return
	}
	w, ok := p.single("connection type")
	switch {
	case !ok:
	case slices.Contains(connections, w.text):
		p.rule.Type = Type(w.text)
	case slices.Contains(inclusions, w.text):
		p.wrongWord(w, "PostgreSQL %d has no %s in pg_hba.conf: 16 brought it", p.version, w.text)
	default:
		p.wrongWord(w, "%q is not a connection type", w.text).misspelt(w.text, connections)
	}
}

// include reads a line that names files, of which the server takes the first word of the second field.
func (p *parser) include(t Type) {
	p.rule.Type = t
	if len(p.fields) != 2 {
		first, last := p.fields[0], p.fields[len(p.fields)-1]
		p.wrong(first[0].from, last[len(last)-1].to, "%s wants one path", t).hint("a path with blanks stands in quotes")
		return
	}
	path := p.fields[1][0]
	switch {
	case path.file() || p.fields[0][0].file():
		p.rule.Open = true
	case t == IncludeDir && strings.Trim(path.text, " \t\r\n") == "":
		p.wrongWord(path, "the path is empty")
	case path.text == "":
		p.warn(path, "the path is empty, and nothing is included")
	default:
		p.rule.Path = path.text
	}
	p.next = len(p.fields)
}

// done is true where nothing more of the line is to be read.
func (p *parser) done() bool {
	return p.stopped || p.rule.Open || slices.Contains(inclusions, string(p.rule.Type))
}

func (p *parser) databases() {
	f, ok := p.field("database")
	if !ok {
		return
	}
	for _, w := range f {
		p.rule.Databases = append(p.rule.Databases, p.token(w, sames, false))
	}
}

func (p *parser) users() {
	f, ok := p.field("user")
	if !ok {
		return
	}
	for _, w := range f {
		p.rule.Users = append(p.rule.Users, p.token(w, sames[:1], true))
	}
}

// token says what a word means.
func (p *parser) token(w word, keywords []string, members bool) Token {
	switch {
	case w.file():
		return Token{File, w.text[1:]}
	case !w.quoted && slices.Contains(keywords, w.text):
		return Token{Keyword, w.text}
	case members && !w.quoted && strings.HasPrefix(w.text, "+"):
		return Token{Member, w.text[1:]}
	case strings.HasPrefix(w.text, "/") && p.version >= 16:
		if err := regexpError(w.text[1:]); err != "" && !p.stopped {
			note := p.wrongWord(w, "the regular expression is not valid: %s", err)
			if w.comma && !strings.HasPrefix(w.source, `"`) {
				note.hint("a comma ends it: put it in quotes")
			}
		}
		return Token{Regexp, w.text[1:]}
	}
	p.suspect(w, keywords)
	return Token{Name, w.text}
}

// suspect warns of a name that is hardly meant as one.
func (p *parser) suspect(w word, keywords []string) {
	switch lower := strings.ToLower(w.text); {
	case w.quoted:
	case strings.HasPrefix(w.text, "/"):
		p.warn(w, "PostgreSQL %d takes %q for a name: 16 brought regular expressions", p.version, w.text)
	case w.text == "*":
		p.warn(w, "%q is taken for a name", w.text).hint("write all")
	case slices.Contains(keywords, lower):
		p.warn(w, "%q is taken for a name", w.text).hint("write " + lower)
	}
}
