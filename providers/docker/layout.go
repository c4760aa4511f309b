package docker

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"pgrepl/schema"
)

// layout is where the data of a node lies. pgrepl's own folder, pgrepl/, always stands at the root of the volume.
type layout struct {
	mount string // where the node's container has the volume; "": where its image wants it
	data  string // the data directory, relative to the root of the volume: ".", where the volume is one
}

// ownData is the data directory in a volume that pgrepl made. Other places are those of adopted ones.
const ownData = "pgdata"

// layoutOf reads the layout of a node from its container; where there is none, from the mark that adoption left in the volume.
func (s *Site) layoutOf(n *schema.Node) layout {
	if c, there := s.seen.inspected[n.Name]; there && s.takesPart(n.Name, c) {
		at := layout{mount: dataMount(c).Destination, data: cmp.Or(c.Config.Labels[labelData], ownData)}
		if !s.labelled(c.Config.Labels) {
			at.data = relative(at.mount, dataDirectory(c))
		}
		return at
	}
	if m, marked := s.seen.inside[n.Name]; marked && m.cluster == s.file.Name {
		return m.layout
	}
	return layout{data: ownData}
}

// dataDirectory is where a container that somebody else made keeps its data, as its image's convention says; what its server
// says of it is held against this.
func dataDirectory(c container.InspectResponse) string {
	for _, kv := range c.Config.Env {
		if dir, ok := strings.CutPrefix(kv, "PGDATA="); ok {
			return dir
		}
	}
	return ""
}

func relative(mount, dir string) string {
	if dir == mount || !strings.HasPrefix(dir, mount+"/") {
		return "."
	}
	return strings.TrimPrefix(dir, mount+"/")
}

// dataMount is the mount that PostgreSQL's data lies in: the innermost around PGDATA, or where nothing says that, the one in
// PostgreSQL's home.
func dataMount(c container.InspectResponse) container.MountPoint {
	mounts := slices.Clone(c.Mounts)
	slices.SortFunc(mounts, func(a, b container.MountPoint) int {
		return cmp.Or(len(b.Destination)-len(a.Destination), strings.Compare(a.Destination, b.Destination))
	})
	dir := dataDirectory(c)
	for _, m := range mounts {
		if m.Destination == dir || strings.HasPrefix(dir, m.Destination+"/") {
			return m
		}
	}
	for _, m := range mounts {
		if strings.HasPrefix(m.Destination, "/var/lib/postgresql") {
			return m
		}
	}
	return container.MountPoint{}
}

// Data is the path of the data directory, relative to Dir.
func (m *Machine) Data() string { return m.site.layoutOf(m.node).data }

// directory is the data directory as the node's container is to have it.
func (at layout) directory(mount string) string { return path.Join(mount, at.data) }
