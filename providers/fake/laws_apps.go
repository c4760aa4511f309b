package fake

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/providers"
)

// appRefuses is what Docker refuses of a container beside the cluster, and that it ends when what it uses is not there.
func (w *World) appRefuses(s engine.Step) error {
	id := s.ID()
	switch id.Do {
	case "create":
		if w.has(node(id.On.Name)) || w.has(id.On) && s.String() == "container" {
			return fmt.Errorf("the container name %s is already in use", id.On.Name)
		}
		return w.appStarts(s.After(w.things)[id.On])
	case "start", "update", "watch":
		if !w.has(id.On) {
			return fmt.Errorf("no such container: %s", id.On.Name)
		}
		if state := w.value(id.On, "state"); id.Do == "watch" && state != "running" {
			return fmt.Errorf("container %s is %s", id.On.Name, state)
		}
		return w.appStarts(w.things[id.On])
	case "remove":
		if image := w.images[id.On.Name]; image != "" && !w.has(engine.ID{Kind: "image", Name: image}) && w.value(id.On, "state") == "running" {
			return fmt.Errorf("%s would be down until image %s is there", id.On, image)
		}
	}
	return nil
}

// inUse is why something may not go: an app uses it for which the plan has a step, so that it could let go of it before.
func (w *World) inUse(what string, uses func(use) bool) error {
	for _, a := range w.kind("app") {
		turn := w.returns[engine.StepID{Do: "create", On: a.ID}] || w.returns[engine.StepID{Do: "remove", On: a.ID}]
		if turn && a.Attrs["state"].Value == "running" && slices.ContainsFunc(usesOf(a), uses) {
			return fmt.Errorf("%s is still used by %s", what, a.ID)
		}
	}
	return nil
}

// leftInUse is why a node may not go for good. Where another is to have what it has, that may be who is used next, and the app
// cannot let go before.
func (w *World) leftInUse(name string) error {
	if w.wanted[name] != nil || w.bequeaths(name) {
		return nil
	}
	return w.inUse("node "+name, func(u use) bool { return u.node == name })
}

// bequeaths reports whether a node that goes leaves something to one that stays, itself or one that it follows and that goes after it.
func (w *World) bequeaths(name string) bool {
	for on := name; w.has(node(on)) && w.wanted[on] == nil; on = w.called(w.inForce(w.things[replication(on)], "upstream")) {
		for _, n := range w.wanted {
			published := n.Port.Port != 0 && w.value(node(on), "port") == n.Port.String()
			reads := n.Slot != nil && w.inForce(w.things[replication(on)], "slot") == n.Slot.Name
			if published || reads || w.value(node(on), "volume") == n.Volume {
				return true
			}
		}
	}
	return false
}

func (w *World) appStarts(a engine.Resource) error {
	for _, needed := range []engine.ID{{Kind: "image", Name: a.Attrs["image"].Value}, {Kind: "network", Name: a.Attrs["network"].Value}} {
		if !w.has(needed) {
			return fmt.Errorf("%s not found", needed)
		}
	}
	for _, port := range strings.Split(a.Attrs["ports"].Value, ", ") {
		outside := port[:max(strings.LastIndexByte(port, ':'), 0)]
		if holder := w.publishedBy(outside, a.ID); holder != "" {
			return fmt.Errorf("port %s is already allocated by %s", outside, holder)
		}
	}
	return w.usable(a)
}

// usable says what an app would miss.
func (w *World) usable(a engine.Resource) error {
	for _, use := range usesOf(a) {
		switch {
		case !w.accepts(use.node):
			return fmt.Errorf("%s: %s does not accept connections", a.ID, use.node)
		case w.knowsRules(use.node) != nil:
			return fmt.Errorf("%s: %w", a.ID, w.knowsRules(use.node))
		case !w.has(role(use.role)) || w.value(role(use.role), "login") != "true":
			return fmt.Errorf("%s: role %s cannot log in", a.ID, use.role)
		case !w.has(engine.ID{Kind: "database", Name: use.database}):
			return fmt.Errorf("%s: there is no database %s", a.ID, use.database)
		case w.has(replication(use.node)) && !w.streams(use.node):
			return fmt.Errorf("%s: %s does not stream", a.ID, use.node)
		case w.value(node(use.node), "network") != a.Attrs["network"].Value:
			return fmt.Errorf("%s: %s is on another network", a.ID, use.node)
		}
	}
	return nil
}

type use struct{ role, node, database string }

func usesOf(a engine.Resource) []use {
	var out []use
	for _, text := range strings.Split(a.Attrs["uses"].Value, ", ") {
		user, at, found := strings.Cut(text, "@")
		on, in, both := strings.Cut(at, "/")
		if found && both {
			r, err1 := url.QueryUnescape(user)
			d, err2 := url.QueryUnescape(in)
			if err := errors.Join(err1, err2); err != nil {
				panic(err)
			}
			out = append(out, use{r, on, d})
		}
	}
	return out
}

// publishedBy is the running container that has a port of the host, "" where none has.
func (w *World) publishedBy(port string, but engine.ID) string {
	if port == "" {
		return ""
	}
	for _, n := range w.kind("node") {
		if n.ID != but && n.Attrs["port"].Value == port && w.running(n.ID.Name) {
			return n.ID.String()
		}
	}
	for _, a := range w.kind("app") {
		if a.ID != but && a.Attrs["state"].Value == "running" && strings.Contains(a.Attrs["ports"].Value+":", port+":") {
			return a.ID.String()
		}
	}
	return ""
}

// connected is a running app that is connected to a database, "" where none is.
func (w *World) connected(database string) string {
	for _, a := range w.kind("app") {
		for _, u := range usesOf(a) {
			if u.database == database && a.Attrs["state"].Value == "running" {
				return a.ID.String()
			}
		}
	}
	return ""
}

func (w *World) imageRefuses(s engine.Step) error {
	if s.ID().Do != "remove" {
		return nil
	}
	for _, a := range w.kind("app") {
		if a.Attrs["image"].Value == s.ID().On.Name {
			return fmt.Errorf("the image is used by %s", a.ID)
		}
	}
	return nil
}

// renameApp lets the file call an app by its new name.
func (w *World) renameApp(old, new string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.things = providers.RenamedApp(w.things, old, new)
}
