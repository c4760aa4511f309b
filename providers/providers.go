// Package providers is the list of everything that pgrepl can manage, and the only place where what is outside the servers
// (docker) and what is inside them (postgres) meet.
package providers

import (
	"context"
	"errors"
	"slices"
	"time"

	"pgrepl/engine"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

// Cluster is one cluster as it can be looked at and changed: an engine.System.
type Cluster struct {
	file   *schema.Cluster
	docker *docker.Site
	server *postgres.Site
	ledger *postgres.Site // where there is nothing but the marks to be read inside the servers
	kinds  []engine.Kind
}

// New binds a cluster to a Docker engine. A nil engine makes one that can be planned for but neither seen nor changed.
func New(file *schema.Cluster, on *docker.Engine, effect engine.SideEffect) *Cluster {
	c := &Cluster{file: file, docker: docker.NewSite(file, on, docker.Removal{})}
	c.server = postgres.NewSite(file, func(n *schema.Node) postgres.Machine { return machine{c.docker.Machine(n)} }, effect)
	for _, k := range c.docker.Kinds() {
		if k.Name() == "node" {
			k = awakening{k, c.docker, c.server}
		}
		switch k.Name() {
		case "app":
			k = reaching{k, file}
		case "node", "network":
			k = clearing{k, c.docker, c.server}
		}
		c.kinds = append(c.kinds, adopting{k, c.docker, c.server})
	}
	for _, k := range c.server.Kinds() {
		if k.Name() == "database" || k.Name() == "role" {
			k = emptied{k, c.docker}
		}
		c.kinds = append(c.kinds, k)
	}
	return c
}

// Destroy is the system in which nothing of the cluster is wanted: what Docker holds of it goes, and the volumes of the
// nodes that volumes says (nil: of none). It needs no server, so it works with the master down.
func Destroy(file *schema.Cluster, on *docker.Engine, volumes func(node engine.Address) bool) *Cluster {
	site := docker.NewSite(file, on, docker.Removal{Containers: true, Volumes: volumes})
	ledger := postgres.NewSite(file, func(n *schema.Node) postgres.Machine { return machine{site.Machine(n)} }, nil)
	return &Cluster{file: file, docker: site, ledger: ledger, kinds: site.Kinds()}
}

// Kinds lists what is managed, outside before inside.
func (c *Cluster) Kinds() []engine.Kind { return c.kinds }

// Guard is what keeps commits coming back between the steps of a plan.
func (c *Cluster) Guard(steps []engine.Step) []engine.Step {
	if c.server == nil {
		return nil
	}
	return c.server.Guard(steps)
}

// Master is the address of the master.
func (c *Cluster) Master() engine.Address {
	a := c.file.Primary().Address
	return engine.Address{Block: a.Block, Label: a.Label, Key: a.Key}
}

// Broken says what must always be inside the servers, and is not in a state of the world.
func (c *Cluster) Broken(w engine.Snapshot) []string {
	if c.server == nil {
		return nil
	}
	return c.server.Broken(w)
}

// Topology gives the nodes of a state of the world.
func (c *Cluster) Topology(w engine.Snapshot) []engine.Node {
	server := c.server
	if server == nil {
		server = c.ledger
	}
	nodes := server.Topology(w)
	return append(nodes, drawnApps(w, nodes)...)
}

// Unfinished says what may not be so inside the servers after the last step of a plan.
func (c *Cluster) Unfinished(w engine.Snapshot) []string {
	if c.server == nil {
		return nil
	}
	return c.server.Unfinished(w)
}

// LetGo has commits that hang wait for fewer standbys until the others are back.
func (c *Cluster) LetGo() { c.server.LetGo() }

// Hangs says that commits hang, for want of which standbys; "" where they do not.
func (c *Cluster) Hangs() string { return c.server.Hangs() }

// Look takes a fresh look at Docker, then at every node at once.
func (c *Cluster) Look(ctx context.Context) error {
	if err := c.docker.Look(ctx); err != nil {
		return err
	}
	if c.server == nil {
		if c.docker.Strangers() {
			c.ledger.LookForMarks(ctx)
			return c.adopted(ctx, c.ledger)
		}
		return nil
	}
	return errors.Join(c.lookInside(ctx), c.adopted(ctx, c.server), c.docker.DropHelpers(ctx))
}

func (c *Cluster) lookInside(ctx context.Context) error {
	for name, m := range c.docker.Leaving() {
		if err := c.server.LookAtLeaving(ctx, name, machine{m}); err != nil {
			return err
		}
	}
	return c.server.Look(ctx)
}

// Rebuild asks for new data of the replicas that the addresses name.
func (c *Cluster) Rebuild(addresses []string) { c.server.Rebuild(addresses) }

// Rebuilt notes that one of them has it.
func (c *Cluster) Rebuilt(node string) { c.server.Rebuilt(node) }

// adopted tells the Docker side what the ledger marks of its objects.
func (c *Cluster) adopted(ctx context.Context, from *postgres.Site) error {
	rows, known := from.Marks()
	var marks []docker.Mark
	for _, m := range rows {
		marks = append(marks, docker.Mark(m))
	}
	return c.docker.Adopted(ctx, marks, known)
}

// AskWith lets the superuser's password be asked for where a server that was made by hand lets nobody in without.
func (c *Cluster) AskWith(ask func(role string) (schema.Secret, error)) { c.server.AskWith(ask) }

// SeeAs is Look for a cluster in memory: it takes what is in w for what there is.
func (c *Cluster) SeeAs(w engine.Snapshot) {
	c.docker.SeeAs(w)
	if c.server != nil {
		c.server.SeeAs(w)
	}
}

// Verify proves what a plan cannot see; it rests on the last look.
func (c *Cluster) Verify(ctx context.Context) []engine.Problem {
	if c.server == nil {
		return nil
	}
	return c.server.Verify(ctx)
}

// LookAlsoFor has the next look ask for settings that the file does not name.
func (c *Cluster) LookAlsoFor(settings ...string) { c.server.LookAlsoFor(settings...) }

// Account tells of a live attribute what a plan does not need; nil where nothing more is known.
func (c *Cluster) Account(id engine.ID, path string) *engine.Account {
	if a := c.docker.Account(id, path); a != nil {
		return a
	}
	return c.server.Account(id, path)
}

// Record writes into the ledger's history what was applied.
func (c *Cluster) Record(ctx context.Context, applied postgres.Applied) error {
	if c.server == nil {
		return nil
	}
	var stale []postgres.Mark
	for _, m := range c.docker.Stale() {
		stale = append(stale, postgres.Mark(m))
	}
	return c.server.Record(ctx, applied, stale)
}

// History reads the last applies from the ledger, the latest first.
func (c *Cluster) History(ctx context.Context, limit int) ([]postgres.Applied, error) {
	return c.server.History(ctx, limit)
}

// WritesStopped is for how long the primary took no writes in this run; 0 where it did not restart.
func (c *Cluster) WritesStopped() time.Duration {
	if c.server == nil {
		return 0
	}
	return c.server.WritesStopped()
}

// Lock takes the cluster's lock, waiting for it at most wait; image must be on the engine.
func (c *Cluster) Lock(ctx context.Context, wait time.Duration) (*docker.Lock, error) {
	return c.docker.Lock(ctx, wait)
}

// Kept lists the volumes of the cluster that nothing uses: a destroy left them, or a replica that went before it.
func (c *Cluster) Kept() []string { return c.docker.Kept() }

// Close ends every connection to the servers.
func (c *Cluster) Close() {
	for _, s := range []*postgres.Site{c.server, c.ledger} {
		if s != nil {
			s.Close()
		}
	}
}

// awakening is the kind of containers, which knows nothing of servers, together with what must follow for the server when
// a container with data is started or replaced.
type awakening struct {
	engine.Kind
	docker *docker.Site
	server *postgres.Site
}

// Want adds what a container waits for that would put a server on data which may not be this cluster's.
func (k awakening) Want() []engine.Resource {
	out := k.Kind.Want()
	for i, r := range out {
		out[i].Needs = append(r.Needs, k.server.Awaits(r.ID.Name)...)
	}
	return out
}

// Seen adds what a container that is in no file any more stays for: as long as that cannot be looked at, it does not go.
func (k awakening) Seen() []engine.Resource {
	out := k.Kind.Seen()
	for i, r := range out {
		if k.server.Has(r.ID.Name) {
			continue
		}
		out[i].Needs = append(r.Needs, k.server.StaysFor(r.ID.Name, k.docker.Inherited)...)
	}
	return out
}

func (k awakening) Steps(c engine.Change) []engine.Step {
	steps := k.Kind.Steps(c)
	for i, s := range steps {
		switch s.ID().Do {
		case "remove":
			steps[i] = leaving{s, k.server, k.beforeLeaving(c), nil}
			if c.Action == engine.Delete {
				steps[i] = leaving{s, k.server, k.beforeLeaving(c), k.server.GoesWith(c.ID.Name, c.Addr)}
			}
		case "create":
			steps[i] = behind{s, k.server.Held(c.ID.Name)}
			return append(append(steps, k.server.Deliver(c.ID.Name)...), k.server.Awaken(c.ID.Name)...)
		case "start":
			steps[i] = behind{s, k.server.Held(c.ID.Name)}
			return append(steps, k.server.Awaken(c.ID.Name)...)
		}
	}
	return steps
}

// behind is a step that comes after one more.
type behind struct {
	engine.Step
	first engine.StepID
}

func (s behind) Needs() []engine.StepID { return append(slices.Clone(s.Step.Needs()), s.first) }

// beforeLeaving is what comes before a container goes: all that its server has to do while it is up, and no commit waits for
// it any more. Where it is replaced it has to be its turn.
func (k awakening) beforeLeaving(c engine.Change) []engine.StepID {
	if c.Action == engine.Delete {
		first := k.server.Leaves(c.ID.Name, k.docker.Inherited)
		if !k.server.Bequeaths(c.ID.Name, k.docker.Inherited) { // an app may need what another has from it
			first = append(first, k.docker.LetGo(c.ID.Name)...)
		}
		return first
	}
	return k.server.Turn(c.ID.Name)
}

// leaving is the removal of a container together with what it means for the server in it.
type leaving struct {
	engine.Step
	server *postgres.Site
	more   []engine.StepID // that it comes after
	loses  []engine.Effected
}

func (s leaving) Needs() []engine.StepID { return append(slices.Clone(s.Step.Needs()), s.more...) }

func (s leaving) After(w engine.Snapshot) engine.Snapshot {
	return s.server.Stopped(s.Step.After(w), s.Node())
}

func (s leaving) Effects() []engine.Effected {
	out := slices.Clone(s.Step.Effects())
	for i := range out {
		out[i].Stops = s.server.Stops(s.Node())
	}
	return append(out, s.loses...)
}

func (s leaving) Run(ctx context.Context) error {
	s.server.StopsWrites(s.Node())
	return s.Step.Run(ctx)
}

// machine is a node as the two providers see it.
type machine struct{ *docker.Machine }

func (m machine) Beside(ctx context.Context, what string, others []*schema.Node, script string, args []string) (postgres.Beside, error) {
	return m.Machine.Beside(ctx, what, others, script, args)
}
