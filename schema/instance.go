package schema

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// instance is one object that a block declares: the block itself, or one copy for each key of for_each.
type instance struct {
	*block
	each   *each // nil without for_each
	object memo[cty.Value]
}

const maxCopies = 1000

func (in *instance) address() Address {
	a := in.block.address()
	if in.each != nil {
		a.Key = in.each.key
	}
	return a
}

// defaultName is the label, with the key behind it.
func (in *instance) defaultName() string {
	switch {
	case in.each == nil:
		return in.label
	case in.isNode() || in.kind == "network" || in.kind == "app":
		return in.label + "-" + in.each.key
	}
	return in.label + "_" + in.each.key
}

// copies are the objects of a block, by key.
func (l *loader) copies(b *block, at hcl.Range) ([]*instance, bool) {
	a := b.body.Attributes["for_each"]
	if a == nil || !shapes[b.kind].has("for_each") {
		return settle(l, &b.copies, b.address().String(), at, func() ([]*instance, bool) {
			return []*instance{{block: b}}, true
		})
	}
	return settle(l, &b.copies, b.address().String()+" for_each", at, func() ([]*instance, bool) {
		v, ok := l.eval(a.Expr, nil)
		if !ok {
			return nil, false
		}
		return l.spread(b, v, a.Expr.Range())
	})
}

// spread makes the copies of a block from the value of its for_each.
func (l *loader) spread(b *block, v cty.Value, at hcl.Range) ([]*instance, bool) {
	v, ok := l.open(v, at, "for_each")
	if !ok {
		return nil, false
	}
	t := v.Type()
	switch {
	case v.IsNull():
		l.errorf(codeForEach, at, "for_each is null")
		return nil, false
	case t.IsTupleType() || t.IsListType():
		l.errorf(codeForEach, at, "for_each wants a map or a set of strings, not a list").
			hint("write toset(" + l.short(at) + ")")
		return nil, false
	case !t.IsMapType() && !t.IsObjectType() && !(t.IsSetType() && (t.ElementType() == cty.String || v.LengthInt() == 0)):
		l.errorf(codeForEach, at, "for_each wants a map or a set of strings, not %s", t.FriendlyName())
		return nil, false
	case v.LengthInt() > maxCopies:
		l.errorf(codeForEach, at, "for_each makes more than %d copies", maxCopies)
		return nil, false
	}
	return l.copiesOf(b, v, at)
}

func (l *loader) copiesOf(b *block, v cty.Value, at hcl.Range) ([]*instance, bool) {
	var out []*instance
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if v.Type().IsSetType() {
			key = value
		}
		if key.IsNull() || key.AsString() == "" {
			l.errorf(codeForEach, at, "for_each has an empty key")
			return nil, false
		}
		out = append(out, &instance{block: b, each: &each{key: key.AsString(), value: value}})
	}
	slices.SortFunc(out, func(a, b *instance) int { return cmp.Compare(a.each.key, b.each.key) })
	return out, true
}

// short is the text of a range when it is short enough to be repeated.
func (l *loader) short(at hcl.Range) string {
	if text := l.source(at); len(text) <= 60 && at.Start.Line == at.End.Line {
		return text
	}
	return "…"
}

// A reference to a block is an object: what other blocks may use of it, and its address under names that no file can
// write.
const (
	refBlock = "(block)"
	refLabel = "(label)"
	refKey   = "(key)"
)

// shownBy are the attributes of a kind that other blocks may use.
func shownBy(kind string) []string {
	if kind == "network" {
		return []string{"name", "subnet", "gateway"}
	}
	return []string{"name"}
}

// shown returns what other blocks may use of an object, once it is worked out.
func (in *instance) shown(name string) (cty.Value, bool) {
	if !slices.Contains(shownBy(in.kind), name) || !in.object.value.Type().HasAttribute(name) {
		return cty.NilVal, false
	}
	return in.object.value.GetAttr(name), true
}

// blockValue is what kind.label stands for: an object, or one for each key.
func (l *loader) blockValue(b *block, copies []*instance, at hcl.Range) (cty.Value, bool) {
	byKey := map[string]cty.Value{}
	for _, in := range copies {
		v, ok := settle(l, &in.object, in.address().String(), at, func() (cty.Value, bool) { return l.object(in) })
		if !ok {
			return v, false
		}
		if in.each == nil {
			return v, true
		}
		byKey[in.each.key] = v
	}
	return cty.ObjectVal(byKey), true
}

func (l *loader) object(in *instance) (cty.Value, bool) {
	a := in.address()
	members := map[string]cty.Value{
		refBlock: cty.StringVal(a.Block),
		refLabel: cty.StringVal(a.Label),
		refKey:   cty.StringVal(a.Key),
	}
	for _, name := range shownBy(in.kind) {
		text, present, ok := l.shownText(in, name)
		if !ok {
			return cty.EmptyObjectVal, false
		}
		if present {
			members[name] = cty.StringVal(text)
		}
	}
	return cty.ObjectVal(members), true
}

// shownText works out one attribute that others may use; its form is checked where the block is decoded.
func (l *loader) shownText(in *instance, name string) (text string, present, ok bool) {
	a := in.body.Attributes[name]
	if a == nil {
		return in.defaultName(), name == "name", true
	}
	v, ok := l.eval(a.Expr, in.each)
	if !ok {
		return "", false, false
	}
	if v, ok = l.open(v, a.Expr.Range(), name); !ok {
		return "", false, false
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil {
		l.errorf(codeType, a.Expr.Range(), "%s must be a string", name)
		return "", false, false
	}
	if v.IsNull() {
		return in.defaultName(), name == "name", true
	}
	if name == "subnet" {
		if canonical, err := subnet(v.AsString()); err == nil {
			return canonical, true, true
		}
	}
	return v.AsString(), true, true
}

// reference returns the address that a value refers to, if it is a reference to one object.
func reference(v cty.Value) (Address, bool) {
	if v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() || !v.Type().HasAttribute(refBlock) {
		return Address{}, false
	}
	return Address{
		Block: v.GetAttr(refBlock).AsString(),
		Label: v.GetAttr(refLabel).AsString(),
		Key:   v.GetAttr(refKey).AsString(),
	}, true
}

// open returns a value that may be shown; a sensitive one, or one without a value, is a diagnostic.
func (l *loader) open(v cty.Value, at hcl.Range, what string) (cty.Value, bool) {
	plain, paths := v.UnmarkDeepWithPaths()
	for _, p := range paths {
		if _, found := p.Marks[markSensitive]; found {
			l.sensitiveHere(at, what)
			return plain, false
		}
	}
	if !plain.IsWhollyKnown() {
		l.sensitiveHere(at, what)
		return plain, false
	}
	return plain, true
}

func (l *loader) sensitiveHere(at hcl.Range, what string) {
	l.errorf(codeSensitive, at, "%s cannot hold a sensitive value", what).
		detail("It would be shown in plans, names or labels. Sensitive values may stand in password, in env, in an app's secrets and in settings.")
}

func compareAddress(a, b Address) int {
	return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Key, b.Key))
}
