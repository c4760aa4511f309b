package hba

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// cell is a part of all addresses that every rule of a few lists treats alike: a network without those inside it that a
// list names, or a place that no number is known of.
type cell struct {
	network  netip.Prefix // invalid: a place
	within   int          // the network around it; -1 none
	at       netip.Addr   // an address in it; invalid: there is none, the networks inside fill it
	place    string       // how it is said: the local socket, samenet, samehost, the name of a host
	sameNet  bool
	sameHost bool
	host     string
}

const localSocket = "the local socket"

var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// cells parts all addresses by what rules name, the widest networks first. What has a mask with holes counts as one address.
func cells(rules []Rule, subnet netip.Prefix) []cell {
	networks := slices.Concat(everywhere, loopbacks)
	if subnet.IsValid() {
		networks = append(networks, subnet.Masked())
	}
	places := map[string]cell{localSocket: {}}
	for _, r := range rules {
		switch a := r.Address; a.Kind {
		case Network:
			p, whole := a.prefix()
			if !whole {
				p = netip.PrefixFrom(a.IP, a.IP.BitLen())
			}
			networks = append(networks, p)
		case HostName:
			places[strings.ToLower(a.Host)] = cell{host: strings.ToLower(a.Host)}
		case SameHost:
			places["samehost"] = cell{sameHost: true, sameNet: true}
		case SameNet:
			if !subnet.IsValid() {
				places["samenet"] = cell{sameNet: true}
			}
		}
	}
	out := nested(networks, subnet)
	for _, name := range slices.Sorted(maps.Keys(places)) {
		c := places[name]
		c.within, c.place = -1, name
		if name != localSocket {
			c.at = out[0].at // what no network says of it
		}
		if i := slices.IndexFunc(out, func(n cell) bool { return subnet.IsValid() && n.network == subnet.Masked() }); c.sameHost && i >= 0 {
			c.at = out[i].at
		}
		out = append(out, c)
	}
	return out
}

// nested puts networks into one another.
func nested(networks []netip.Prefix, subnet netip.Prefix) []cell {
	slices.SortFunc(networks, func(a, b netip.Prefix) int { return a.Compare(b) })
	networks = slices.CompactFunc(networks, func(a, b netip.Prefix) bool { return a == b })
	out := make([]cell, len(networks))
	var around []int
	for i, n := range networks {
		for len(around) > 0 && !networks[around[len(around)-1]].Contains(n.Addr()) {
			around = around[:len(around)-1]
		}
		out[i] = cell{network: n, within: -1, at: free(n, networks[i+1:])}
		out[i].sameNet = isLoopback(n) || subnet.IsValid() && subnet.Bits() <= n.Bits() && subnet.Contains(n.Addr())
		out[i].sameHost = isLoopback(n)
		if len(around) > 0 {
			out[i].within = around[len(around)-1]
		}
		around = append(around, i)
	}
	return out
}

// free is the first address of a network that is in none of those behind it, which are in order.
func free(n netip.Prefix, behind []netip.Prefix) netip.Addr {
	at := n.Addr()
	for _, b := range behind {
		if !n.Contains(b.Addr()) {
			break
		}
		if b.Contains(at) {
			if at = last(b).Next(); !at.IsValid() || !n.Contains(at) {
				return netip.Addr{}
			}
		}
	}
	return at
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// holdsCell reports whether an address holds a cell. A host is its own name's, and otherwise anybody from elsewhere.
func (a Address) holdsCell(c cell) Answer {
	switch a.Kind {
	case AnyAddress:
		return Yes
	case SameHost:
		return when(c.sameHost)
	case SameNet:
		return when(c.sameNet)
	case HostName:
		return when(c.host != "" && strings.ToLower(a.Host) == c.host)
	case Network:
		return when(masked(a.IP, c.at, a.Mask))
	}
	return Maybe
}

// apart parts cells into those that are said together: networks, and each place. The server's own loopback is said only where
// nothing else is reached over the network, and a place only where it fares otherwise than all other addresses.
func apart(all []cell, in map[int]bool) []map[int]bool {
	networks, loops := map[int]bool{}, map[int]bool{}
	var out []map[int]bool
	reached := false
	for i, c := range all {
		switch {
		case !in[i]:
		case c.place == "" && isLoopback(c.network):
			loops[i] = true
		case c.place == "":
			networks[i] = true
		case c.place == localSocket || !in[0]:
			out = append(out, map[int]bool{i: true})
			reached = reached || c.place != localSocket
		}
	}
	switch {
	case len(networks) > 0:
		out = append(out, networks)
	case len(loops) > 0 && !reached:
		out = append(out, loops)
	}
	return out
}

// fromCells says from where: networks with all that is in them, or without some of it.
func fromCells(all []cell, in map[int]bool) string {
	inside := map[int][]int{}
	for i, c := range all {
		if c.within >= 0 {
			inside[c.within] = append(inside[c.within], i)
		}
	}
	w := coverage{all, inside, in}
	var out []string
	for i, c := range all {
		switch {
		case c.place != "" && in[i]:
			out = append(out, c.place)
		case c.place == "" && c.within < 0:
			out = append(out, w.said(i)...)
		}
	}
	if len(out) >= 2 && out[0] == everywhere[0].String() && out[1] == everywhere[1].String() {
		out = append([]string{"anywhere"}, out[2:]...)
	}
	if len(out) > shown {
		out = append(out[:shown:shown], plus(len(out)-shown))
	}
	return strings.Join(out, ", ")
}

type coverage struct {
	all    []cell
	inside map[int][]int
	in     map[int]bool
}

// said are the networks of a part of the tree.
func (w coverage) said(i int) []string {
	if !w.in[i] {
		var out []string
		for _, c := range w.inside[i] {
			out = append(out, w.said(c)...)
		}
		return out
	}
	missing, below := w.missing(i)
	text := w.all[i].network.String()
	if len(missing) > 0 {
		if len(missing) > shown {
			missing = append(missing[:shown:shown], plus(len(missing)-shown))
		}
		text += " except " + strings.Join(missing, " and ")
	}
	return append([]string{text}, below...)
}

// missing are the widest networks inside one that do not belong to what is said, and what is said of their insides.
func (w coverage) missing(i int) (missing, below []string) {
	for _, c := range w.inside[i] {
		switch {
		case w.in[c] || !w.all[c].at.IsValid():
			m, b := w.missing(c)
			missing, below = append(missing, m...), append(below, b...)
		case isLoopback(w.all[c].network): // nobody comes from there over the network
		default:
			missing = append(missing, w.all[c].network.String())
			for _, d := range w.inside[c] {
				below = append(below, w.said(d)...)
			}
		}
	}
	return missing, below
}
