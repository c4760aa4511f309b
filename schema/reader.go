package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"
)

// reader gives the attributes of one object as Go values. Every method returns the default where the attribute is not
// written, is null, or is wrong; what is wrong becomes a diagnostic at its place.
type reader struct {
	*loader
	kind string // for the table of shapes: cluster, cluster.initdb
	body *hclsyntax.Body
	each *each
	at   hcl.Range // the block's header
}

// rule checks a text and returns its canonical form, or what it should be.
type rule func(text string) (string, error)

func (l *loader) reader(in *instance) *reader {
	return &reader{loader: l, kind: in.kind, body: in.body, each: in.each, at: in.at}
}

// nested is the reader of a block inside this one, nil where it is not written.
func (r *reader) nested(kind string) *reader {
	for _, b := range r.body.Blocks {
		if b.Type == kind {
			return &reader{loader: r.loader, kind: r.kind + "." + kind, body: b.Body, each: r.each, at: b.DefRange()}
		}
	}
	return nil
}

// attribute returns what is written, nil when it is not. To ask for one that no such block has is our mistake.
func (r *reader) attribute(name string) *hclsyntax.Attribute {
	if !slices.Contains(shapes[r.kind].attrs, name) {
		panic(fmt.Sprintf("schema: the shape of %s lacks %q", r.kind, name))
	}
	return r.body.Attributes[name]
}

// where is the place of an attribute's value, or the block's header.
func (r *reader) where(name string) hcl.Range {
	if a := r.attribute(name); a != nil {
		return a.Expr.Range()
	}
	return r.at
}

// raw is the value of an attribute with its marks; false where there is none to use.
func (r *reader) raw(name string) (cty.Value, bool) {
	a := r.attribute(name)
	if a == nil {
		return cty.NilVal, false
	}
	v, ok := r.eval(a.Expr, r.each)
	if plain, _ := v.Unmark(); !ok || plain.IsNull() {
		return cty.NilVal, false
	}
	return v, true
}

// plain is the value of an attribute that may be shown.
func (r *reader) plain(name string) (cty.Value, bool) {
	v, ok := r.raw(name)
	if !ok {
		return v, false
	}
	return r.open(v, r.where(name), name)
}

// converted is the value of an attribute as one primitive type.
func (r *reader) converted(name string, t cty.Type, want string) (cty.Value, bool) {
	v, ok := r.plain(name)
	if !ok {
		return v, false
	}
	return r.convert(v, t, r.where(name), name, want)
}

func (r *reader) convert(v cty.Value, t cty.Type, at hcl.Range, what, want string) (cty.Value, bool) {
	out, err := convert.Convert(v, t)
	if err != nil || out.IsNull() {
		d := r.errorf(codeType, at, "%s wants %s", what, want)
		if a, ok := reference(v); ok {
			d.hint("write " + a.String() + ".name")
		}
		return v, false
	}
	return out, true
}

// text is a string attribute, checked and canonical.
func (r *reader) text(name, otherwise string, check rule) string {
	v, ok := r.converted(name, cty.String, "a string")
	if !ok {
		return otherwise
	}
	return r.checked(v.AsString(), otherwise, name, r.where(name), codeValue, check)
}

func (r *reader) checked(text, otherwise, what string, at hcl.Range, c code, check rule) string {
	canonical, err := check(text)
	if err != nil {
		r.errorf(c, at, "%s %s", what, err)
		return otherwise
	}
	return canonical
}

func (r *reader) flag(name string, otherwise bool) bool {
	v, ok := r.converted(name, cty.Bool, "true or false")
	if !ok {
		return otherwise
	}
	return v.True()
}

// whole is an integer attribute between two bounds.
func (r *reader) whole(name string, otherwise, low, high int) int {
	v, ok := r.converted(name, cty.Number, "a whole number")
	if !ok {
		return otherwise
	}
	var n int
	if err := gocty.FromCtyValue(v, &n); err != nil || n < low || n > high {
		r.errorf(codeValue, r.where(name), "%s must be a whole number from %d to %d", name, low, high)
		return otherwise
	}
	return n
}

// secret is an attribute that never renders.
func (r *reader) secret(name string) Secret {
	v, ok := r.raw(name)
	if !ok {
		return Secret{}
	}
	return r.secretOf(v, r.attribute(name).Expr, name)
}

