package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/engine"
	"pgrepl/schema"
)

// volumes is the kind of the Docker volumes that nodes keep their data in. A node that is bound to a host path has none.
type volumes struct{ *Site }

func (volumes) Name() string { return "volume" }

func volumeID(name string) engine.ID { return engine.ID{Kind: "volume", Name: name} }

func isPath(volume string) bool { return strings.HasPrefix(volume, "/") }

func (k volumes) Want() []engine.Resource {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Resource
	for _, n := range k.file.Nodes {
		if isPath(n.Volume) {
			continue
		}
		r := engine.Resource{ID: volumeID(n.Volume), Addr: address(n.Address), Origin: origin(n.Origin), Made: "volume " + n.Volume}
		if v := k.seen.volume(n.Volume); v != nil && !k.labelled(v.Labels) {
			r.Attrs = k.withOwner(nil, "volume", v.Name, true)
		}
		out = append(out, r)
	}
	return out
}

// Seen reports the volumes labelled as this cluster's. One that no node of the file uses is removed together with its
// container; where the container is gone already (destroy keeps volumes) it is kept, and is no change of any plan. A mark
// tells one whose removal was cut short from one that was kept.
func (k volumes) Seen() []engine.Resource {
	var out []engine.Resource
	for _, v := range k.seen.volumes {
		if !k.takesPartVolume(v) {
			continue
		}
		if app := k.keeper(v); app != "" {
			out = append(out, k.keptSeen(v, app)...)
			continue
		}
		of, note := v.Labels[labelRemoving], v.Labels[labelGoing]
		if of != "" || note != "" {
			if of != "" && k.seen.volume(of) == nil || note != "" && k.outlives(note) { // a run was killed between the two
				out = append(out, engine.Resource{ID: volumeID(v.Name), Addr: engine.Address{Block: "volume", Label: v.Name}, Ours: true})
			}
			continue
		}
		node, lives := k.carrier(v)
		r := engine.Resource{ID: volumeID(v.Name), Addr: k.addressOf(node), Ours: k.ownsVolume(v)}
		if lives { // it goes after its container
			r.Needs = []engine.ID{nodeID(node)}
		}
		if !k.labelled(v.Labels) {
			r.Attrs = k.withOwner(nil, "volume", v.Name, false)
		}
		if !k.declares(v.Name) {
			r.Ours = r.Ours && !k.released("node", node) && (k.removal.volume(r.Addr) || !k.removal.Containers && (lives || k.seen.volume(removing(v.Name)) != nil))
		}
		out = append(out, r)
	}
	return out
}

// carrier is the node whose container is on a volume; where there is none (lives is false), the one it was made for.
func (k volumes) carrier(v *volume.Volume) (node string, lives bool) {
	for name, c := range k.seen.inspected {
		if seenVolume(c) == v.Name && k.takesPart(name, c) {
			return name, true
		}
	}
	for _, n := range k.file.Nodes {
		if n.Volume == v.Name && !k.labelled(v.Labels) {
			return n.Name, false
		}
	}
	return v.Labels[labelNode], false
}

// removing is the name of the mark of a volume whose removal has begun: an empty volume, which like any other object cannot be
// half made. Nothing can be written on a volume itself once it exists.
func removing(volume string) string { return "pgrepl-removing-" + volume }

// goes reports whether a plan in which the node's container is removed for good removes its volume as well.
func (k volumes) goes(volume string) bool {
	v := k.seen.volume(volume)
	return v != nil && k.ownsVolume(v) && !k.declares(volume) && (!k.removal.Containers || k.removal.volume(k.addressOfVolume(v)))
}

func (k volumes) declares(name string) bool {
	return !k.removal.Containers && k.declared(name)
}

// declared reports whether a block of the file has the volume, whether or not it is wanted.
func (k volumes) declared(name string) bool {
	return slices.ContainsFunc(k.file.Nodes, func(n *schema.Node) bool { return n.Volume == name })
}

func (k volumes) addressOfVolume(v *volume.Volume) engine.Address {
	node, _ := k.carrier(v)
	return k.addressOf(node)
}

// addressOf is the address of the block that declares the node, or one made of its real name.
func (s *Site) addressOf(node string) engine.Address {
	for _, n := range s.file.Nodes {
		if n.Name == node {
			return address(n.Address)
		}
	}
	return engine.Address{Block: "replica", Label: node}
}

func (k volumes) Facts(_, _ engine.Snapshot) []engine.Fact {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Fact
	for _, n := range k.file.Nodes {
		v := k.seen.volume(n.Volume)
		if v == nil || k.takesPartVolume(v) {
			out = append(out, k.inUse(n, v)...)
		} else {
			out = append(out, engine.Fact{Code: "PGR211", On: volumeID(v.Name), Addr: address(n.Address), Origin: origin(n.Origin),
				Text:   fmt.Sprintf("a volume %s exists already and is not this cluster's%s", v.Name, owner(v.Labels)),
				Detail: "pgrepl never writes into data that it did not make",
				Next:   "name another volume with `volume`; or, if nobody needs what is in it, remove it (docker volume rm " + v.Name + ") and pgrepl makes it anew"})
		}
	}
	return append(out, k.lostMaster()...)
}

