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

// giveValues works out every variable: environment, then --var-file, then --var, each over the one before.
func (l *loader) giveValues() {
	values := map[string]*given{}
	for name := range l.variables {
		if text, ok := l.env[varPrefix+name]; ok {
			values[name] = &given{from: varPrefix + name, text: text}
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
		v.value, v.ok = l.settleVariable(v, values[name])
		if values[name] != nil {
			l.noteGiven(v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		l.validate(l.variables[name])
	}
}

func (l *loader) readVarFlag(assignment string, values map[string]*given) {
	name, text, ok := strings.Cut(assignment, "=")
	name = strings.TrimSpace(name)
	switch {
	case !ok:
		l.errorf(codeVarValue, hcl.Range{}, "--var wants NAME=VALUE")
	case l.variables[name] == nil && l.options.AnyVars:
	case l.variables[name] == nil:
		l.unknownVariable(hcl.Range{}, name, "--var "+name)
	default:
		values[name] = &given{from: "--var " + name, text: text}
	}
}

func (l *loader) readVarFile(path string, values map[string]*given) {
	before := len(l.found)
	body := l.parseFile(path, "Name the right one with --var-file.")
	if body == nil {
		l.src.hide(path) // nobody knows which of its values are secrets
		for _, d := range l.found[before:] {
			d.Hint = "" // it may repeat one
		}
		return
	}
	for _, b := range body.Blocks {
		l.errorf(codeBlock, b.TypeRange, "a --var-file holds lines of the form NAME = VALUE only")
	}
	for _, a := range sortedAttrs(body) {
		v := l.variables[a.Name]
		if v == nil {
			l.src.secrets = append(l.src.secrets, a.Expr.Range())
			if l.options.AnyVars {
				continue
			}
			l.unknownVariable(a.NameRange, a.Name, "--var-file")
			continue
		}
		if v.sensitive {
			l.src.secrets = append(l.src.secrets, a.Expr.Range())
		}
		values[a.Name] = &given{from: "--var-file " + path, expr: a.Expr}
	}
}

func (l *loader) unknownVariable(at hcl.Range, name, from string) {
	d := l.errorf(codeVarUnknown, at, "%s: the file declares no variable %q", from, name)
	if near := didYouMean(name, slices.Collect(maps.Keys(l.variables))); near != "" {
		d.hint(near)
	}
}

// settleVariable returns the value of a variable, given from outside or not; an unset sensitive one is unknown, so that
// what is made of it is unset as well.
func (l *loader) settleVariable(v *variable, in *given) (cty.Value, bool) {
	value, ok, from := v.fallback, v.sound, ""
	switch {
	case in != nil:
		value, ok = l.givenValue(v, *in)
		from = in.from
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
	if value, ok = l.fitVariable(v, value, from); ok && v.sensitive {
		value = value.Mark(markSensitive)
	}
	return value, ok
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
	if long, ok := quiet.sound([]byte(in.text), ""); ok && len(long) == 0 {
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
