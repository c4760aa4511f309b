package docker

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"

	"pgrepl/engine"
	"pgrepl/schema"
)

// networks is the kind of Docker networks.
type networks struct{ *Site }

func (networks) Name() string { return "network" }

func networkID(name string) engine.ID { return engine.ID{Kind: "network", Name: name} }

func (k networks) Want() []engine.Resource {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Resource
	for _, n := range k.file.Networks {
		if n.External {
			continue
		}
		r := engine.Resource{ID: networkID(n.Name), Addr: address(n.Address), Origin: origin(n.Origin), Made: "network", Attrs: map[string]engine.Attr{
			"driver":   {Value: n.Driver, Default: n.Driver == "bridge"},
			"internal": {Value: fmt.Sprint(n.Internal), Default: !n.Internal},
		}}
		if n.Subnet != "" {
			r.Attrs["subnet"] = engine.Attr{Value: n.Subnet}
		}
		if n.Gateway != "" {
			r.Attrs["gateway"] = engine.Attr{Value: n.Gateway}
		}
		for key, v := range n.Labels {
			r.Attrs["labels."+key] = engine.Attr{Value: v}
		}
		for path, a := range r.Attrs {
			a.Effect, a.Reason = engine.Recreate, "a network cannot be changed in place"
			r.Attrs[path] = a
		}
		placed(r.Attrs, n.Object)
		if there, found := k.seen.network(n.Name, k.file.Name); found && !k.labelled(there.Labels) && k.takesPartNetwork(there) {
			for key := range n.Labels {
				delete(r.Attrs, "labels."+key) // cannot be added to what exists
			}
			k.withOwner(r.Attrs, "network", there.ID, true)
		}
		out = append(out, r)
	}
	return out
}

func (k networks) Seen() []engine.Resource {
	var out []engine.Resource
	for _, n := range k.seen.networks {
		if !k.takesPartNetwork(n) {
			continue
		}
		if chosen, _ := k.seen.network(n.Name, k.file.Name); chosen.ID != n.ID {
			continue // a twin; the one that answers to the name counts
		}
		r := engine.Resource{ID: networkID(n.Name), Addr: engine.Address{Block: "network", Label: n.Name}, Ours: k.ownsNetwork(n) && !k.released("network", n.Name) && !k.keeps(n.Name), Attrs: map[string]engine.Attr{
			"driver": {Value: n.Driver}, "internal": {Value: fmt.Sprint(n.Internal)},
		}, Needs: k.on(n.Name)}
		declared := k.declared(n.Name)
		// Docker fills in what nobody asked for; only what the file says is compared.
		if len(n.IPAM.Config) > 0 && declared != nil && declared.Subnet != "" {
			r.Attrs["subnet"] = engine.Attr{Value: canonicalPrefix(n.IPAM.Config[0].Subnet)}
			if declared.Gateway != "" {
				r.Attrs["gateway"] = engine.Attr{Value: n.IPAM.Config[0].Gateway}
			}
		}
		if !k.labelled(n.Labels) {
			k.withOwner(r.Attrs, "network", n.ID, false)
			out = append(out, r)
			continue
		}
		for key, v := range userLabels(n.Labels, nil) {
			r.Attrs["labels."+key] = engine.Attr{Value: v, Effect: engine.Recreate}
		}
		out = append(out, r)
	}
	return out
}

// on lists the containers on a network: it goes after those that go.
func (k networks) on(name string) []engine.ID {
	var out []engine.ID
	for _, node := range slices.Sorted(maps.Keys(k.seen.inspected)) {
		if settings := k.seen.inspected[node].NetworkSettings; settings != nil && settings.Networks[name] != nil {
			out = append(out, nodeID(node))
		}
	}
	return out
}

// keeps reports whether a node that was let go of is on the network.
func (k networks) keeps(name string) bool {
	for node, c := range k.seen.inspected {
		if _, on := c.NetworkSettings.Networks[name]; on && k.released("node", node) {
			return true
		}
	}
	return false
}

// renewed reports whether the plan makes the network anew, so that all containers on it have to leave and come back.
func (k networks) renewed(name string) bool {
	id := networkID(name)
	want, seen := k.Want(), k.Seen()
	w := slices.IndexFunc(want, func(r engine.Resource) bool { return r.ID == id })
	s := slices.IndexFunc(seen, func(r engine.Resource) bool { return r.ID == id })
	if w < 0 || s < 0 {
		return false
	}
	delete(seen[s].Attrs, networkOwner)
	delete(want[w].Attrs, networkOwner)
	return !maps.EqualFunc(want[w].Attrs, seen[s].Attrs, func(a, b engine.Attr) bool { return a.Value == b.Value })
}

func (k networks) declared(name string) *schema.Network {
	i := slices.IndexFunc(k.file.Networks, func(n *schema.Network) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return k.file.Networks[i]
}

// canonicalPrefix clears host bits, which Docker accepts and keeps.
func canonicalPrefix(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return s
	}
	return p.Masked().String()
}

