package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Steps brings a container to what the file says. One whose fixed attributes differ is replaced around the same data;
// one in state "created" was left by a start that failed, and is replaced too.
func (k nodes) Steps(c engine.Change) []engine.Step {
	name := c.ID.Name
	switch c.Action {
	case engine.Create:
		return []engine.Step{k.create(c)}
	case engine.Delete:
		return []engine.Step{k.remove(c, "")}
	}
	var recreate []string
	for _, f := range c.Fields {
		if f.Effect == engine.Recreate {
			recreate = append(recreate, f.Path)
		}
	}
	state, stateDiffers := c.Field("state")
	if len(recreate) > 0 || (stateDiffers && state.Before.Value == "created") {
		create, remove := k.create(c), k.remove(c, strings.Join(recreate, ", "))
		create.again, remove.idle = true, len(recreate) == 0
		create.Behind = append(create.Behind, engine.StepID{Do: "remove", On: c.ID})
		return []engine.Step{remove, create}
	}
	var steps []engine.Step
	if c.Changes("memory", "cpus", "restart") {
		steps = append(steps, updateNode{Order: engine.Order{Self: engine.StepID{Do: "update", On: c.ID}, On: name}, site: k.Site, node: k.node(name), change: c})
	}
	if stateDiffers {
		steps = append(steps, startNode{Order: engine.Order{Self: engine.StepID{Do: "start", On: c.ID}, On: name,
			Behind: []engine.StepID{{Do: "update", On: c.ID}}}, site: k.Site, wanted: c.New, was: state.Before.Value})
	}
	return steps
}

func (k nodes) create(c engine.Change) createNode {
	n := k.node(c.ID.Name)
	behind := []engine.StepID{{Do: "pull", On: imageID(n.Image)}, {Do: "create", On: networkID(n.Network.Name)}, {Do: "create", On: volumeID(n.Volume)}}
	if _, there := k.seen.inspected[k.file.Primary().Name]; !there && c.Action == engine.Create && n.Part == schema.Standby {
		// the master's server takes longest to make: nothing competes with its start
		behind = append(behind, engine.StepID{Do: "create", On: nodeID(k.file.Primary().Name)})
	}
	for name := range k.seen.inspected { // whoever holds its port or volume goes first
		if k.takesFrom(n, name) {
			behind = append(behind, engine.StepID{Do: "remove", On: nodeID(name)})
		}
	}
	for name, a := range k.seen.apps { // an app too
		if name == n.Name || n.Port.Port != 0 && a.publishes(n.Port.Port) {
			behind = append(behind, engine.StepID{Do: "remove", On: appID(name)})
		}
	}
	return createNode{Order: engine.Order{Self: engine.StepID{Do: "create", On: c.ID}, On: n.Name, Behind: behind, Claim: k.startClaim()}, site: k.Site, node: n, wanted: c.New, at: k.layoutOf(n)}
}

// startClaim has no more containers be started side by side than the engine's machine has processors: a start is work for one of
// them from beginning to end, and all that begin at once keep the master's initdb waiting, which the others wait for.
func (k nodes) startClaim() engine.Claim {
	if k.seen.machine.cpus == 0 {
		return engine.Claim{}
	}
	return engine.Claim{Pool: "container starts", Take: 1, Capacity: k.seen.machine.cpus}
}

// takesFrom reports whether a node is to have the port or the volume of a container that is another's.
func (s *Site) takesFrom(n *schema.Node, container string) bool {
	other := s.seen.inspected[container]
	return container != n.Name && ((n.Port.Port != 0 && seenPort(other.HostConfig) == n.Port.String()) || seenVolume(other) == n.Volume)
}

// Inherited reports whether something that the container of a node has is to be another's.
func (s *Site) Inherited(container string) bool {
	return slices.ContainsFunc(s.file.Nodes, func(n *schema.Node) bool { return s.takesFrom(n, container) })
}

