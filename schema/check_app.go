package schema

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"pgrepl/schema/hba"
)

// checkApps finds URLs that lead nowhere, as far as a file can tell, and volumes that are not an app's to have.
func (d *decoder) checkApps() {
	for _, a := range d.cluster.Apps {
		for _, reach := range a.Reaches {
			d.checkReach(a, reach)
		}
		for _, v := range a.Volumes {
			i := slices.IndexFunc(d.cluster.Nodes, func(n *Node) bool { return n.Volume == v.Source })
			if i >= 0 {
				d.errorf(codeVolume, v.at, "%s and %s are on one volume", d.cluster.Nodes[i].Address, a.Address).
					detail("The data directory of a server is nobody else's to write into.")
			}
		}
	}
}

func (d *decoder) checkReach(a *App, to Reach) {
	at := to.at
	switch {
	case a.Network != to.Node.Network && to.Node.Network != nil && a.Network != nil:
		d.errorf(codeAppApart, at, "%s of %s cannot reach %s: it is in %s, the server in %s", to.Path, a.Address, to.Node.Address, a.Network.Address, to.Node.Network.Address).
			hint("write network = " + to.Node.Network.Address.String() + " in the app")
		return
	case !to.Role.Login:
		if !d.wrongAt(&to.Role.Object, "login") {
			d.errorf(codeAppLogin, at, "%s of %s logs in as %s, which has no login", to.Path, a.Address, to.Role.Address).hint("write login = true in " + to.Role.Address.String())
		}
		return
	}
	d.checkAdmission(a, to, at)
}

// checkAdmission asks the rules of the server for the connection that the URL makes.
func (d *decoder) checkAdmission(a *App, to Reach, at hcl.Range) {
	c := hba.Connection{Role: to.Role.Name, Groups: d.groups(to.Role), Database: to.Database.Name, From: subnetOf(to.Node), SameNet: hba.Yes, TLS: to.Node.TLS()}
	rules := rulesOf(to.Node)
	answer, by := hba.Admit(rules, c)
	if answer == hba.No && c.TLS != hba.No { // libpq tries again without
		c.TLS = hba.No
		answer, by = hba.Admit(rules, c)
	}
	add := fmt.Sprintf("add \"host %s %s samenet scram-sha-256\" to hba", hbaName(to.Database.Name), hbaName(to.Role.Name))
	switch {
	case answer == hba.No && by >= 0:
		d.errorf(codeAppLogin, at, "pg_hba.conf of %s does not let %s in as %s to %s", to.Node.Address, a.Address, to.Role.Name, to.Database.Name).
			hint(add+", before it").detail("%s: %s\nThe first rule that matches decides, and this one rejects.", to.Node.HBA[by].Origin, to.Node.HBA[by].Text)
	case answer == hba.No:
		note := d.errorf(codeAppLogin, at, "pg_hba.conf of %s does not let %s in as %s to %s", to.Node.Address, a.Address, to.Role.Name, to.Database.Name).hint(add)
		if near, why := hba.Nearest(rules, c); near >= 0 {
			note.detail("%s: %s\n%s", to.Node.HBA[near].Origin, to.Node.HBA[near].Text, why)
		}
	case answer == hba.Yes && slices.Contains([]string{"scram-sha-256", "md5", "password"}, rules[by].Method) && !to.Role.Password.IsSet() && !to.Role.Password.IsUnset():
		d.noPassword(a, to, at, by)
	}
}

func (d *decoder) noPassword(a *App, to Reach, at hcl.Range, by int) {
	why := "Nothing tells pgrepl what its password is, so the URL holds none."
	if slices.ContainsFunc(d.cluster.Standbys(), func(n *Node) bool { return n.Role == to.Role }) {
		why = "Its password is generated, and known to the replicas only."
	}
	d.errorf(codeAppLogin, at, "%s of %s logs in as %s, which has no password", to.Path, a.Address, to.Role.Address).
		hint("write password = var.NAME in "+to.Role.Address.String()+", with a sensitive variable").
		detail("%s: %s\nThe rule asks for a password. %s", to.Node.HBA[by].Origin, to.Node.HBA[by].Text, why)
}
