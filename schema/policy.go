package schema

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// policy is a rule of the author's about the cluster and about plans for it.
type policy struct {
	name               string
	at                 hcl.Range
	condition, message hclsyntax.Expression
	warns              bool
}

// Violation is a policy whose condition does not hold.
type Violation struct {
	Policy  string
	Message string
	Warns   bool // it is said, and in the way of nothing
	Origin  Origin
	at      hcl.Range
}

// What a condition can see beside variables and locals.
const (
	seesCluster = "cluster"
	seesPlan    = "plan"
)

// readPolicyFiles parses what --policy names. Beside policies it may hold what they need: variables and locals.
func (l *loader) readPolicyFiles() []*hclsyntax.Body {
	var bodies []*hclsyntax.Body
	for _, path := range l.options.Policies {
		body := l.parseFile(path, "Name the right one with --policy.")
		if body == nil {
			continue
		}
		for _, b := range body.Blocks {
			if !slices.Contains([]string{"policy", "variable", "locals"}, b.Type) {
				l.errorf(codeBlock, b.TypeRange, "a --policy file holds policy, variable and locals blocks only")
			}
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// addPolicy notes a policy block; its severity is a constant.
func (l *loader) addPolicy(b *hclsyntax.Block) {
	p := policy{name: b.Labels[0], at: b.DefRange()}
	if i := slices.IndexFunc(l.policies, func(o policy) bool { return o.name == p.name }); i >= 0 {
		l.errorf(codeAddress, p.at, "policy %q is declared already, at %s", p.name, originOf(l.policies[i].at))
		return
	}
	condition, message := b.Body.Attributes["condition"], b.Body.Attributes["message"]
	if condition == nil || message == nil {
		l.errorf(codeMissing, p.at, "policy %q needs condition and message", p.name)
		return
	}
	p.condition, p.message = condition.Expr, message.Expr
	if a := b.Body.Attributes["severity"]; a != nil {
		v, ok := l.constant(a)
		severity, _ := v.Unmark()
		switch {
		case !ok:
		case severity.Type() == cty.String && !severity.IsNull() && severity.AsString() == "warning":
			p.warns = true
		case severity.Type() != cty.String || severity.IsNull() || severity.AsString() != "error":
			l.errorf(codeValue, a.Expr.Range(), "severity is \"error\" or \"warning\"")
		}
	}
	l.policies = append(l.policies, p)
}

// checkPolicies judges the cluster alone, so that a policy that cannot be worked out is found with the file's other mistakes.
func (l *loader) checkPolicies(c *Cluster) {
	slices.SortFunc(l.policies, func(a, b policy) int {
		return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Start.Byte, b.at.Start.Byte))
	})
	for _, p := range l.policies {
		for _, expr := range []hclsyntax.Expression{p.condition, p.message} {
			for _, t := range expr.Variables() {
				if root := t.RootName(); !slices.Contains([]string{seesCluster, seesPlan, "var", "local"}, root) {
					l.errorf(codeReference, t.SourceRange(), "a policy cannot see %s", root).hint("it sees cluster, plan, var and local")
				}
			}
		}
	}
	if !l.hasErrors() {
		l.judge(c, cty.NilVal)
	}
}

// Judge holds the policies against the cluster and, where there is one, a plan for it, as the JSON that is written of plans. Without
// one, those that speak of plans are left out. The diagnostics say what could not be worked out: such a policy does not hold.
func (c *Cluster) Judge(plan []byte) ([]Violation, Diagnostics) {
	l := c.judges
	l.report = report{}
	seen := cty.NilVal
	if plan != nil {
		kind, err := ctyjson.ImpliedType(plan)
		if err == nil {
			seen, err = ctyjson.Unmarshal(plan, kind)
		}
		if err != nil {
			panic("the plan is no JSON: " + err.Error())
		}
	}
	out := l.judge(c, seen)
	return out, l.diagnostics(l.src)
}

// JudgeFile holds those policies against the cluster that speak of no plan, and says what it finds in the form of diagnostics.
func (c *Cluster) JudgeFile() Diagnostics {
	violations, diags := c.Judge(nil)
	l := c.judges
	l.report = report{}
	for _, v := range violations {
		d := l.errorf(codePolicy, v.at, "policy %q: %s", v.Policy, v.Message)
		if v.Warns {
			d.Severity = Warning
		}
	}
	return append(diags, l.diagnostics(l.src)...).sorted()
}

// Policies reports whether there is anything to judge.
func (c *Cluster) Policies() bool { return len(c.judges.policies) > 0 }

func (l *loader) judge(c *Cluster, plan cty.Value) []Violation {
	if len(l.policies) == 0 {
		return nil
	}
	var out []Violation
	cluster := clusterValue(c)
	for _, p := range l.policies {
		if plan == cty.NilVal && (sees(p.condition, seesPlan) || sees(p.message, seesPlan)) {
			continue
		}
		holds, ok := l.judged(p.condition, cluster, plan)
		if !ok {
			continue
		}
		holds, _ = holds.UnmarkDeep()
		is, err := convert.Convert(holds, cty.Bool)
		switch {
		case err != nil || is.IsNull():
			l.errorf(codeType, p.condition.Range(), "condition must be true or false")
		case !is.IsKnown(): // it rests on a sensitive variable without a value
			l.errorf(codeNoValue, p.condition.Range(), "policy %q cannot be judged: a variable has no value", p.name)
		case is.False():
			out = append(out, Violation{Policy: p.name, Message: l.says(p, cluster, plan), Warns: p.warns, Origin: originOf(p.at), at: p.at})
		}
	}
	return out
}

func sees(expr hclsyntax.Expression, root string) bool {
	return slices.ContainsFunc(expr.Variables(), func(t hcl.Traversal) bool { return t.RootName() == root })
}

// judged works an expression of a policy out.
func (l *loader) judged(expr hclsyntax.Expression, cluster, plan cty.Value) (cty.Value, bool) {
	seen, ok := names{}, true
	for _, t := range expr.Variables() {
		if root := t.RootName(); root == "var" || root == "local" {
			ok = l.resolve(t, nil, seen) && ok
		}
	}
	if !ok {
		return cty.DynamicVal, false
	}
	variables := seen.variables()
	variables[seesCluster] = cluster
	if plan != cty.NilVal {
		variables[seesPlan] = plan
	}
	v, diags := safely(l.measure(expr), &hcl.EvalContext{Variables: variables, Functions: l.functions(expr.Range().Filename)})
	for _, d := range diags[:min(len(diags), maxSyntaxErrors)] {
		l.expressionError(d, expr, mayHoldSecret(expr, variables))
	}
	return v, !diags.HasErrors()
}

// says is a policy's message, which shows no secret.
func (l *loader) says(p policy, cluster, plan cty.Value) string {
	v, ok := l.judged(p.message, cluster, plan)
	if !ok || hides(v) || !v.IsKnown() || v.IsNull() {
		return "does not hold"
	}
	v, _ = v.UnmarkDeep()
	text, err := convert.Convert(v, cty.String)
	if err != nil {
		return "does not hold"
	}
	return text.AsString()
}
