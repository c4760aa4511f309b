package schema

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

const varPrefix = "PGREPL_VAR_"

// variable is a variable block and the value that it has in this run.
type variable struct {
	name      string
	at        hcl.Range
	body      *hclsyntax.Body
	kind      cty.Type
	optional  *typeexpr.Defaults
	fallback  cty.Value // cty.NilVal: no default
	sound     bool      // false after a diagnostic about the default
	sensitive bool

	value cty.Value
	ok    bool // false after a diagnostic: what uses it stays silent
}

// given is a value from outside: a text (--var, environment) or an expression of a --var-file.
type given struct {
	from string // as the user knows it: "--var x"
	text string
	expr hclsyntax.Expression
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = value
		}
	}
	return env
}

// declare notes a variable block; its type, default and marks are constant expressions.
func (l *loader) declare(b *hclsyntax.Block) {
	v := &variable{name: b.Labels[0], at: b.DefRange(), body: b.Body, sound: true}
	if other := l.variables[v.name]; other != nil {
		l.errorf(codeAddress, v.at, "variable %q is declared already, at %s", v.name, originOf(other.at))
		return
	}
	l.variables[v.name] = v
	v.sensitive = l.constantBool(b.Body.Attributes["sensitive"])
	if a := b.Body.Attributes["default"]; a != nil {
		v.fallback, v.sound = l.constant(a)
		if v.sensitive {
			l.src.secrets = append(l.src.secrets, a.Expr.Range())
		}
	}
	v.kind = l.declaredType(v, b.Body.Attributes["type"])
	if a := b.Body.Attributes["description"]; a != nil {
		l.constant(a)
	}
}

func (l *loader) declaredType(v *variable, a *hclsyntax.Attribute) cty.Type {
	if a != nil {
		kind, optional, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		if diags.HasErrors() {
			l.errorf(codeType, a.Expr.Range(), "%s is not a type", l.short(a.Expr.Range())).
				hint("string, number, bool, list(string), map(number), object({...}), any")
			return cty.DynamicPseudoType
		}
		v.optional = optional
		return kind
	}
	switch {
	case v.fallback == cty.NilVal || v.fallback.IsNull():
		return cty.String
	case v.fallback.Type().IsPrimitiveType():
		return v.fallback.Type()
	}
	return cty.DynamicPseudoType
}

// constant evaluates an expression that may not refer to anything.
func (l *loader) constant(a *hclsyntax.Attribute) (cty.Value, bool) {
	if refs := a.Expr.Variables(); len(refs) > 0 {
		l.errorf(codeReference, refs[0].SourceRange(), "%q must be a constant: it may not refer to anything", a.Name)
		return cty.DynamicVal, false
	}
	return l.eval(a.Expr, nil)
}

// constantBool is true where the value cannot be told: it decides what may be shown.
func (l *loader) constantBool(a *hclsyntax.Attribute) bool {
	if a == nil {
		return false
	}
	v, ok := l.constant(a)
	if !ok {
		return true
	}
	v, _ = v.Unmark()
	b, err := convert.Convert(v, cty.Bool)
	if err != nil || b.IsNull() || !b.IsKnown() {
		l.errorf(codeType, a.Expr.Range(), "%s must be true or false", a.Name)
		return true
	}
	return b.True()
}

// validate holds a variable against its own conditions; an unset one cannot be.
func (l *loader) validate(v *variable) {
	for _, b := range v.body.Blocks {
		condition, message := b.Body.Attributes["condition"], b.Body.Attributes["error_message"]
		if condition == nil || message == nil {
			l.errorf(codeMissing, b.DefRange(), "validation needs condition and error_message")
			continue
		}
		if !v.ok {
			continue
		}
		holds, ok := l.eval(condition.Expr, nil)
		if holds, _ = holds.UnmarkDeep(); !ok || !holds.IsKnown() {
			continue
		}
		holds, err := convert.Convert(holds, cty.Bool)
		switch {
		case err != nil || holds.IsNull():
			l.errorf(codeType, condition.Expr.Range(), "condition must be true or false")
		case holds.False():
			l.errorf(codeValidation, v.at, "variable %q: %s", v.name, l.validationText(message))
		}
	}
}

func (l *loader) validationText(a *hclsyntax.Attribute) string {
	const plain = "the value is not valid"
	v, ok := l.eval(a.Expr, nil)
	if !ok || hides(v) {
		return plain
	}
	v, _ = v.UnmarkDeep()
	text, err := convert.Convert(v, cty.String)
	if err != nil || !text.IsKnown() || text.IsNull() {
		return plain
	}
	return text.AsString()
}