func (r *reader) secretOf(v cty.Value, expr hclsyntax.Expression, what string) Secret {
	source := r.secretSource(expr)
	v, _ = v.UnmarkDeep()
	if !v.IsKnown() {
		return UnsetSecret(source)
	}
	out, err := convert.Convert(v, cty.String)
	if err != nil || out.IsNull() {
		r.errorf(codeType, expr.Range(), "%s wants a string", what)
		return Secret{}
	}
	return NewSecret(out.AsString(), source)
}

// secretSource says where a secret comes from without any text that may be part of it.
func (r *reader) secretSource(expr hclsyntax.Expression) string {
	var parts []string
	for _, t := range expr.Variables() {
		parts = append(parts, r.source(t.SourceRange()))
	}
	hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && (call.Name == "env" || call.Name == "file") {
			parts = append(parts, r.source(call.Range()))
		}
		return nil
	})
	if len(parts) == 0 {
		return "a literal"
	}
	return strings.Join(parts, ", ")
}

// isLiteral is true for an expression whose value stands in the file itself.
func isLiteral(expr hclsyntax.Expression) bool {
	return len(expr.Variables()) == 0 && !calls(expr, "env", "file")
}

// entry is one element of a map as written.
type entry struct {
	key       string
	keyAt, at hcl.Range // of the key and of the value; both the whole expression where it is not spelled out
	value     cty.Value // with its marks
	expr      hclsyntax.Expression
}

// entries are the elements of a map, by key; what is spelled out as { k = v } keeps its places.
func (r *reader) entries(name string) []entry {
	a := r.attribute(name)
	if a == nil {
		return nil
	}
	var out []entry
	if spelled, ok := unwrap(a.Expr).(*hclsyntax.ObjectConsExpr); ok {
		out = r.spelledEntries(spelled, name)
	} else {
		out = r.computedEntries(name)
	}
	slices.SortStableFunc(out, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return out
}

func (r *reader) spelledEntries(spelled *hclsyntax.ObjectConsExpr, name string) []entry {
	var out []entry
	for _, item := range spelled.Items {
		key, ok := r.entryKey(item.KeyExpr, name)
		if !ok {
			continue
		}
		if v, ok := r.eval(item.ValueExpr, r.each); ok {
			out = append(out, entry{key, item.KeyExpr.Range(), item.ValueExpr.Range(), v, item.ValueExpr})
		}
	}
	return out
}

func (r *reader) entryKey(expr hclsyntax.Expression, name string) (string, bool) {
	if k, ok := expr.(*hclsyntax.ObjectConsKeyExpr); ok && !k.ForceNonLiteral {
		if t, ok := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) > 1 {
			r.errorf(codeExpression, expr.Range(), "a name with a dot is written in quotes").hint(fmt.Sprintf("write %q", r.short(expr.Range())))
			return "", false
		}
	}
	v, ok := r.eval(expr, r.each)
	if !ok {
		return "", false
	}
	if v, ok = r.open(v, expr.Range(), "a key of "+name); !ok {
		return "", false
	}
	v, ok = r.convert(v, cty.String, expr.Range(), "a key of "+name, "a string")
	if !ok {
		return "", false
	}
	return v.AsString(), true
}

func (r *reader) computedEntries(name string) []entry {
	v, ok := r.raw(name)
	if !ok {
		return nil
	}
	expr, at := r.attribute(name).Expr, r.where(name)
	plain, marks := v.Unmark()
	if t := plain.Type(); !plain.IsKnown() || !t.IsObjectType() && !t.IsMapType() {
		if !plain.IsKnown() {
			r.sensitiveHere(at, name+" as a whole")
		} else {
			r.errorf(codeType, at, "%s wants a map: { NAME = VALUE }", name)
		}
		return nil
	}
	var out []entry
	for it := plain.ElementIterator(); it.Next(); {
		key, value := it.Element()
		key, _ = key.Unmark()
		out = append(out, entry{key.AsString(), at, at, value.WithMarks(marks), expr})
	}
	return out
}

