package schema

import (
	"fmt"
	"net/netip"
	"slices"

	"pgrepl/schema/hba"
)

// checkAccess finds replicas and roles that pg_hba.conf lets in nowhere. What only the server can tell (host names, included
// files, memberships granted by hand) counts as let in.
func (d *decoder) checkAccess() {
	rules := map[*Node][]hba.Rule{}
	for _, n := range d.replicas() {
		if n.Upstream == nil || n.Role == nil {
			continue
		}
		if rules[n.Upstream] == nil {
			rules[n.Upstream] = rulesOf(n.Upstream)
		}
		d.checkEntry(n, rules[n.Upstream])
	}
	if d.primary == nil {
		return
	}
	exists := map[string]bool{"postgres": true, "template1": true}
	for _, db := range d.cluster.Databases {
		exists[db.Name] = true
	}
	door := hba.NewDoor(rulesOf(d.primary), exists, subnetOf(d.primary), d.primary.TLS())
	for _, r := range d.cluster.Roles {
		if r.Login && !r.Replication {
			d.checkLogin(r, door)
		}
	}
}

func subnetOf(n *Node) netip.Prefix {
	if n.Network == nil {
		return netip.Prefix{}
	}
	p, _ := netip.ParsePrefix(n.Network.Subnet)
	return p
}

// checkEntry asks the upstream's rules for the replica's replication connection.
func (d *decoder) checkEntry(n *Node, rules []hba.Rule) {
	up := n.Upstream
	c := hba.Connection{Role: n.Role.Name, Groups: d.groups(n.Role), Replication: true, SameNet: hba.Maybe, TLS: up.TLS()}
	if n.Network != nil && n.Network == up.Network {
		c.SameNet = hba.Yes
		c.From = subnetOf(n)
	}
	answer, by := hba.Admit(rules, c)
	if answer != hba.No {
		return
	}
	note := d.errorf(codeAccess, d.at(&n.Object, "role"), "pg_hba.conf of %s does not let %s in as %s", up.Address, n.Address, n.Role.Name)
	if by >= 0 {
		note.detail("%s: %s\nThe first rule that matches decides, and this one rejects.", up.HBA[by].Origin, up.HBA[by].Text)
		return
	}
	note.hint("add \"host replication " + hbaName(n.Role.Name) + " samenet scram-sha-256\" to hba")
	if near, why := hba.Nearest(rules, c); near >= 0 {
		note.detail("%s: %s\n%s", up.HBA[near].Origin, up.HBA[near].Text, why)
		return
	}
	note.detail("No rule comes near it: it takes one for the database replication.")
}

// checkLogin asks the master's rules whether a role can come in from anywhere, to any database.
func (d *decoder) checkLogin(r *Role, door *hba.Door) {
	how := door.For(r.Name, d.groups(r))
	at := d.at(&r.Object, "login")
	add := "add \"host all " + hbaName(r.Name) + " samenet scram-sha-256\" to hba"
	by := func(rule int) string {
		return fmt.Sprintf("%s: %s", d.primary.HBA[rule].Origin, d.primary.HBA[rule].Text)
	}
	switch {
	case how.In, how.Inside >= 0 && r == d.cluster.Monitor.Role: // it comes from there
	case how.Inside >= 0:
		d.warnf(codeAccess, at, "pg_hba.conf of %s lets %s in only from inside its own container", d.primary.Address, r.Address).
			hint(add).detail("%s", by(how.Inside))
	case how.Elsewhere >= 0:
		d.warnf(codeAccess, at, "pg_hba.conf of %s lets %s in only to the database %q, which the file does not declare", d.primary.Address, r.Address, how.Database).
			hint(add).detail("%s", by(how.Elsewhere))
	case how.Rejected >= 0:
		d.errorf(codeAccess, at, "pg_hba.conf of %s lets %s in from nowhere", d.primary.Address, r.Address).
			hint(add+", before it").detail("%s\nIt rejects the role before any rule that would let it in. A role that nobody logs in as needs no login.", by(how.Rejected))
	default:
		d.errorf(codeAccess, at, "pg_hba.conf of %s lets %s in from nowhere", d.primary.Address, r.Address).
			hint(add).detail("A role that nobody logs in as needs no login.")
	}
}

func rulesOf(n *Node) []hba.Rule {
	out := make([]hba.Rule, len(n.HBA))
	for i, l := range n.HBA {
		out[i] = l.Rule
	}
	return out
}

// TLS is whether a client that leaves it to the server connects with TLS.
func (n *Node) TLS() hba.Answer {
	switch s := n.Settings["ssl"]; {
	case sslOff(s):
		return hba.No
	case s.Unset || s.Sensitive:
		return hba.Maybe
	}
	return hba.Yes
}

// groups are the roles that a role is a member of by the file, through others as well.
func (d *decoder) groups(r *Role) []string {
	if len(r.MemberOf) == 0 {
		return nil
	}
	if d.rolesByName == nil {
		d.rolesByName = d.cluster.rolesByName()
	}
	return groups(d.rolesByName, r)
}

// Groups are the roles that each role is a member of by the file, through others as well, by name.
func (c *Cluster) Groups() map[string][]string {
	out, byName := map[string][]string{}, c.rolesByName()
	for _, r := range c.Roles {
		out[r.Name] = groups(byName, r)
	}
	return out
}

func (c *Cluster) rolesByName() map[string]*Role {
	out := map[string]*Role{}
	for _, r := range c.Roles {
		out[r.Name] = r
	}
	return out
}

func groups(byName map[string]*Role, r *Role) []string {
	return reached(byName, r, func(*Role) bool { return true })
}

// rights are those of its groups whose rights a role has without asking for them.
func rights(byName map[string]*Role, r *Role) []string {
	if !r.Inherit {
		return nil
	}
	return reached(byName, r, func(group *Role) bool { return group.Inherit })
}

// reached are a role's groups, and theirs in turn where through says so.
func reached(byName map[string]*Role, r *Role, through func(*Role) bool) []string {
	var out []string
	seen := map[string]bool{}
	left := slices.Clone(r.MemberOf)
	for len(left) > 0 {
		name := left[0]
		left = left[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, name)
		if other := byName[name]; other != nil && through(other) {
			left = append(left, other.MemberOf...)
		}
	}
	return out
}
