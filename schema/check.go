package schema

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// check looks at what one object alone cannot show.
func (d *decoder) check() {
	d.checkNames()
	d.checkSubnets()
	d.checkVolumes()
	d.checkLosses()
	d.checkPorts()
	d.checkUpstreams()
	d.checkReplicas()
	d.checkMembership()
	d.checkCapacity()
	d.checkAccess()
	d.checkRemoved()
	d.checkRenames()
	d.checkHBA()
	d.checkApps()
	d.checkMonitor()
}

// firsts finds the first of several objects that claim one thing.
type firsts map[string]*Object

// claim returns the object that has the thing already, nil where nobody has; then it is o's.
func (f firsts) claim(thing string, o *Object) *Object {
	if other := f[thing]; other != nil {
		return other
	}
	f[thing] = o
	return nil
}

func (d *decoder) checkNames() {
	networks, nodes, roles, slots, databases := firsts{}, firsts{}, firsts{}, firsts{}, firsts{}
	for _, n := range d.cluster.Networks {
		d.sameName(networks, n.Name, &n.Object)
	}
	applications := firsts{}
	for _, n := range d.cluster.Nodes {
		d.sameName(nodes, n.Name, &n.Object)
		if other := applications.claim(n.ApplicationName, &n.Object); other != nil && n.Part == Standby {
			d.errorf(codeSameName, d.at(&n.Object, "application_name"), "%s and %s have the application_name %q", other.Address, n.Address, n.ApplicationName)
		}
	}
	for _, a := range d.cluster.Apps {
		d.sameName(nodes, a.Name, &a.Object)
	}
	superuser := &Object{Address: Address{Block: "cluster", Label: d.cluster.Name}, Origin: d.cluster.Superuser.Origin}
	roles.claim(d.cluster.Superuser.Name, superuser)
	for _, r := range d.cluster.Roles {
		d.sameName(roles, r.Name, &r.Object)
	}
	for _, s := range d.cluster.Slots {
		if s.Upstream != nil {
			d.sameName(slots, s.Upstream.Address.String()+" "+s.Name, &s.Object)
		}
	}
	for _, db := range d.cluster.Databases {
		d.sameName(databases, db.Name, &db.Object)
	}
}

func (d *decoder) sameName(taken firsts, key string, o *Object) {
	other := taken.claim(key, o)
	if other == nil {
		return
	}
	if other.Address.Block == "cluster" {
		d.errorf(codeSameName, d.at(o, "name"), "%s is the cluster's superuser", o.Address).
			hint("a superuser block in the cluster sets its password").detail("The bootstrap superuser is made with the cluster, at %s.", other.Origin)
		return
	}
	d.errorf(codeSameName, d.at(o, "name"), "%s and %s have the same name %q", other.Address, o.Address, o.Name)
}

// checkSubnets finds networks that Docker could not make side by side. One that exists already is not made.
func (d *decoder) checkSubnets() {
	subnets := map[*Network]netip.Prefix{}
	for i, n := range d.cluster.Networks {
		subnet, err := netip.ParsePrefix(n.Subnet)
		if err != nil {
			continue
		}
		subnets[n] = subnet
		for _, other := range d.cluster.Networks[:i] {
			if before, ok := subnets[other]; ok && before.Overlaps(subnet) && !(n.External && other.External) {
				d.errorf(codeSubnet, d.at(&n.Object, "subnet"), "%s and %s have addresses in common: %s and %s", other.Address, n.Address, before, subnet).
					detail("Docker refuses to make the second.")
				break
			}
		}
	}
}

func (d *decoder) checkVolumes() {
	taken := firsts{}
	for _, n := range d.cluster.Nodes {
		if other := taken.claim(n.Volume, &n.Object); other != nil && other.Name != n.Name {
			d.errorf(codeVolume, d.at(&n.Object, "volume"), "%s and %s are on one volume", other.Address, n.Address).
				detail("Two servers on one data directory destroy it. Give every node a volume of its own.")
		}
	}
}

func (d *decoder) checkPorts() {
	for i, n := range d.cluster.Nodes {
		for _, other := range d.cluster.Nodes[:i] {
			if n.Port.Port != 0 && n.Docker == other.Docker && overlap(n.Port, other.Port) {
				d.errorf(codePort, d.at(&n.Object, "port"), "%s and %s publish one port", other.Address, n.Address)
				break
			}
		}
	}
	for i, a := range d.cluster.Apps {
		for _, p := range a.Ports {
			d.checkAppPort(a, p, d.cluster.Apps[:i])
		}
	}
}

