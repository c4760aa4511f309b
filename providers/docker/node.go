package docker

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"pgrepl/engine"
	"pgrepl/schema"
)

// nodes is the kind of the containers that PostgreSQL servers run in. A node is one kind of thing whatever part it plays.
type nodes struct{ *Site }

func (nodes) Name() string { return "node" }

func nodeID(name string) engine.ID { return engine.ID{Kind: "node", Name: name} }

func (k nodes) Want() []engine.Resource {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Resource
	for _, n := range k.file.Nodes {
		r := engine.Resource{ID: nodeID(n.Name), Addr: address(n.Address), Origin: origin(n.Origin), Made: "container",
			Attrs: placed(wantedAttrs(n), n.Object), Needs: neededBy(n), Unchecked: unchecked("env", n.Env)}
		if c, there := k.seen.inspected[n.Name]; there && !k.labelled(c.Config.Labels) {
			k.withOwner(r.Attrs, "node", c.ID, true)
		}
		out = append(out, r)
	}
	return out
}

// unchecked names the secrets of a group whose value is not known in this run.
func unchecked(group string, env map[string]schema.Secret) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if env[key].IsUnset() {
			out = append(out, group+"."+key+" ("+env[key].Source()+" has no value)")
		}
	}
	return out
}

func neededBy(n *schema.Node) []engine.ID {
	needs := []engine.ID{imageID(n.Image), networkID(n.Network.Name)}
	if !isPath(n.Volume) {
		needs = append(needs, volumeID(n.Volume))
	}
	return needs
}

func wantedAttrs(n *schema.Node) map[string]engine.Attr {
	at := origin(n.Origin)
	recreate := func(v, def string) engine.Attr {
		return engine.Attr{Value: v, Default: v == def, Effect: engine.Recreate, Reason: "fixed when a container is made", Origin: at}
	}
	live := func(v, def string) engine.Attr {
		return engine.Attr{Value: v, Default: v == def, Effect: engine.Live, Origin: at}
	}
	limit := func(v string) engine.Attr {
		if v == "" {
			return engine.Attr{Default: true, Effect: engine.Recreate, Reason: noLimit, Origin: at}
		}
		return live(v, "")
	}
	attrs := map[string]engine.Attr{
		"name":         recreate(n.Name, n.Name),
		"image":        recreate(n.Image, n.Image),
		"network":      recreate(n.Network.Name, n.Network.Name),
		"volume":       recreate(n.Volume, n.Volume),
		"port":         recreate(n.Port.String(), ""),
		"shm_size":     recreate(size(n.ShmSize), ""),
		"stop_timeout": recreate(fmt.Sprintf("%d s", n.StopTimeout), "120 s"),
		"memory":       limit(size(n.Memory)),
		"cpus":         limit(n.CPUs),
		"restart":      live(n.Restart, "unless-stopped"),
		"state":        {Value: "running", Default: true, Passing: true, Effect: engine.Live, Origin: at},
	}
	for key, v := range n.Env {
		a := recreate(schema.Hidden, "")
		a.Secret, a.Source = true, v.Source()
		if v.IsUnset() {
			continue // cannot be compared
		}
		attrs["env."+key] = a
	}
	for key, v := range n.Labels {
		attrs["labels."+key] = recreate(v, "")
	}
	return attrs
}

// Account tells of the limits of a container what a plan says only where one goes.
func (s *Site) Account(id engine.ID, path string) *engine.Account {
	if id.Kind != "node" || path != "memory" && path != "cpus" {
		return nil
	}
	return &engine.Account{Effect: engine.Live, Reason: "of a running container; but " + noLimit + ": without it, a new container"}
}

const noLimit = "Docker sets a limit anew, and takes none away"

