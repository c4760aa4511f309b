package schema

import (
	"fmt"

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
	if !shapes[r.kind].has(name) {
		panic(fmt.Sprintf("schema: the shape of %s lacks %q", r.kind, name))
	}
	return r.body.Attributes[name]
}

// written reports whether an attribute says anything: null is as good as nothing, a mistake is not.
func (r *reader) written(name string) bool {
	a := r.attribute(name)
	if a == nil {
		return false
	}
	v, ok := r.eval(a.Expr, r.each)
	return !ok || !v.IsNull()
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
