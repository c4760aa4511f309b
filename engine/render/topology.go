package render

import (
	"reflect"
	"slices"

	"pgrepl/engine"
)

// Topology is the cluster before and after the plan, each with the primary first.
type Topology struct {
	Before []Node `json:"before"`
	After  []Node `json:"after"`
}

// Node is one server in it, or an app beside it, with what the plan does to it.
type Node struct {
	Name        string        `json:"name"` // of its container
	Object      string        `json:"object"`
	Part        string        `json:"part"`               // master, replica or app
	Upstream    string        `json:"upstream,omitempty"` // name of the node that it follows
	Uses        []string      `json:"uses,omitempty"`     // names of the nodes that an app logs in to
	Slot        string        `json:"slot,omitempty"`
	Synchronous bool          `json:"synchronous,omitempty"`
	Delay       string        `json:"delay,omitempty"`
	Image       string        `json:"image,omitempty"`
	Port        string        `json:"port,omitempty"`
	Down        bool          `json:"down,omitempty"`
	Action      string        `json:"action,omitempty"` // add, change or remove; none: it stays as it is
	Effect      engine.Effect `json:"effect,omitempty"` // the worst that comes to it
}

// The parts that a node can have.
const (
	master  = "master"
	replica = "replica"
	app     = "app"
)

func topology(p engine.Plan) Topology {
	t := Topology{Before: nodes(p, p.Before), After: nodes(p, p.After)}
	has := func(all []Node, name string) bool {
		return slices.ContainsFunc(all, func(n Node) bool { return n.Name == name })
	}
	for i, n := range t.Before {
		if !has(t.After, n.Name) {
			t.Before[i].Action, t.Before[i].Effect = removed, ""
		}
	}
	for i, n := range t.After {
		if !has(t.Before, n.Name) {
			t.After[i].Action, t.After[i].Effect = added, ""
		}
	}
	return t
}

func nodes(p engine.Plan, all []engine.Node) []Node {
	out := []Node{}
	for _, n := range all {
		t := nodeOf(n)
		for _, c := range p.Changes {
			if !ofNode(c.ID, n.Name) {
				continue
			}
			t.Action = changed
			for _, f := range c.Fields {
				if worse(f.Effect, t.Effect) {
					t.Effect = f.Effect
				}
			}
		}
		out = append(out, t)
	}
	return out
}

func nodeOf(n engine.Node) Node {
	out := Node{Name: n.Name, Object: n.Addr.String(), Part: replica, Upstream: n.Upstream, Slot: n.Slot, Synchronous: n.Synchronous, Delay: n.Delay, Image: n.Image, Port: n.Port, Down: n.Down}
	switch {
	case n.Primary:
		out.Part = master
	case n.App:
		out.Part, out.Uses = app, n.Uses
	}
	return out
}

// above is the name of the node that a node stands below in a drawing: an app does below the first that it uses.
func (n Node) above() string {
	if len(n.Uses) > 0 {
		return n.Uses[0]
	}
	return n.Upstream
}

// sameNodes reports whether two sides of a plan look the same.
func sameNodes(a, b []Node) bool {
	return slices.EqualFunc(a, b, func(x, y Node) bool {
		same := slices.Equal(x.Uses, y.Uses)
		x.Uses, y.Uses = nil, nil
		return same && reflect.DeepEqual(x, y)
	})
}

// ofNode reports whether something is a part of a node itself: not what others keep on it, such as the slot of a standby.
func ofNode(id engine.ID, node string) bool {
	switch id.Kind {
	case "node", "server", "app":
		return id.Name == node
	case "settings", "hba", "replication", "synchronous":
		return id.On == node
	}
	return false
}

// worse reports whether one effect costs more than another.
func worse(a, b engine.Effect) bool {
	return slices.Index(engine.Effects(), a) > slices.Index(engine.Effects(), b)
}
