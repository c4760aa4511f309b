package providers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"pgrepl/engine"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

// Declared is a cluster in the world that another file declares: an engine.System that needs no Docker engine and no server.
// What it takes to get from one file to the other, the real kinds say.
type Declared struct {
	*Cluster
	world engine.Snapshot
}

// Between is the cluster of file as it would find a world in which before has been applied. An error means that before cannot
// be applied to nothing.
func Between(before, file *schema.Cluster) (*Declared, error) {
	p, _, err := engine.Make(in(before, engine.Snapshot{}), engine.Options{Regardless: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", before.File, err)
	}
	world := p.Seen
	for _, s := range p.Steps {
		world = s.After(world)
	}
	return in(file, postgres.Made(world, before.Version)), nil
}

// in binds a file to a world, which has the images that it asks for.
func in(file *schema.Cluster, world engine.Snapshot) *Declared {
	d := &Declared{Cluster: New(file, nil, nil), world: maps.Clone(world)}
	for _, n := range file.Nodes {
		id := engine.ID{Kind: "image", Name: n.Image}
		d.world[id] = engine.Resource{ID: id}
	}
	d.SeeAs(d.world)
	return d
}

// Look has nothing to look at.
func (d *Declared) Look(context.Context) error { return nil }

// Verify has nothing to prove.
func (d *Declared) Verify(context.Context) []engine.Problem { return nil }

// Kinds are the real ones; what they would ask a server for, they have from the world.
func (d *Declared) Kinds() []engine.Kind {
	var out []engine.Kind
	for _, k := range d.Cluster.Kinds() {
		out = append(out, declaredKind{k, d.world})
	}
	return out
}

type declaredKind struct {
	engine.Kind
	world engine.Snapshot
}

// inside are the kinds whose attributes only a server knows.
var inside = []string{"settings", "hba", "replication", "role", "database", "slot"}

func (k declaredKind) Seen() []engine.Resource {
	out := k.Kind.Seen()
	for i, r := range out {
		if r.Unknown != "" || !slices.Contains(inside, k.Name()) {
			continue
		}
		attrs := maps.Clone(r.Attrs)
		if k.Name() != "settings" { // of which the servers have more than a file says
			attrs = map[string]engine.Attr{}
		}
		maps.Copy(attrs, k.world[r.ID].Attrs)
		out[i].Attrs = attrs
	}
	return out
}
