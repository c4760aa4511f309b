package providers

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

// Sampler takes samples of a cluster's health. It rests on the last look only for what a sample does not tell by itself: the
// names that containers have, and what stands in volumes of nodes that do not answer.
type Sampler struct {
	cluster *Cluster
	docker  *docker.Site
	vitals  *postgres.Vitals
}

// Sampler returns what takes samples of the cluster.
func (c *Cluster) Sampler() *Sampler {
	return &Sampler{cluster: c, docker: c.docker, vitals: c.server.Vitals()}
}

// Close ends the sessions that are the sampler's own.
func (s *Sampler) Close() { s.vitals.Close() }

// Sample looks at every node and app at once. It is an error where the Docker engine does not answer; a node that does not is part of
// the sample.
func (s *Sampler) Sample(ctx context.Context) (health.Sample, error) {
	began := time.Now()
	nodes, apps := make([]health.Node, len(s.cluster.file.Nodes)), make([]health.App, len(s.cluster.file.Apps))
	var crash crash
	g, gctx := errgroup.WithContext(ctx)
	for i, n := range s.cluster.file.Nodes {
		g.Go(func() error {
			defer crash.note()
			container, err := s.docker.Container(gctx, n.Name)
			if err != nil {
				return err
			}
			nodes[i] = s.vitals.Node(gctx, i, container.State == "running")
			nodes[i].Docker = container
			return nil
		})
	}
	for i, a := range s.cluster.file.Apps {
		g.Go(func() (err error) {
			defer crash.note()
			apps[i], err = s.app(gctx, a)
			return err
		})
	}
	err := g.Wait()
	crash.raise()
	if err != nil {
		return health.Sample{}, err
	}
	out := health.Sample{Nodes: nodes, Apps: slices.DeleteFunc(apps, func(a health.App) bool { return a.Name == "" })}
	out.At, out.Skew = spread(began, nodes)
	return out, ctx.Err()
}

// crash is a panic of work that runs beside its caller, to be raised again where that can end what it has begun: a terminal
// that nobody gives back is of no use.
type crash struct{ noted atomic.Pointer[string] }

func (c *crash) note() {
	if r := recover(); r != nil {
		text := fmt.Sprintf("%v\n%s", r, debug.Stack())
		c.noted.CompareAndSwap(nil, &text)
	}
}

func (c *crash) raise() {
	if text := c.noted.Load(); text != nil {
		panic(*text)
	}
}

// spread is when the first node answered, and how much later the last one did.
func spread(began time.Time, nodes []health.Node) (time.Time, time.Duration) {
	var first, last time.Time
	for _, n := range nodes {
		if n.Live == nil {
			continue
		}
		if first.IsZero() || n.Live.At.Before(first) {
			first = n.Live.At
		}
		if n.Live.At.After(last) {
			last = n.Live.At
		}
	}
	if first.IsZero() {
		return began, 0
	}
	return first, last.Sub(first)
}

// Logs returns the last lines that a container of the cluster wrote.
func (c *Cluster) Logs(ctx context.Context, container string, lines int) (string, error) {
	return c.docker.Logs(ctx, container, lines)
}

// Limits are what the file judges health by.
func Limits(m schema.Monitor) health.Limits {
	return health.Limits{LagWarning: m.LagWarning, LagCritical: m.LagCritical, LagTimeWarning: m.LagTimeWarning, LagTimeCritical: m.LagTimeCritical,
		SlotWarning: m.SlotWarning, SlotCritical: m.SlotCritical}
}

// Drift is what a plan would change, as of the last look.
func (c *Cluster) Drift(at time.Time) *health.Drift {
	d := &health.Drift{At: at}
	p, problems, err := engine.Make(c, engine.Options{})
	for _, change := range p.Changes {
		if a := change.Addr.String(); !slices.Contains(d.Changes, a) {
			d.Changes = append(d.Changes, a)
		}
	}
	switch {
	case len(d.Changes) > 0: // known, also where the steps that they take are refused
	case err != nil:
		d.Unsaid = err.Error()
	case len(problems) > 0:
		d.Unsaid = problems[0].Summary
	}
	return d
}

// Probe writes a row on the master and times its way to every replica, for at most so long; with synchronous the commit waits as
// the users' commits do. It rests on the last look.
func (c *Cluster) Probe(ctx context.Context, token string, synchronous bool, patience time.Duration) health.Probe {
	return c.server.Probe(ctx, token, synchronous, patience)
}

// PrepareProbes makes what probes are written into.
func (c *Cluster) PrepareProbes(ctx context.Context) error { return c.server.PrepareProbes(ctx) }

// Synchronous reports whether commits wait for replicas.
func (c *Cluster) Synchronous() bool { return c.server.Synchronous() }
