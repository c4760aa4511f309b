package schema

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The HCL parser and its expressions recurse without a limit, and an exhausted stack cannot be recovered from. So what
// no real file needs is refused from its tokens, before the parser sees it.
const (
	maxBytes     = 4 << 20
	maxDepth     = 100    // brackets, braces, templates inside each other
	maxOperators = 20_000 // of one file: a chain of them is a tree as deep as it is long
	maxNumber    = 40     // characters of a number; 1e999999999 would take a gigabyte to print
	maxPieces    = 20_000 // lines of a heredoc: the parser joins them one by one, and copies what it has each time
	maxCopied    = 16 << 30
)

// sound reports whether a text can be given to the parser without danger, and finds the heredocs that are kept from it.
func (r *report) sound(src []byte, filename string) ([]heredoc, bool) {
	if len(src) > maxBytes {
		r.errorf(codeOversize, hcl.Range{Filename: filename}, "the file is larger than 4 MiB")
		return nil, false
	}
	if at := invalidUTF8(src); at >= 0 {
		r.errorf(codeSyntax, rangeAt(src, filename, at), "not UTF-8 from here on").detail("Save the file in the encoding UTF-8.")
		return nil, false
	}
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	if !r.guarded(tokens, make([]bool, len(tokens)), guard{unlimited: true}) {
		return nil, false
	}
	found, ours := longHeredocs(src, filename, tokens)
	return found, r.guarded(tokens, ours, guard{})
}

func (r *report) guarded(tokens hclsyntax.Tokens, leaveOut []bool, g guard) bool {
	for i, t := range tokens {
		if leaveOut[i] {
			continue
		}
		if complaint := g.take(t); complaint != "" {
			r.errorf(codeOversize, t.Range, "%s", complaint)
			return false
		}
	}
	return true
}

// guard counts what would make the parser recurse.
type guard struct {
	depth, operators int
	pieces, bytes    int  // of a text, one behind the other
	unlimited        bool // of those: not all of them are for the parser
	last             hclsyntax.TokenType
}

func (g *guard) take(t hclsyntax.Token) string {
	last := g.last
	g.last = t.Type
	switch t.Type {
	case hclsyntax.TokenOParen, hclsyntax.TokenOBrace, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
		hclsyntax.TokenTemplateInterp:
		g.depth++
	case hclsyntax.TokenOBrack:
		g.depth++
		if last == hclsyntax.TokenIdent || last == hclsyntax.TokenCBrack || last == hclsyntax.TokenCParen {
			g.operators++
		}
	case hclsyntax.TokenCParen, hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		g.depth = max(g.depth-1, 0)
	case hclsyntax.TokenTemplateControl:
		g.depth++
		g.operators++
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenBang, hclsyntax.TokenQuestion:
		g.operators++
	case hclsyntax.TokenNumberLit:
		if len(t.Bytes) > maxNumber || exponentTooLong(t.Bytes) {
			return "the number is out of range"
		}
	}
	if t.Type == hclsyntax.TokenStringLit || t.Type == hclsyntax.TokenQuotedLit {
		g.pieces++
		g.bytes += len(t.Bytes)
	} else {
		g.pieces, g.bytes = 0, 0
	}
	switch {
	case !g.unlimited && (g.pieces > maxPieces || g.pieces*g.bytes > maxCopied):
		return "the text is too long to stand here: put it into a file of its own, and write file(\"…\")"
	case g.depth > maxDepth:
		return "nested too deeply"
	case g.operators > maxOperators:
		return "too many operators for one file"
	}
	return ""
}

// exponentTooLong is true from 1e1000 on.
func exponentTooLong(number []byte) bool {
	_, exponent, found := bytes.Cut(bytes.ToLower(number), []byte("e"))
	return found && len(bytes.TrimLeft(exponent, "+-0")) > 3
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// rangeAt is the range of the character at a byte of a text.
func rangeAt(src []byte, filename string, at int) hcl.Range {
	line := bytes.Count(src[:at], []byte("\n")) + 1
	column := utf8.RuneCount(src[bytes.LastIndexByte(src[:at], '\n')+1:at]) + 1
	return hcl.Range{
		Filename: filename,
		Start:    hcl.Pos{Line: line, Column: column, Byte: at},
		End:      hcl.Pos{Line: line, Column: column + 1, Byte: at + 1},
	}
}