// size writes bytes in the largest unit that holds them whole.
func size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}} {
		if bytes%u.bytes == 0 {
			return strconv.FormatInt(bytes/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}

func (k nodes) Seen() []engine.Resource {
	var out []engine.Resource
	for name, c := range k.seen.inspected {
		if !k.takesPart(name, c) {
			continue
		}
		r := engine.Resource{ID: nodeID(name), Addr: k.addressOf(name), Ours: k.owns(c) && !k.released("node", name), Attrs: k.seenAttrs(name, c)}
		if !k.labelled(c.Config.Labels) {
			r.Attrs = k.withOwner(k.bearable(name, r.Attrs), "node", c.ID, false)
		}
		out = append(out, r)
	}
	return out
}

// Leaving lists the nodes that are this cluster's and not in the file any more, with the way into each.
func (s *Site) Leaving() map[string]*Machine {
	out := map[string]*Machine{}
	for name, c := range s.seen.inspected {
		if c.Config.Labels[labelCluster] == s.file.Name && !s.released("node", name) && (nodes{s}).node(name) == nil {
			out[name] = s.Machine(&schema.Node{Object: schema.Object{Name: name}, Image: c.Config.Image, Volume: seenVolume(c)})
		}
	}
	return out
}

func (k nodes) node(name string) *schema.Node {
	i := slices.IndexFunc(k.file.Nodes, func(n *schema.Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return k.file.Nodes[i]
}

// seenAttrs reads what we set and nothing else: what the image, the engine or Docker adds is never a difference.
func (k nodes) seenAttrs(name string, c container.InspectResponse) map[string]engine.Attr {
	attr := func(v string) engine.Attr { return engine.Attr{Value: v} }
	attrs := map[string]engine.Attr{
		"name":         attr(strings.TrimPrefix(c.Name, "/")),
		"image":        attr(c.Config.Image),
		"network":      attr(k.seenNetwork(name, c)),
		"volume":       attr(seenVolume(c)),
		"port":         attr(seenPort(c.HostConfig)),
		"shm_size":     attr(size(seenShm(c.HostConfig))),
		"memory":       attr(size(c.HostConfig.Memory)),
		"cpus":         attr(cpus(c.HostConfig.NanoCPUs)),
		"restart":      attr(restartPolicy(c.HostConfig.RestartPolicy)),
		"stop_timeout": attr(""),
		"state":        attr(seenState(c.State)),
	}
	if c.Config.StopTimeout != nil {
		attrs["stop_timeout"] = attr(fmt.Sprintf("%d s", *c.Config.StopTimeout))
	}
	image := k.seen.images[c.Config.Image]
	for key, v := range seenEnv(c.Config.Env, image.Env) {
		a := engine.Attr{Value: "(differs)", Secret: true, Effect: engine.Recreate}
		if n := k.node(name); n != nil {
			declared, ok := n.Env[key]
			if ok && declared.IsUnset() {
				continue
			}
			if ok && declared.Reveal() == v {
				a.Value = schema.Hidden
			}
		}
		attrs["env."+key] = a
	}
	for key, v := range userLabels(c.Config.Labels, image.Labels) {
		attrs["labels."+key] = engine.Attr{Value: v, Effect: engine.Recreate}
	}
	return attrs
}

func seenEnv(env, image []string) map[string]string {
	out := map[string]string{}
	for _, kv := range env {
		if key, v, _ := strings.Cut(kv, "="); !slices.Contains(image, kv) && key != "PATH" {
			out[key] = v
		}
	}
	return out
}

// seenNetwork names the declared network only where the container is on the one that has that name now: after the network
// was removed and made again, a container still refers to the old one by id and cannot start. One that the plan makes
// anew is another network too.
func (k nodes) seenNetwork(node string, c container.InspectResponse) string {
	on := slices.Sorted(maps.Keys(c.NetworkSettings.Networks))
	if n := k.node(node); n != nil && slices.Contains(on, n.Network.Name) { // one that was made by hand may be on others, too
		on = []string{n.Network.Name}
	}
	return k.onNetwork(on, &c)
}

// onNetwork names the first of the networks, and says what became of it.
func (s *Site) onNetwork(on []string, c *container.InspectResponse) string {
	if len(on) == 0 {
		return "none"
	}
	name := on[0]
	end := c.NetworkSettings.Networks[name]
	switch now, there := s.seen.network(name, s.file.Name); {
	case !there || end.NetworkID != "" && end.NetworkID != now.ID:
		return name + " (removed)"
	case (networks{s}).renewed(name):
		return name + " (as it was)"
	}
	return name
}

func seenVolume(c container.InspectResponse) string {
	m := dataMount(c)
	return cmp.Or(m.Name, m.Source)
}

func seenPort(h *container.HostConfig) string {
	for _, b := range h.PortBindings["5432/tcp"] {
		port, _ := strconv.Atoi(b.HostPort)
		return schema.Port{Address: cmp.Or(b.HostIP, "0.0.0.0"), Port: port}.String()
	}
	return ""
}

// seenShm is 0 where the engine filled in its own default.
func seenShm(h *container.HostConfig) int64 {
	if h.ShmSize == 64<<20 {
		return 0
	}
	return h.ShmSize
}

func cpus(nano int64) string {
	if nano == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(nano)/1e9, 'f', -1, 64)
}

func restartPolicy(p container.RestartPolicy) string {
	switch {
	case p.Name == "":
		return "no"
	case p.Name == container.RestartPolicyOnFailure && p.MaximumRetryCount > 0:
		return fmt.Sprintf("on-failure:%d", p.MaximumRetryCount)
	}
	return string(p.Name)
}

func seenState(s *container.State) string {
	if s.Paused {
		return "paused"
	}
	return s.Status
}

// protected refuses a destroy while a block says protect = true and there is something of it that would go.
func (k nodes) protected() []engine.Fact {
	var out []engine.Fact
	add := func(id engine.ID, a schema.Address, at schema.Origin) {
		out = append(out, engine.Fact{Code: "PGR229", On: id, Addr: address(a), Origin: origin(at), Text: address(a).String() + " is protected",
			Detail: "protect = true in its block says that it is never removed", Next: "take that out of the block first, if it is to go"})
	}
	var any bool
	for _, n := range k.file.Nodes {
		c, there := k.seen.inspected[n.Name]
		there = there && k.owns(c)
		volume := k.seen.volume(n.Volume)
		goes := there || volume != nil && k.removal.volume(address(n.Address))
		any = any || goes
		if n.Protect && goes {
			add(nodeID(n.Name), n.Address, n.Origin)
		}
	}
	for _, n := range k.file.Networks {
		net, there := k.seen.network(n.Name, k.file.Name)
		if goes := there && !n.External && k.ownsNetwork(net); goes && n.Protect {
			add(networkID(n.Name), n.Address, n.Origin)
		}
	}
	if k.file.Protect && any {
		add(engine.ID{Kind: "cluster", Name: k.file.Name}, schema.Address{Block: "cluster", Label: k.file.Name}, k.file.Origin)
	}
	return out
}

func (k nodes) Facts(_, _ engine.Snapshot) []engine.Fact {
	if k.removal.Containers {
		return append(k.protected(), k.leftAlone()...)
	}
	var out []engine.Fact
	for _, n := range k.file.Nodes {
		f := engine.Fact{On: nodeID(n.Name), Addr: address(n.Address), Origin: origin(n.Origin)}
		byHand, refused := k.byHandFacts(n)
		if out = append(out, byHand...); refused {
			continue
		}
		if c, there := k.seen.inspected[n.Name]; there && !k.takesPart(n.Name, c) {
			f.Code, f.Text = "PGR210", fmt.Sprintf("a container %s exists already and is not this cluster's%s", n.Name, owner(c.Config.Labels))
			f.Detail = "pgrepl never changes or removes what it did not make"
			f.Next = "give the block another `name`; or, if nobody needs it, remove it (docker rm -f " + n.Name + ") and pgrepl makes its own"
			out = append(out, f)
			continue
		}
		if c, there := k.seen.inspected[n.Name]; there && seenVolume(c) != n.Volume {
			f.Code, f.Path, f.Text = "PGR224", "volume", fmt.Sprintf("%s keeps its data in volume %s, the file says %s", address(n.Address), seenVolume(c), n.Volume)
			f.Detail = "pgrepl does not move data from one volume to another"
			f.Next = fmt.Sprintf("write `volume = %q`; or, for a replica, take its block out, apply, and put it back with the new volume", seenVolume(c))
			out = append(out, f)
		}
		out = append(out, k.portFacts(n)...)
		out = append(out, k.capacityFacts(n)...)
		out = append(out, k.baseFacts(n)...)
	}
	return out
}

// portFacts finds out before anything moves that a port is taken; Docker says so only when a container starts.
func (k nodes) portFacts(n *schema.Node) []engine.Fact {
	if n.Port.Port == 0 {
		return nil
	}
	if c, there := k.seen.inspected[n.Name]; there && seenPort(c.HostConfig) == n.Port.String() && c.State.Running {
		return nil // it is ours
	}
	return k.portTaken(n.Port, engine.Fact{On: nodeID(n.Name), Path: "port", Addr: address(n.Address)})
}

// portTaken says of a port that none of the cluster's containers has who has it instead.
func (k nodes) portTaken(port schema.Port, f engine.Fact) []engine.Fact {
	f.Code, f.Origin, f.Next = "PGR213", origin(port.Origin), "choose another `"+f.Path+"`"
	if f.Path == "ports" {
		f.Next = "choose another port"
	}
	for _, c := range k.seen.containers {
		if k.minds(c) {
			continue // replaced or removed by the same plan; two declarations of one port are a diagnostic
		}
		for _, p := range c.Ports {
			if int(p.PublicPort) == port.Port && p.Type == "tcp" && sameHost(p.IP, port.Address) {
				f.Text = fmt.Sprintf("port %s is taken by container %s", port, containerName(c))
				f.Next += ", or stop that container"
				return []engine.Fact{f}
			}
		}
	}
	if err := k.engine.listen(port.String()); err != nil && !k.publishes(port.Port) {
		f.Text = fmt.Sprintf("port %s cannot be published: %v", port, err)
		return []engine.Fact{f}
	}
	return nil
}

// publishes reports whether one of this cluster's running containers holds the port: the plan will free it first.
func (k nodes) publishes(port int) bool {
	return slices.ContainsFunc(k.seen.containers, func(c container.Summary) bool {
		return k.minds(c) && slices.ContainsFunc(c.Ports, func(p container.Port) bool { return int(p.PublicPort) == port })
	})
}

// minds reports whether a container takes part, as far as the list of containers tells.
func (k nodes) minds(c container.Summary) bool {
	return k.labelled(c.Labels) || slices.ContainsFunc(k.file.Nodes, func(n *schema.Node) bool {
		seen, there := k.seen.inspected[n.Name]
		return there && seen.ID == c.ID && k.takesPart(n.Name, seen)
	})
}

// listen tries the address where the engine is on this machine; elsewhere only the engine can know, and without one nobody.
func (e *Engine) listen(address string) error {
	if e == nil || !strings.HasPrefix(e.api.DaemonHost(), "unix://") {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

func sameHost(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX != nil || errY != nil {
		return a == b
	}
	return x == y || x.IsUnspecified() || y.IsUnspecified()
}
