package schema

import (
	"maps"
	"slices"
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
	v := &variable{name: b.Labels[0], at: b.DefRange(), body: b.Body}
	if other := l.variables[v.name]; other != nil {
		l.errorf(codeAddress, v.at, "variable %q is declared already, at %s", v.name, originOf(other.at))
		return
	}
	l.variables[v.name] = v
	v.sensitive = l.constantBool(b.Body.Attributes["sensitive"])
	if a := b.Body.Attributes["default"]; a != nil {
		v.fallback = l.constant(a)
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
			l.errorf(codeType, a.Expr.Range(), "%q is not a type", l.source(a.Expr.Range())).
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
func (l *loader) constant(a *hclsyntax.Attribute) cty.Value {
	if refs := a.Expr.Variables(); len(refs) > 0 {
		l.errorf(codeReference, refs[0].SourceRange(), "%q must be a constant: it may not refer to anything", a.Name)
		return cty.DynamicVal
	}
	v, ok := l.eval(a.Expr, nil)
	if !ok {
		return cty.DynamicVal
	}
	return v
}

func (l *loader) constantBool(a *hclsyntax.Attribute) bool {
	if a == nil {
		return false
	}
	v, _ := l.constant(a).Unmark()
	if !v.IsKnown() {
		return true
	}
	b, err := convert.Convert(v, cty.Bool)
	if err != nil || b.IsNull() {
		l.errorf(codeType, a.Expr.Range(), "%s must be true or false", a.Name)
		return true
	}
	return b.True()
}

// giveValues works out every variable: environment, then --var-file, then --var, each over the one before.
func (l *loader) giveValues() {
	values := map[string]given{}
	for name := range l.variables {
		if text, ok := l.env[varPrefix+name]; ok {
			values[name] = given{from: varPrefix + name, text: text}
		}
	}
	for _, path := range l.options.VarFiles {
		l.readVarFile(path, values)
	}
	for _, assignment := range l.options.Vars {
		l.readVarFlag(assignment, values)
	}
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		v := l.variables[name]
		in, ok := values[name]
		v.value, v.ok = l.settleVariable(v, in, ok)
	}
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		l.validate(l.variables[name])
	}
}

func (l *loader) readVarFlag(assignment string, values map[string]given) {
	name, text, ok := strings.Cut(assignment, "=")
	name = strings.TrimSpace(name)
	switch {
	case !ok:
		l.errorf(codeVarValue, hcl.Range{}, "--var wants NAME=VALUE")
	case l.variables[name] == nil:
		l.unknownVariable(hcl.Range{}, name, "--var "+name)
	default:
		values[name] = given{from: "--var " + name, text: text}
	}
}

func (l *loader) readVarFile(path string, values map[string]given) {
	body := l.parseFile(path, "Name the right one with --var-file.")
	if body == nil {
		return
	}
	for _, b := range body.Blocks {
		l.errorf(codeBlock, b.TypeRange, "a --var-file holds lines of the form NAME = VALUE only")
	}
	for _, a := range sortedAttrs(body) {
		v := l.variables[a.Name]
		if v == nil {
			l.src.secrets = append(l.src.secrets, a.Expr.Range())
			l.unknownVariable(a.NameRange, a.Name, "--var-file")
			continue
		}
		if v.sensitive {
			l.src.secrets = append(l.src.secrets, a.Expr.Range())
		}
		values[a.Name] = given{from: "--var-file " + path, expr: a.Expr}
	}
}

func (l *loader) unknownVariable(at hcl.Range, name, from string) {
	d := l.errorf(codeVarUnknown, at, "%s: the file declares no variable %q", from, name)
	if near := didYouMean(name, slices.Collect(maps.Keys(l.variables))); near != "" {
		d.hint(near)
	}
}

// settleVariable returns the value of a variable; an unset sensitive one is unknown, so that what is made of it is
// unset as well.
func (l *loader) settleVariable(v *variable, in given, isGiven bool) (cty.Value, bool) {
	value, ok := v.fallback, true
	switch {
	case isGiven:
		value, ok = l.givenValue(v, in)
	case v.fallback == cty.NilVal && v.sensitive:
		value = cty.UnknownVal(v.kind)
	case v.fallback == cty.NilVal:
		l.errorf(codeNoValue, v.at, "variable %q has no value", v.name).
			detail("Give it one with --var %s=VALUE, with a line %s = VALUE in a --var-file, or with %s%s in the environment;\nor give the variable a default.",
				v.name, v.name, varPrefix, v.name)
		return cty.DynamicVal, false
	}
	if !ok {
		return cty.DynamicVal, false
	}
	if !isGiven || in.expr != nil || !v.kind.IsPrimitiveType() {
		if value, ok = l.fitVariable(v, value, in.from); !ok {
			return cty.DynamicVal, false
		}
	}
	if v.sensitive {
		value = value.Mark(markSensitive)
	}
	return value, true
}

func (l *loader) fitVariable(v *variable, value cty.Value, from string) (cty.Value, bool) {
	if v.optional != nil && value.IsWhollyKnown() && !value.IsNull() && !value.ContainsMarked() {
		value = v.optional.Apply(value)
	}
	out, err := convert.Convert(value, v.kind)
	if err != nil {
		at := v.at
		if a := v.body.Attributes["default"]; from == "" && a != nil {
			at, from = a.NameRange, "the default"
		}
		l.errorf(codeVarValue, at, "variable %q wants %s, and %s does not fit", v.name, typeexpr.TypeString(v.kind), from)
		return cty.DynamicVal, false
	}
	return out, true
}

// givenValue reads a value from outside. No diagnostic repeats it: it may be a secret.
func (l *loader) givenValue(v *variable, in given) (cty.Value, bool) {
	if in.expr != nil {
		return l.outsideValue(v, in, in.expr)
	}
	if v.kind.IsPrimitiveType() {
		value, err := convert.Convert(cty.StringVal(in.text), v.kind)
		if err != nil {
			l.errorf(codeVarValue, v.at, "variable %q wants a %s, and the value of %s is none", v.name, v.kind.FriendlyName(), in.from)
		}
		return value, err == nil
	}
	quiet := report{}
	if quiet.sound([]byte(in.text), "") {
		expr, diags := hclsyntax.ParseExpression([]byte(in.text), "", hcl.InitialPos)
		if !diags.HasErrors() {
			return l.outsideValue(v, in, expr)
		}
	}
	l.errorf(codeVarValue, v.at, "the value of %s is not an HCL expression", in.from).
		detail("Variable %q wants %s; write its value as in a file, for example --var '%s=[\"a\", \"b\"]'.",
			v.name, typeexpr.TypeString(v.kind), v.name)
	return cty.DynamicVal, false
}

// outsideValue evaluates an expression from outside the file: constants only.
func (l *loader) outsideValue(v *variable, in given, expr hclsyntax.Expression) (cty.Value, bool) {
	value, diags := expr.Value(nil)
	if diags.HasErrors() {
		at := expr.Range()
		if at.Filename == "" {
			at = v.at
		}
		l.errorf(codeVarValue, at, "the value of variable %q from %s is not a constant", v.name, in.from)
		return cty.DynamicVal, false
	}
	return value, true
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
	if !ok || v.ContainsMarked() {
		return plain
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil || !text.IsKnown() || text.IsNull() {
		return plain
	}
	return text.AsString()
}
