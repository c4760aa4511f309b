package docker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/engine"
	"pgrepl/schema"
)

// bearable is what is compared of a container that was made by hand: what the file says. What it leaves open waits for the next
// container, and so do labels.
func (k nodes) bearable(name string, seen map[string]engine.Attr) map[string]engine.Attr {
	n := k.node(name)
	if n == nil {
		return seen
	}
	want := wantedAttrs(n)
	paths := maps.Clone(want)
	maps.Copy(paths, seen)
	for path := range paths {
		attribute, _, _ := strings.Cut(path, ".")
		_, written := n.Written[attribute]
		w, wanted := want[path]
		waits := attribute == "labels" || attribute == "env" && !wanted || !written && slices.Contains([]string{"port", "shm_size", "stop_timeout"}, path)
		switch {
		case waits && wanted:
			seen[path] = w
		case waits:
			delete(seen, path)
		}
	}
	return seen
}

// byHandFacts is what keeps a container that somebody else made from being adopted, and what is left of it until the next one.
func (k nodes) byHandFacts(n *schema.Node) (out []engine.Fact, refused bool) {
	c, there := k.seen.inspected[n.Name]
	if !there || c.Config.Labels[labelCluster] != "" {
		return nil, false
	}
	// About no attribute that a plan could change: what is left stands, whatever else there is to do.
	f := engine.Fact{On: nodeID(n.Name), Addr: address(n.Address), Origin: origin(n.Origin), Path: "made by hand"}
	running := c.State.Running && !c.State.Paused && !c.State.Restarting
	switch volume := seenVolume(c); {
	case k.takesPart(n.Name, c) && !running && !k.marked("node", c.ID) && !k.insideSays(n.Volume):
		f.Code, f.Text = "PGR251", fmt.Sprintf("container %s was made without pgrepl and is %s: what is in it cannot be told", n.Name, seenState(c.State))
		f.Detail = "a container is adopted only when the server in it has said what it is"
		f.Next = "start it (docker start " + n.Name + "); or give the block another `name`"
		return []engine.Fact{f}, true
	case k.takesPart(n.Name, c) && !slices.Contains([]string{"", "root", "0", "postgres"}, c.Config.User):
		f.Code, f.Text = "PGR251", fmt.Sprintf("container %s was made without pgrepl and runs as user %s", n.Name, c.Config.User)
		f.Detail = "pgrepl works as the user postgres of the image, who could not read this server's files"
		f.Next = "run it as postgres, after giving its files to that user (chown); or give the block another `name`"
		return []engine.Fact{f}, true
	case k.takesPart(n.Name, c):
		if left := k.leftovers(n, c); len(left) > 0 {
			f.Code = "PGR255"
			f.Text = fmt.Sprintf("%s works as it was made by hand; its next new container does without: %s", address(n.Address), strings.Join(left, "; "))
			f.Next = "nothing has to be done; whatever needs a new container cleans up as well"
			out = append(out, f)
		}
		return out, false
	case volume != "":
		f.Code, f.Text = "PGR250", fmt.Sprintf("container %s was made without pgrepl and keeps its data in %s, the file says %s", n.Name, volume, n.Volume)
		f.Detail = "a container is adopted together with its data; pgrepl does not move data from one volume to another"
		f.Next = fmt.Sprintf("write `volume = %q` in the block to adopt it; or give the block another `name`; or, if nobody needs it, remove it (docker rm -f %s)", volume, n.Name)
		return []engine.Fact{f}, true
	}
	return nil, false
}

