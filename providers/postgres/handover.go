package postgres

import (
	"slices"

	"pgrepl/engine"
)

// reader is the node that streamed through the slot of a standby when it was looked at, where that was another one; "" for
// none. What a standby streams through, it says itself; of nodes that the file does not have any more, the ledger knows.
func (s *Site) reader(standby *server) string {
	upstream, slot := standby.upstream().node, standby.node.Slot.Name
	for _, o := range s.standbys() {
		host := parseConninfo(o.seen.live.Settings["primary_conninfo"].Reset)["host"]
		if o != standby && o.seen.live.Settings["primary_slot_name"].Reset == slot && (host == upstream.Name || host == upstream.RenamedFrom) {
			return o.node.Name
		}
	}
	if of := s.ledger[slotID(upstream.Name, slot)]; s.server(of) == nil {
		return of
	}
	return ""
}

// handedOver are the steps after which nobody else reads the slot of a standby: a slot serves one at a time.
func (s *Site) handedOver(standby *server) []engine.StepID {
	before := s.reader(standby)
	if before == "" {
		return nil
	}
	return []engine.StepID{{Do: "remove", On: nodeID(before)}, {Do: "reload", On: replicaID(before)}}
}

// handedOverToNew are those that the base backup of a new standby waits for, and the slot that it is read through. It cannot
// wait for a reader that is to follow the new standby: then it is read through a temporary slot of its own, "" here, and what
// comes after it is kept by the slot of the standby, which is read all the while.
func (s *Site) handedOverToNew(standby *server) (behind []engine.StepID, slot string) {
	if s.readByFollower(standby) {
		return nil, ""
	}
	return s.handedOver(standby), standby.node.Slot.Name
}

// readByFollower reports whether the slot of a standby is read by one that is to follow this standby, directly or through others:
// it makes room only when this one is up.
func (s *Site) readByFollower(standby *server) bool {
	return !standby.isPrimary() && slices.Contains(s.follow(standby), s.reader(standby))
}

// follow lists the nodes that stream from a server, directly or through others.
func (s *Site) follow(srv *server) []string {
	var out []string
	for _, d := range srv.downstream() {
		out = append(append(out, d.node.Name), s.follow(d)...)
	}
	return out
}
