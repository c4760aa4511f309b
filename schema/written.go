package schema

import (
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// written is a text together with where its bytes stand in a file, so that a mistake inside a string or heredoc is shown
// at its own place.
type written struct {
	text  string
	whole hcl.Range // of the expression, for what cannot be told more exactly
	file  string    // that the parts stand in
	parts []writtenPart
}

// writtenPart is a stretch of the text: literal, with the byte in the file of each of its bytes, or made by one
// expression.
type writtenPart struct {
	from, to int
	at       hcl.Range
	bytes    []int32 // nil for an expression
}

// writtenText finds the places of a text that an expression has made.
func (l *loader) writtenText(text string, expr hclsyntax.Expression, e *each) written {
	w := written{text: text, whole: expr.Range()}
	origin, e := l.origin(expr, e)
	w.file = origin.Range().Filename
	if call, ok := origin.(*hclsyntax.FunctionCallExpr); ok && call.Name == "file" && len(call.Args) == 1 {
		l.fromFile(&w, call, e)
		return w
	}
	template, ok := origin.(*hclsyntax.TemplateExpr)
	if !ok {
		return w
	}
	at := 0
	for _, p := range template.Parts {
		v, ok := l.eval(p, e)
		v, _ = v.UnmarkDeep()
		v, err := convert.Convert(v, cty.String)
		if !ok || err != nil || v.IsNull() || !v.IsKnown() {
			return w
		}
		part := writtenPart{from: at, to: at + len(v.AsString()), at: p.Range()}
		if _, literal := p.(*hclsyntax.LiteralValueExpr); literal {
			part.bytes = literalBytes(l.source(p.Range()), v.AsString(), p.Range().Start.Byte)
		}
		w.parts = append(w.parts, part)
		at = part.to
	}
	if at != len(text) {
		w.parts = nil
	}
	return w
}

// origin is the expression that an attribute's value is written in: that of the local which it is.
func (l *loader) origin(expr hclsyntax.Expression, e *each) (hclsyntax.Expression, *each) {
	for range maxChain {
		expr = unwrap(expr)
		to, ok := expr.(*hclsyntax.ScopeTraversalExpr)
		if !ok || len(to.Traversal) != 2 || to.Traversal.RootName() != "local" {
			break
		}
		name, ok := to.Traversal[1].(hcl.TraverseAttr)
		if !ok || l.locals[name.Name] == nil {
			break
		}
		expr, e = l.locals[name.Name].attr.Expr, nil
	}
	return expr, e
}

// fromFile finds the places of a text in the file that file() has read it from.
func (l *loader) fromFile(w *written, call *hclsyntax.FunctionCallExpr, e *each) {
	name, ok := l.eval(call.Args[0], e)
	if !ok || name.IsMarked() || !name.IsKnown() || name.IsNull() || name.Type() != cty.String || w.text == "" {
		return
	}
	path := l.pathFrom(filepath.Dir(call.Range().Filename), name.AsString())
	text, err := l.src.readData(path)
	if err != nil {
		return
	}
	if text = normalNewlines(text); string(text) != w.text {
		return
	}
	if _, there := l.src.text[path]; !there {
		l.src.add(path, text)
	}
	bytes := make([]int32, len(text))
	for i := range bytes {
		bytes[i] = int32(i)
	}
	whole := hcl.Range{Filename: path, Start: hcl.InitialPos, End: l.src.pos(path, len(text))}
	w.file, w.parts = path, []writtenPart{{from: 0, to: len(text), at: whole, bytes: bytes}}
}

// literalBytes says where in the file each byte of a literal stands: its source may hold escapes, and a <<- heredoc
// loses the indentation of its lines. It returns nil when the two do not fit.
func literalBytes(source, value string, start int) []int32 {
	if text, bytes := unescaped(source, true, start); text == value {
		return bytes
	}
	text, bytes := unescaped(source, false, start)
	lines, kept := strings.SplitAfter(text, "\n"), strings.SplitAfter(value, "\n")
	if len(lines) != len(kept) {
		return nil
	}
	out := make([]int32, 0, len(value))
	for i, line := range lines {
		if !strings.HasSuffix(line, kept[i]) {
			return nil
		}
		out = append(out, bytes[len(line)-len(kept[i]):len(line)]...)
		bytes = bytes[len(line):]
	}
	return out
}

// unescaped undoes $${ and %%{, and in quotes the backslash escapes that stand for one byte.
func unescaped(source string, quoted bool, start int) (string, []int32) {
	var text strings.Builder
	text.Grow(len(source))
	bytes := make([]int32, 0, len(source))
	single := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\'}
	for i := 0; i < len(source); i++ {
		bytes = append(bytes, int32(start+i))
		c := source[i]
		if quoted && c == '\\' && i+1 < len(source) && single[source[i+1]] != 0 {
			c = single[source[i+1]]
			i++
		} else if (c == '$' || c == '%') && strings.HasPrefix(source[i+1:], string(c)+"{") {
			i++
		}
		text.WriteByte(c)
	}
	return text.String(), bytes
}

// place is the range in the file of the bytes from..to of the text.
func (l *loader) place(w written, from, to int) hcl.Range {
	first, ok := w.part(from)
	if !ok {
		return w.whole
	}
	last, _ := w.part(max(to-1, from))
	out := first.at
	out.Filename = w.file
	if first.bytes != nil {
		out.Start = l.src.pos(w.file, int(first.bytes[from-first.from]))
	}
	out.End = last.at.End
	if last.bytes != nil {
		out.End = l.src.pos(w.file, int(last.bytes[max(to-1, from)-last.from])+1)
	}
	return out
}

func (w written) part(at int) (writtenPart, bool) {
	i := sort.Search(len(w.parts), func(i int) bool { return w.parts[i].to > at })
	if i == len(w.parts) {
		return writtenPart{at: w.whole}, false
	}
	return w.parts[i], true
}
