package schema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// local is one line of a locals block.
type local struct {
	attr *hclsyntax.Attribute
	memo memo[cty.Value]
}

func (l *loader) arrangeLocals(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		l.errorf(codeBlock, b.TypeRange, "locals holds lines of the form NAME = VALUE only")
	}
	for _, a := range sortedAttrs(body) {
		if other := l.locals[a.Name]; other != nil {
			l.errorf(codeTwice, a.NameRange, "local.%s is written already, at %s", a.Name, originOf(other.attr.NameRange))
			continue
		}
		l.locals[a.Name] = &local{attr: a}
	}
}

// checkLocals works out the locals that nothing has used, for their mistakes.
func (l *loader) checkLocals() {
	for _, name := range slices.Sorted(maps.Keys(l.locals)) {
		l.resolveLocal(name, l.locals[name].attr.NameRange, names{})
	}
}

// referable are the kinds of block that expressions can refer to.
var referable = []string{"database", "master", "network", "replica", "role", "slot"}

// resolve works out what a reference stands for and adds it to the names that its expression sees.
func (l *loader) resolve(t hcl.Traversal, e *each, seen names) bool {
	root, at := t.RootName(), t.SourceRange()
	member, ok := stepName(t, 1)
	switch {
	case root == "each":
		return l.resolveEach(member, at, e, seen)
	case root != "var" && root != "local" && !slices.Contains(referable, root):
		l.unknownRoot(root, at, len(t))
		return false
	case !ok:
		l.errorf(codeReference, at, "%s alone has no value", root).hint("write " + root + ".NAME")
		return false
	case root == "var":
		return l.resolveVariable(member, at, seen)
	case root == "local":
		return l.resolveLocal(member, at, seen)
	}
	return l.resolveBlock(t, seen)
}

