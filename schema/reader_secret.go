package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

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
	v, marks := v.UnmarkDeep()
	if !v.IsKnown() {
		return UnsetSecret(source)
	}
	out, err := convert.Convert(v, cty.String)
	if err != nil || out.IsNull() {
		r.errorf(codeType, expr.Range(), "%s wants a string", what)
		return Secret{}
	}
	s := NewSecret(out.AsString(), source)
	_, sensitive := marks[markSensitive]
	s.plain = !sensitive && !r.fromOutside(expr)
	return s
}

// fromOutside reports whether an expression takes in something that is not in the file.
func (r *reader) fromOutside(expr hclsyntax.Expression) bool {
	return calls(expr, "env", "file") || slices.ContainsFunc(expr.Variables(), func(t hcl.Traversal) bool {
		step, ok := t[min(1, len(t)-1)].(hcl.TraverseAttr)
		return ok && t.RootName() == "local" && r.locals[step.Name] != nil && r.fromOutside(r.locals[step.Name].attr.Expr)
	})
}

// secretSource says where a secret comes from without any text that may be part of it.
func (r *reader) secretSource(expr hclsyntax.Expression) string {
	var parts []string
	if !calls(expr, "url") { // which names what it is made of
		for _, t := range expr.Variables() {
			parts = append(parts, r.source(t.SourceRange()))
		}
	}
	hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && (call.Name == "env" || call.Name == "file" || call.Name == "url") {
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
