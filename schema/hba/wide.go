package hba

import (
	"net/netip"
	"slices"
)

// Wide is how far open a rule is: to all addresses, and, by trust, to some that are in none of the networks.
func (r Rule) Wide(w World) (world, trust bool) {
	if !r.Valid || r.Open || r.Type == Local || r.Method == "reject" || r.Type == HostGSS {
		return false, false
	}
	switch a := r.Address; a.Kind {
	case AnyAddress:
		world = true
	case HostName:
		return false, r.Method == "trust"
	case Network:
		p, whole := a.prefix()
		world = whole && p.Bits() == 0
		if whole && !w.beyond(cell{network: p}) {
			return false, false
		}
	default:
		return false, false
	}
	return world, r.Method == "trust"
}

// beyond reports whether a cell is outside the server and its declared networks.
func (w World) beyond(c cell) bool {
	if c.place != "" {
		return c.host != ""
	}
	inside := func(n netip.Prefix) bool { return n.Bits() <= c.network.Bits() && n.Contains(c.network.Addr()) }
	return !slices.ContainsFunc(loopbacks, inside) && !slices.ContainsFunc(w.Networks, inside)
}
