package schema

import (
	"net/netip"

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
	all := rulesOf(d.primary)
	for _, r := range d.cluster.Roles {
		if r.Login && !r.Replication {
			d.checkLogin(r, all)
		}
	}
}

// checkEntry asks the upstream's rules for the replica's replication connection.
func (d *decoder) checkEntry(n *Node, rules []hba.Rule) {
	up := n.Upstream
	c := hba.Connection{Role: n.Role.Name, Groups: d.groups(n.Role), Replication: true, SameNet: hba.Maybe, TLS: tls(up)}
	if n.Network != nil && n.Network == up.Network {
		c.SameNet = hba.Yes
		c.From, _ = netip.ParsePrefix(n.Network.Subnet)
	}
	answer, by := hba.Admit(rules, c)
	if answer != hba.No {
		return
	}
	note := d.errorf(codeAccess, d.at(&n.Object, "role"), "pg_hba.conf of %s does not let %s in as %s", up.Address, n.Address, n.Role.Name)
	if by >= 0 {
		note.detail("%s: %s", up.HBA[by].Origin, up.HBA[by].Text)
		return
	}
	note.hint("add \"host replication " + hbaName(n.Role.Name) + " samenet scram-sha-256\" to hba").
		detail("A rule for the database all does not match replication.")
}

// checkLogin asks the master's rules whether a role can come in from anywhere, to any database.
func (d *decoder) checkLogin(r *Role, rules []hba.Rule) {
	c := hba.Connection{Role: r.Name, Groups: d.groups(r), SameNet: hba.Yes, TLS: tls(d.primary)}
	for _, rule := range rules {
		rejects := rule.Method == "reject"
		if rejects && rule.Address.Kind != hba.AnyAddress {
			continue // others come in past it
		}
		if rejects {
			c.Database = "\x00" // one that no rule names: only a rejection of all counts
		}
		if rule.Type == hba.Local { // from inside the container
			rule.Type = hba.Host
		}
		rule.Method, rule.Address = "", hba.Address{Kind: hba.AnyAddress}
		answer, _ := hba.Admit([]hba.Rule{rule}, c)
		switch {
		case rejects && answer == hba.Yes && rule.Type == hba.Host:
			d.lockedOut(r)
			return
		case !rejects && answer != hba.No:
			return
		}
		c.Database = ""
	}
	d.lockedOut(r)
}

func (d *decoder) lockedOut(r *Role) {
	d.errorf(codeAccess, d.at(&r.Object, "login"), "pg_hba.conf of %s lets %s in from nowhere", d.primary.Address, r.Address).
		hint("add \"host all " + hbaName(r.Name) + " samenet scram-sha-256\" to hba").
		detail("A role that nobody logs in as needs no login.")
}

func rulesOf(n *Node) []hba.Rule {
	out := make([]hba.Rule, len(n.HBA))
	for i, l := range n.HBA {
		out[i] = l.Rule
	}
	return out
}

// tls is whether a client that leaves it to the server connects with TLS.
func tls(n *Node) hba.Answer {
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
	var out []string
	seen := map[string]bool{}
	var walk func(r *Role)
	walk = func(r *Role) {
		for _, name := range r.MemberOf {
			if seen[name] {
				continue
			}
			seen[name] = true
			out = append(out, name)
			for _, other := range d.cluster.Roles {
				if other.Name == name {
					walk(other)
				}
			}
		}
	}
	walk(r)
	return out
}