func (k networks) Facts(_, _ engine.Snapshot) []engine.Fact {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Fact
	for _, n := range k.file.Networks {
		there, found := k.seen.network(n.Name, k.file.Name)
		f := engine.Fact{On: networkID(n.Name), Addr: address(n.Address), Origin: origin(n.Origin)}
		switch {
		case n.External && !found:
			f.Code, f.Text = "PGR221", fmt.Sprintf("network %s is external and does not exist", n.Name)
			f.Next = "make it (docker network create " + n.Name + "), or drop `external = true` to have pgrepl make it"
			out = append(out, f)
		case !n.External && found && k.takesPartNetwork(there) && !k.ownsNetwork(there):
			out = append(out, k.unlike(n, there, f)...)
		case !n.External && found && !k.ownsNetwork(there):
			f.Code, f.Text = "PGR212", fmt.Sprintf("a network %s exists already and is not this cluster's%s", n.Name, owner(there.Labels))
			f.Detail = "pgrepl never changes or removes what it did not make"
			f.Next = "to use it as it is, write `external = true` in its block; otherwise give the block another `name`, or remove it (docker network rm " + n.Name + ")"
			out = append(out, f)
		case n.Protect && found && networks(k).renewed(n.Name):
			f.Code, f.Text = "PGR229", fmt.Sprintf("%s is protected, and would be made anew", address(n.Address))
			f.Detail = "a network cannot be changed in place"
			f.Next = "write what it is, or take protect = true out of its block"
			out = append(out, f)
		case !n.External && n.Subnet != "" && (!found || k.renewed(n.Name)):
			out = append(out, k.overlaps(n, f)...)
		}
	}
	return out
}

// owner names the cluster that labels belong to, for messages.
func owner(labels map[string]string) string {
	if c := labels[labelCluster]; c != "" {
		return fmt.Sprintf(" (it belongs to the pgrepl cluster %q)", c)
	}
	return ""
}

func (k networks) Steps(c engine.Change) []engine.Step {
	create := createNetwork{Order: engine.Order{Self: engine.StepID{Do: "create", On: c.ID}, Behind: k.inTheWay(c.ID.Name)}, site: k.Site, wanted: c.New}
	remove := removeNetwork{Order: engine.Order{Self: engine.StepID{Do: "remove", On: c.ID}}, engine: k.engine, owned: k.ownsNetwork, network: c.ID}
	for name, node := range k.seen.inspected { // a network goes after all that is on it
		if _, on := node.NetworkSettings.Networks[c.ID.Name]; on {
			remove.Behind = append(remove.Behind, engine.StepID{Do: "remove", On: nodeID(name)})
		}
	}
	for name, a := range k.seen.apps {
		if slices.Contains(a.on, c.ID.Name) {
			remove.Behind = append(remove.Behind, engine.StepID{Do: "remove", On: appID(name)})
		}
	}
	switch c.Action {
	case engine.Create:
		return []engine.Step{create}
	case engine.Delete:
		return []engine.Step{remove}
	}
	create.Behind = append(create.Behind, remove.Self)
	return []engine.Step{remove, create}
}

type createNetwork struct {
	engine.Order
	site   *Site
	wanted engine.Resource
}

func (s createNetwork) String() string                          { return "create network " + s.wanted.ID.Name }
func (s createNetwork) After(w engine.Snapshot) engine.Snapshot { return w.With(s.wanted) }

func (s createNetwork) Run(ctx context.Context) error {
	n := networks{s.site}.declared(s.wanted.ID.Name)
	options := network.CreateOptions{Driver: n.Driver, Internal: n.Internal,
		Labels: ownLabels(s.site.file.Name, "network", n.Name, withCluster(s.site.file.Labels, n.Labels))}
	if n.Subnet != "" {
		options.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: n.Subnet, Gateway: n.Gateway}}}
	}
	err := s.site.engine.effect.Around(s.String(), func() error {
		_, err := s.site.engine.api.NetworkCreate(ctx, n.Name, options)
		return err
	})
	switch {
	case errdefs.IsConflict(err): // made by the run that this one goes on from
		return nil
	case err != nil:
		return fmt.Errorf("create network %s: %w", n.Name, err)
	}
	return s.removeTwins(ctx, n.Name)
}

// removeTwins removes networks of the same name that are younger: names of networks are not unique, and two creations at
// once both succeed.
func (s createNetwork) removeTwins(ctx context.Context, name string) error {
	list, err := s.site.engine.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return fmt.Errorf("create network %s: list: %w", name, err)
	}
	look := survey{networks: list}
	first, _ := look.network(name, s.site.file.Name)
	for _, n := range list {
		if n.Name == name && n.ID != first.ID && n.Labels[labelCluster] == s.site.file.Name {
			if err := s.site.engine.api.NetworkRemove(ctx, n.ID); err != nil && !errdefs.IsNotFound(err) {
				return fmt.Errorf("create network %s: remove its twin: %w", name, err)
			}
		}
	}
	return nil
}

func withCluster(cluster, own map[string]string) map[string]string {
	out := maps.Clone(cluster)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, own)
	return out
}

type removeNetwork struct {
	engine.Order
	engine  *Engine
	owned   func(network.Summary) bool
	network engine.ID
}

func (s removeNetwork) String() string                          { return "remove network " + s.network.Name }
func (s removeNetwork) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.network) }

func (s removeNetwork) Run(ctx context.Context) error {
	list, err := s.engine.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	for _, n := range list {
		if n.Name != s.network.Name || !s.owned(n) {
			continue
		}
		err := s.engine.effect.Around(s.String(), func() error { return s.engine.api.NetworkRemove(ctx, n.ID) })
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("%s: %w", s, err)
		}
		if n.Labels[labelCluster] == "" {
			return s.engine.forget(ctx, s.network)
		}
	}
	return nil
}