// remove stops standbys before the primary, so that they have all of its WAL when it is gone.
func (k nodes) remove(c engine.Change, why string) removeNode {
	s := removeNode{Order: engine.Order{Self: engine.StepID{Do: "remove", On: c.ID}, On: c.ID.Name}, site: k.Site, node: c.ID, addr: c.Addr,
		replaced: c.Action != engine.Delete, why: why, primary: c.Addr.Block == "master"}
	if n := k.node(c.ID.Name); n != nil && !k.labelled(k.seen.inspected[n.Name].Config.Labels) {
		s.patience = fastShutdown(n.StopTimeout)
	}
	if c.Action == engine.Delete {
		s.notes = k.notes(c.ID.Name)
		for app := range k.seen.apps { // whoever uses it goes first
			s.Behind = append(s.Behind, engine.StepID{Do: "remove", On: appID(app)})
		}
	}
	if c.Action == engine.Delete && k.file.Primary().Name == c.ID.Name {
		for other := range k.seen.inspected {
			if other != c.ID.Name {
				s.Behind = append(s.Behind, engine.StepID{Do: "remove", On: nodeID(other)})
			}
		}
	}
	if v := seenVolume(k.seen.inspected[c.ID.Name]); c.Action == engine.Delete && volumes(k).goes(v) {
		s.cluster, s.volume = k.file.Name, v
	}
	return s
}

type createNode struct {
	engine.Order
	site   *Site
	node   *schema.Node
	wanted engine.Resource
	again  bool // in place of one that was removed
	at     layout
}

func (s createNode) String() string {
	if s.again {
		return "new container"
	}
	return "container"
}

func (s createNode) After(w engine.Snapshot) engine.Snapshot { return w.With(s.wanted) }

// Run creates and starts the container. It then waits for its data directory, and becomes the server when that appears.
func (s createNode) Run(ctx context.Context) error {
	info, found, err := s.site.engine.image(ctx, s.node.Image)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("create container %s: image %s is not there", s.node.Name, s.node.Image)
	}
	config, host, nets := s.site.recipe(s.node, info.Mount, s.at)
	err = s.site.engine.effect.Around("create container "+s.node.Name, func() error {
		_, err := s.site.engine.api.ContainerCreate(ctx, config, host, nets, nil, s.node.Name)
		return err
	})
	if err != nil && !errdefs.IsConflict(err) {
		return fmt.Errorf("create container %s: %w", s.node.Name, err)
	}
	if !info.Sets {
		if err := s.site.engine.socketFolder(ctx, s.node.Name); err != nil {
			return err
		}
	}
	return s.site.engine.start(ctx, s.node.Name)
}

// socketFolder makes /var/run/postgresql in the container, which plain images lack. The tmpfs that is mounted there has
// its own mode at the first start only: from the second on runc gives it the mode of the folder below, which Docker
// itself would have made as root's, 0755, and the server could not put its socket there.
func (e *Engine) socketFolder(ctx context.Context, name string) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "postgresql/", Mode: 0o3777})
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	err = e.effect.Around("make the socket folder of "+name, func() error {
		return e.api.CopyToContainer(ctx, name, "/var/run", &archive, container.CopyToContainerOptions{})
	})
	if err != nil {
		return fmt.Errorf("make the socket folder of %s: %w", name, err)
	}
	return nil
}

func (e *Engine) start(ctx context.Context, name string) error {
	err := e.effect.Around("start container "+name, func() error { return e.api.ContainerStart(ctx, name, container.StartOptions{}) })
	if err != nil {
		return fmt.Errorf("start container %s: %w", name, err)
	}
	return nil
}

// startScript is PID 1's child in every node. $0 is PGDATA, $1 the major version, $2 the folder pgrepl/. It waits until the data directory is there (it appears by a
// rename, when it is complete), takes the lock of the volume, and becomes the server. Two servers on one volume destroy
// it, and PIDs being private to a container postmaster.pid does not see that; the flock does, and dies with its holder.
//
// A server whose data is made anew waits in the same way, for as long as pgrepl/rebuild is there.
//
// Files that were delivered for a server that could not start with its own take their place first.
//
// Looking twenty times a second would be a process each time, as long as the clone takes; so it looks every five seconds, and
// whoever makes the directory wakes it up by SIGUSR1 to the process named in wakeFile. It looks once more when the sleep has begun,
// which a signal just before did not end. The sleep is killed, not asked to end: between its fork and its exec it still has the shell's
// trap for TERM, and drops it with the signal. It may not outlive the wait: the postmaster would take its end for a
// crashed backend. And a late signal finds it ignored, not deadly. From the engine's own machine it is woken by wakeSignal, past the engine; that is harmless before
// the script listens as well as after: nobody else means anything by it.
const startScript = `trap 'exit 0' INT TERM
nap=
trap '[ -z "$nap" ] || kill -KILL $nap 2>/dev/null' USR1 ` + wakeSignal + `
cd /
PATH="$PATH:/usr/lib/postgresql/$1/bin:/usr/pgsql-$1/bin"
echo $$ > ` + wakeFile + `
v=$2
ready() { [ -s "$0/PG_VERSION" ] && [ ! -e "$v/rebuild" ]; }
until ready; do
	sleep 5 &
	nap=$!
	ready || wait $nap
done
trap '' USR1 ` + wakeSignal + `
[ -z "$nap" ] || { kill -KILL $nap; wait $nap; } 2>/dev/null
exec 9>>"$v/lock"
flock -n 9 || { echo "another server uses this volume" >&2; exit 1; }
[ ! -s "$v/conf" ] || mv "$v/conf" "$0/postgresql.auto.conf"
[ ! -s "$v/hba" ] || mv "$v/hba" "$0/pg_hba.conf"
exec postgres -D "$0"`

