package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/engine"
	"pgrepl/schema"
)

// What is whose: pgrepl's own objects say so in their labels. One that was made by hand has none, and labels cannot be added
// to what exists. Where it fits a block of the file it is adopted: marked in the ledger, by its identity, until a new one in its
// place has the labels. In the volume of an adopted node the folder pgrepl/ holds a mark as well, which can be read without
// any server.

// Mark is one row of the ledger about an object of Docker's.
type Mark struct {
	Kind, Name string
	Identity   string // which one of that name: an id that no other object ever has. Volumes have none but their name
}

// Adopted tells what the ledger says. known is false where it could not be read: then what an earlier look said still holds.
// A container that no block declares any more is looked at now: nothing else tells that it was one of the cluster's.
func (s *Site) Adopted(ctx context.Context, marks []Mark, known bool) error {
	if !known {
		return nil
	}
	s.marks, s.ledger = marks, true
	for _, c := range s.seen.containers {
		name := containerName(c)
		if _, seen := s.seen.inspected[name]; seen || !s.marked("node", c.ID) || slices.Contains(slices.Collect(maps.Values(s.seen.former)), name) {
			continue
		}
		got, err := s.engine.api.ContainerInspect(ctx, c.ID)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("docker: inspect %s: %w", name, err)
		}
		s.seen.inspected[name] = got
	}
	return nil
}

// Strangers reports whether anything of the cluster can only be told by the ledger.
func (s *Site) Strangers() bool {
	for name, c := range s.seen.inspected {
		if !s.labelled(c.Config.Labels) && s.takesPart(name, c) {
			return true
		}
	}
	for _, n := range s.file.Networks {
		if there, found := s.seen.network(n.Name, s.file.Name); found && !n.External && !s.labelled(there.Labels) {
			return true
		}
	}
	return slices.ContainsFunc(s.file.Nodes, func(n *schema.Node) bool {
		v := s.seen.volume(n.Volume)
		return v != nil && !s.labelled(v.Labels)
	})
}

// Stale are the marks of objects that are gone, or have given their place to one with labels.
func (s *Site) Stale() []Mark {
	live := map[string]bool{}
	for _, c := range s.seen.inspected {
		live["node "+c.ID] = !s.labelled(c.Config.Labels)
	}
	for _, n := range s.seen.networks {
		live["network "+n.ID] = !s.labelled(n.Labels)
	}
	for _, v := range s.seen.volumes {
		live["volume "+v.Name] = !s.labelled(v.Labels)
	}
	return slices.DeleteFunc(slices.Clone(s.marks), func(m Mark) bool { return live[m.Kind+" "+m.Identity] })
}

// Identity is that of an object which was seen.
func (s *Site) Identity(id engine.ID) string {
	switch id.Kind {
	case "node":
		if c, there := s.seen.inspected[id.Name]; there {
			return c.ID
		}
	case "network":
		if n, there := s.seen.network(id.Name, s.file.Name); there {
			return n.ID
		}
	case "volume":
		if v := s.seen.volume(id.Name); v != nil {
			return v.Name
		}
	}
	return ""
}

func (s *Site) labelled(labels map[string]string) bool { return labels[labelCluster] == s.file.Name }

func (s *Site) marked(kind, identity string) bool {
	return slices.ContainsFunc(s.marks, func(m Mark) bool { return m.Kind == kind && m.Identity == identity })
}

// owns reports whether a container is this cluster's: nothing else is ever removed.
func (s *Site) owns(c container.InspectResponse) bool {
	return s.labelled(c.Config.Labels) || c.Config.Labels[labelCluster] == "" && (s.marked("node", c.ID) || s.going("node", c.ID))
}

// takesPart reports whether a container is looked at and changed as a node of the file: its own, or one that nobody's labels
// claim and that holds the volume which the file declares for it.
func (s *Site) takesPart(name string, c container.InspectResponse) bool {
	if s.owns(c) {
		return true
	}
	n := (nodes{s}).node(name)
	return c.Config.Labels[labelCluster] == "" && n != nil && seenVolume(c) == n.Volume
}

// carried reports whether a container that takes part is on the volume.
func (s *Site) carried(v *volume.Volume) bool {
	for name, c := range s.seen.inspected {
		if seenVolume(c) == v.Name && s.takesPart(name, c) {
			return true
		}
	}
	return false
}