// lostMaster guards the only copy of the data: a master under a new name with no volume of its own, while a volume of
// this cluster stands there undeclared, would become a second, empty cluster.
func (k volumes) lostMaster() []engine.Fact {
	m := k.file.Primary()
	if isPath(m.Volume) || k.seen.volume(m.Volume) != nil {
		return nil
	}
	for _, v := range k.seen.volumes {
		if v.Labels[labelCluster] == k.file.Name && !k.declares(v.Name) && k.keeper(v) == "" {
			return []engine.Fact{{Code: "PGR219", On: volumeID(m.Volume), Addr: address(m.Address), Origin: origin(m.Origin),
				Text:   fmt.Sprintf("%s would start empty, while volume %s holds data of cluster %s", address(m.Address), v.Name, k.file.Name),
				Detail: "a new master would be another cluster: its replicas could not follow, and the data would be left behind",
				Next:   fmt.Sprintf("write `volume = %q` in the block to go on with that data; or remove the volume if nobody needs it (docker volume rm %s)", v.Name, v.Name)}}
		}
	}
	return nil
}

func (k volumes) Steps(c engine.Change) []engine.Step {
	if c.Action == engine.Create {
		node := k.file.Nodes[slices.IndexFunc(k.file.Nodes, func(n *schema.Node) bool { return n.Volume == c.ID.Name })]
		return []engine.Step{createVolume{Order: engine.Order{Self: engine.StepID{Do: "create", On: c.ID}, On: node.Name}, site: k.Site, node: node, wanted: c.New}}
	}
	v := k.seen.volume(c.ID.Name)
	if app := k.keeper(v); app != "" {
		return []engine.Step{removeVolume{Order: engine.Order{Self: engine.StepID{Do: "remove", On: c.ID}, On: app, Behind: []engine.StepID{{Do: "remove", On: appID(app)}}},
			engine: k.engine, volume: c.ID, addr: c.Addr}}
	}
	node, _ := k.carrier(v)
	return []engine.Step{removeVolume{mark: v.Labels[labelRemoving]+v.Labels[labelGoing] != "", Order: engine.Order{Self: engine.StepID{Do: "remove", On: c.ID}, On: node,
		Behind: []engine.StepID{{Do: "remove", On: nodeID(node)}}}, engine: k.engine, volume: c.ID, addr: c.Addr}}
}

type createVolume struct {
	engine.Order
	site   *Site
	node   *schema.Node
	wanted engine.Resource
}

func (s createVolume) String() string                          { return "volume" }
func (s createVolume) After(w engine.Snapshot) engine.Snapshot { return w.With(s.wanted) }

// Run creates the volume and reads it back: a name that is taken is no error, and the labels stay the other's.
func (s createVolume) Run(ctx context.Context) error {
	labels := ownLabels(s.site.file.Name, "volume", s.wanted.ID.Name, s.node.Labels)
	labels[labelNode] = s.node.Name
	var got volume.Volume
	err := s.site.engine.effect.Around("create volume "+s.wanted.ID.Name, func() (err error) {
		got, err = s.site.engine.api.VolumeCreate(ctx, volume.CreateOptions{Name: s.wanted.ID.Name, Labels: labels})
		return err
	})
	if err != nil {
		return fmt.Errorf("create volume %s: %w", s.wanted.ID.Name, err)
	}
	if got.Labels[labelCluster] != s.site.file.Name {
		return fmt.Errorf("create volume %s: somebody else made one of that name meanwhile", s.wanted.ID.Name)
	}
	return nil
}

type removeVolume struct {
	engine.Order
	engine *Engine
	volume engine.ID
	addr   engine.Address
	mark   bool // an empty one, of a volume that is gone
}

func (s removeVolume) String() string                          { return "remove volume " + s.volume.Name }
func (s removeVolume) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.volume) }

func (s removeVolume) Effects() []engine.Effected {
	if s.mark {
		return nil
	}
	return []engine.Effected{{Class: engine.ClassData, On: s.volume, Addr: s.addr, Text: "volume " + s.volume.Name + " is deleted", Asks: true}}
}

func (s removeVolume) Run(ctx context.Context) error {
	for _, name := range []string{s.volume.Name, removing(s.volume.Name)} {
		err := s.engine.effect.Around("remove volume "+name, func() error { return s.engine.api.VolumeRemove(ctx, name, false) })
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove volume %s: %w", name, err)
		}
	}
	return nil
}

// markRemoval notes that a volume goes, before its container does.
func (e *Engine) markRemoval(ctx context.Context, cluster, name string) error {
	labels := ownLabels(cluster, "volume", removing(name), map[string]string{labelRemoving: name})
	err := e.effect.Around("mark volume "+name, func() error {
		_, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: removing(name), Labels: labels})
		return err
	})
	if err != nil {
		return fmt.Errorf("mark volume %s for removal: %w", name, err)
	}
	return nil
}

// Kept lists the volumes of the cluster that no node of the file uses and no plan removes.
func (s *Site) Kept() []string {
	var out []string
	for _, r := range (volumes{s}).Seen() {
		if !r.Ours && !(volumes{s}).declares(r.ID.Name) {
			out = append(out, r.ID.Name)
		}
	}
	slices.Sort(out)
	return out
}
