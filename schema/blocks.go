package schema

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// block is one cluster, network, node, role, slot or database block as written.
type block struct {
	kind, label string
	body        *hclsyntax.Body
	at          hcl.Range // its header: kind and label
	copies      memo[[]*instance]
}

// arrange sorts the blocks of all files into variables, locals and the rest, and checks their outer form.
func (l *loader) arrange(bodies []*hclsyntax.Body) {
	l.variables, l.locals, l.declared = map[string]*variable{}, map[string]*local{}, map[Address]*block{}
	for _, body := range bodies {
		for _, a := range sortedAttrs(body) {
			l.errorf(codeAttribute, a.NameRange, "attribute %q stands outside any block", a.Name).hint(strayHint(a.Name))
			l.meant = append(l.meant, a.Name)
		}
		for _, b := range body.Blocks {
			l.arrangeBlock(b)
		}
	}
	slices.SortStableFunc(l.blocks, func(a, b *block) int { return compareAddress(a.address(), b.address()) })
}

func (l *loader) arrangeBlock(b *hclsyntax.Block) {
	s, known := shapes[b.Type]
	switch {
	case !known || !slices.Contains(topLevel(), b.Type):
		l.errorf(codeBlock, b.TypeRange, "there is no block %q", b.Type).hint(blockHint(b.Type))
		return
	case !l.labelsFit(b, s.labels):
		return
	case b.Type == "locals":
		l.arrangeLocals(b.Body)
		return
	}
	l.fits(b.Type, b.Body)
	switch b.Type {
	case "variable":
		l.declare(b)
		return
	case "policy":
		l.addPolicy(b)
		return
	case "removed":
		l.removals = append(l.removals, b)
		return
	case "monitor":
		l.monitors = append(l.monitors, b)
		return
	}
	l.addBlock(&block{kind: b.Type, label: b.Labels[0], body: b.Body, at: b.DefRange()})
}

func topLevel() []string {
	return []string{"app", "cluster", "database", "locals", "master", "monitor", "network", "policy", "removed", "replica", "role", "slot", "variable"}
}

func (l *loader) labelsFit(b *hclsyntax.Block, want int) bool {
	l.meant = append(l.meant, b.Type)
	switch {
	case len(b.Labels) < want:
		l.errorf(codeLabel, b.TypeRange, "a %s block needs a label", b.Type).hint(`write ` + b.Type + ` "NAME" {`)
	case len(b.Labels) > 0 && want == 0:
		l.errorf(codeLabel, b.LabelRanges[0], "a %s block takes no label", b.Type)
	case len(b.Labels) > want:
		l.errorf(codeLabel, b.LabelRanges[want], "a %s block takes %s", b.Type, plural(want, "label"))
	case want == 1 && !hclsyntax.ValidIdentifier(b.Labels[0]):
		l.errorf(codeLabel, b.LabelRanges[0], "the label %q cannot be referred to", b.Labels[0]).
			detail("A label begins with a letter and holds letters, digits, _ and - only; `name` may hold what the real name needs.")
	default:
		return true
	}
	return false
}

func (l *loader) addBlock(b *block) {
	if other := l.declared[b.nameSpace()]; other != nil {
		as := ""
		if other.kind != b.kind {
			as = " as " + other.address().String()
		}
		l.errorf(codeAddress, b.at, "%s is declared already%s, at %s", b.address(), as, originOf(other.at)).
			detail("A label is used once for a kind; master and replicas share one name space.")
		return
	}
	l.declared[b.nameSpace()] = b
	l.blocks = append(l.blocks, b)
}

// block finds a block, nil where it is not declared.
func (l *loader) block(kind, label string) *block {
	wanted := block{kind: kind, label: label}
	if b := l.declared[wanted.nameSpace()]; b != nil && b.kind == kind {
		return b
	}
	return nil
}

// nameSpace is where a label may stand once: master and replicas share it.
func (b *block) nameSpace() Address {
	if b.isNode() {
		return Address{Block: "node", Label: b.label}
	}
	return b.address()
}

func (b *block) isNode() bool { return b.kind == "master" || b.kind == "replica" }

func (b *block) address() Address { return Address{Block: b.kind, Label: b.label} }

// fits checks that a body holds what its shape names and nothing else; outer.inner names a nested block.
func (l *loader) fits(kind string, body *hclsyntax.Body) {
	s := shapes[kind]
	for _, a := range sortedAttrs(body) {
		if !s.has(a.Name) {
			l.unknownAttribute(kind, s, a)
		}
	}
	seen := map[string]bool{}
	for _, b := range body.Blocks {
		switch {
		case !slices.Contains(s.blocks, b.Type):
			l.unknownNested(kind, s, b)
			continue
		case len(b.Labels) > 0:
			l.errorf(codeLabel, b.LabelRanges[0], "%s takes no label", b.Type)
		case seen[b.Type] && b.Type != "validation":
			l.errorf(codeTwice, b.TypeRange, "%s is written twice", b.Type)
		}
		seen[b.Type] = true
		l.fits(kind+"."+b.Type, b.Body)
	}
}

func (l *loader) unknownAttribute(kind string, s shape, a *hclsyntax.Attribute) {
	switch {
	case slices.Contains(s.later, a.Name):
		l.errorf(codeLater, a.NameRange, "%q is not supported by this version yet", a.Name)
	case slices.Contains(s.blocks, a.Name):
		l.errorf(codeAttribute, a.NameRange, "%q is a block", a.Name).hint("leave out the =")
	default:
		l.errorf(codeAttribute, a.NameRange, "%s has no attribute %q", kind, a.Name).
			hint(attributeHint(kind, a.Name))
		if nearest(a.Name, []string{"password"}) != "" {
			l.src.secrets = append(l.src.secrets, a.Expr.Range())
		}
	}
}

func (l *loader) unknownNested(kind string, s shape, b *hclsyntax.Block) {
	switch {
	case slices.Contains(s.later, b.Type):
		l.errorf(codeLater, b.TypeRange, "%q is not supported by this version yet", b.Type)
	case s.has(b.Type):
		l.errorf(codeBlock, b.TypeRange, "%q is an attribute", b.Type).hint("write " + b.Type + " = ")
	default:
		l.errorf(codeBlock, b.TypeRange, "%s has no block %q", kind, b.Type).
			hint(attributeHint(kind, b.Type))
	}
}

func sortedAttrs(body *hclsyntax.Body) []*hclsyntax.Attribute {
	out := slices.Collect(maps.Values(body.Attributes))
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return out
}
