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
	world = postgres.Made(world, before)
	for _, n := range file.Nodes {
		world = Renamed(world, n.RenamedFrom, n.Name)
	}
	for _, a := range file.Apps {
		world = RenamedApp(world, a.RenamedFrom, a.Name)
	}
	return in(file, world), nil
}

// Renamed is a world in which a node is called by its new name, which is how a look finds a server by the one that it had before.
// Its container has the old one until it is made anew. Without such a node, or with one of the new name, the world stays as it is.
func Renamed(w engine.Snapshot, old, new string) engine.Snapshot {
	_, there := w[engine.ID{Kind: "node", Name: old}]
	if _, taken := w[engine.ID{Kind: "node", Name: new}]; !there || taken {
		return w
	}
	out := engine.Snapshot{}
	for _, r := range w {
		for _, path := range []string{"node", "consumer"} {
			if a, noted := r.Attrs[path]; noted && a.Value == old {
				a.Value = new
				r.Attrs = maps.Clone(r.Attrs)
				r.Attrs[path] = a
			}
		}
		switch {
		case r.ID.On == old:
			r.ID.On = new
		case r.ID.Name == old && (r.ID.Kind == "node" || r.ID.Kind == "server"):
			r.ID.Name = new
		}
		if r.ID == (engine.ID{Kind: "node", Name: new}) {
			a := r.Attrs["name"]
			a.Value = old
			r.Attrs = maps.Clone(r.Attrs)
			r.Attrs["name"] = a
		}
		out[r.ID] = r
	}
	return out
}

// RenamedApp is a world in which an app is called by its new name, as Renamed is for nodes.
func RenamedApp(w engine.Snapshot, old, new string) engine.Snapshot {
	was, is := engine.ID{Kind: "app", Name: old}, engine.ID{Kind: "app", Name: new}
	r, there := w[was]
	if _, taken := w[is]; !there || taken || old == "" {
		return w
	}
	a := r.Attrs["name"]
	a.Value = old
	r.ID, r.Attrs = is, maps.Clone(r.Attrs)
	r.Attrs["name"] = a
	return w.Without(was).With(r)
}

// in binds a file to a world, which has the images that it asks for.
func in(file *schema.Cluster, world engine.Snapshot) *Declared {
	d := &Declared{Cluster: New(file, nil, nil), world: maps.Clone(world)}
	for _, n := range file.Nodes {
		id := engine.ID{Kind: "image", Name: n.Image}
		d.world[id] = engine.Resource{ID: id}
	}
	for _, a := range file.Apps {
		if id := (engine.ID{Kind: "image", Name: a.Image}); a.Build == nil {
			d.world[id] = engine.Resource{ID: id}
		}
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
