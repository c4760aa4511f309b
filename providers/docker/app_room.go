package docker

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Whom apps make room for, and who waits for them.

// yields reports whether the container of an app has to go before others come: it is on a network that goes, has a port that is
// to be another's, is connected to a database that is to have another name, or uses a node of which it gets port or name.
func (k apps) yields(a *schema.App) bool {
	seen := k.seen.apps[a.Name]
	for _, n := range seen.on {
		if d := networks(k).declared(n); d == nil && n != a.Network.Name || networks(k).renewed(n) {
			return true
		}
	}
	return slices.ContainsFunc(seen.ports, func(p schema.AppPort) bool { return k.wantedElsewhere(a, p) }) ||
		slices.ContainsFunc(k.file.Databases, func(d *schema.Database) bool { return seen.usesDatabase(d.RenamedFrom) }) ||
		slices.ContainsFunc(UsedNodes(seen.labels[labelUses]), func(n string) bool {
			return nodes(k).node(n) == nil && (n == a.Name || k.hasPortOf(a, n))
		})
}

// hasPortOf reports whether an app is to have the port of a node's container.
func (k apps) hasPortOf(a *schema.App, node string) bool {
	c, there := k.seen.inspected[node]
	if !there {
		return false
	}
	port := seenPort(c.HostConfig)
	return slices.ContainsFunc(a.Ports, func(p schema.AppPort) bool { return strings.HasSuffix(port, ":"+strconv.Itoa(p.Port.Port)) })
}

// LetGo are the steps after which no app uses a node any more that goes.
func (s *Site) LetGo(node string) []engine.StepID {
	var out []engine.StepID
	for _, a := range s.file.Apps {
		if slices.Contains(UsedNodes(s.seen.apps[a.Name].labels[labelUses]), node) && !(apps{s}).yields(a) {
			out = append(out, engine.StepID{Do: "create", On: appID(a.Name)})
		}
	}
	return out
}

func (k apps) wantedElsewhere(a *schema.App, p schema.AppPort) bool {
	for _, n := range k.file.Nodes {
		if n.Port.Port == p.Port.Port {
			return true
		}
	}
	return slices.ContainsFunc(k.file.Apps, func(o *schema.App) bool {
		return o != a && slices.ContainsFunc(o.Ports, func(q schema.AppPort) bool { return q.Port.Port == p.Port.Port })
	})
}

// InTheWay are the steps by which apps make room for a change of a node or a network: their ports, and the network that they are on.
func (s *Site) InTheWay(c engine.Change) []engine.Step {
	n := (nodes{s}).node(c.ID.Name)
	var out []engine.Step
	for _, name := range slices.Sorted(maps.Keys(s.seen.apps)) {
		a := s.seen.apps[name]
		onIt := c.ID.Kind == "network" && slices.Contains(a.on, c.ID.Name)
		port := c.ID.Kind == "node" && n != nil && a.publishes(n.Port.Port)
		if s.ownsApp(a) && (onIt || port) {
			why := map[bool]string{true: "network", false: "ports"}[onIt]
			out = append(out, (apps{s}).replace(s.app(name), engine.Change{ID: appID(name), Addr: s.addressOfApp(name)}, why))
		}
	}
	return out
}
