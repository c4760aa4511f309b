package schema

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

func (d *decoder) decodeNetworks() {
	d.every("network", func(in *instance) {
		r := d.reader(in)
		n := &Network{
			Object:   d.object(in, r, networkName),
			Subnet:   r.text("subnet", "", subnet),
			Gateway:  r.text("gateway", "", address),
			Driver:   r.text("driver", "bridge", dockerName),
			Internal: r.flag("internal", false),
			External: r.flag("external", false),
			Labels:   r.labels(d.cluster.Labels),
		}
		d.readers[&n.Object] = r
		d.networks[n.Address] = n
		d.checkGateway(n)
	})
	if d.noBlocks("network") {
		n := &Network{Object: d.implied("network", d.cluster.Name, d.cluster.Origin), Driver: "bridge", Labels: maps.Clone(d.cluster.Labels)}
		d.networks[n.Address] = n
	}
}

// implied is an object that no block writes.
func (d *decoder) implied(kind, name string, cause Origin) Object {
	return Object{Address: Address{Block: kind, Label: name}, Name: name, Origin: cause, Implied: true}
}

func (d *decoder) noBlocks(kind string) bool {
	return !slices.ContainsFunc(d.blocks, func(b *block) bool { return b.kind == kind })
}

// networkName leaves Docker's own networks alone: they give containers no names of each other.
func networkName(text string) (string, error) {
	if slices.Contains([]string{"bridge", "host", "none", "default"}, text) {
		return "", fmt.Errorf("may not be %q: in Docker's own networks containers cannot find each other by name", text)
	}
	return networkLabel(text)
}

func (d *decoder) checkGateway(n *Network) {
	if n.Gateway == "" {
		return
	}
	at := d.at(&n.Object, "gateway")
	if n.Subnet == "" {
		if !d.readers[&n.Object].written("subnet") {
			d.errorf(codeMissing, at, "a gateway needs a subnet").hint("add subnet = to the network")
		}
		return
	}
	if p, a := netip.MustParsePrefix(n.Subnet), netip.MustParseAddr(n.Gateway); !p.Contains(a) {
		d.errorf(codeValue, at, "the gateway %s is not in the subnet %s", a, p)
	}
}
