package render

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What comes from a file, a server or Docker goes into a comment in one of four ways: as prose, as code, as code in HTML, or in
// a fence. In none of them does it become markup, a link, a mention of somebody or a reference to something.

// visible writes what cannot be seen, or changes the direction of what can, as Go does: \n, \u202e. What it returns is one line.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// clipped is a text that is visible, and no longer than so many bytes and three dots; 0 is without limit.
func clipped(s string, limit int) string {
	s = visible(s)
	if limit == 0 || len(s) <= limit {
		return s
	}
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "..."
}

// code is a code span, in which GitHub and GitLab look for nothing.
func code(s string) string {
	s = visible(s)
	ticks := strings.Repeat("`", longestRun(s, '`')+1)
	switch {
	case s == "":
		return "(none)"
	case strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`"):
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// codeHTML is a code span where Markdown is not read.
func codeHTML(s string) string {
	return "<code>" + html.EscapeString(visible(s)) + "</code>"
}

// fence is a block of code under a run of backticks that is longer than any in it.
func fence(language string, lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(visible(l) + "\n")
	}
	ticks := strings.Repeat("`", max(3, longestRun(b.String(), '`')+1))
	return ticks + language + "\n" + b.String() + ticks + "\n"
}

func longestRun(s string, of byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] == of {
			run++
		} else {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// prose is a text in which every word that could be read as anything but a word is code.
func prose(s string) string {
	words := strings.Fields(visible(s))
	for i, w := range words {
		core := strings.TrimLeft(w, `("'`)
		before := w[:len(w)-len(core)]
		core = strings.TrimRight(core, `)"'.,;:`)
		after := w[len(before)+len(core):]
		if core != "" && !plain(core) {
			core = code(core)
		}
		words[i] = before + core + after
	}
	return strings.Join(words, " ")
}

var (
	harmless  = regexp.MustCompile(`^[A-Za-z0-9.,;/()'"=+-]+$`)
	reference = regexp.MustCompile(`(?i)[a-z]-[0-9]|\b[0-9a-f]{7,}\b|www\.|//|^-`) // GH-1, a commit, a link, a flag
)

func plain(word string) bool { return harmless.MatchString(word) && !reference.MatchString(word) }

// hidden is the marker by which a comment is found again. A comment in HTML must not hold two dashes.
func hidden(command, cluster string) string {
	return fmt.Sprintf("<!-- pgrepl:%s:%s -->", hiddenName(command), hiddenName(cluster))
}

// hiddenName is a name in which all but letters, digits, dots and single dashes is written as in a URL.
func hiddenName(s string) string {
	var b strings.Builder
	for i := range min(len(s), 63) {
		c := s[i]
		switch {
		case c == '.', c == '_', c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-' && i > 0 && s[i-1] != '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
