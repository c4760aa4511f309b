package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Site is the Docker side of one cluster: what the file wants of it, and what the last look found.
type Site struct {
	file    *schema.Cluster
	engine  *Engine
	removal Removal
	seen    survey
	marks   []Mark // of the ledger
	ledger  bool   // it has been read

	mu       sync.Mutex
	contexts map[*schema.App]digested // since the last look
	helpers  map[string]string        // id of the never-started container that a volume is read through, by volume
}

// Removal says what a destroy takes away; the zero value is no destroy.
type Removal struct {
	Containers bool
	Volumes    func(node engine.Address) bool // whether the node's volume goes, too; nil: none does
}

func (r Removal) volume(node engine.Address) bool { return r.Volumes != nil && r.Volumes(node) }

// released reports whether a removed block of the file leaves an object alone. Its labels cannot be taken away, so the block
// has to stay for as long as the object does.
func (s *Site) released(kind, name string) bool { return s.file.Released(kind, name) }

// NewSite binds the Docker side of a cluster to an engine. With a removal the file's objects are all unwanted.
func NewSite(file *schema.Cluster, e *Engine, removal Removal) *Site {
	return &Site{file: file, engine: e, removal: removal, helpers: map[string]string{}}
}

// Kinds lists what this side manages, in an order in which each may rest on those before it.
func (s *Site) Kinds() []engine.Kind {
	return []engine.Kind{images{s}, networks{s}, volumes{s}, nodes{s}, apps{s}}
}

// survey is one look at a Docker engine. Every call in it is read-only and takes well under a millisecond.
type survey struct {
	containers []container.Summary
	networks   []network.Summary
	volumes    []*volume.Volume
	inspected  map[string]container.InspectResponse // by container name: declared and labelled ones; a renamed node's by its new one
	inside     map[string]inside                    // the mark in the volume, by node; of volumes that nothing else tells about
	apps       map[string]seenApp                   // by the name that the file has for them; containers, and what is left of them
	builds     []builtImage                         // for apps of this cluster
	built      map[string]string                    // images that were built for apps of this cluster and that nobody else uses, with the app
	former     map[string]string                    // the name that the container of a node still has, by the node's new one
	images     map[string]imageInfo                 // by reference as written; missing ones are not in it
	unpullable map[string]error                     // missing ones that the registry does not give either
	addresses  []netip.Prefix                       // of the engine's machine, where that can be told
	machine    capacity
}

// Look takes a fresh look at the engine.
func (s *Site) Look(ctx context.Context) error {
	if err := s.engine.Check(ctx); err != nil {
		return err
	}
	look := survey{inspected: map[string]container.InspectResponse{}, apps: map[string]seenApp{}, images: map[string]imageInfo{}, unpullable: map[string]error{}}
	s.forget()
	var secrets map[string]bool
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		look.containers, err = s.engine.api.ContainerList(gctx, container.ListOptions{All: true})
		return err
	})
	g.Go(func() (err error) {
		look.networks, err = s.engine.api.NetworkList(gctx, network.ListOptions{})
		return err
	})
	g.Go(func() error {
		list, err := s.engine.api.VolumeList(gctx, volume.ListOptions{})
		look.volumes, secrets = s.apart(list.Volumes)
		return err
	})
	g.Go(func() (err error) {
		look.builds, err = s.engine.builtFor(gctx, s.file.Name)
		return err
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("docker: list objects: %w", err)
	}
	look.built = s.unshared(look.builds, look.containers)
	look.addresses = s.engine.addresses()
	err := s.inspect(ctx, &look)
	if err != nil {
		return err
	}
	if look.machine, err = s.capacity(ctx, look); err != nil {
		return err
	}
	if err := s.lookAtApps(ctx, &look, secrets); err != nil {
		return err
	}
	s.seen = s.renamed(look)
	return s.lookInside(ctx)
}

// renamed gives the container of a renamed node the name that the file has for it. It keeps its own until it is made anew.
func (s *Site) renamed(look survey) survey {
	look.former = map[string]string{}
	for _, n := range s.file.Nodes {
		old, there := look.inspected[n.RenamedFrom]
		byHand := there && old.Config.Labels[labelCluster] == "" && seenVolume(old) == n.Volume
		if _, done := look.inspected[n.Name]; done || !there || !s.labelled(old.Config.Labels) && !byHand {
			continue
		}
		delete(look.inspected, n.RenamedFrom)
		look.inspected[n.Name], look.former[n.Name] = old, n.RenamedFrom
	}
	return look
}

// container is the name by which Docker knows the container of a node at the moment.
func (s *Site) container(node string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.seen.former[node]; ok {
		return old
	}
	return node
}

