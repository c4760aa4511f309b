package hba

import (
	"bytes"
	"strings"
)

// source hands out the lines of a text, joined where a backslash ends one.
type source struct {
	text string
	at   int
	line int
}

// line is what the server reads as one: what stands in the text, without the backslashes and line breaks that join it.
type line struct {
	text   string
	number int
	parts  []part
}

// part is where a stretch of a line stands: byte from of it is byte at of the text.
type part struct{ from, at int }

// next returns the next line. As the server does, it takes a backslash for a continuation only where it came with this
// stretch: of two at the end before an empty line, one stays.
func (s *source) next() (line, bool) {
	if s.at >= len(s.text) {
		return line{}, false
	}
	l := line{number: s.line}
	var read []byte
	for joined := 0; s.at < len(s.text); joined = len(read) {
		stretch := s.text[s.at:]
		if end := strings.IndexByte(stretch, '\n'); end >= 0 {
			stretch = stretch[:end+1]
		}
		l.parts = append(l.parts, part{len(read), s.at})
		read = bytes.TrimRight(append(read, stretch...), "\r\n")
		s.at += len(stretch)
		s.line++
		if len(read) <= joined || read[len(read)-1] != '\\' {
			break
		}
		read = read[:len(read)-1]
	}
	l.text = string(read)
	return l, true
}

// at is where byte i of the line stands in the text.
func (l line) at(i int) int {
	n := len(l.parts) - 1
	for n > 0 && l.parts[n].from > i {
		n--
	}
	return l.parts[n].at + i - l.parts[n].from
}

// end is where the bytes before i of the line end in the text.
func (l line) end(i int) int {
	if i == 0 {
		return l.at(0)
	}
	return l.at(i-1) + 1
}

// word is one token as the server cuts it: what is between blanks and commas, quotes undone.
type word struct {
	text     string
	source   string // as written; a quote that is left open is closed
	quoted   bool   // it begins with a quote
	comma    bool   // a comma follows at once
	lead     int    // the byte of a comma before it that joins it to nothing, -1
	unclosed int    // the byte of a quote that is left open, -1
	from, to int    // its bytes in the line
}

// field is a list of words, joined by commas.
type field []word

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// word cuts the next token from byte i on; false where none is left.
func (l line) word(i int) (word, bool) {
	lead := -1
	for ; i < len(l.text) && (blank(l.text[i]) || l.text[i] == ','); i++ {
		if l.text[i] == ',' {
			lead = i
		}
	}
	w := word{from: i, lead: lead, unclosed: -1}
	var out strings.Builder
	inside, pair := false, false // within quotes; just behind the quote that ended them
	for ; i < len(l.text); i++ {
		c := l.text[i]
		if !inside && (blank(c) || c == ',' || c == '#') {
			break
		}
		if c != '"' {
			out.WriteByte(c)
			pair = false
			continue
		}
		if pair {
			out.WriteByte(c)
		}
		pair = inside
		inside = !inside
		if inside {
			w.unclosed = i
		}
		w.quoted = w.quoted || out.Len() == 0
	}
	w.text, w.source, w.to = out.String(), l.text[w.from:i], i
	if inside {
		w.source += `"`
	} else {
		w.unclosed = -1
	}
	w.comma = i < len(l.text) && l.text[i] == ','
	return w, i > w.from
}

// fields cuts the line into its fields. A comma joins only where it stands at the word itself.
func (l line) fields() []field {
	var out []field
	for i := 0; ; {
		var f field
		for more := true; more; {
			w, ok := l.word(i)
			if ok {
				f = append(f, w)
			}
			i, more = w.to, ok && w.comma
		}
		if len(f) == 0 {
			return out
		}
		out = append(out, f)
	}
}

func (f field) String() string {
	texts := make([]string, len(f))
	for i, w := range f {
		texts[i] = w.source
	}
	return strings.Join(texts, ",")
}

// written is a line of pg_hba.conf that says the same as the fields. A backslash at its end would join the next line to it.
func written(fields []field) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.String()
	}
	text := strings.Join(texts, " ")
	if strings.HasSuffix(text, `\`) {
		text += " "
	}
	return text
}
