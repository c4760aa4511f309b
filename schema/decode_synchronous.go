package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"pgrepl/schema/catalogue"
)

// member is one entry of a synchronous block's list, with its place.
type member struct {
	node *Node
	at   hcl.Range
}

// decodeSynchronous reads which standbys a commit waits for, once the nodes are joined. A list that could not be met is an
// error: every commit would wait for ever.
func (d *decoder) decodeSynchronous() {
	cluster := d.only("cluster", codeCluster)
	if cluster == nil {
		return
	}
	r := d.reader(cluster).nested("synchronous")
	if r == nil {
		return
	}
	s := &Synchronous{
		Mode:   r.text("mode", "first", oneOf("first", "any")),
		Count:  r.whole("count", 1, 1, maxCopies),
		Origin: originOf(r.at),
	}
	members, complete := d.members(r)
	for _, m := range members {
		s.Replicas = append(s.Replicas, m.node)
	}
	d.cluster.Synchronous = s
	for _, m := range members {
		d.checkMember(m)
	}
	if complete {
		d.checkCount(s, r)
	}
	d.checkCommit(r)
}

// members are the replicas of the list, each once; false where one of them could not be understood.
func (d *decoder) members(r *reader) ([]member, bool) {
	elements, written := r.elements("replicas")
	if !r.written("replicas") {
		d.errorf(codeMissing, r.at, "synchronous needs replicas").detail("They are the standbys that a commit waits for: replicas = [replica.NAME].")
		return nil, false
	}
	var out []member
	complete := written
	for _, e := range elements {
		for _, one := range spelledOut(e) {
			m, ok := d.member(r, one)
			switch {
			case !ok:
				complete = false
			case slices.ContainsFunc(out, func(o member) bool { return o.node == m.node }):
				d.errorf(codeTwice, m.at, "%s stands twice in the list", m.node.Address).
					detail("A standby counts once, so a commit would wait for one more than there is.")
				complete = false
			default:
				out = append(out, m)
			}
		}
	}
	return out, complete
}

// spelledOut are the copies of a whole block with for_each, by key, or the one element.
func spelledOut(e element) []element {
	plain, marks := e.value.Unmark()
	if len(marks) > 0 || plain.IsNull() || !plain.IsKnown() || !isCopies(plain) {
		return []element{e}
	}
	copies := plain.AsValueMap()
	var out []element
	for _, key := range slices.Sorted(maps.Keys(copies)) {
		out = append(out, element{e.at, copies[key], e.expr})
	}
	return out
}

func (d *decoder) member(r *reader, e element) (member, bool) {
	v, ok := r.open(e.value, e.at, "replicas")
	if !ok {
		return member{}, false
	}
	if v.IsNull() {
		v = cty.StringVal("")
	}
	a, ok := r.refersTo(v, "replicas", e.at, []string{"replica"})
	if !ok || d.nodes[a] == nil {
		return member{}, false
	}
	return member{d.nodes[a], e.at}, true
}

func (d *decoder) checkCount(s *Synchronous, r *reader) {
	switch n := len(s.Replicas); {
	case s.Count > n:
		d.errorf(codeSyncCount, r.where("count"), "the list has %s, and a commit would wait for %d", plural(n, "replica"), s.Count).
			detail("PostgreSQL takes such a list without a word, and every commit waits for ever.")
	case s.Count == n:
		d.warnf(codeSyncSpare, r.where("replicas"), "one restart stops all writes: a commit waits for %d of %d standbys", n, n).
			detail("While one of them restarts or is away, every commit waits. List one more replica than count.")
	}
}

// checkCommit finds a synchronous_commit that lets every commit go at once.
func (d *decoder) checkCommit(r *reader) {
	if d.primary == nil {
		return
	}
	set, written := d.primary.Settings["synchronous_commit"]
	if !written || set.Sensitive {
		return
	}
	level := strings.ToLower(strings.TrimSpace(set.Value))
	if off, err := Canonical(catalogue.Setting{Type: "bool"}, level); level == "local" || err == nil && off == "off" {
		d.warnf(codeSyncCommit, r.at, "synchronous_commit = %s, so no commit waits for a standby", level).
			detail("It is set at %s. Leave it out, or write remote_write, on or remote_apply.", set.Origin)
	}
}

// checkMember: only a standby that the master itself serves can acknowledge, and one that is late on purpose should not
// be waited for.
func (d *decoder) checkMember(m member) {
	n := m.node
	switch {
	case n.Upstream != nil && d.primary != nil && n.Upstream != d.primary:
		d.errorf(codeSyncMember, m.at, "%s streams from %s, and only the master's own standbys can acknowledge a commit", n.Address, n.Upstream.Address).
			detail("The master never hears of it, so every commit would wait for ever. List its upstream.")
	case n.Delay != "":
		d.errorf(codeSyncMember, m.at, "%s stays %s behind on purpose", n.Address, n.Delay).
			detail("It would acknowledge rows that are not to be seen on it, and with synchronous_commit = remote_apply every commit would take %s.", n.Delay)
	case n.ApplicationName == "*":
		d.errorf(codeSyncMember, m.at, "%s has the application_name *, which in synchronous_standby_names means any standby", n.Address)
	}
}