// texts is a map of strings that may be shown.
func (r *reader) texts(name string) map[string]string {
	out := map[string]string{}
	for _, e := range r.onceEach(r.entries(name), name) {
		v, ok := r.open(e.value, e.at, name+"."+e.key)
		if !ok || v.IsNull() {
			continue
		}
		if v, ok = r.convert(v, cty.String, e.at, name+"."+e.key, "a string"); ok {
			out[e.key] = v.AsString()
		}
	}
	return out
}

// secrets is a map of strings that may be sensitive.
func (r *reader) secrets(name string) map[string]Secret {
	out := map[string]Secret{}
	for _, e := range r.onceEach(r.entries(name), name) {
		if plain, _ := e.value.Unmark(); !plain.IsNull() {
			out[e.key] = r.secretOf(e.value, e.expr, name+"."+e.key)
		}
	}
	return out
}

// onceEach drops what is written twice, with a diagnostic at the second.
func (r *reader) onceEach(entries []entry, name string) []entry {
	return slices.CompactFunc(entries, func(second, first entry) bool {
		if second.key != first.key {
			return false
		}
		r.errorf(codeTwice, second.keyAt, "%s.%s is written twice", name, second.key).
			hint("first at " + originOf(first.keyAt).String())
		return true
	})
}

// element is one element of a list as written.
type element struct {
	at    hcl.Range
	value cty.Value // with its marks
	expr  hclsyntax.Expression
}

// elements are the elements of a list; what is spelled out as [a, b] keeps its places. False: no list is written.
func (r *reader) elements(name string) ([]element, bool) {
	a := r.attribute(name)
	if a == nil {
		return nil, false
	}
	if spelled, ok := unwrap(a.Expr).(*hclsyntax.TupleConsExpr); ok {
		var out []element
		for _, expr := range spelled.Exprs {
			if v, ok := r.eval(expr, r.each); ok {
				out = append(out, element{expr.Range(), v, expr})
			}
		}
		return out, true
	}
	v, ok := r.raw(name)
	if !ok {
		return nil, false
	}
	v, ok = r.open(v, r.where(name), name)
	if t := v.Type(); ok && !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		r.errorf(codeType, r.where(name), "%s wants a list: [a, b]", name)
		return nil, false
	}
	if !ok {
		return nil, false
	}
	return slices.Collect(func(yield func(element) bool) {
		for it := v.ElementIterator(); it.Next(); {
			_, one := it.Element()
			if !yield(element{r.where(name), one, a.Expr}) {
				return
			}
		}
	}), true
}

func unwrap(expr hclsyntax.Expression) hclsyntax.Expression {
	for {
		parens, ok := expr.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return expr
		}
		expr = parens.Expression
	}
}

// refer is an attribute that refers to a block of one of the kinds; false where it does not.
func (r *reader) refer(name string, kinds ...string) (Address, bool) {
	v, ok := r.plain(name)
	if !ok {
		return Address{}, false
	}
	return r.refersTo(v, name, r.where(name), kinds)
}

func (r *reader) refersTo(v cty.Value, what string, at hcl.Range, kinds []string) (Address, bool) {
	want := strings.Join(kinds, " or ")
	a, ok := reference(v)
	switch {
	case ok && slices.Contains(kinds, a.Block):
		return a, true
	case ok:
		r.errorf(codeKind, at, "%s wants a %s, not %s", what, want, a)
	case isCopies(v):
		r.errorf(codeKind, at, "%s wants one %s, and this block has for_each", what, want).
			hint(fmt.Sprintf("write %s[\"KEY\"]", r.short(at)))
	default:
		r.errorf(codeKind, at, "%s wants a reference to a %s", what, want).hint(r.referenceHint(v, kinds))
	}
	return Address{}, false
}

// isCopies is true for the value of a whole block with for_each.
func isCopies(v cty.Value) bool {
	if !v.Type().IsObjectType() || v.LengthInt() == 0 {
		return false
	}
	for _, one := range slices.Collect(maps.Values(v.AsValueMap())) {
		if _, ok := reference(one); !ok {
			return false
		}
	}
	return true
}

func (r *reader) referenceHint(v cty.Value, kinds []string) string {
	if v.Type() != cty.String {
		return ""
	}
	for _, b := range r.blocks {
		if slices.Contains(kinds, b.kind) && b.label == v.AsString() {
			return "write " + b.address().String() + ", without quotes"
		}
	}
	return ""
}
