package fake

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"pgrepl/engine"
)

// dockerRefuses is what the engine refuses, and what its containers may not be done to.
func (w *World) dockerRefuses(s engine.Step) error {
	id := s.ID()
	switch id.On.Kind + " " + id.Do {
	case "network remove":
		for _, n := range w.kind("node") {
			if w.value(n.ID, "network") == id.On.Name && w.running(n.ID.Name) {
				return fmt.Errorf("network %s has active endpoints: %s", id.On.Name, n.ID)
			}
		}
		for _, a := range w.kind("app") {
			if w.value(a.ID, "network") == id.On.Name && w.value(a.ID, "state") == "running" {
				return fmt.Errorf("network %s has active endpoints: %s", id.On.Name, a.ID)
			}
		}
	case "network create":
		if w.has(id.On) {
			return fmt.Errorf("network %s already exists", id.On.Name)
		}
		want, err := netip.ParsePrefix(s.After(w.things)[id.On].Attrs["subnet"].Value)
		for _, n := range w.kind("network") {
			if p, other := netip.ParsePrefix(n.Attrs["subnet"].Value); err == nil && other == nil && p.Overlaps(want) {
				return fmt.Errorf("pool overlaps with %s on this address space", n.ID)
			}
		}
	case "volume remove":
		for _, n := range w.kind("node") {
			if w.value(n.ID, "volume") == id.On.Name {
				return fmt.Errorf("volume is in use by %s", n.ID)
			}
		}
	case "node remove":
		self := server(id.On.Name)
		if w.returns[engine.StepID{Do: "return", On: self}] || w.returns[engine.StepID{Do: "halt", On: self}] {
			if err := w.notItsTurn(id.On.Name); err != nil {
				return err
			}
		}
		if err := w.hangs(id.On.Name); err != nil {
			return err
		}
		w.leaves(engine.StepID{Do: "return", On: self})
		if w.value(server(id.On.Name), login) == superuser {
			return fmt.Errorf("nothing would say whose the data of %s is", id.On)
		}
		return errors.Join(w.leftInUse(id.On.Name), w.goes(id.On.Name))
	case "node create":
		if w.has(id.On) || w.has(app(id.On.Name)) {
			return fmt.Errorf("the container name %s is already in use", id.On.Name)
		}
		if err := errors.Join(w.canRecover(id.On.Name, s.After(w.things)), w.canDecode(id.On.Name, w.wanted[id.On.Name].Settings["wal_level"].Value)); err != nil {
			return err
		}
		return errors.Join(w.strays(id.On.Name), w.canStart(s.After(w.things)[id.On]))
	case "node start", "node update":
		if !w.has(id.On) {
			return fmt.Errorf("no such container: %s", id.On.Name)
		}
		return errors.Join(w.strays(id.On.Name), w.canStart(w.things[id.On]))
	}
	return nil
}

// canStart holds for a container that is there, and for one that is about to be.
func (w *World) canStart(n engine.Resource) error {
	network := n.Attrs["network"].Value
	for _, needed := range []engine.ID{{Kind: "image", Name: n.Attrs["image"].Value}, {Kind: "network", Name: network}, {Kind: "volume", Name: n.Attrs["volume"].Value}} {
		if !w.has(needed) && !strings.HasPrefix(needed.Name, "/") {
			return fmt.Errorf("%s not found", needed)
		}
	}
	for _, other := range w.kind("node") {
		if other.ID != n.ID && other.Attrs["volume"].Value == n.Attrs["volume"].Value && w.running(other.ID.Name) {
			return fmt.Errorf("the volume is locked by %s", other.ID)
		}
		if other.ID != n.ID && n.Attrs["port"].Value != "" && other.Attrs["port"].Value == n.Attrs["port"].Value && w.running(other.ID.Name) {
			return fmt.Errorf("port %s is already allocated", n.Attrs["port"].Value)
		}
	}
	if holder := w.publishedBy(n.Attrs["port"].Value, n.ID); holder != "" {
		return fmt.Errorf("port %s is already allocated by %s", n.Attrs["port"].Value, holder)
	}
	return nil
}
