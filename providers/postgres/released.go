package postgres

import (
	"context"
	"maps"
	"slices"

	"pgrepl/engine"
)

// releasing is a kind of what the ledger marks, together with what a removed block with destroy = false asks for: the mark
// goes, and the object stays as it is.
type releasing struct {
	engine.Kind
	site *Site
}

// Want adds the objects to let go of, as long as they are marked. Nothing of them is compared but the mark.
func (k releasing) Want() []engine.Resource {
	out := k.Kind.Want()
	for _, r := range k.site.file.Removed {
		for _, id := range slices.SortedFunc(maps.Keys(k.site.ledger), engine.ID.Compare) {
			if r.Destroy || r.Kind != k.Name() || id.Kind != k.Name() || id.Name != r.Name {
				continue
			}
			mark := managed(false)
			mark.Reason = "left alone from now on"
			out = append(out, engine.Resource{ID: id, Addr: engine.Address{Block: r.From.Block, Label: r.From.Label, Key: r.From.Key}, Origin: origin(r.Origin),
				Partial: true, Attrs: map[string]engine.Attr{"managed by": mark}})
		}
	}
	return out
}

func (k releasing) Steps(c engine.Change) []engine.Step {
	if !c.New.Partial {
		return k.Kind.Steps(c)
	}
	p := k.site.primary()
	return []engine.Step{release{Order: engine.Order{Self: engine.StepID{Do: "release", On: c.ID}, On: p.node.Name, Behind: []engine.StepID{accepting(p.node.Name)}},
		session: p.session, id: c.ID}}
}

// release takes the mark away.
type release struct {
	engine.Order
	session *Session
	id      engine.ID
}

func (s release) String() string { return "let go of " + s.id.Kind + " " + s.id.Name }

func (s release) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.id]
	r.Ours, r.Attrs = false, copied(r.Attrs)
	r.Attrs["managed by"] = managed(false)
	return w.With(r)
}

func (s release) Run(ctx context.Context) error {
	return s.session.change(ctx, s.String(), unmarkSQL(s.id))
}
