package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// HotStandby are the settings that may not be lower on a standby than on its upstream (chapter "Hot Standby", "Administrator's
// Overview"): a standby that finds them lower pauses its replay, or does not start.
var HotStandby = []string{"max_connections", "max_wal_senders", "max_worker_processes", "max_prepared_transactions", "max_locks_per_transaction"}

// number is what a server takes for an integer setting that is written or has its default; false where that cannot be known,
// or the value is none.
func (d *decoder) number(n *Node, name string) (int, bool) {
	described, known := d.known.Lookup(name)
	s, written := n.Settings[name]
	if !known || s.Unset {
		return 0, false
	}
	text := described.Boot
	if written {
		canonical, err := Canonical(described, s.Value)
		if err != nil {
			return 0, false
		}
		text = canonical
	}
	v, err := strconv.Atoi(text)
	return v, err == nil
}

// checkCapacity finds servers that could not start, or not serve all that the file gives them.
func (d *decoder) checkCapacity() {
	if d.known == nil {
		return
	}
	replicas, slots := map[*Node][]*Node{}, map[*Node][]*Slot{} // by upstream
	for _, n := range d.cluster.Nodes {
		if n.Part == Standby {
			replicas[n.Upstream] = append(replicas[n.Upstream], n)
		}
	}
	for _, s := range d.cluster.Slots {
		slots[s.Upstream] = append(slots[s.Upstream], s)
	}
	for _, n := range d.cluster.Nodes {
		d.checkSenders(n, replicas[n], slots[n])
		d.checkSlotCount(n, slots[n])
		d.checkConnections(n)
		d.checkWALLevel(n)
	}
	for _, n := range d.replicas() {
		d.checkHotStandby(n)
	}
}

// shortage says that a setting is too low, at the setting, or where it is not written, at what needs more of it.
func (d *decoder) shortage(n *Node, setting string, have, need int, at *Object, why string) {
	s, written := n.Settings[setting]
	place := d.at(at, "")
	if written {
		place = d.settingAt[s.Origin]
	}
	if slices.ContainsFunc(d.found, func(o *Diagnostic) bool { return o.Code == string(codeCapacity) && o.Range == rangeOf(place) }) {
		return // said of another node that has it from the same line
	}
	note := d.errorf(codeCapacity, place, "%s is %s on %s, which needs %d", setting, shownNumber(s, have), n.Address, need)
	note.detail("%s", why)
	if written {
		note.hint(fmt.Sprintf("%s = %d", setting, need))
	} else {
		note.hint(fmt.Sprintf("add %s = %d to the settings", setting, need))
	}
}

func shownNumber(s Setting, n int) string {
	if s.Sensitive {
		return "too low"
	}
	return strconv.Itoa(n)
}

// checkSenders: every standby takes one walsender of its upstream, and one more while it is cloned (pg_basebackup -X stream).
func (d *decoder) checkSenders(n *Node, direct []*Node, slots []*Slot) {
	logical := 0
	for _, s := range slots {
		if s.Logical {
			logical++
		}
	}
	have, known := d.number(n, "max_wal_senders")
	need := len(direct) + logical + 1
	if len(direct)+logical == 0 || !known || have >= need {
		return
	}
	at := &n.Object
	if len(direct) > 0 {
		at = &direct[len(direct)-1].Object
	}
	d.shortage(n, "max_wal_senders", have, need, at,
		fmt.Sprintf("%s and %s stream from it, and a base backup takes one more.", count(len(direct), "replica"), count(logical, "logical slot")))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (d *decoder) checkSlotCount(n *Node, slots []*Slot) {
	have, known := d.number(n, "max_replication_slots")
	if known && have < len(slots) {
		d.shortage(n, "max_replication_slots", have, len(slots), &slots[len(slots)-1].Object,
			fmt.Sprintf("The file gives it %s.", count(len(slots), "slot")))
	}
}

// checkConnections: a server whose connections are all reserved does not start.
func (d *decoder) checkConnections(n *Node) {
	have, ok1 := d.number(n, "max_connections")
	super, ok2 := d.number(n, "superuser_reserved_connections")
	reserved, _ := d.number(n, "reserved_connections") // which 15 does not have
	if ok1 && ok2 && super+reserved >= have {
		d.shortage(n, "max_connections", have, super+reserved+1, &n.Object,
			fmt.Sprintf("%d are reserved, and a server with none left for others does not start.", super+reserved))
	}
}

// checkWALLevel: with minimal nobody can follow, and without logical nothing can be decoded.
func (d *decoder) checkWALLevel(n *Node) {
	s, written := n.Settings["wal_level"]
	level := strings.ToLower(s.Value)
	if s.Sensitive {
		return
	}
	if written && level == "minimal" && (len(d.cluster.Nodes) > 1 || len(d.cluster.Slots) > 0) {
		d.errorf(codeCapacity, d.settingAt[s.Origin], "wal_level = minimal leaves nothing to replicate").
			hint("leave it out: replica is the default").detail("The server does not start with it as long as max_wal_senders is not 0, and standbys would have to be cloned anew.")
	}
	for _, slot := range d.cluster.Slots {
		switch {
		case slot.Upstream != n || !slot.Logical:
		case n.Part == Standby && d.cluster.Version < 16:
			d.errorf(codeCapacity, d.at(&slot.Object, "upstream"), "%s is logical, and PostgreSQL %d decodes on the master only", slot.Address, d.cluster.Version).
				detail("16 brought logical slots on standbys.")
		case level != "logical" && level != "minimal":
			d.errorf(codeCapacity, d.at(&slot.Object, "type"), "%s is logical, and wal_level is %s", slot.Address, orReplica(level)).
				hint(`add wal_level = "logical" to the settings`)
		}
	}
}

func orReplica(level string) string {
	if level == "" {
		return "replica"
	}
	return level
}

func (d *decoder) checkHotStandby(n *Node) {
	if n.Upstream == nil {
		return
	}
	for _, name := range HotStandby {
		have, ok := d.number(n, name)
		need, known := d.number(n.Upstream, name)
		if ok && known && have < need {
			d.shortage(n, name, have, need, &n.Object,
				fmt.Sprintf("It may not be lower than on %s: the standby would pause its replay, and not start again.", n.Upstream.Address))
		}
	}
}
