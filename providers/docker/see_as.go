package docker

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/engine"
	"pgrepl/schema"
)

// SeeAs is Look for a cluster in memory: afterwards this side has seen what w says of images, networks, volumes and
// nodes, all of them this cluster's own. It is the inverse of what the kinds' Seen does; only whose data a volume holds,
// which is a label and no attribute, is told by one named "node".
func (s *Site) SeeAs(w engine.Snapshot) {
	look := survey{inspected: map[string]container.InspectResponse{}, apps: map[string]seenApp{}, built: map[string]string{}, images: map[string]imageInfo{}, unpullable: map[string]error{}}
	for _, r := range w.Sorted() {
		switch r.ID.Kind {
		case "image":
			look.images[r.ID.Name] = imageInfo{Mount: "/var/lib/postgresql", Env: []string{dataAs}}
			if app, built := s.builtAs(r.ID.Name, w); built {
				look.built[r.ID.Name] = app
			}
		case "app":
			look.apps[r.ID.Name] = s.appAs(r)
		case "network":
			n := s.networkAs(r)
			look.networks = append(look.networks, n)
			look.volumes = append(look.volumes, s.noteAs(r, n.ID)...)
		case "volume":
			labels := ownLabels(s.file.Name, "volume", r.ID.Name, nil)
			labels[labelNode] = r.Attrs["node"].Value
			if _, byHand := r.Attrs[volumeOwner]; byHand {
				labels = nil
			}
			look.volumes = append(look.volumes, &volume.Volume{Name: r.ID.Name, Labels: labels})
			if r.Attrs["removal"].Value == "begun" {
				look.volumes = append(look.volumes, &volume.Volume{Name: removing(r.ID.Name), Labels: ownLabels(s.file.Name, "volume", removing(r.ID.Name), map[string]string{labelRemoving: r.ID.Name})})
			}
		case "node":
			c := s.nodeAs(r)
			if _, byHand := r.Attrs[containerOwner]; byHand {
				c.Config.Labels, c.Config.Env = nil, append(c.Config.Env, dataAs)
			}
			look.volumes = append(look.volumes, s.noteAs(r, c.ID)...)
			look.inspected[r.ID.Name] = c
			look.containers = append(look.containers, summaryAs(c))
		}
	}
	s.renamedApps(&look)
	s.seen = s.renamed(look)
	s.marksAs(w)
}

func (s *Site) appAs(r engine.Resource) seenApp {
	a := seenApp{id: "id of " + r.ID.Name, called: cmp.Or(r.Attrs["name"].Value, r.ID.Name), labels: ownLabels(s.file.Name, "app", r.ID.Name, nil), told: r.Attrs}
	a.labels[labelUses] = r.Attrs["uses"].Value
	a.on = []string{strings.TrimSuffix(r.Attrs["network"].Value, " (removed)")}
	for _, text := range strings.Split(r.Attrs["ports"].Value, ", ") {
		if i := strings.LastIndexByte(text, ':'); i > 0 {
			j := strings.LastIndexByte(text[:i], ':')
			port, _ := strconv.Atoi(text[j+1 : i])
			inside, _ := strconv.Atoi(text[i+1:])
			a.ports = append(a.ports, schema.AppPort{Port: schema.Port{Address: text[:max(j, 0)], Port: port}, Inside: inside})
		}
	}
	return a
}

// builtAs tells by its name for which app an image was built.
func (s *Site) builtAs(ref string, w engine.Snapshot) (app string, built bool) {
	name, _, _ := strings.Cut(ref, ":")
	for _, a := range s.file.Apps {
		if builtName(s.file.Name, a.Name) == name {
			return a.Name, true
		}
	}
	for _, r := range w.OfKind("app") {
		if builtName(s.file.Name, r.ID.Name) == name {
			return r.ID.Name, true
		}
	}
	return strings.CutPrefix(name, builtName(s.file.Name, "")+"-")
}

// noteAs is the note of an object that a destroy has begun to remove.
func (s *Site) noteAs(r engine.Resource, identity string) []*volume.Volume {
	if _, noted := r.Attrs["going"]; !noted {
		return nil
	}
	name := goingNote(r.ID.Kind, r.ID.Name)
	return []*volume.Volume{{Name: name, Labels: ownLabels(s.file.Name, "volume", name, map[string]string{labelGoing: r.ID.Kind + " " + identity})}}
}

// dataAs makes the data directory of what was made by hand the root of its volume.
const dataAs = "PGDATA=/var/lib/postgresql"

