package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A few lines can ask for more than any machine has: setproduct of three thousands, thirty locals that each hold the one before
// three times. So what expressions make is counted while they make it, and a file that asks for too much is refused.
const (
	maxMade = 32 << 20 // bytes of all texts and collections that expressions make, about
	maxWork = 500_000  // parts of expressions that are worked out, over and over in a for
	perItem = 48       // bytes that an element costs beside what is in it
)

// budget is what the expressions of one run may still use.
type budget struct{ made, work int }

// exhausted is thrown through the expression library, which would otherwise go on to the end of each loop.
type exhausted struct{}

func (b *budget) spent() bool { return b.made > maxMade || b.work > maxWork }

func (b *budget) charge(made, work int) {
	b.made += made
	b.work += work
	if b.spent() {
		panic(exhausted{})
	}
}

// measured is a part of an expression whose value goes into a larger one.
type measured struct {
	hclsyntax.Expression
	budget *budget
	shared bool // only looked at: nothing of it is copied
	branch bool // of a condition: it becomes the type of the other one
}

func (m measured) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	m.budget.charge(0, 1)
	v, diags := m.Expression.Value(ctx)
	if m.branch {
		m.budget.charge(0, squared(length(v), 1000))
	}
	if m.shared {
		m.budget.charge(0, length(v)/16)
	} else {
		m.budget.charge(sizeOf(v, maxMade), 0)
	}
	return v, diags
}

// length is the number of elements of a collection, 0 of anything else.
func length(v cty.Value) int {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return 0
	}
	return v.LengthInt()
}

// squared is the work of what compares each element with each other one: the cty library does so with types.
func squared(n, by int) int { return int(min(float64(n)*float64(n)/float64(by), maxWork+1)) }

// sizeOf is about how many bytes a value would take if nothing in it were shared; counting ends beyond most.
func sizeOf(v cty.Value, most int) int {
	v, _ = v.Unmark()
	switch {
	case v == cty.NilVal || v.IsNull() || !v.IsKnown():
		return perItem
	case v.Type() == cty.String:
		return len(v.AsString())
	case !v.CanIterateElements():
		return 0
	}
	size := perItem * v.LengthInt()
	for it := v.ElementIterator(); it.Next() && size <= most; {
		key, element := it.Element()
		if v.Type().IsMapType() || v.Type().IsObjectType() {
			size += sizeOf(key, most-size)
		}
		size += sizeOf(element, most-size)
	}
	return size
}

// lookers are the functions that copy nothing of a collection that they are given.
var lookers = map[string]bool{"can": true, "coalesce": true, "contains": true, "element": true, "index": true, "length": true, "lookup": true,
	"sensitive": true, "try": true, "url": true}

// measure is an expression that is counted while it is worked out; the same one where nothing in it can grow.
func (l *loader) measure(expr hclsyntax.Expression) hclsyntax.Expression {
	grows := false
	hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr, *hclsyntax.ForExpr, *hclsyntax.SplatExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr, *hclsyntax.TemplateJoinExpr:
			grows = true
		case *hclsyntax.TemplateExpr:
			grows = grows || len(n.Parts) > 1
		}
		return nil
	})
	if !grows {
		return expr
	}
	return meter{&l.budget}.copy(expr)
}

// meter makes copies of expressions in which the parts that go into something larger are measured.
type meter struct{ budget *budget }

func (m meter) all(exprs []hclsyntax.Expression, shared bool) []hclsyntax.Expression {
	out := make([]hclsyntax.Expression, len(exprs))
	for i, e := range exprs {
		out[i] = m.part(e, shared)
	}
	return out
}

// part is a copy that is measured; a literal is as long as it is written.
func (m meter) part(expr hclsyntax.Expression, shared bool) hclsyntax.Expression {
	if _, literal := expr.(*hclsyntax.LiteralValueExpr); literal || expr == nil {
		return expr
	}
	return measured{Expression: m.copy(expr), budget: m.budget, shared: shared}
}

func (m meter) copy(expr hclsyntax.Expression) hclsyntax.Expression {
	switch e := expr.(type) {
	case *hclsyntax.FunctionCallExpr:
		c := *e
		c.Args = m.all(e.Args, lookers[e.Name])
		return measured{Expression: &c, budget: m.budget, shared: lookers[e.Name]}
	case *hclsyntax.ForExpr:
		c := *e
		c.CollExpr = m.copy(e.CollExpr)
		c.ValExpr = m.part(e.ValExpr, false)
		if e.KeyExpr != nil {
			c.KeyExpr = m.part(e.KeyExpr, false)
		}
		if e.CondExpr != nil {
			c.CondExpr = m.part(e.CondExpr, false)
		}
		return measured{Expression: &c, budget: m.budget, shared: true} // also where its loop is empty
	case *hclsyntax.SplatExpr: // what it is for each stays: its parts know each other
		c := *e
		c.Source = m.copy(e.Source)
		return measured{Expression: &c, budget: m.budget}
	case *hclsyntax.TupleConsExpr:
		c := *e
		c.Exprs = m.all(e.Exprs, false)
		return &c
	case *hclsyntax.ObjectConsExpr:
		c := *e
		c.Items = make([]hclsyntax.ObjectConsItem, len(e.Items))
		for i, item := range e.Items {
			c.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: m.key(item.KeyExpr), ValueExpr: m.part(item.ValueExpr, false)}
		}
		return &c
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) == 1 {
			return e
		}
		c := *e
		c.Parts = m.all(e.Parts, false)
		return &c
	case *hclsyntax.TemplateWrapExpr:
		c := *e
		c.Wrapped = m.copy(e.Wrapped)
		return &c
	case *hclsyntax.TemplateJoinExpr:
		c := *e
		c.Tuple = m.copy(e.Tuple)
		return &c
	case *hclsyntax.ParenthesesExpr:
		c := *e
		c.Expression = m.copy(e.Expression)
		return &c
	case *hclsyntax.ConditionalExpr:
		c := *e
		c.Condition = m.copy(e.Condition)
		c.TrueResult = measured{Expression: m.copy(e.TrueResult), budget: m.budget, shared: true, branch: true}
		c.FalseResult = measured{Expression: m.copy(e.FalseResult), budget: m.budget, shared: true, branch: true}
		return &c
	case *hclsyntax.BinaryOpExpr:
		c := *e
		c.LHS, c.RHS = m.part(e.LHS, true), m.part(e.RHS, true)
		return &c
	case *hclsyntax.UnaryOpExpr:
		c := *e
		c.Val = m.copy(e.Val)
		return &c
	case *hclsyntax.IndexExpr:
		c := *e
		c.Collection, c.Key = m.copy(e.Collection), m.copy(e.Key)
		return &c
	case *hclsyntax.RelativeTraversalExpr:
		if _, splat := e.Source.(*hclsyntax.AnonSymbolExpr); splat {
			return e
		}
		c := *e
		c.Source = m.copy(e.Source)
		return &c
	}
	return expr
}

// key copies the key of an object; a bare word is none of its own.
func (m meter) key(expr hclsyntax.Expression) hclsyntax.Expression {
	k, ok := expr.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return m.part(expr, false)
	}
	if _, word := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); word && !k.ForceNonLiteral {
		return k
	}
	c := *k
	c.Wrapped = m.part(k.Wrapped, false)
	return &c
}
