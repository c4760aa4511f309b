package schema

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What is pasted from postgresql.conf, pg_hba.conf or a Compose file is no HCL in a few ways of its own. The parser stops
// at the first of them and speaks of separators; so they are looked for among the tokens, all of them at once.

// pasted says of each line what about it is another language's, and returns the lines.
func (r *report) pasted(src []byte, filename string) []int {
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	var lines []int
	for i, t := range tokens {
		at := t.Range
		if len(lines) > 0 && lines[len(lines)-1] == at.Start.Line {
			continue
		}
		if len(lines) == maxSyntaxErrors {
			break
		}
		what := ""
		at.End, what = strange(src, tokens[i:])
		if what == "" {
			continue
		}
		if t.Type == hclsyntax.TokenEqual {
			at.Start = tokens[i+1].Range.Start
		}
		lines = append(lines, at.Start.Line)
		d := r.errorf(codeSyntax, at, "%s", what)
		if string(t.Bytes) != "$" && literalSecret(lineAround(src, at.Start.Byte)) < 0 {
			d.hint(inQuotes(string(src[at.Start.Byte:at.End.Byte])))
		}
	}
	return lines
}

// strange says what is wrong where the tokens begin, and where that ends; "" where nothing is.
func strange(src []byte, tokens []hclsyntax.Token) (end hcl.Pos, what string) {
	t, at := tokens[0], tokens[0].Range.Start
	switch {
	case t.Type == hclsyntax.TokenApostrophe:
		return within(src, at, closingQuote(src, at.Byte)), "text is written in double quotes"
	case t.Type == hclsyntax.TokenNumberLit && bytes.Count(t.Bytes, []byte(".")) > 1 && !isRule(lineAround(src, at.Byte)):
		return within(src, at, wordEnd(src, at.Byte)), "an address is written in quotes"
	case t.Type == hclsyntax.TokenNumberLit && len(tokens) > 1 && hasUnit(t, tokens[1]):
		return tokens[1].Range.End, "a number with a unit is written in quotes"
	case string(t.Bytes) == "$" && len(tokens) > 1 && tokens[1].Type == hclsyntax.TokenOBrace:
		return tokens[1].Range.End, "${ } stands in quotes only: a value by itself is written without"
	case t.Type == hclsyntax.TokenEqual && isImage(tokens[1:]):
		return within(src, at, wordEnd(src, tokens[1].Range.Start.Byte)), "text is written in quotes"
	}
	return at, ""
}

// hasUnit is true for 128MB, 4 MB and 0x1000.
func hasUnit(number, behind hclsyntax.Token) bool {
	if behind.Type != hclsyntax.TokenIdent || behind.Range.Start.Line != number.Range.Start.Line {
		return false
	}
	return behind.Range.Start.Byte == number.Range.End.Byte || isUnit(behind.Bytes)
}

// isImage is true for words in one piece with a colon among them: postgres:16.
func isImage(tokens []hclsyntax.Token) bool {
	for i, t := range tokens {
		switch {
		case i > 0 && t.Range.Start.Byte != tokens[i-1].Range.End.Byte:
			return false
		case t.Type == hclsyntax.TokenColon:
			return i > 0
		case !slices.Contains([]hclsyntax.TokenType{hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenDot,
			hclsyntax.TokenSlash, hclsyntax.TokenMinus}, t.Type):
			return false
		}
	}
	return false
}

// within is the place of a byte of the line that a place is in.
func within(src []byte, at hcl.Pos, to int) hcl.Pos {
	return hcl.Pos{Line: at.Line, Column: at.Column + utf8.RuneCount(src[at.Byte:to]), Byte: to}
}

// slipHint is what to do about what the parser found, where another language's habits explain it.
func slipHint(d *hcl.Diagnostic, src []byte) string {
	if d.Subject == nil || d.Subject.End.Byte > len(src) {
		return ""
	}
	at := d.Subject.Start.Byte
	here, behind := src[at:], src[d.Subject.End.Byte:]
	switch {
	case d.Summary == "Missing newline after argument" && bytes.HasPrefix(here, []byte("{")):
		return "a block has no = behind its kind"
	case d.Summary == "Invalid argument name":
		return "names in quotes stand in a map: NAME = {"
	case d.Summary == "Argument or block definition required" && bytes.HasPrefix(behind, []byte(":")):
		return `this is no YAML: write NAME = VALUE, or NAME "LABEL" {`
	case d.Summary == "Missing item separator" && isRule(lineAround(src, at)):
		return "each line of pg_hba.conf stands in quotes, with a comma behind it"
	}
	return ""
}

func lineAround(src []byte, at int) string {
	return strings.TrimSpace(string(src[bytes.LastIndexByte(src[:at], '\n')+1 : lineEnd(src, at)]))
}

// isRule is true for a line that begins as those of pg_hba.conf do.
func isRule(line string) bool {
	kind, _, _ := strings.Cut(line, " ")
	return slices.Contains([]string{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}, kind)
}

func isUnit(word []byte) bool {
	return slices.Contains([]string{"B", "kB", "MB", "GB", "TB", "us", "ms", "s", "min", "h", "d"}, string(word))
}

// closingQuote is the byte behind the single quote that closes the one at a byte, or behind the last of the line.
func closingQuote(src []byte, at int) int {
	for i := at + 1; i < len(src) && src[i] != '\n'; i++ {
		if src[i] == '\'' {
			return i + 1
		}
	}
	return lineEnd(src, at)
}

func lineEnd(src []byte, at int) int {
	if n := bytes.IndexByte(src[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(src)
}

// wordEnd is the byte behind a word that no blank, comma or bracket is part of.
func wordEnd(src []byte, at int) int {
	if n := bytes.IndexAny(src[at:], " \t\n,])}"); n >= 0 {
		return at + n
	}
	return len(src)
}

// inQuotes is the hint for a text that has to stand in quotes, where it is short.
func inQuotes(text string) string {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "'"), "'")
	if len(text) > 60 || strings.Contains(text, "\\") {
		return ""
	}
	return fmt.Sprintf("write %q", text)
}
