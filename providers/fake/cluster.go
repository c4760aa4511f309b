// Package fake is a cluster in memory, for the engine's own tests. What is wanted, what a change takes and in which order
// comes from the real kinds; what their steps do is what their After says, done to a World that has laws of its own: it
// refuses what Docker or PostgreSQL would refuse.
package fake

import (
	"context"
	"slices"

	"pgrepl/engine"
	"pgrepl/providers"
	"pgrepl/schema"
)

// Cluster is a file bound to a World: an engine.System.
type Cluster struct {
	file  *schema.Cluster
	world *World
	real  *providers.Cluster
	ends  bool // nothing of it is wanted
	// Hook is called at each point at which a process can die. It may be nil.
	Hook func(Point)
	// Without takes needs away from steps, to see who misses them. It may be nil.
	Without func(step, need engine.StepID) bool
}

// Point is a moment in a run.
type Point struct {
	Step engine.StepID
	When engine.When
}

// Midway is inside a step that does two things to the world.
const Midway engine.When = "midway"

// New binds a file to a world.
func New(file *schema.Cluster, w *World) *Cluster {
	return &Cluster{file: file, world: w, real: providers.New(file, nil, nil)}
}

// Rebuild asks for new data of replicas.
func (c *Cluster) Rebuild(addresses []string) { c.real.Rebuild(addresses) }

// Destroy is the system in which nothing of the file is wanted.
func Destroy(file *schema.Cluster, w *World, volumes func(node engine.Address) bool) *Cluster {
	return &Cluster{file: file, world: w, real: providers.Destroy(file, nil, volumes), ends: true}
}

// Look takes a fresh look at the world.
func (c *Cluster) Look(context.Context) error {
	wanted := c.file.Nodes
	if c.ends {
		wanted = nil
	}
	for _, n := range c.file.Nodes {
		c.world.rename(n.RenamedFrom, n.Name)
	}
	for _, a := range c.file.Apps {
		c.world.renameApp(a.RenamedFrom, a.Name)
	}
	c.world.expectNobody()
	c.world.want(wanted)
	c.real.SeeAs(c.world.view())
	return nil
}

// Verify has nothing to prove: the plan sees all there is.
func (c *Cluster) Verify(context.Context) []engine.Problem { return nil }

// Kinds are the real ones, seeing and changing the world.
func (c *Cluster) Kinds() []engine.Kind {
	var out []engine.Kind
	for _, k := range c.real.Kinds() {
		out = append(out, kind{k, c})
	}
	return out
}

// Guard is the real one. What it adds is done to the world, too.
func (c *Cluster) Guard(steps []engine.Step) []engine.Step { return c.toWorld(c.real.Guard(steps)) }

// Broken is what the real one says of a state of the world.
func (c *Cluster) Broken(w engine.Snapshot) []string { return c.real.Broken(w) }

// Topology is what the real one says of a state of the world.
func (c *Cluster) Topology(w engine.Snapshot) []engine.Node { return c.real.Topology(w) }

// Unfinished is what the real one says of the end of a plan.
func (c *Cluster) Unfinished(w engine.Snapshot) []string { return c.real.Unfinished(w) }

// toWorld makes real steps such that are done to the world.
func (c *Cluster) toWorld(steps []engine.Step) []engine.Step {
	var out []engine.Step
	for _, s := range steps {
		c.world.expect(s)
		out = append(out, step{s, c})
	}
	return out
}

type kind struct {
	engine.Kind
	cluster *Cluster
}

// Seen is what the real kind sees; the attributes of what is inside a server, it has from the world.
func (k kind) Seen() []engine.Resource {
	out := k.Kind.Seen()
	for i, r := range out {
		if r.Unknown == "" && slices.Contains([]string{"settings", "hba", "replication", "role", "database", "slot"}, k.Name()) {
			out[i].Attrs = k.cluster.world.attrs(r)
		}
	}
	return out
}

func (k kind) Steps(c engine.Change) []engine.Step {
	return k.cluster.toWorld(k.Kind.Steps(c))
}

// step is a real step that is done to the world in memory.
type step struct {
	engine.Step
	cluster *Cluster
}

func (s step) Needs() []engine.StepID {
	needs := s.Step.Needs()
	if s.cluster.Without == nil {
		return needs
	}
	return slices.DeleteFunc(slices.Clone(needs), func(n engine.StepID) bool { return s.cluster.Without(s.ID(), n) })
}

func (s step) Run(context.Context) error {
	for _, part := range []struct {
		when engine.When
		do   func(engine.Step) error
	}{{engine.Before, nil}, {Midway, s.cluster.world.begin}, {engine.After, s.cluster.world.finish}} {
		if part.do != nil {
			if err := part.do(s.Step); err != nil {
				return err
			}
		}
		if part.when == engine.After && slices.Contains([]string{"clone", "rebuild", "discard"}, s.ID().Do) {
			s.cluster.real.Rebuilt(s.ID().On.Name)
		}
		if s.cluster.Hook != nil && (part.when != Midway || twofold(s.ID())) {
			s.cluster.Hook(Point{s.ID(), part.when})
		}
	}
	return nil
}

// twofold reports whether a step can be cut in two: a container is created, then started; stopped, then removed; names of
// synchronous standbys are written, then read, or set, then proved; a server is marked as held back, then restarted.
func twofold(id engine.StepID) bool {
	return (id.On.Kind == "node" || id.On.Kind == "app") && (id.Do == "create" || id.Do == "remove") || id.On.Kind == "synchronous" || id.Do == "halt"
}