// ownsVolume reports whether a volume is this cluster's. A mark inside it counts for going on with its data, and so does the
// container that has it; for its removal, that a removal has begun counts too.
func (s *Site) ownsVolume(v *volume.Volume) bool {
	if v.Labels[labelCluster] != "" {
		return s.labelled(v.Labels)
	}
	going := s.seen.volume(removing(v.Name))
	return s.marked("volume", v.Name) || going != nil && s.labelled(going.Labels)
}

func (s *Site) takesPartVolume(v *volume.Volume) bool {
	return s.ownsVolume(v) || v.Labels[labelCluster] == "" && (s.carried(v) || s.insideSays(v.Name))
}

// insideSays reports whether the mark in a volume is this cluster's.
func (s *Site) insideSays(volume string) bool {
	return slices.ContainsFunc(s.file.Nodes, func(n *schema.Node) bool {
		return n.Volume == volume && s.seen.inside[n.Name].cluster == s.file.Name
	})
}

func (s *Site) ownsNetwork(n network.Summary) bool {
	return s.labelled(n.Labels) || n.Labels[labelCluster] == "" && (s.marked("network", n.ID) || s.going("network", n.ID))
}

// takesPartNetwork reports whether a network is the cluster's or may be: a node that takes part is on it.
func (s *Site) takesPartNetwork(n network.Summary) bool {
	if s.ownsNetwork(n) {
		return true
	}
	if n.Labels[labelCluster] != "" || (networks{s}).declared(n.Name) == nil {
		return false
	}
	for name, c := range s.seen.inspected {
		if end, on := c.NetworkSettings.Networks[n.Name]; on && s.takesPart(name, c) && (end.NetworkID == "" || end.NetworkID == n.ID) {
			return true
		}
	}
	return false
}

// The attributes by which adoption shows in a plan. They are compared only where there is something without labels, and the
// ledger can be read.
const (
	containerOwner = "container managed by"
	volumeOwner    = "volume managed by"
	networkOwner   = "managed by"
)

func managed(ours bool, reason string) engine.Attr {
	if ours {
		return engine.Attr{Value: "pgrepl", Default: true}
	}
	return engine.Attr{Value: "nobody", Effect: engine.Live, Reason: reason}
}

// Adoption is the attribute of a kind that says whether an object is marked.
func Adoption(kind string) string {
	return map[string]string{"node": containerOwner, "volume": volumeOwner, "network": networkOwner}[kind]
}

// withOwner adds that attribute, on both sides of the comparison: wanted, and as it was seen.
func (s *Site) withOwner(attrs map[string]engine.Attr, kind, identity string, wanted bool) map[string]engine.Attr {
	if !s.ledger || s.removal.Containers {
		return attrs
	}
	if attrs == nil {
		attrs = map[string]engine.Attr{}
	}
	reason := map[string]string{"node": "adopted: marked in the ledger until a new container has labels", "volume": "adopted: marked in the ledger",
		"network": "adopted: marked in the ledger"}[kind]
	attrs[Adoption(kind)] = managed(wanted || s.marked(kind, identity), reason)
	return attrs
}

// inside is what the mark in a volume says.
type inside struct {
	cluster string
	layout  layout
}

// MarkFile is the file in pgrepl/ that says whose the volume of an adopted node is, and how its data lies in it.
const MarkFile = "cluster"

func (at layout) mark(cluster string) string {
	return strings.Join([]string{cluster, at.mount, at.data}, "\n") + "\n"
}

func parseMark(text string) inside {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return inside{}
	}
	return inside{cluster: lines[0], layout: layout{mount: lines[1], data: lines[2]}}
}

// lookInside reads the marks of volumes that nothing else tells about: no label, and no server that could be asked.
func (s *Site) lookInside(ctx context.Context) error {
	s.seen.inside = map[string]inside{}
	if s.removal.Containers {
		return nil
	}
	for _, n := range s.file.Nodes {
		m := s.Machine(n)
		v := s.seen.volume(n.Volume)
		if m.Running() || m.State() != "missing" && !m.ByHand() || !m.Readable() || v == nil && !isPath(n.Volume) || v != nil && v.Labels[labelCluster] != "" {
			continue
		}
		files, err := m.Read(ctx, "pgrepl/"+MarkFile)
		if err != nil {
			return err
		}
		if text := files["pgrepl/"+MarkFile]; len(text) > 0 {
			s.seen.inside[n.Name] = parseMark(string(text))
		}
	}
	return nil
}