// stepName is the name that step n of a reference says, as .name or ["name"].
func stepName(t hcl.Traversal, n int) (string, bool) {
	if n >= len(t) {
		return "", false
	}
	switch step := t[n].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

func (l *loader) unknownRoot(root string, at hcl.Range, steps int) {
	d := l.errorf(codeReference, at, "%q refers to nothing", root)
	if steps > 1 {
		d.hint(didYouMean(root, with(referable, "var", "local", "each")))
		return
	}
	switch meant := l.labelled(root); {
	case meant != "":
		d.hint(fmt.Sprintf("did you mean %q?", meant))
	case slices.Contains([]string{"on", "yes"}, root):
		d.hint(fmt.Sprintf("write true; text is written in quotes: %q", root))
	case slices.Contains([]string{"off", "no"}, root):
		d.hint(fmt.Sprintf("write false; text is written in quotes: %q", root))
	default:
		d.hint(fmt.Sprintf("text is written in quotes: %q", root))
	}
}

// labelled is the one thing of the file that a label alone can mean, "" where there is none or several.
func (l *loader) labelled(label string) string {
	var found []string
	for _, b := range l.blocks {
		if b.label == label && slices.Contains(referable, b.kind) {
			found = append(found, b.address().String())
		}
	}
	if l.variables[label] != nil {
		found = append(found, "var."+label)
	}
	if l.locals[label] != nil {
		found = append(found, "local."+label)
	}
	return only(found)
}

func (l *loader) resolveEach(member string, at hcl.Range, e *each, seen names) bool {
	switch {
	case e == nil:
		l.errorf(codeEach, at, "each.%s exists only in a block with for_each", member)
		return false
	case member != "key" && member != "value":
		l.errorf(codeEach, at, "each has key and value only").hint(didYouMean(member, []string{"key", "value"}))
		return false
	}
	seen.set("each", "key", cty.StringVal(e.key))
	seen.set("each", "value", e.value)
	return true
}

func (l *loader) resolveVariable(name string, at hcl.Range, seen names) bool {
	v := l.variables[name]
	if v == nil {
		l.missing(at, "var", name, slices.Collect(maps.Keys(l.variables)))
		return false
	}
	l.used[name] = true
	seen.set("var", name, v.value)
	return v.ok
}

func (l *loader) resolveLocal(name string, at hcl.Range, seen names) bool {
	def := l.locals[name]
	if def == nil {
		l.missing(at, "local", name, slices.Collect(maps.Keys(l.locals)))
		return false
	}
	v, ok := settle(l, &def.memo, "local."+name, at, func() (cty.Value, bool) { return l.eval(def.attr.Expr, nil) })
	seen.set("local", name, v)
	return ok
}

// missing is the diagnostic of a reference to something that is not declared.
func (l *loader) missing(at hcl.Range, root, name string, known []string) {
	d := l.errorf(codeReference, at, "%s.%s is not declared", root, name)
	if near := nearest(name, known); near != "" {
		d.hint(fmt.Sprintf("did you mean %q?", root+"."+near))
	}
}

// resolveBlock adds the object of a block: its name, and for a network what it declares.
func (l *loader) resolveBlock(t hcl.Traversal, seen names) bool {
	kind, at := t.RootName(), t.SourceRange()
	label, _ := stepName(t, 1)
	b := l.block(kind, label)
	if b == nil {
		l.missingBlock(kind, label, at)
		return false
	}
	copies, ok := l.copies(b, at)
	if !ok {
		return false
	}
	v, ok := l.blockValue(b, copies, at)
	if !ok || !l.stepsFit(b, copies, t) {
		return false
	}
	seen.set(kind, label, v)
	return true
}

func (l *loader) missingBlock(kind, label string, at hcl.Range) {
	var known []string
	for _, b := range l.blocks {
		if b.label == label && b.isNode() && (kind == "master" || kind == "replica") {
			l.errorf(codeReference, at, "%s.%s is not declared", kind, label).hint(fmt.Sprintf("did you mean %q?", b.address()))
			return
		}
		if b.kind == kind {
			known = append(known, b.label)
		}
	}
	l.missing(at, kind, label, known)
}

// stepsFit checks what stands behind kind.label: a key where there is for_each, then an attribute that others may use.
func (l *loader) stepsFit(b *block, copies []*instance, t hcl.Traversal) bool {
	rest := 2
	in := copies
	if b.body.Attributes["for_each"] != nil {
		key, ok := stepName(t, 2)
		if !ok {
			return true // all copies, as in [for r in replica.standby : r.name]
		}
		i := slices.IndexFunc(copies, func(c *instance) bool { return c.each.key == key })
		if i < 0 {
			l.errorf(codeReference, t.SourceRange(), "%s has no copy %q", b.address(), key).hint(didYouMean(key, keysOf(copies)))
			return false
		}
		in, rest = copies[i:i+1], 3
	}
	name, ok := stepName(t, rest)
	if !ok {
		return true
	}
	if _, known := in[0].shown(name); known {
		return true
	}
	l.unknownMember(b, name, t.SourceRange())
	return false
}

func (l *loader) unknownMember(b *block, name string, at hcl.Range) {
	switch {
	case b.kind == "network" && (name == "subnet" || name == "gateway"):
		l.errorf(codeNotKnown, at, "%s declares no %s", b.address(), name).
			detail("Docker chooses it when the network is made, and a plan must not depend on that.\nDeclare %s in the network block, or, in hba, write samenet for the node's own networks.", name)
	case shapes[b.kind].has(name):
		l.errorf(codeReference, at, "%s.%s cannot be referred to", b.address(), name).
			detail("Other blocks may use the name of a block, and what a network declares. Put a value that two blocks share into locals.")
	default:
		l.errorf(codeReference, at, "%s has no attribute %q", b.kind, name).
			hint(didYouMean(name, shownBy(b.kind)))
	}
}

func keysOf(copies []*instance) []string {
	var keys []string
	for _, c := range copies {
		keys = append(keys, c.each.key)
	}
	return keys
}