const wakeSignal = "WINCH"

// wakeFile names the process that waits for the data directory.
const wakeFile = "/var/run/postgresql/pgrepl.waits"

// WakeScript is the shell's line that ends the wait of the container it runs in.
func (m *Machine) WakeScript() string {
	return "{ read -r waits < " + wakeFile + " && kill -USR1 $waits; } 2>/dev/null || :\n"
}

// recipe is how a node's container is made.
func (s *Site) recipe(n *schema.Node, mountpoint string, at layout) (*container.Config, *container.HostConfig, *network.NetworkingConfig) {
	if at.data != ownData && at.mount != "" { // the paths in an adopted server's files stay true
		mountpoint = at.mount
	}
	stopTimeout, init := n.StopTimeout, true
	config := &container.Config{
		Image: n.Image,
		User:  "postgres", // by name: its number differs between images
		// No command of the image's and no settings as arguments: they would override the files for good.
		Entrypoint:  []string{"sh", "-c", startScript, at.directory(mountpoint), strconv.Itoa(s.file.Version), path.Join(mountpoint, "pgrepl")},
		Env:         environment(n.Env),
		Labels:      ownLabels(s.file.Name, "node", n.Name, n.Labels),
		StopSignal:  "SIGINT", // a fast shutdown
		StopTimeout: &stopTimeout,
	}
	config.Labels[labelRecipe] = recipe
	if at.data != ownData {
		config.Labels[labelData] = at.data
	}
	host := &container.HostConfig{
		// With postgres as PID 1 it would adopt the orphans of any exec and take their end for a crashed backend.
		Init:          &init,
		RestartPolicy: parseRestart(n.Restart),
		Tmpfs:         map[string]string{"/var/run/postgresql": "mode=3777"}, // missing in plain images
		ShmSize:       n.ShmSize,
		NetworkMode:   container.NetworkMode(n.Network.Name),
		Resources:     container.Resources{Memory: n.Memory, NanoCPUs: nanoCPUs(n.CPUs)},
	}
	if isPath(n.Volume) {
		host.Binds = []string{n.Volume + ":" + mountpoint}
	} else {
		// Without copy-up: packaged images carry a cluster of their own there, which would cost half a second and put foreign
		// files into the volume.
		host.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: n.Volume, Target: mountpoint, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}}
	}
	if n.Port.Port != 0 {
		config.ExposedPorts = nat.PortSet{"5432/tcp": {}}
		host.PortBindings = portBindings(n.Port.Address, strconv.Itoa(n.Port.Port))
	}
	return config, host, &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{n.Network.Name: {}}}
}

func portBindings(address, port string) nat.PortMap {
	return nat.PortMap{"5432/tcp": {{HostIP: address, HostPort: port}}}
}

func environment(env map[string]schema.Secret) []string {
	var out []string
	for key, v := range env {
		out = append(out, key+"="+v.Reveal())
	}
	slices.Sort(out)
	return out
}

func nanoCPUs(cpus string) int64 {
	f, _ := strconv.ParseFloat(cpus, 64)
	return int64(f*1e9 + 0.5)
}

func parseRestart(policy string) container.RestartPolicy {
	name, retries, _ := strings.Cut(policy, ":")
	n, _ := strconv.Atoi(retries)
	return container.RestartPolicy{Name: container.RestartPolicyMode(name), MaximumRetryCount: n}
}

type removeNode struct {
	engine.Order
	site     *Site
	node     engine.ID
	addr     engine.Address
	replaced bool   // by a new container around the same data
	why      string // what makes the replacement necessary
	idle     bool   // it has never run: nothing is interrupted
	primary  bool
	cluster  string
	volume   string // goes as well, in a step of its own; "" where it stays
	patience container.StopOptions
	notes    []Mark // of what nothing would tell about any more
}

