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
	return in(file, renamed(postgres.Made(world, before), file)), nil
}

// renamed lets a world call its nodes as the file does, which is how a look finds a server by the name that it had before. Its
// container has the old one until it is made anew.
func renamed(w engine.Snapshot, file *schema.Cluster) engine.Snapshot {
	is := map[string]string{}
	for _, n := range file.Nodes {
		was, there := w[engine.ID{Kind: "node", Name: n.RenamedFrom}]
		if _, taken := w[engine.ID{Kind: "node", Name: n.Name}]; there && !taken {
			is[was.ID.Name] = n.Name
		}
	}
	out := engine.Snapshot{}
	for _, r := range w {
		if now := is[r.ID.On]; now != "" {
			r.ID.On = now
		}
		r.Attrs = maps.Clone(r.Attrs)
		for _, path := range []string{"node", "consumer"} {
			if a := r.Attrs[path]; is[a.Value] != "" {
				a.Value = is[a.Value]
				r.Attrs[path] = a
			}
		}
		if now := is[r.ID.Name]; now != "" && (r.ID.Kind == "node" || r.ID.Kind == "server") {
			if r.ID.Kind == "node" {
				a := r.Attrs["name"]
				a.Value = r.ID.Name
				r.Attrs["name"] = a
			}
			r.ID.Name = now
		}
		out[r.ID] = r
	}
	return out
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
		if r.Unknown == "" && slices.Contains(inside, k.Name()) {
			out[i].Attrs = k.attrs(r)
		}
	}
	return out
}

// attrs are those that the world has, and of a server's settings also those that no file says.
func (k declaredKind) attrs(seen engine.Resource) map[string]engine.Attr {
	attrs := maps.Clone(k.world[seen.ID].Attrs)
	for _, path := range []string{"password", "rotation", "wal"} { // which are not always compared
		if _, compared := seen.Attrs[path]; !compared {
			delete(attrs, path)
		}
	}
	if k.Name() != "settings" {
		return attrs
	}
	for path, a := range seen.Attrs {
		if of, there := attrs[path]; there {
			a.Value = of.Value
		}
		attrs[path] = a
	}
	return attrs
}

// Drawn gives the nodes of the topology that a file declares.
func Drawn(file *schema.Cluster) []engine.Node {
	c, wanted := New(file, nil, nil), engine.Snapshot{}
	for _, k := range c.Kinds() {
		for _, r := range k.Want() {
			wanted[r.ID] = r
		}
	}
	return c.Topology(wanted)
}
