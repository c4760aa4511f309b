package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrepl/engine"
)

// How long the disk lasts, and how long a copy of the data takes. It is estimated from one look and moves with the load, so it
// is shown in figures only, rounded coarsely to the worse side. How much is free was told when the session was opened.

// wrote is how much WAL a server has written, and in how long: within about the last hour, or since it last finished a file.
type wrote struct{ Bytes, Seconds int64 }

const (
	leastSeconds = 60       // how long it must have been watched; the first minute of a cluster says nothing of the next
	copyRate     = 50 << 20 // bytes per second of a base backup: what a slow disk or network gives
)

// lasts is how long a server writes until so many bytes of WAL are there; false where it cannot be told, or writes next to nothing.
func (s *server) lasts(bytes int64) (time.Duration, bool) {
	w := s.seen.live.Wrote
	if w == nil || w.Seconds < leastSeconds || w.Bytes <= 0 {
		return 0, false
	}
	seconds := float64(bytes) / float64(w.Bytes) * float64(w.Seconds)
	if seconds > spans[len(spans)-1].Seconds() {
		return spans[len(spans)-1], true
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// fillsUp is the figure of a slot that nobody reads: what it holds, how fast that grows, and what comes of it when: the disk is
// full, or max_slot_wal_keep_size is reached, and the slot is lost.
func (u unreadSlot) fillsUp() string {
	text := "about " + coarse(u.slot.Retained)
	left, end := u.on.seen.room, "the disk is full"
	if safe := u.slot.Safe; safe != nil && (left == 0 || *safe < left) {
		left, end = max(*safe, 1), "it is lost"
	}
	lasts, known := u.on.lasts(left)
	if !known || left == 0 {
		return text
	}
	w := u.on.seen.live.Wrote
	return fmt.Sprintf("%s, %s an hour more; %s %s", text, coarse(w.Bytes*3600/w.Seconds), end, within(lasts))
}

// roomLeft reads what a tunnel tells of the room that a volume has left: blocks, and the size of one.
func roomLeft(told string) *int64 {
	var blocks, size int64
	if n, err := fmt.Sscan(told, &blocks, &size); err != nil || n != 2 {
		return nil
	}
	left := blocks * size
	return &left
}

// roomFacts are what the disk has no room for, and what is about to be lost for want of it.
func (k slotKind) roomFacts() []engine.Fact {
	var out []engine.Fact
	for _, s := range k.servers {
		if s.seen.reach != up {
			continue
		}
		if f := s.keepsTooMuch(); f != nil {
			out = append(out, *f)
		}
		for _, l := range s.seen.live.Slots {
			if l.Status == "unreserved" {
				out = append(out, k.aboutToLose(s, l))
			}
		}
	}
	return out
}

// keepsTooMuch: a limit that the disk reaches first is none.
func (s *server) keepsTooMuch() *engine.Fact {
	const name = "max_slot_wal_keep_size"
	limit, known := s.number(name) // in MB
	if !known || limit < 0 || len(s.seen.live.Slots) == 0 || s.seen.room == 0 || int64(limit)<<20 <= s.seen.room+s.held() {
		return nil
	}
	return &engine.Fact{Code: "PGR237", On: settingsID(s.node.Name), Path: settingPath + name, Addr: s.address(), Origin: origin(s.node.Settings[name].Origin),
		Text:   fmt.Sprintf("%s = %s is more than the disk of %s has room for", name, shown(s.describe(name), s.node.Settings[name].Value), s.node.Name),
		Figure: atLeast(s.seen.room) + " free", Detail: "the disk is full before a slot that nobody reads is given up, and then the server stops",
		Next: "write less than what is free, with room for the data to grow"}
}

// held is how much WAL a server keeps for its slots already: a limit counts it.
func (s *server) held() int64 {
	var most int64
	for _, l := range s.seen.live.Slots {
		most = max(most, l.Retained)
	}
	return most
}

// aboutToLose: a slot beyond max_slot_wal_keep_size loses its WAL at the next checkpoint.
func (k slotKind) aboutToLose(s *server, l liveSlot) engine.Fact {
	f := engine.Fact{Code: "PGR238", On: slotID(s.node.Name, l.Name), Addr: engine.Address{Block: "slot", Label: l.Name},
		Text:   fmt.Sprintf("slot %s on %s is beyond max_slot_wal_keep_size: the next checkpoint removes WAL that it needs", l.Name, s.node.Name),
		Figure: "about " + coarse(l.Retained), Detail: "whoever reads it then has to be made anew",
		Next: "let its consumer catch up now, or raise max_slot_wal_keep_size, which takes a reload"}
	if declared := k.slot(f.On); declared != nil {
		f.Addr, f.Origin = address(declared.Address), origin(declared.Origin)
		if d := k.consumer(declared); d != nil {
			f.Addr, f.Origin = d.address(), origin(d.node.Origin)
		}
	}
	return f
}

// copied reports whether this plan copies the data to a standby from a server that answers.
func (s *server) copied() bool {
	return !s.isPrimary() && s.isNew() && s.upstream().seen.reach == up && s.site.primary().seen.size > 0
}

// lookAtSize asks how much a base backup would copy, where one is to be made: the server looks at each file of its databases for
// it, of which there may be hundreds of thousands.
func (s *Site) lookAtSize(ctx context.Context) error {
	p := s.primary()
	if p.seen.reach != up || !slices.ContainsFunc(s.standbys(), (*server).isNew) {
		return nil
	}
	text, err := p.asSuperuser(ctx, "", "SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database")
	if err == nil {
		p.seen.size, err = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	}
	if err != nil {
		return fmt.Errorf("%s: ask for the size of its databases: %w", p.address(), err)
	}
	return nil
}

// copyFacts say of the standbys that are cloned or rebuilt how much is copied and how long it takes, and whether there is room
// and WAL enough for that.
func (k serverKind) copyFacts() []engine.Fact {
	var out []engine.Fact
	size, together := k.primary().seen.size, int64(0)
	takes := time.Duration(size/copyRate) * time.Second
	for _, s := range k.standbys() {
		if s.copied() && !s.ownDisk() {
			together += size // Docker keeps its volumes on one disk
		}
	}
	for _, s := range k.standbys() {
		if !s.copied() {
			continue
		}
		upstream := s.upstream()
		fact := func(code, text, figure, detail, next string) {
			out = append(out, engine.Fact{Code: code, On: serverID(s.node.Name), Turn: true, Addr: s.address(), Origin: origin(s.node.Origin), Text: text, Figure: figure, Detail: detail, Next: next})
		}
		fact("PGR208", "all data is copied from "+upstream.address().String(), fmt.Sprintf("about %s, %s", coarse(size), forAbout(takes)),
			"a base backup reads all of it and sends it over the network", "nothing; where that is too much now, apply it at a quieter hour")
		need := together
		if s.ownDisk() {
			need = size
		}
		if room := s.roomForCopy(); room > 0 && need > room {
			fact("PGR209", "the copy is larger than the room that its disk has left", atLeast(room)+" free",
				"the backup fails half way, and where the master's data is on the same disk, the master stops", "make room first, or name a `volume` on another disk")
		}
		if keep := upstream.seen.live.Keep; keep >= 0 {
			if lasts, known := upstream.lasts(keep); known && lasts < takes {
				fact("PGR239", fmt.Sprintf("max_slot_wal_keep_size of %s lasts less long than the copy takes", upstream.node.Name), fmt.Sprintf("%s, and %s", forAbout(lasts), forAbout(takes)),
					"the slot loses WAL that the new standby needs, and the copy is for nothing", "raise max_slot_wal_keep_size until it streams")
			}
		}
	}
	return out
}

// roomForCopy is how much room there is where a standby's data is to be, 0 where that cannot be told: what it says itself, or what
// its upstream says of the disk that they share.
func (s *server) roomForCopy() int64 {
	if s.seen.room == 0 && !s.ownDisk() && !s.upstream().ownDisk() {
		return s.upstream().seen.room
	}
	return s.seen.room
}

// ownDisk reports whether a node's volume is a folder of the machine, which may lie on any disk.
func (s *server) ownDisk() bool { return strings.HasPrefix(s.node.Volume, "/") }

// atLeast writes a size as coarse does, rounded down.
func atLeast(n int64) string {
	size := int64(1 << 20)
	for size*2 <= n {
		size *= 2
	}
	if n < size {
		return "less than " + coarse(size)
	}
	return "about " + coarse(size)
}

// spans are the times that figures know.
var spans = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d == 24*time.Hour:
		return "1 day"
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// within says when something bad is due, rounded down.
func within(d time.Duration) string {
	if d < spans[0] {
		return "in less than " + span(spans[0])
	}
	last := spans[0]
	for _, s := range spans {
		if s <= d {
			last = s
		}
	}
	if last == spans[len(spans)-1] {
		return "in more than " + span(last)
	}
	return "in about " + span(last)
}

// forAbout says how long something takes, rounded up.
func forAbout(d time.Duration) string {
	for i, s := range spans {
		if d <= s {
			if i == 0 {
				return "less than " + span(s)
			}
			return "about " + span(s)
		}
	}
	return "more than " + span(spans[len(spans)-1])
}
