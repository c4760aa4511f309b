package schema

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The HCL parser joins the pieces of a heredoc one by one, and copies what it has each time: 10,000 lines of pg_hba.conf are
// four gigabytes. So it is given a long heredoc as "" and a comment, which leaves every byte where it was, and what it would
// have made of its text and of the expressions in it is put in afterwards.

// longHeredoc is from how many pieces on; a line is one, and what looks like a template begins another.
var longHeredoc = 500

// heredoc is one that is read here.
type heredoc struct {
	all   hcl.Range // of the whole expression
	parts []hclsyntax.Expression
}

// parse is hclsyntax.ParseConfig.
func parse(src []byte, filename string, found []heredoc) (*hcl.File, hcl.Diagnostics) {
	if len(found) == 0 {
		return hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	}
	at := map[int]heredoc{}
	for _, h := range found {
		at[h.all.Start.Byte] = h
	}
	file, diags := hclsyntax.ParseConfig(without(src, found), filename, hcl.InitialPos)
	if body, ok := file.Body.(*hclsyntax.Body); ok {
		hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			if t, ok := n.(*hclsyntax.TemplateExpr); ok {
				if h, ours := at[t.SrcRange.Start.Byte]; ours {
					t.SrcRange, t.Parts = h.all, h.parts
				}
			}
			return nil
		})
	}
	file.Bytes = src
	return file, diags
}

// longHeredocs finds the heredocs that are read here, and which tokens are pieces of their text.
func longHeredocs(src []byte, filename string, tokens hclsyntax.Tokens) (found []heredoc, ours []bool) {
	ours = make([]bool, len(tokens))
	for i := 1; i < len(tokens); i++ {
		if tokens[i].Type != hclsyntax.TokenOHeredoc || !slices.Contains(beforeValue, tokens[i-1].Type) {
			continue
		}
		end, pieces := closing(tokens, i)
		if end < 0 || pieces < max(longHeredoc, 1) {
			continue
		}
		parts, ok := heredocParts(src, filename, tokens[i:end+1])
		if !ok {
			continue
		}
		found = append(found, heredoc{hcl.RangeBetween(tokens[i].Range, tokens[end].Range), parts})
		level := 0
		for ; i < end; i++ {
			level += opens(tokens[i].Type)
			ours[i] = level == 0
		}
	}
	return found, ours
}

// beforeValue are the tokens behind which a heredoc is a value.
var beforeValue = []hclsyntax.TokenType{hclsyntax.TokenEqual, hclsyntax.TokenOBrack, hclsyntax.TokenComma, hclsyntax.TokenOParen}

// closing is the token that ends the heredoc at a token, or -1, and how many pieces of text there are up to it.
func closing(tokens hclsyntax.Tokens, at int) (end, pieces int) {
	level := 0
	for i := at + 1; i < len(tokens); i++ {
		switch t := tokens[i].Type; {
		case t == hclsyntax.TokenCHeredoc && level == 0:
			return i, pieces
		case t == hclsyntax.TokenStringLit && level == 0:
			pieces++
		default:
			level += opens(t)
		}
	}
	return -1, 0
}

// opens tells whether a token begins an expression inside a text (1) or ends one (-1).
func opens(t hclsyntax.TokenType) int {
	switch t {
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return 1
	case hclsyntax.TokenTemplateSeqEnd:
		return -1
	}
	return 0
}

// heredocParts are the parts of a heredoc as the parser would make them; false where that is not sure.
func heredocParts(src []byte, filename string, tokens hclsyntax.Tokens) ([]hclsyntax.Expression, bool) {
	closed := tokens[len(tokens)-1]
	if marker := bytes.TrimSpace(closed.Bytes); len(marker) < 2 || !bytes.HasSuffix(closed.Bytes, marker) {
		return nil, false
	}
	var pieces []hclsyntax.Expression
	for i := 1; i < len(tokens)-1; i++ {
		switch t := tokens[i]; t.Type {
		case hclsyntax.TokenStringLit:
			text, diags := hclsyntax.ParseStringLiteralToken(t)
			if len(diags) > 0 {
				return nil, false
			}
			pieces = append(pieces, &textPiece{text: text, at: t.Range})
		case hclsyntax.TokenTemplateInterp:
			end, level := i, 0
			for ; end < len(tokens)-1; end++ {
				if level += opens(tokens[end].Type); level == 0 {
					break
				}
			}
			if end == len(tokens)-1 || string(t.Bytes) != "${" || string(tokens[end].Bytes) != "}" {
				return nil, false // ~ takes blanks away before and behind it
			}
			expr, diags := hclsyntax.ParseExpression(src[t.Range.End.Byte:tokens[end].Range.Start.Byte], filename, t.Range.End)
			if len(diags) > 0 {
				return nil, false
			}
			pieces = append(pieces, expr)
			i = end
		default:
			return nil, false
		}
	}
	if bytes.HasPrefix(tokens[0].Bytes, []byte("<<-")) && !unindent(pieces) {
		return nil, false
	}
	return joined(pieces), true
}

// textPiece is one piece of text until all are joined.
type textPiece struct {
	hclsyntax.LiteralValueExpr
	text string
	at   hcl.Range
}

// unindent takes away from each line what all that are not blank begin with; false where the parser might count it otherwise.
func unindent(pieces []hclsyntax.Expression) bool {
	least, begins := math.MaxInt, true
	var adjust []*textPiece
	for _, p := range pieces {
		piece, isText := p.(*textPiece)
		if begins && !isText {
			least = 0
		}
		if begins && isText {
			rest := strings.TrimLeftFunc(piece.text, unicode.IsSpace)
			if rest != "" || !strings.HasSuffix(piece.text, "\n") {
				if c, _ := utf8.DecodeRuneInString(rest); c >= 0x300 && !unicode.IsUpper(c) && !unicode.IsLower(c) {
					return false // it may be one character with the blank before it
				}
				least = min(least, utf8.RuneCountInString(piece.text[:len(piece.text)-len(rest)]))
				adjust = append(adjust, piece)
			}
		}
		begins = isText && strings.HasSuffix(piece.text, "\n")
	}
	for _, piece := range adjust {
		size := 0
		for range least {
			_, n := utf8.DecodeRuneInString(piece.text[size:])
			size += n
		}
		piece.text = piece.text[size:]
		piece.at.Start.Byte += size
		piece.at.Start.Column += least
	}
	return true
}

// joined are the pieces with each run of text as one literal.
func joined(pieces []hclsyntax.Expression) []hclsyntax.Expression {
	var out []hclsyntax.Expression
	for i := 0; i < len(pieces); i++ {
		first, isText := pieces[i].(*textPiece)
		if !isText {
			out = append(out, pieces[i])
			continue
		}
		at := first.at
		var text strings.Builder
		for ; i < len(pieces); i++ {
			piece, isText := pieces[i].(*textPiece)
			if !isText {
				break
			}
			text.WriteString(piece.text)
			at.End = piece.at.End
		}
		i--
		out = append(out, &hclsyntax.LiteralValueExpr{Val: cty.StringVal(text.String()), SrcRange: at})
	}
	return out
}

// without is the source with each heredoc as "" and a comment.
func without(src []byte, found []heredoc) []byte {
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
