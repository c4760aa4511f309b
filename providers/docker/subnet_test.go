package docker

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"

	"pgrepl/schema"
)

// TestSubnetsThatOverlap holds a file with the network "n1" against what is there: "shop" is the cluster's name.
func TestSubnetsThatOverlap(t *testing.T) {
	net := func(name, subnet, cluster string) network.Summary {
		n := network.Summary{Name: name, ID: name, Driver: "bridge", IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}}
		if cluster != "" {
			n.Labels = ownLabels(cluster, "network", name, nil)
		}
		return n
	}
	addresses := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("10.50.1.9/16"), netip.MustParsePrefix("10.60.0.1/24")}
	for _, c := range []struct {
		name, subnet string
		there        []network.Summary
		text, next   string // of the refusal; "" where there is none
		behind       string // what its creation waits for
	}{
		{"nothing there", "10.1.0.0/16", nil, "", "", ""},
		{"a foreign one", "10.1.0.0/16", []network.Summary{net("other", "10.1.7.0/24", "")}, "subnet 10.1.0.0/16 overlaps network other (10.1.7.0/24)", "docker network rm other", ""},
		{"of another cluster", "10.1.0.0/16", []network.Summary{net("other", "10.1.7.0/24", "elsewhere")}, "overlaps network other", "", ""},
		{"Docker's own", "172.17.0.0/24", []network.Summary{net("bridge", "172.17.0.0/16", "")}, "overlaps Docker's own network bridge", "choose another subnet", ""},
		{"its own old subnet", "10.1.0.0/16", []network.Summary{net("n1", "10.1.0.0/24", "shop")}, "", "", ""},
		{"unchanged", "10.1.0.0/16", []network.Summary{net("n1", "10.1.0.0/16", "shop"), net("other", "10.1.7.0/24", "")}, "", "", ""},
		{"changed onto a foreign one", "10.1.0.0/16", []network.Summary{net("n1", "10.2.0.0/16", "shop"), net("other", "10.1.7.0/24", "")}, "overlaps network other", "", ""},
		{"of one that goes", "10.1.0.0/16", []network.Summary{net("old", "10.1.0.0/16", "shop")}, "", "", "remove network old"},
		{"the machine itself", "10.50.0.0/16", nil, "holds the address 10.50.1.9 of this machine itself", "choose another subnet", ""},
		{"in the machine's network, beside it", "10.50.7.0/24", nil, "", "", ""},
		{"an address of the machine on a network that goes", "10.60.0.0/16", []network.Summary{net("old", "10.60.0.0/24", "shop")}, "", "", "remove network old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadDir: func(string) ([]string, error) { return nil, errors.New("not a folder") }, ReadFile: func(string) ([]byte, error) {
				return []byte("cluster \"shop\" {}\nnetwork \"n1\" { subnet = \"" + c.subnet + "\" }\nmaster \"db\" {}\n"), nil
			}})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			k := networks{NewSite(file, nil, Removal{})}
			k.seen = survey{networks: c.there, addresses: addresses}
			facts := k.Facts(nil, nil)
			switch {
			case c.text == "" && len(facts) > 0:
				t.Errorf("refused: %s", facts[0].Text)
			case c.text != "" && (len(facts) != 1 || facts[0].Code != "PGR214" || !strings.Contains(facts[0].Text, c.text) || !strings.Contains(facts[0].Next, c.next)):
				t.Errorf("%+v", facts)
			}
			var behind []string
			for _, id := range k.inTheWay("n1") {
				behind = append(behind, id.String())
			}
			if got := strings.Join(behind, ", "); got != c.behind {
				t.Errorf("its creation waits for %q", got)
			}
		})
	}
}
