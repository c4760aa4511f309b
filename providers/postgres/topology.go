package postgres

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
)

// Topology gives the nodes of a state of the world, in which a node that leaves may be there too. Whom that follows, the slot
// that is kept for it tells.
func (s *Site) Topology(w engine.Snapshot) []engine.Node {
	primary := s.primary().node.Name
	waited := strings.FieldsFunc(w[synchronousID(primary)].Attrs["synchronous"].Value, func(c rune) bool { return c == ' ' || c == ',' }) // a name that is no block's in quotes
	var out []engine.Node
	for _, r := range w.OfKind("node") {
		n := engine.Node{Name: r.ID.Name, Addr: r.Addr, Primary: r.ID.Name == primary, Image: inForce(r.Attrs["image"].Value), Port: inForce(r.Attrs["port"].Value), Down: r.Attrs["state"].Value == "exited"}
		if link, follows := w[replicaID(n.Name)]; follows {
			n.Upstream, n.Slot, n.Delay = inForce(link.Attrs["upstream"].Value), inForce(link.Attrs["slot"].Value), inForce(link.Attrs["delay"].Value)
		}
		if n.Upstream == "" && !n.Primary {
			n.Upstream, n.Slot = keptFor(w, n.Name)
		}
		if n.Delay == "0" {
			n.Delay = ""
		}
		n.Synchronous = slices.ContainsFunc(waited, func(word string) bool { return word == n.Addr.String() || word == strconv.Quote(n.Name) })
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b engine.Node) int {
		if a.Primary != b.Primary {
			return map[bool]int{true: -1, false: 1}[a.Primary]
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return out
}

// keptFor is the slot that is kept for a standby, and where.
func keptFor(w engine.Snapshot, standby string) (upstream, slot string) {
	for _, r := range w.OfKind("slot") {
		if r.Attrs["consumer"].Value == standby {
			return r.ID.On, r.ID.Name
		}
	}
	return "", ""
}
