package schema

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"pgrepl/schema/hba"
)

// Monitor is by what the health of the cluster is judged: the block `monitor`. It is whole also where the file has none.
type Monitor struct {
	LagWarning, LagCritical         int64         // bytes between what the primary has written and a standby has replayed
	LagTimeWarning, LagTimeCritical time.Duration // true lag, on top of a declared delay
	SlotWarning, SlotCritical       int64         // bytes of WAL that a slot retains
	Role                            *Role         // whom the monitor logs in as; nil: the management session, as pg_monitor
	Origin                          Origin
	roleAt                          hcl.Range
}

// monitorLimits are the attributes of the block that are limits, with their defaults: pairs of a warning and what is worse.
var monitorLimits = []struct {
	warning, critical   string
	warnsAt, criticalAt string
	check               rule
}{
	{"lag_warning", "lag_critical", "10MB", "100MB", size(1)},
	{"lag_time_warning", "lag_time_critical", "5s", "5min", timeValue},
	{"slot_warning", "slot_critical", "100MB", "1GB", size(1)},
}

// decodeMonitor reads the block, or an empty one where the file has none.
func (d *decoder) decodeMonitor() {
	r := &reader{loader: d.loader, kind: "monitor", body: &hclsyntax.Body{}}
	for i, b := range d.monitors {
		if i > 0 {
			d.errorf(codeMonitor, b.DefRange(), "a second monitor block: the first is at %s", originOf(d.monitors[0].DefRange()))
			continue
		}
		r.body, r.at = b.Body, b.DefRange()
		d.cluster.Monitor.Origin = originOf(r.at)
	}
	limits := map[string]int64{}
	for _, l := range monitorLimits {
		limits[l.warning], limits[l.critical] = r.limit(l.warning, l.warnsAt, l.check), r.limit(l.critical, l.criticalAt, l.check)
		if limits[l.warning] > limits[l.critical] {
			d.errorf(codeMonitor, r.where(l.warning), "%s is more than %s", l.warning, l.critical).
				detail("What is critical is worse than what is worth a warning. Where they are not written, they are %s and %s.", l.warnsAt, l.criticalAt)
		}
	}
	m := &d.cluster.Monitor
	m.LagWarning, m.LagCritical = limits["lag_warning"], limits["lag_critical"]
	m.LagTimeWarning, m.LagTimeCritical = time.Duration(limits["lag_time_warning"])*time.Millisecond, time.Duration(limits["lag_time_critical"])*time.Millisecond
	m.SlotWarning, m.SlotCritical = limits["slot_warning"], limits["slot_critical"]
	m.Role, m.roleAt = d.monitorRole(r), r.where("role")
}

// limit is one limit, in bytes or milliseconds.
func (r *reader) limit(name, otherwise string, check rule) int64 {
	text := r.text(name, otherwise, check)
	if n, err := bytesOf(text); err == nil {
		return n
	}
	ms, err := Canonical(delaySetting, text)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// monitorRole is the role that the monitor logs in as: it has to be able to, and to see what there is to see.
func (d *decoder) monitorRole(r *reader) *Role {
	if !r.written("role") {
		return nil
	}
	a, ok := r.refer("role", "role")
	if !ok || d.roles[a] == nil {
		return nil
	}
	role, at := d.roles[a], r.where("role")
	switch {
	case !role.Login:
		d.errorf(codeMonitor, at, "%s may not log in", a).hint("write login = true in its block")
	case !role.Password.IsSet() && !role.Password.IsUnset():
		d.errorf(codeMonitor, at, "%s has no password", a).hint("give it one from a sensitive variable, or leave role out: then the monitor needs none")
	case role.Superuser || slices.Contains(rights(d.cluster.rolesByName(), role), "pg_monitor"):
	case slices.Contains(groups(d.cluster.rolesByName(), role), "pg_monitor"):
		d.errorf(codeMonitor, at, "%s does not have the rights of pg_monitor, which it is a member of", a).
			detail("With inherit = false a role has the rights of its groups, and passes them on, only where they are asked for, which the monitor does not.").
			hint("take inherit = false away, of the role or the group between")
	default:
		d.errorf(codeMonitor, at, "%s is not a member of pg_monitor", a).
			detail("Without that a role sees neither the replicas nor the WAL.").hint("write member_of = [\"pg_monitor\"] in its block")
	}
	return role
}

// checkMonitor asks the rules of every server for the monitor's login, which comes from inside its container, without TLS, to the
// database postgres.
func (d *decoder) checkMonitor() {
	role := d.cluster.Monitor.Role
	if role == nil || !role.Login {
		return
	}
	c := hba.Connection{Role: role.Name, Groups: d.groups(role), Database: "postgres", From: netip.MustParsePrefix("127.0.0.1/32"), SameNet: hba.Yes, TLS: hba.No}
	add := fmt.Sprintf("add \"host postgres %s 127.0.0.1/32 scram-sha-256\" to hba", hbaName(role.Name))
	for _, n := range d.cluster.Nodes {
		rules := rulesOf(n)
		answer, by := hba.Admit(rules, c)
		if answer != hba.No {
			continue
		}
		note := d.errorf(codeMonitorAccess, d.cluster.Monitor.roleAt, "pg_hba.conf of %s does not let the monitor in as %s", n.Address, role.Name).hint(add)
		if by >= 0 {
			note.hint(add+", before it").detail("%s: %s\nThe first rule that matches decides, and this one rejects.", n.HBA[by].Origin, n.HBA[by].Text)
		} else if near, why := hba.Nearest(rules, c); near >= 0 {
			note.detail("%s: %s\n%s", n.HBA[near].Origin, n.HBA[near].Text, why)
		}
		return // most often all have the same rules
	}
}
