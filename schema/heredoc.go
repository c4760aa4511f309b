package schema

import (
	"bytes"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The HCL parser joins the lines of a heredoc one by one, and copies what it has each time: 10,000 lines of pg_hba.conf are
// four gigabytes. So it is given a long heredoc without templates as "" and a comment, which leaves every byte where it was,
// and the text is put in afterwards.

// longHeredoc is from how many lines on.
var longHeredoc = 500

// plainHeredoc is a heredoc that holds nothing but text.
type plainHeredoc struct {
	all  hcl.Range // of the whole expression
	body hcl.Range
	text string
}

// parse is hclsyntax.ParseConfig.
func parse(src []byte, filename string) (*hcl.File, hcl.Diagnostics) {
	found := plainHeredocs(src, filename)
	if len(found) == 0 {
		return hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	}
	file, diags := hclsyntax.ParseConfig(without(src, found), filename, hcl.InitialPos)
	if body, ok := file.Body.(*hclsyntax.Body); ok {
		hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			t, ok := n.(*hclsyntax.TemplateExpr)
			if !ok {
				return nil
			}
			i := slices.IndexFunc(found, func(h plainHeredoc) bool { return h.all.Start.Byte == t.SrcRange.Start.Byte })
			if i >= 0 {
				t.SrcRange = found[i].all
				t.Parts = []hclsyntax.Expression{&hclsyntax.LiteralValueExpr{Val: cty.StringVal(found[i].text), SrcRange: found[i].body}}
			}
			return nil
		})
	}
	file.Bytes = src
	return file, diags
}

func plainHeredocs(src []byte, filename string) []plainHeredoc {
	if bytes.Count(src, []byte("\n")) < longHeredoc {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	var found []plainHeredoc
	for i, t := range tokens {
		if t.Type != hclsyntax.TokenOHeredoc || i == 0 || !slices.Contains(beforeValue, tokens[i-1].Type) {
			continue
		}
		end := i + 1
		for end < len(tokens) && tokens[end].Type == hclsyntax.TokenStringLit {
			end++
		}
		if end == len(tokens) || tokens[end].Type != hclsyntax.TokenCHeredoc || end-i-1 < max(longHeredoc, 1) {
			continue
		}
		if h, ok := plain(src, tokens[i:end+1]); ok {
			found = append(found, h)
		}
	}
	return found
}

// beforeValue are the tokens behind which a heredoc is a value.
var beforeValue = []hclsyntax.TokenType{hclsyntax.TokenEqual, hclsyntax.TokenOBrack, hclsyntax.TokenComma, hclsyntax.TokenOParen}

// plain reads a heredoc from its tokens; false where it is not as plain as it looks, and the parser has to read it.
func plain(src []byte, tokens []hclsyntax.Token) (plainHeredoc, bool) {
	opened, first := tokens[0], tokens[1]
	last, closed := tokens[len(tokens)-2], tokens[len(tokens)-1]
	body := src[first.Range.Start.Byte:last.Range.End.Byte]
	marker := bytes.TrimSpace(closed.Bytes)
	if len(marker) < 2 || !bytes.HasSuffix(closed.Bytes, marker) || bytes.Contains(body, []byte("${")) || bytes.Contains(body, []byte("%{")) {
		return plainHeredoc{}, false
	}
	h := plainHeredoc{
		all:  hcl.RangeBetween(opened.Range, closed.Range),
		body: hcl.RangeBetween(first.Range, last.Range),
		text: string(body),
	}
	if !bytes.HasPrefix(opened.Bytes, []byte("<<-")) {
		return h, true
	}
	indent, ok := indentation(body)
	if !ok {
		return plainHeredoc{}, false
	}
	var text bytes.Buffer
	for line := range bytes.Lines(body) {
		if len(bytes.TrimLeft(line, " \t")) > 1 {
			line = line[indent:]
		}
		text.Write(line)
	}
	h.text = text.String()
	if line, _, _ := bytes.Cut(body, []byte("\n")); len(bytes.TrimLeft(line, " \t")) > 0 {
		h.body.Start.Byte += indent
		h.body.Start.Column += indent
	}
	return h, true
}

// indentation is what every line that is not blank begins with; false where that takes more than counting blanks and tabs.
func indentation(body []byte) (int, bool) {
	least := len(body)
	for line := range bytes.Lines(body) {
		rest := bytes.TrimLeft(line, " \t")
		switch {
		case len(rest) == 0 || rest[0] >= 0x80 || rest[0] == '\r' || rest[0] == '\v' || rest[0] == '\f':
			return 0, false
		case rest[0] != '\n':
			least = min(least, len(line)-len(rest))
		}
	}
	return least, true
}

// without is the source with each heredoc as "" and a comment.
func without(src []byte, found []plainHeredoc) []byte {
	out := slices.Clone(src)
	for _, h := range found {
		text := out[h.all.Start.Byte:h.all.End.Byte]
		for i, c := range text {
			if c != '\n' {
				text[i] = ' '
			}
		}
		copy(text, `""/*`)
		copy(text[len(text)-2:], "*/")
	}
	return out
}
