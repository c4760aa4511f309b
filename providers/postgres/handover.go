package postgres

import (
	"slices"

	"pgrepl/engine"
	"pgrepl/schema"
)

// A slot serves one reader at a time, and what it keeps is for that one. So who takes a slot over waits until the one that reads it
// streams through another. Where that one waits in turn (it is to follow the new reader, or to take that one's slot), the new
// reader makes a detour: see detour.go.

// reader is the node that streamed through the slot of a standby when it was looked at, where that was another one; "" for
// none. What a standby streams through, it says itself; of one that is down, that was not seen yet to stream through another, or
// that the file does not have any more, the ledger knows.
func (s *Site) reader(standby *server) string {
	upstream, slot := standby.upstream().node, standby.node.Slot.Name
	for _, o := range s.standbys() {
		if o != standby && o.has(upstream, slot) {
			return o.node.Name
		}
	}
	of := s.ledger[slotID(upstream.Name, slot)]
	if o := s.server(of); of == standby.node.Name || o != nil && o.doneWith(upstream, slot) {
		return ""
	}
	return of
}

// has reports whether a standby was seen to stream through a slot, or to want to.
func (s *server) has(upstream *schema.Node, slot string) bool {
	host := parseConninfo(s.seen.live.Settings["primary_conninfo"].Reset)["host"]
	return s.slotNow() == slot && (host == upstream.Name || host == upstream.RenamedFrom)
}

// doneWith reports whether it can never have to go back to a slot: it is made anew, or was seen to stream through another.
func (s *server) doneWith(upstream *schema.Node, slot string) bool {
	return s.isNew() || s.seen.reach == up && s.streams() && !s.has(upstream, slot)
}

// readersOf lists the standbys whose links have to be what the file says before nobody else reads the slot of a standby: its reader's;
// or where that leaves, those that follow it now, for it stays until they do not.
func (s *Site) readersOf(standby *server) []*server {
	reader := s.reader(standby)
	if r := s.server(reader); r != nil || reader == "" {
		return slices.DeleteFunc([]*server{r}, func(r *server) bool { return r == nil })
	}
	var out []*server
	for _, o := range s.standbys() {
		if o.moves() && parseConninfo(o.seen.live.Settings["primary_conninfo"].Reset)["host"] == reader {
			out = append(out, o)
		}
	}
	return out
}

// restsOn is the link that a standby's rests on beside what the file says: that of the standby that reads its slot.
func (s *Site) restsOn(standby *server) []engine.ID {
	if before := s.server(s.reader(standby)); before != nil {
		return []engine.ID{replicaID(before.node.Name)}
	}
	return nil
}

// handedOver are the steps after which nobody else reads the slot of a standby, nor could have to go back to it.
func (s *Site) handedOver(standby *server) []engine.StepID {
	before := s.reader(standby)
	if before == "" {
		return nil
	}
	return leaves(before)
}

// handedOverFirst are those of them that a standby waits for before it streams at all: none where it makes a detour.
func (s *Site) handedOverFirst(standby *server) []engine.StepID {
	if s.meanwhile(standby) != "" {
		return nil
	}
	return s.handedOver(standby)
}

// waitsFor reports whether the link of one standby can be as the file wants it only when that of another one is, or, where the
// other one is new, only when that is there. It follows the needs of the steps: a link needs that both its ends are up, that its
// slot is free, and that who is above has moved first; a new standby needs a free slot, and that its upstream follows; one that goes
// down only when its primary has less needs that what comes from there arrives. Those that make a detour wait for nobody's slot.
func (s *Site) waitsFor(one, other *server, detours []*server) bool {
	type point struct {
		of *server
		up bool // it is up; otherwise: it streams
	}
	goal, seen := point{other, other.isNew()}, map[point]bool{}
	var reaches func(point) bool
	reaches = func(p point) bool {
		if p == goal {
			return true
		}
		if p.of == nil || p.of.isPrimary() || seen[p] {
			return false
		}
		seen[p] = true
		upstream, follows := point{p.of.upstream(), true}, point{p.of.upstream(), false}
		slotFree := func() bool {
			return !slices.Contains(detours, p.of) && slices.ContainsFunc(s.readersOf(p.of), func(o *server) bool { return reaches(point{o, false}) })
		}
		if !p.up {
			return reaches(point{p.of, true}) || reaches(upstream) || slotFree() ||
				slices.ContainsFunc(slices.Concat(s.movingAbove(p.of), s.goBefore(p.of)), func(o *server) bool { return reaches(point{o, false}) })
		}
		_, late := p.of.when()
		return p.of.isNew() && (reaches(follows) || slotFree()) || late && reaches(follows) || p.of.relinksFirst() && reaches(point{p.of, false})
	}
	return reaches(point{one, false})
}

// movingAbove are the standbys above one that is to follow another, as far as they are to follow another as well: who is above goes
// first, or they might follow each other for a while, and nobody the primary.
func (s *Site) movingAbove(standby *server) []*server {
	var out []*server
	if !standby.moves() {
		return nil
	}
	for above := standby.upstream(); !above.isPrimary(); above = above.upstream() {
		if above.moves() {
			out = append(out, above)
		}
	}
	return out
}

// goBefore are the standbys that have a turn after the primary's before another one has its only one: they have got their links
// before theirs, as what the primary has lowered has to come to them.
func (s *Site) goBefore(standby *server) []*server {
	if _, late := standby.when(); standby.early() || !late || standby.seen.reach != up || standby.rebuild() != nil {
		return nil
	}
	var out []*server
	for _, t := range s.turns() {
		switch {
		case t.server == standby:
			return out
		case t.again || !t.server.early():
			out = append(out, t.server)
		}
	}
	return out
}

// early reports whether a server has a turn before its primary's.
func (s *server) early() bool {
	early, _ := s.when()
	return early
}

// moves reports whether a standby that is there is to follow another server than it does.
func (s *server) moves() bool {
	host, upstream := parseConninfo(s.seen.live.Settings["primary_conninfo"].Reset)["host"], s.upstream().node
	return s.seen.reach == up && s.rebuild() == nil && host != upstream.Name && host != upstream.RenamedFrom
}

// isNew reports whether a standby gets a base backup.
func (s *server) isNew() bool { return s.seen.reach == absent || s.rebuild() != nil }

// follow lists the nodes that stream from a server, directly or through others.
func (s *Site) follow(srv *server) []string {
	var out []string
	for _, d := range srv.downstream() {
		out = append(append(out, d.node.Name), s.follow(d)...)
	}
	return out
}