func (d *decoder) checkAppPort(a *App, p AppPort, before []*App) {
	taken := func(by Address) {
		d.errorf(codePort, d.at(&a.Object, "ports"), "%s and %s publish one port", by, a.Address)
	}
	for _, n := range d.cluster.Nodes {
		if n.Port.Port != 0 && overlap(n.Port, p.Port) {
			taken(n.Address)
			return
		}
	}
	for _, other := range before {
		if slices.ContainsFunc(other.Ports, func(o AppPort) bool { return overlap(o.Port, p.Port) }) {
			taken(other.Address)
			return
		}
	}
}

// overlap is true for equal ports on one address, or where one is on all addresses.
func overlap(a, b Port) bool {
	all := []string{"0.0.0.0", "::"}
	return a.Port == b.Port && (a.Address == b.Address || slices.Contains(all, a.Address) || slices.Contains(all, b.Address))
}

// checkUpstreams finds replicas that follow each other in a circle, once for each circle.
func (d *decoder) checkUpstreams() {
	settled := map[*Node]bool{}
	for _, n := range d.cluster.Nodes {
		var path []*Node
		for at := n; at != nil && !settled[at]; at = at.Upstream {
			if i := slices.Index(path, at); i >= 0 {
				d.upstreamCircle(path[i:])
				break
			}
			path = append(path, at)
		}
		for _, p := range path {
			settled[p] = true
		}
	}
}

func (d *decoder) upstreamCircle(circle []*Node) {
	var words []string
	for _, n := range append(circle, circle[0]) {
		words = append(words, n.Address.String())
	}
	d.errorf(codeUpstream, d.at(&circle[0].Object, "upstream"), "%s never reaches the master", words[0]).
		detail("%s\nLet one of them follow the master.", strings.Join(words, " -> "))
}

func (d *decoder) checkReplicas() {
	taken := map[*Slot]*Node{}
	for _, n := range d.replicas() {
		if other := taken[n.Slot]; n.Slot != nil && other != nil {
			d.errorf(codeSlotTaken, d.at(&n.Object, "slot"), "%s and %s use one slot", other.Address, n.Address).
				detail("A slot serves one replica at a time. Leave slot out: every replica then gets its own.")
		} else {
			taken[n.Slot] = n
		}
		d.checkRoleOf(n)
		if up := n.Upstream; up != nil && up.Network != nil && n.Network != nil && up.Network != n.Network && up.Docker == n.Docker {
			d.errorf(codeApart, d.at(&n.Object, "network"), "%s is in %s, its upstream %s in %s", n.Address, n.Network.Address, up.Address, up.Network.Address).
				detail("They could not reach each other.")
		}
	}
}

func (d *decoder) checkRoleOf(n *Node) {
	if n.Role == nil {
		return
	}
	for _, need := range []struct {
		has  bool
		name string
	}{{n.Role.Login, "login"}, {n.Role.Replication, "replication"}} {
		if !need.has && !d.wrongAt(&n.Role.Object, need.name) {
			d.errorf(codeRole, d.at(&n.Role.Object, need.name), "%s has no %s, and replicas connect with it", n.Role.Address, need.name).
				hint(fmt.Sprintf("write %s = true", need.name))
		}
	}
}

// wrongAt reports whether what is written for an attribute was found wrong: what follows from it is no mistake of its own.
func (d *decoder) wrongAt(object *Object, name string) bool {
	if _, written := object.Written[name]; !written {
		return false
	}
	at := d.at(object, name)
	return slices.ContainsFunc(d.found, func(o *Diagnostic) bool { return o.Severity == Error && o.Range == rangeOf(at) })
}

// checkMembership finds roles that are members of each other, once for each circle.
func (d *decoder) checkMembership() {
	byName := map[string]*Role{}
	for _, r := range d.cluster.Roles {
		byName[r.Name] = r
	}
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		d.walkMembership(byName, name, nil, done)
	}
}

func (d *decoder) walkMembership(byName map[string]*Role, name string, path []string, done map[string]bool) {
	role := byName[name]
	switch i := slices.Index(path, name); {
	case role == nil:
		return
	case i >= 0:
		d.errorf(codeMember, d.at(&role.Object, "member_of"), "%s is a member of itself", role.Address).
			detail("%s", strings.Join(append(slices.Clone(path[i:]), name), " -> "))
		return
	case done[name]:
		return
	}
	for _, above := range role.MemberOf {
		d.walkMembership(byName, above, append(path, name), done)
	}
	done[name] = true
}
