package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

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
	for _, one := range v.AsValueMap() {
		if _, ok := reference(one); !ok {
			return false
		}
	}
	return true
}

func (r *reader) referenceHint(v cty.Value, kinds []string) string {
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return ""
	}
	for _, b := range r.blocks {
		if slices.Contains(kinds, b.kind) && b.label == v.AsString() {
			return "write " + b.address().String() + ", without quotes"
		}
	}
	if label := v.AsString(); len(kinds) == 1 && hclsyntax.ValidIdentifier(label) {
		return fmt.Sprintf("declare %s %q { }, and write %s.%s", kinds[0], label, kinds[0], label)
	}
	return ""
}