// left notes that the container of a node is gone: the next one has the node's own name.
func (s *Site) left(node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen.former, node)
}

func (s *Site) inspect(ctx context.Context, look *survey) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for _, c := range look.containers {
		if !s.concerns(c) {
			continue
		}
		g.Go(func() error {
			got, err := s.engine.api.ContainerInspect(gctx, c.ID)
			if errdefs.IsNotFound(err) { // gone since the list
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			look.inspected[containerName(c)] = got
			return err
		})
	}
	for _, ref := range s.references(look) {
		g.Go(func() error {
			info, found, err := s.engine.image(gctx, ref)
			var refused error
			if err == nil && !found && s.wantsImage(ref) {
				refused = s.engine.pullable(gctx, ref)
			}
			mu.Lock()
			defer mu.Unlock()
			if found {
				look.images[ref] = info
			}
			if refused != nil {
				look.unpullable[ref] = refused
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("docker: inspect: %w", err)
	}
	return nil
}

// concerns reports whether a container is ours or stands where one of ours should.
func (s *Site) concerns(c container.Summary) bool {
	if s.isApp(c) {
		return false
	}
	if c.Labels[labelCluster] == s.file.Name && c.Labels[labelHelper] == "" {
		return true
	}
	name := containerName(c)
	return slices.ContainsFunc(s.file.Nodes, func(n *schema.Node) bool { return n.Name == name || n.RenamedFrom == name && name != "" })
}

// references lists the images to look at: the declared ones, and those that our containers were made of.
func (s *Site) references(look *survey) []string {
	var refs []string
	for _, n := range s.file.Nodes {
		refs = append(refs, n.Image)
	}
	for _, a := range s.file.Apps {
		if a.Build == nil {
			refs = append(refs, a.Image)
		}
	}
	for _, b := range look.builds { // of which tag one is to be, only a plan asks
		refs = append(refs, b.tags...)
	}
	for _, c := range look.containers {
		if s.concerns(c) {
			refs = append(refs, c.Image)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

func (s *Site) wantsImage(ref string) bool {
	return !s.removal.Containers && (slices.ContainsFunc(s.file.Nodes, func(n *schema.Node) bool { return n.Image == ref }) ||
		slices.ContainsFunc(s.file.Apps, func(a *schema.App) bool { return a.Build == nil && a.Image == ref }))
}

func containerName(c container.Summary) string {
	for _, n := range c.Names {
		if strings.Count(n, "/") == 1 { // further slashes are legacy links
			return strings.TrimPrefix(n, "/")
		}
	}
	return ""
}

// sweep removes helper containers that a killed run left behind: all that an apply made, as that takes the lock, and those for
// reading; one of a plan that still runs is younger.
func (s *Site) sweep(ctx context.Context) error {
	list, err := s.engine.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", labelHelper), filters.Arg("label", labelCluster+"="+s.file.Name))})
	if err != nil {
		return fmt.Errorf("docker: list helper containers: %w", err)
	}
	for _, c := range list {
		if c.Labels[labelBeside] == "" && time.Since(time.Unix(c.Created, 0)) < time.Minute {
			continue
		}
		err := s.engine.api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // it removes itself
			return fmt.Errorf("docker: remove left-over helper container: %w", err)
		}
	}
	return nil
}

func (s *survey) volume(name string) *volume.Volume {
	i := slices.IndexFunc(s.volumes, func(v *volume.Volume) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return s.volumes[i]
}

// network returns the network of that name. Network names are not unique; ours wins, then the older.
func (s *survey) network(name, cluster string) (network.Summary, bool) {
	var found []network.Summary
	for _, n := range s.networks {
		if n.Name == name {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return network.Summary{}, false
	}
	slices.SortFunc(found, func(a, b network.Summary) int {
		ao, bo := a.Labels[labelCluster] == cluster, b.Labels[labelCluster] == cluster
		if ao != bo {
			if ao {
				return -1
			}
			return 1
		}
		return a.Created.Compare(b.Created)
	})
	return found[0], true
}

// placed gives each wanted attribute its own place in the file.
func placed(attrs map[string]engine.Attr, o schema.Object) map[string]engine.Attr {
	for path, a := range attrs {
		a.Origin = origin(o.At(path))
		attrs[path] = a
	}
	return attrs
}

func origin(o schema.Origin) engine.Origin {
	return engine.Origin{File: o.File, Line: o.Line, Column: o.Column}
}

func address(a schema.Address) engine.Address {
	return engine.Address{Block: a.Block, Label: a.Label, Key: a.Key}
}
