package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// entry is one element of a map as written.
type entry struct {
	key       string
	keyAt, at hcl.Range // of the key and of the value; both the whole expression where it is not spelled out
	value     cty.Value // with its marks; NilVal where it could not be worked out
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
	return sortedEntries(out)
}

func sortedEntries(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.key, b.key), a.keyAt.Start.Byte-b.keyAt.Start.Byte)
	})
	return entries
}

func isSpelled(expr hclsyntax.Expression) bool {
	_, spelled := unwrap(expr).(*hclsyntax.ObjectConsExpr)
	return spelled
}

func (r *reader) spelledEntries(spelled *hclsyntax.ObjectConsExpr, name string) []entry {
	var out []entry
	for _, item := range spelled.Items {
		key, ok := r.entryKey(item.KeyExpr, name)
		if !ok {
			continue
		}
		v, ok := r.eval(item.ValueExpr, r.each)
		if !ok {
			v = cty.NilVal
		}
		out = append(out, entry{key, item.KeyExpr.Range(), item.ValueExpr.Range(), v, item.ValueExpr})
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
		if e.value == cty.NilVal {
			continue
		}
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
		if e.value == cty.NilVal {
			continue
		}
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
		d := r.errorf(codeType, r.where(name), "%s wants a list: [a, b]", name)
		if _, one := reference(v); one || t == cty.String || isCopies(v) {
			d.hint("write [" + r.short(r.where(name)) + "]")
		}
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