// marksAs reads the marks that w has as attributes: in the ledger, as long as the primary answers, and otherwise inside the
// volumes of servers that know the role pgrepl.
func (s *Site) marksAs(w engine.Snapshot) {
	s.marks, s.seen.inside = nil, map[string]inside{}
	s.ledger = w[engine.ID{Kind: "server", Name: s.file.Primary().Name}].Attrs["server"].Value == "accepting connections"
	for _, r := range w.Sorted() {
		if s.ledger && r.Attrs[Adoption(r.ID.Kind)].Value == managed(true, "").Value {
			s.marks = append(s.marks, Mark{r.ID.Kind, r.ID.Name, s.Identity(r.ID)})
		}
		if r.ID.Kind == "server" && r.Attrs["management login"].Value != "postgres" {
			s.seen.inside[r.ID.Name] = inside{cluster: s.file.Name, layout: layout{data: "."}}
		}
	}
}

func (s *Site) networkAs(r engine.Resource) network.Summary {
	n := network.Summary{Name: r.ID.Name, ID: "id of " + r.ID.Name, Driver: r.Attrs["driver"].Value, Internal: r.Attrs["internal"].Value == "true",
		Labels: ownLabels(s.file.Name, "network", r.ID.Name, labelsAs(r))}
	if _, byHand := r.Attrs[networkOwner]; byHand {
		n.Labels = nil
	}
	if subnet := r.Attrs["subnet"].Value; subnet != "" {
		n.IPAM.Config = []network.IPAMConfig{{Subnet: subnet, Gateway: r.Attrs["gateway"].Value}}
	}
	return n
}

func labelsAs(r engine.Resource) map[string]string {
	labels := map[string]string{}
	for path, a := range r.Attrs {
		if key, ok := strings.CutPrefix(path, "labels."); ok {
			labels[key] = a.Value
		}
	}
	return labels
}

func (s *Site) nodeAs(r engine.Resource) container.InspectResponse {
	value := func(path string) string { return r.Attrs[path].Value }
	state := value("state")
	policy := parseRestart(value("restart"))
	host := &container.HostConfig{RestartPolicy: policy, ShmSize: bytesAs(value("shm_size")),
		Resources: container.Resources{Memory: bytesAs(value("memory")), NanoCPUs: nanoCPUs(value("cpus"))}}
	if address, port, ok := strings.Cut(value("port"), ":"); ok {
		host.PortBindings = portBindings(address, port)
	}
	config := &container.Config{Image: value("image"), Labels: ownLabels(s.file.Name, "node", r.ID.Name, labelsAs(r))}
	if seconds, err := strconv.Atoi(strings.TrimSuffix(value("stop_timeout"), " s")); err == nil {
		config.StopTimeout = &seconds
	}
	for path, a := range r.Attrs {
		if key, ok := strings.CutPrefix(path, "env."); ok {
			config.Env = append(config.Env, key+"="+s.envAs(r.ID.Name, key, a))
		}
	}
	name, gone := strings.CutSuffix(value("network"), " (removed)")
	end := &network.EndpointSettings{NetworkID: "id of " + name}
	if gone {
		end.NetworkID = "id of a network that was removed"
	}
	data := container.MountPoint{Name: value("volume"), Destination: "/var/lib/postgresql"}
	if isPath(data.Name) {
		data.Name, data.Source = "", data.Name
	}
	return container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{ID: "id of " + r.ID.Name, Name: "/" + cmp.Or(value("name"), r.ID.Name), HostConfig: host,
			State: &container.State{Status: state, Running: slices.Contains([]string{"running", "paused", "restarting"}, state), Paused: state == "paused", Restarting: state == "restarting"}},
		Mounts: []container.MountPoint{data}, Config: config,
		NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{name: end}},
	}
}

// envAs is a value of which only is known whether it is the declared one.
func (s *Site) envAs(node, key string, a engine.Attr) string {
	if n := (nodes{s}).node(node); n != nil && a.Value == schema.Hidden {
		return n.Env[key].Reveal()
	}
	return a.Value
}

func summaryAs(c container.InspectResponse) container.Summary {
	s := container.Summary{ID: c.ID, Names: []string{c.Name}, Labels: c.Config.Labels, Image: c.Config.Image}
	for _, b := range c.HostConfig.PortBindings["5432/tcp"] {
		port, _ := strconv.ParseUint(b.HostPort, 10, 16)
		s.Ports = append(s.Ports, container.Port{IP: b.HostIP, PublicPort: uint16(port), Type: "tcp"})
	}
	return s
}

// bytesAs reads what size wrote.
func bytesAs(v string) int64 {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"B", 1}} {
		if number, ok := strings.CutSuffix(v, u.name); ok {
			n, _ := strconv.ParseInt(number, 10, 64)
			return n * u.bytes
		}
	}
	return 0
}
