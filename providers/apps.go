package providers

import (
	"context"
	"slices"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

// reaching is the kind of apps, which knows of no servers, together with what has to be there in the cluster before one is
// started: what its URLs lead to.
type reaching struct {
	engine.Kind
	file *schema.Cluster
}

func (k reaching) app(name string) *schema.App {
	i := slices.IndexFunc(k.file.Apps, func(a *schema.App) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return k.file.Apps[i]
}

// Want adds what an app needs: with --target it comes along, and what cannot be looked at is waited for.
func (k reaching) Want() []engine.Resource {
	out := k.Kind.Want()
	for i, r := range out {
		for _, to := range k.app(r.ID.Name).Reaches {
			out[i].Needs = append(out[i].Needs, engine.ID{Kind: "node", Name: to.Node.Name}, engine.ID{Kind: "server", Name: to.Node.Name}, engine.ID{Kind: "hba", On: to.Node.Name},
				engine.ID{Kind: "role", Name: to.Role.Name}, engine.ID{Kind: "database", Name: to.Database.Name})
			if to.Node.Part == schema.Standby {
				out[i].Needs = append(out[i].Needs, engine.ID{Kind: "replication", On: to.Node.Name})
			}
		}
	}
	return out
}

func (k reaching) Steps(c engine.Change) []engine.Step {
	steps := k.Kind.Steps(c)
	a := k.app(c.ID.Name)
	if a == nil {
		return steps
	}
	for i, s := range steps {
		if s.ID().Do == "create" || s.ID().Do == "start" {
			steps[i] = after{s, ready(a)}
		}
	}
	return steps
}

// ready are the steps after which what an app uses is there.
func ready(a *schema.App) []engine.StepID {
	var out []engine.StepID
	for _, to := range a.Reaches {
		server := engine.ID{Kind: "server", Name: to.Node.Name}
		for _, do := range []string{"accept", "accept again", "return", "return again", "reload"} {
			out = append(out, engine.StepID{Do: do, On: server})
		}
		out = append(out, engine.StepID{Do: "put", On: engine.ID{Kind: "role", Name: to.Role.Name}},
			engine.StepID{Do: "alter", On: engine.ID{Kind: "database", Name: to.Database.Name}})
		if to.Node.Part == schema.Standby {
			out = append(out, engine.StepID{Do: "stream", On: engine.ID{Kind: "replication", On: to.Node.Name}})
		}
	}
	return out
}

// after is a step that comes after more.
type after struct {
	engine.Step
	first []engine.StepID
}

func (s after) Needs() []engine.StepID { return append(slices.Clone(s.Step.Needs()), s.first...) }

// emptied is a kind that apps use, together with the apps that have to let go of something before it goes: of a database also
// before it gets another name, which PostgreSQL gives to none while anybody is connected.
type emptied struct {
	engine.Kind
	docker *docker.Site
}

func (k emptied) apps(steps ...string) []engine.StepID {
	var out []engine.StepID
	for _, name := range k.docker.AppsThere() {
		for _, do := range steps {
			out = append(out, engine.StepID{Do: do, On: engine.ID{Kind: "app", Name: name}})
		}
	}
	return out
}

func (k emptied) Steps(c engine.Change) []engine.Step {
	steps := k.Kind.Steps(c)
	for i, s := range steps {
		switch {
		case s.ID().Do == "drop":
			steps[i] = after{s, k.apps("remove", "create")}
		case k.Name() == "database" && c.Changes("name"):
			steps[i] = after{s, k.apps("remove")}
		}
	}
	return steps
}

// clearing is a kind that apps can be in the way of. As a rule an app makes room by steps of its own; while it waits for what
// could not be looked at, which may be because of what it is in the way of, it has none.
type clearing struct {
	engine.Kind
	docker *docker.Site
	server *postgres.Site
}

func (k clearing) Steps(c engine.Change) []engine.Step {
	steps := k.Kind.Steps(c)
	if c.Action == engine.Update && k.Name() == "network" && k.unseen() || c.Action != engine.Delete && k.Name() == "node" && k.unseen() {
		return append(k.docker.InTheWay(c), steps...)
	}
	return steps
}

func (k clearing) unseen() bool {
	for _, of := range k.server.Kinds() {
		if slices.ContainsFunc(of.Seen(), func(r engine.Resource) bool { return r.Unknown != "" }) {
			return true
		}
	}
	return false
}

// drawnApps are the apps of a state of the world, by name, each with the nodes that it uses: the master first.
func drawnApps(w engine.Snapshot, nodes []engine.Node) []engine.Node {
	var out []engine.Node
	for _, r := range w.OfKind("app") {
		n := engine.Node{Name: r.ID.Name, Addr: r.Addr, App: true, Image: r.Attrs["image"].Value, Port: r.Attrs["ports"].Value,
			Uses: docker.UsedNodes(r.Attrs["uses"].Value), Down: r.Attrs["state"].Value != "running"}
		slices.SortStableFunc(n.Uses, func(a, b string) int { return place(nodes, a) - place(nodes, b) })
		out = append(out, n)
	}
	return out
}

func place(nodes []engine.Node, name string) int {
	return slices.IndexFunc(nodes, func(n engine.Node) bool { return n.Name == name })
}

// app is the container of a declared app as it is now; the zero value is one that has done its work.
func (s *Sampler) app(ctx context.Context, a *schema.App) (health.App, error) {
	c, done, err := s.docker.AppContainer(ctx, a)
	if err != nil || done {
		return health.App{}, err
	}
	return health.App{Name: a.Name, Address: a.Address.String(), Container: c}, nil
}
