package postgres

import (
	"cmp"
	"fmt"
	"slices"
)

// NodeStatus is one node as a status shows it.
type NodeStatus struct {
	Node      string
	Address   string
	Part      string // master or replica, as in the file; and what it is instead, where it is not
	State     string // accepting connections, down, missing, half made, incomplete, being cloned
	Upstream  string
	Streaming string // of a standby: streaming, catchup, not streaming
	Sync      string
	Lag       string // bytes between what the upstream has and what the standby replayed; "unknown" is never 0
	Slot      string
	Retained  string
	Pending   []string // settings that wait for a restart
	OK        bool
	Why       string // what is wrong, and what to do next
}

// Status is what the last look says of every node's health.
func (s *Site) Status() []NodeStatus {
	var out []NodeStatus
	for _, srv := range s.servers {
		out = append(out, srv.status())
	}
	return out
}

func (s *server) status() NodeStatus {
	n := NodeStatus{Node: s.node.Name, Address: s.address().String(), Part: s.node.Address.Block, State: s.state(), Lag: "unknown", OK: true}
	if s.seen.reach == up {
		switch {
		case s.isPrimary() && s.seen.live.Recovery:
			n.Part, n.OK, n.Why = n.Part+", in recovery", false, "its data is a standby's"
		case !s.isPrimary() && !s.seen.live.Recovery:
			n.Part, n.OK, n.Why = n.Part+", not in recovery", false, "it is a primary of its own; see pgrepl plan"
		}
		for name, set := range s.seen.live.Settings {
			if set.Pending {
				n.Pending = append(n.Pending, name)
			}
		}
		slices.Sort(n.Pending)
	} else {
		n.OK, n.Why = false, cmp.Or(s.seen.why, n.State)
		if n.State == halfMade {
			n.Why = map[bool]string{true: "initdb", false: "its base backup"}[s.isPrimary()] + " died half way; pgrepl apply makes it anew"
		}
	}
	if s.isPrimary() {
		return n
	}
	n.Upstream, n.Slot, n.Streaming = s.upstream().node.Name, s.node.Slot.Name, "unknown"
	if s.upstream().seen.reach == up {
		s.follow(&n)
	} else if n.OK {
		n.OK, n.Why = false, "its upstream is down"
	}
	return n
}

func (s *server) state() string {
	switch s.seen.reach {
	case up:
		return acceptingConnections
	case absent:
		switch {
		case s.beingCloned():
			return "being cloned"
		case s.seen.partial:
			return halfMade
		}
		return "missing"
	case torn:
		return "incomplete"
	}
	return "down"
}

// halfMade is a node whose data directory was begun and not finished.
const halfMade = "half made"

// Unread lists the slots that hold WAL while nothing reads them.
func (s *Site) Unread() []string {
	var out []string
	for _, u := range (slotKind{s}).unread() {
		out = append(out, fmt.Sprintf("slot %s on %s holds %s of WAL, and nothing reads it", u.slot.Name, u.on.node.Name, Bytes(u.slot.Retained)))
	}
	return out
}

// follow fills in what the upstream knows of a standby.
func (s *server) follow(n *NodeStatus) {
	n.Streaming = "not streaming"
	for _, w := range s.upstream().seen.live.Senders {
		if w.Name != s.node.ApplicationName || w.State == "backup" {
			continue
		}
		n.Streaming, n.Sync = w.State, w.Sync
		if w.Lag != nil {
			n.Lag = Bytes(max(*w.Lag, 0)) // after a restart a standby may know less of its upstream than that has replayed
		}
	}
	for _, slot := range s.upstream().seen.live.Slots {
		if slot.Name == n.Slot && slot.Retained >= 0 {
			n.Retained = Bytes(slot.Retained)
		}
	}
	switch {
	case s.seen.live.Paused:
		n.OK, n.Why = false, "replay is paused; see pgrepl plan"
	case n.OK && n.Streaming != "streaming" && s.streams():
		n.Why = worksOff
	case n.OK && n.Streaming != "streaming":
		n.OK, n.Why = false, fmt.Sprintf("%s; see docker logs %s", n.Streaming, n.Node)
	}
}