func (s removeNode) String() string {
	if s.replaced {
		return "stop and remove the old container"
	}
	return "stop, remove container"
}

func (s removeNode) After(w engine.Snapshot) engine.Snapshot {
	if v, there := w[volumeID(s.volume)]; there {
		v.Attrs = maps.Clone(v.Attrs)
		if v.Attrs == nil {
			v.Attrs = map[string]engine.Attr{}
		}
		v.Attrs["removal"] = engine.Attr{Value: "begun"}
		w = w.With(v)
	}
	return w.Without(s.node)
}

func (s removeNode) Effects() []engine.Effected {
	if !s.replaced || s.idle {
		return nil
	}
	return []engine.Effected{{Class: engine.ClassRecreate, On: s.node, Addr: s.addr, Why: s.why, Text: "new container, same data"}}
}

// Run stops the server with a fast shutdown first (a removal alone would kill it), then removes the container and its
// anonymous volumes.
func (s removeNode) Run(ctx context.Context) error {
	for _, m := range s.notes {
		if err := s.site.engine.note(ctx, s.site.file.Name, m); err != nil {
			return err
		}
	}
	if s.volume != "" { // once the container is gone, nothing else tells that its volume was to go, too
		if err := s.site.engine.markRemoval(ctx, s.cluster, s.volume); err != nil {
			return err
		}
	}
	if err := s.site.engine.remove(ctx, s.site.container(s.node.Name), s.patience, true); err != nil {
		return err
	}
	s.site.left(s.node.Name)
	if len(s.notes) > 0 {
		return s.site.engine.forget(ctx, s.node)
	}
	return nil
}

func (e *Engine) remove(ctx context.Context, name string, how container.StopOptions, nameless bool) error {
	err := e.effect.Around("stop container "+name, func() error { return e.api.ContainerStop(ctx, name, how) })
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("stop container %s: %w", name, err)
	}
	err = e.effect.Around("remove container "+name, func() error {
		return e.api.ContainerRemove(ctx, name, container.RemoveOptions{Force: true, RemoveVolumes: nameless})
	})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	return nil
}

type startNode struct {
	engine.Order
	site   *Site
	wanted engine.Resource
	was    string // the state it was seen in
}

func (s startNode) String() string { return "start" }

func (s startNode) After(w engine.Snapshot) engine.Snapshot { return w.With(s.wanted) }

// Run starts a container that does not run. A paused one is ended first: Docker stops it at once, and cleanly.
func (s startNode) Run(ctx context.Context) error {
	if s.was == "paused" || s.was == "restarting" {
		err := s.site.engine.effect.Around("stop container "+s.wanted.ID.Name, func() error {
			return s.site.engine.api.ContainerStop(ctx, s.site.container(s.wanted.ID.Name), container.StopOptions{})
		})
		if err != nil {
			return fmt.Errorf("stop container %s: %w", s.wanted.ID.Name, err)
		}
	}
	return s.site.engine.start(ctx, s.site.container(s.wanted.ID.Name))
}

type updateNode struct {
	engine.Order
	site   *Site
	node   *schema.Node
	change engine.Change
}

func (s updateNode) String() string {
	var paths []string
	for _, p := range []string{"memory", "cpus", "restart"} {
		if s.change.Changes(p) {
			paths = append(paths, p)
		}
	}
	return "set " + strings.Join(paths, ", ")
}

func (s updateNode) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.change.ID]
	attrs := map[string]engine.Attr{}
	for path, a := range r.Attrs {
		attrs[path] = a
	}
	for _, p := range []string{"memory", "cpus", "restart"} {
		attrs[p] = s.change.New.Attrs[p]
	}
	r.Attrs = attrs
	return w.With(r)
}

func (s updateNode) Run(ctx context.Context) error {
	update := container.UpdateConfig{RestartPolicy: parseRestart(s.node.Restart)}
	update.Memory, update.NanoCPUs = s.node.Memory, nanoCPUs(s.node.CPUs)
	if s.node.Memory != 0 {
		update.MemorySwap = 2 * s.node.Memory // as Docker sets it at creation; it may not stay below the new memory
	}
	err := s.site.engine.effect.Around("update container "+s.node.Name, func() error {
		_, err := s.site.engine.api.ContainerUpdate(ctx, s.site.container(s.node.Name), update)
		return err
	})
	if err != nil {
		return fmt.Errorf("update container %s: %w", s.node.Name, err)
	}
	return nil
}
