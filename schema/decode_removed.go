package schema

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// decodeRemoved reads the removed blocks. What they name is not declared, so their from is no reference: it is taken as
// written.
func (d *decoder) decodeRemoved() {
	d.removed = map[Address]hcl.Range{}
	for _, b := range d.removals {
		r := &reader{loader: d.loader, kind: "removed", body: b.Body, at: b.DefRange()}
		from, ok := r.former()
		if !ok {
			continue
		}
		removed := Removed{From: from, Kind: from.Block, Destroy: r.flag("destroy", true), Origin: originOf(r.where("from"))}
		in := instance{block: &block{kind: from.Block, label: from.Label}}
		if from.Key != "" {
			in.each = &each{key: from.Key}
		}
		if in.isNode() {
			removed.Kind = "node"
		}
		removed.Name = r.text("name", in.defaultName(), identifier)
		if other, twice := d.removed[from]; twice {
			d.errorf(codeTwice, r.where("from"), "%s is removed already, at %s", from, originOf(other))
			continue
		}
		d.removed[from] = r.where("from")
		d.cluster.Removed = append(d.cluster.Removed, removed)
	}
	slices.SortFunc(d.cluster.Removed, func(a, b Removed) int { return compareAddress(a.From, b.From) })
}

// checkRemoved: what is removed is not declared.
func (d *decoder) checkRemoved() {
	for _, r := range d.cluster.Removed {
		if other := d.declaredAs(r.Kind, r.From, r.Name); other != nil {
			d.errorf(codeDeclared, d.removed[r.From], "%s is still declared, at %s", other.Address, other.Origin).hint("remove one of the two blocks")
		}
	}
}

// former is the address in from: KIND.LABEL, or KIND.LABEL["KEY"].
func (r *reader) former() (Address, bool) {
	a := r.attribute("from")
	if a == nil {
		r.errorf(codeMissing, r.at, "removed needs from").hint("write from = role.NAME")
		return Address{}, false
	}
	wrong := func(at hcl.Range, format string, args ...any) (Address, bool) {
		r.errorf(codeType, at, format, args...).hint("write from = role.NAME, without quotes")
		return Address{}, false
	}
	t, diags := hcl.AbsTraversalForExpr(unwrap(a.Expr))
	if diags.HasErrors() || len(t) < 2 || len(t) > 3 {
		return wrong(a.Expr.Range(), "from wants the address of the block that was removed")
	}
	if removable := with(referable, "app"); !slices.Contains(removable, t.RootName()) {
		r.errorf(codeKind, a.Expr.Range(), "%q is not a block that can be removed", t.RootName()).hint(didYouMean(t.RootName(), removable))
		return Address{}, false
	}
	label, ok := stepName(t, 1)
	if !ok {
		return wrong(a.Expr.Range(), "from wants the label of the block that was removed")
	}
	from := Address{Block: t.RootName(), Label: label}
	if len(t) == 3 {
		step, indexed := t[2].(hcl.TraverseIndex)
		if !indexed || step.Key.Type() != cty.String {
			return wrong(a.Expr.Range(), "%s is an object, and from wants the whole of it", from)
		}
		from.Key = step.Key.AsString()
	}
	return from, true
}

// declaredAs finds what the file declares at an address or under a real name of one kind, nil where it does not.
func (d *decoder) declaredAs(kind string, at Address, name string) *Object {
	for _, o := range d.objects(kind) {
		if o.Address == at || o.Name == name {
			return o
		}
	}
	return nil
}

// objects are those of a kind: network, node, role, slot, database, app.
func (d *decoder) objects(kind string) []*Object {
	switch kind {
	case "network":
		return selves(d.cluster.Networks)
	case "node":
		return selves(d.cluster.Nodes)
	case "role":
		return selves(d.cluster.Roles)
	case "slot":
		return selves(d.cluster.Slots)
	case "app":
		return selves(d.cluster.Apps)
	}
	return selves(d.cluster.Databases)
}

func (o *Object) self() *Object { return o }

func selves[T interface{ self() *Object }](list []T) []*Object {
	out := make([]*Object, len(list))
	for i, one := range list {
		out[i] = one.self()
	}
	return out
}

// checkRenames: what an object is renamed from must be free to go.
func (d *decoder) checkRenames() {
	for _, kind := range []string{"network", "node", "role", "slot", "database", "app"} {
		byName, taken := map[string]*Object{}, firsts{}
		for _, o := range d.objects(kind) {
			byName[d.place(o)+o.Name] = o
		}
		for _, o := range d.objects(kind) {
			if o.RenamedFrom == "" {
				continue
			}
			key := d.place(o) + o.RenamedFrom
			switch other := cmp.Or(byName[key], taken.claim(key, o)); {
			case other == nil:
			case byName[key] != nil:
				d.errorf(codeDeclared, d.at(o, "renamed_from"), "%s cannot be renamed from %q: %s is declared under that name", o.Address, o.RenamedFrom, other.Address)
			default:
				d.errorf(codeDeclared, d.at(o, "renamed_from"), "%s and %s are both renamed from %q", other.Address, o.Address, o.RenamedFrom)
			}
		}
	}
}

// place is where the name of an object is unique: slots are per server.
func (d *decoder) place(o *Object) string {
	for _, s := range d.cluster.Slots {
		if &s.Object == o && s.Upstream != nil {
			return s.Upstream.Name + " "
		}
	}
	return ""
}
