package docker

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/network"

	"pgrepl/engine"
	"pgrepl/schema"
)

// A new network may have no address that another one has, nor one of the machine's own: that one would then be looked for
// among the containers. Docker refuses the first without saying which network it is, and takes the second.

// overlaps finds what a new network would share its addresses with.
func (k networks) overlaps(n *schema.Network, f engine.Fact) []engine.Fact {
	want, err := netip.ParsePrefix(n.Subnet)
	if err != nil {
		return nil
	}
	f.Code = "PGR214"
	var out []engine.Fact
	for _, other := range k.seen.networks {
		if k.goes(other) {
			continue // before this one is made
		}
		for _, p := range subnets(other) {
			if !p.Overlaps(want) {
				continue
			}
			f.Text = fmt.Sprintf("subnet %s overlaps network %s (%s)", n.Subnet, other.Name, p)
			f.Next = "choose another subnet, or remove that network (docker network rm " + other.Name + ")"
			if other.Name == "bridge" {
				f.Text = fmt.Sprintf("subnet %s overlaps Docker's own network bridge (%s)", n.Subnet, p)
				f.Next = "choose another subnet"
			}
			out = append(out, f)
		}
	}
	for _, a := range k.ownAddresses() {
		if want.Contains(a.Addr()) {
			f.Text = fmt.Sprintf("subnet %s holds the address %s of this machine itself", n.Subnet, a.Addr())
			f.Detail = "the machine could not be reached any more by those who know it under that address"
			f.Next = "choose another subnet"
			out = append(out, f)
		}
	}
	return out
}

// subnets are the address ranges of a network.
func subnets(n network.Summary) []netip.Prefix {
	var out []netip.Prefix
	for _, c := range n.IPAM.Config {
		if p, err := netip.ParsePrefix(c.Subnet); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}

// goes reports whether the plan removes the network, for good or to make it anew.
func (k networks) goes(n network.Summary) bool {
	i := slices.IndexFunc(k.Seen(), func(r engine.Resource) bool { return r.ID == networkID(n.Name) })
	if i < 0 || n.Labels[labelCluster] != k.file.Name {
		return false
	}
	declared := k.declared(n.Name)
	if declared == nil || declared.External {
		return k.Seen()[i].Ours
	}
	return k.renewed(n.Name)
}

// inTheWay are the removals of networks whose addresses a new one takes.
func (k networks) inTheWay(name string) []engine.StepID {
	n := k.declared(name)
	if n == nil || n.Subnet == "" {
		return nil
	}
	want, err := netip.ParsePrefix(n.Subnet)
	if err != nil {
		return nil
	}
	var out []engine.StepID
	for _, other := range k.seen.networks {
		if other.Name != name && k.goes(other) && slices.ContainsFunc(subnets(other), want.Overlaps) {
			out = append(out, engine.StepID{Do: "remove", On: networkID(other.Name)})
		}
	}
	return out
}

// ownAddresses are those of this machine, where it is the engine's; without those that it has on Docker's networks.
func (k networks) ownAddresses() []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(k.seen.addresses), func(a netip.Prefix) bool {
		return slices.ContainsFunc(k.seen.networks, func(n network.Summary) bool {
			return slices.ContainsFunc(subnets(n), func(p netip.Prefix) bool { return p.Contains(a.Addr()) })
		})
	})
}

// addresses are those of the engine's machine, where it is this one.
func (e *Engine) addresses() []netip.Prefix {
	if !strings.HasPrefix(e.api.DaemonHost(), "unix://") {
		return nil
	}
	var out []netip.Prefix
	list, _ := net.InterfaceAddrs() // what cannot be told is not compared
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p)
		}
	}
	return out
}