// leftovers is what a container made by hand has, or lacks, that one of pgrepl's own would not.
func (k nodes) leftovers(n *schema.Node, c container.InspectResponse) []string {
	var out []string
	add := func(is bool, format string, args ...any) {
		if is {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	arguments := settingArguments(slices.Concat(c.Config.Entrypoint, c.Config.Cmd))
	var lost []string
	for _, name := range arguments {
		if _, declared := n.Settings[name]; !declared && name != "listen_addresses" && name != "unix_socket_directories" {
			lost = append(lost, name)
		}
	}
	add(len(arguments) > 0, "settings as arguments (%s)", strings.Join(arguments, ", "))
	add(len(lost) > 0, "the values of %s, which the file does not declare", strings.Join(lost, ", "))
	image := k.seen.images[c.Config.Image]
	var env, labels []string
	for key := range seenEnv(c.Config.Env, image.Env) {
		if _, declared := n.Env[key]; !declared {
			env = append(env, key)
		}
	}
	for key, v := range userLabels(c.Config.Labels, image.Labels) {
		if n.Labels[key] != v {
			labels = append(labels, key)
		}
	}
	slices.Sort(env)
	slices.Sort(labels)
	add(len(env) > 0, "%s in its environment", strings.Join(env, ", "))
	add(c.HostConfig.Init == nil || !*c.HostConfig.Init, "postgres as the process that adopts orphans (no init process)")
	add(len(c.Config.Entrypoint) > 0, "the image's entry point")
	if port := seenPort(c.HostConfig); n.Port.Port == 0 {
		add(port != "", "port %s, which the file does not declare", port)
	}
	add(len(labels) > 0, "labels %s, which the file does not declare", strings.Join(labels, ", "))
	if shm := seenShm(c.HostConfig); n.ShmSize == 0 {
		add(shm != 0, "shm_size %s, which the file does not declare", size(shm))
	}
	patience := "10 s"
	if c.Config.StopTimeout != nil {
		patience = fmt.Sprintf("%d s", *c.Config.StopTimeout)
	}
	add(patience != fmt.Sprintf("%d s", n.StopTimeout), "a stop timeout of %s", patience)
	return out
}

// settingArguments names the settings in a server's arguments: -c NAME=VALUE, and --NAME=VALUE.
func settingArguments(args []string) []string {
	var out []string
	for i, arg := range args {
		given, long := strings.CutPrefix(arg, "--")
		switch {
		case arg == "-c" && i+1 < len(args):
			given = args[i+1]
		case strings.HasPrefix(arg, "-c"):
			given = strings.TrimPrefix(arg, "-c")
		case !long:
			continue
		}
		if name, _, ok := strings.Cut(given, "="); ok {
			out = append(out, strings.ReplaceAll(strings.ToLower(name), "-", "_"))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unlike refuses to adopt a network that is not what its block says: it could not be changed without its containers leaving.
func (k networks) unlike(n *schema.Network, there network.Summary, f engine.Fact) []engine.Fact {
	id := networkID(n.Name)
	find := func(rs []engine.Resource) map[string]engine.Attr {
		i := slices.IndexFunc(rs, func(r engine.Resource) bool { return r.ID == id })
		return rs[i].Attrs
	}
	want, seen := find(k.Want()), find(k.Seen())
	var out []engine.Fact
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if path == networkOwner || want[path].Value == seen[path].Value {
			continue
		}
		has := cmp.Or(seen[path].Value, "none")
		f.Code, f.Text = "PGR252", fmt.Sprintf("network %s was made without pgrepl and has %s %s, the file says %s", n.Name, path, has, want[path].Value)
		f.Detail = "a network cannot be changed in place: every container on it would have to be made anew"
		f.Next = fmt.Sprintf("write %s as it is to adopt the network, or `external = true` to use it and leave it alone", path)
		out = append(out, f)
	}
	return out
}

// inUse refuses to start a server on data that has no label of the cluster, or to touch it, while somebody else's container, which
// may know nothing of the volume's lock, runs on it. v is the volume; nil for a path, and where there is none.
func (k volumes) inUse(n *schema.Node, v *volume.Volume) []engine.Fact {
	if _, there := k.seen.inspected[n.Name]; there || v != nil && k.labelled(v.Labels) {
		return nil
	}
	for _, c := range k.seen.containers {
		on := slices.ContainsFunc(c.Mounts, func(m container.MountPoint) bool { return m.RW && (m.Name == n.Volume || m.Source == n.Volume) })
		if on && c.State == "running" && !nodes(k).minds(c) {
			return []engine.Fact{{Code: "PGR256", On: volumeID(n.Volume), Addr: address(n.Address), Origin: origin(n.Origin),
				Text:   fmt.Sprintf("volume %s is in use by container %s, which is no node of this file", n.Volume, containerName(c)),
				Detail: "two servers on one volume destroy the data in it",
				Next:   fmt.Sprintf("write `renamed_from = %q` if that is the node under its old name; otherwise stop it (docker stop %s)", containerName(c), containerName(c))}}
		}
	}
	return nil
}

// leftAlone tells of a destroy what it cannot remove: without labels, and without a ledger that says whose it is.
func (k nodes) leftAlone() []engine.Fact {
	if k.ledger {
		return nil
	}
	var out []engine.Fact
	for _, n := range k.file.Nodes {
		c, there := k.seen.inspected[n.Name]
		if !there || k.owns(c) || !k.takesPart(n.Name, c) {
			continue
		}
		out = append(out, engine.Fact{Code: "PGR257", On: nodeID(n.Name), Addr: address(n.Address), Origin: origin(n.Origin),
			Text: fmt.Sprintf("container %s has no label of this cluster, and the ledger is out of reach; it stays (docker rm -f %s removes it)", n.Name, n.Name)})
	}
	return out
}
