package schema

import (
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// mark is what a value carries along through every expression.
type mark string

const (
	markSensitive mark = "sensitive" // may not be shown, and may not stand where it would be
	markEnv       mark = "env"       // from env(): sensitive only where it lands in a place for secrets
)

// each is what each.key and each.value mean in one copy of a block with for_each.
type each struct {
	key   string
	value cty.Value
}

// names are the values that one expression can see: var.x is names["var"]["x"].
type names map[string]map[string]cty.Value

func (n names) set(root, name string, v cty.Value) {
	if n[root] == nil {
		n[root] = map[string]cty.Value{}
	}
	n[root][name] = v
}

func (n names) variables() map[string]cty.Value {
	out := map[string]cty.Value{}
	for root, members := range n {
		out[root] = cty.ObjectVal(members)
	}
	return out
}

// evaluation is an expression in one copy of its block.
type evaluation struct {
	expr hclsyntax.Expression
	each *each
}

type evaluated struct {
	value cty.Value
	ok    bool
}

// eval works out an expression; when it cannot, it says why and returns false. Only what the expression refers to is
// worked out first, so definitions may stand in any order.
func (l *loader) eval(expr hclsyntax.Expression, e *each) (cty.Value, bool) {
	if done, again := l.worked[evaluation{expr, e}]; again {
		return done.value, done.ok
	}
	v, ok := l.evalOnce(expr, e)
	l.worked[evaluation{expr, e}] = evaluated{v, ok}
	return v, ok
}

func (l *loader) evalOnce(expr hclsyntax.Expression, e *each) (cty.Value, bool) {
	if l.budget.spent() {
		return cty.DynamicVal, false
	}
	l.blankLiterals(expr)
	seen, ok := names{}, true
	for _, t := range expr.Variables() {
		ok = l.resolve(t, e, seen) && ok
	}
	if !ok || l.budget.spent() {
		return cty.DynamicVal, false
	}
	ctx := &hcl.EvalContext{Variables: seen.variables(), Functions: l.functions(expr.Range().Filename)}
	v, diags := safely(l.measure(expr), ctx)
	if l.budget.spent() {
		l.errorf(codeBudget, expr.Range(), "the expressions of the file make too much").
			detail("What all of them make together is more than any cluster needs: about 32 MiB, or half a million parts.")
		return cty.DynamicVal, false
	}
	for _, d := range diags[:min(len(diags), maxSyntaxErrors)] {
		l.expressionError(d, expr, mayHoldSecret(expr, ctx.Variables))
	}
	return v, !diags.HasErrors()
}

// safely keeps a panic of the expression library, whose text may hold a value, away from the user.
func safely(expr hclsyntax.Expression, ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	defer func() {
		if recover() != nil {
			at := expr.Range()
			v, diags = cty.DynamicVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "The expression cannot be evaluated", Subject: &at}}
		}
	}()
	return expr.Value(ctx)
}

// expressionError translates what the expression library found. Its details quote arguments, so they are left out where
// one may be a secret.
func (l *loader) expressionError(d *hcl.Diagnostic, expr hclsyntax.Expression, secret bool) {
	at := expr.Range()
	if d.Subject != nil {
		at = *d.Subject
	}
	if x, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); ok {
		name := x.CalledFunctionName()
		l.errorf(codeFunction, at, "there is no function %q", name).hint(didYouMean(name, l.functionNames()))
		return
	}
	if x, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
		var mine callError
		if errors.As(x.FunctionCallError(), &mine) {
			l.errorf(mine.code, at, "%s", mine.summary).detail("%s", mine.detail)
			return
		}
	}
	note := l.errorf(codeExpression, at, "%s", lowerFirst(strings.TrimSuffix(d.Summary, ".")))
	if !secret || tellsTypesOnly[d.Summary] {
		note.detail("%s", d.Detail)
		return
	}
	note.detail("%s(details hidden: the value is sensitive)", whichCall(d))
}

// tellsTypesOnly are the complaints of the expression library that speak of names and types, never of a value.
var tellsTypesOnly = map[string]bool{
	"Not enough function arguments": true, "Too many function arguments": true, "Unsupported attribute": true,
	"Attempt to get attribute from null value": true, "Attempt to index null value": true, "Invalid operand": true,
	"Invalid template interpolation value": true, "Inconsistent conditional result types": true, "Incorrect condition type": true,
	"Null condition": true, "Iteration over null value": true, "Iteration over non-iterable value": true,
}

// whichCall names the function that complains; its own words may repeat an argument, unless they are one of ours.
func whichCall(d *hcl.Diagnostic) string {
	x, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
	if !ok {
		return ""
	}
	var free valueFree
	err := x.FunctionCallError()
	if said := valueFree(err.Error()); errors.As(err, &free) || said == wantsNetwork || said == wantsWholeNumber { // an ArgError hides what it holds
		free = said
		return x.CalledFunctionName() + "(): " + free.Error() + " "
	}
	return "Call to function \"" + x.CalledFunctionName() + "\" failed. "
}

// valueFree is a function's complaint that says nothing of what it was given.
type valueFree string

func (e valueFree) Error() string { return string(e) }

// hides reports whether a value holds what may not be shown: something sensitive, or what env() gave. Where a URL leads to is no secret.
func hides(v cty.Value) bool {
	_, marks := v.UnmarkDeep()
	for m := range marks {
		if _, is := m.(mark); is {
			return true
		}
	}
	return false
}

func mayHoldSecret(expr hclsyntax.Expression, variables map[string]cty.Value) bool {
	for _, v := range variables {
		if hides(v) {
			return true
		}
	}
	return calls(expr, "env", "file", "sensitive", "url")
}

// blankLiterals keeps what sensitive() was given out of the lines that diagnostics show.
func (l *loader) blankLiterals(expr hclsyntax.Expression) {
	hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "sensitive" && len(call.Args) == 1 && isLiteral(call.Args[0]) {
			l.src.secrets = append(l.src.secrets, call.Args[0].Range())
		}
		return nil
	})
}

// calls reports whether an expression calls one of the functions.
func calls(expr hclsyntax.Expression, functions ...string) bool {
	found := false
	hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && slices.Contains(functions, call.Name) {
			found = true
		}
		return nil
	})
	return found
}

// source is the text of a range as written.
func (l *loader) source(at hcl.Range) string {
	src := l.src.text[at.Filename]
	if at.Start.Byte < 0 || at.End.Byte > len(src) || at.Start.Byte > at.End.Byte {
		return ""
	}
	return string(src[at.Start.Byte:at.End.Byte])
}

// memo holds what is worked out on first use.
type memo[T any] struct {
	state int
	value T
	ok    bool
}

const (
	memoFresh = iota
	memoBusy
	memoDone
)

const maxChain = 500 // definitions that need one another in a row

// settle works a definition out once, and says so when definitions need each other.
func settle[T any](l *loader, m *memo[T], name string, at hcl.Range, work func() (T, bool)) (T, bool) {
	switch {
	case m.state == memoDone:
		return m.value, m.ok
	case m.state == memoBusy:
		circle := append(slices.Clone(l.path[max(slices.Index(l.path, name), 0):]), name)
		l.errorf(codeCycle, at, "%s needs itself", name).detail("%s", strings.Join(circle, " -> "))
		return m.value, false
	case len(l.path) > maxChain:
		l.errorf(codeCycle, at, "definitions build on each other too deeply")
		return m.value, false
	}
	m.state = memoBusy
	l.path = append(l.path, name)
	value, ok := work()
	l.path = l.path[:len(l.path)-1]
	m.state, m.value, m.ok = memoDone, value, ok
	return value, ok
}
