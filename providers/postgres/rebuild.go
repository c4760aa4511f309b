package postgres

import (
	"context"
	"fmt"
	"slices"
)

// A rebuild gives a standby new data by a base backup of its upstream. It is planned by itself only where nothing can be
// lost: the standby is in recovery, all that it has is on the master's history, and the WAL that it needs next is gone.
// Everything else takes --rebuild, and where the standby may have what the master has not, --allow=data as well.
type rebuild struct {
	was   string // what the data is now, for its row
	loses string // what may be lost; "" where the master has it all
	now   string // positions at this moment, to be shown beside
}

// rebuildFile holds a server back while its data is made anew; it says what may be lost by that.
const (
	rebuildFile = "pgrepl/rebuild"
	losesNone   = "nothing"
	losesSome   = "what the master does not have"
)

// Rebuild asks for new data of the standbys that the addresses name.
func (s *Site) Rebuild(addresses []string) { s.asked = addresses }

// Rebuilt notes that a standby got what was asked for in this run.
func (s *Site) Rebuilt(node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rebuilt == nil {
		s.rebuilt = map[string]bool{}
	}
	s.rebuilt[node] = true
}

// asks reports whether --rebuild names the standby and it has not been done. One that was killed when the new data was in
// place has done it, too: the rest of it needs no asking.
func (s *server) asks() bool {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	named := slices.ContainsFunc(s.site.asked, s.address().Matches)
	_, apart := s.apart()
	return named && !s.isPrimary() && !s.site.rebuilt[s.node.Name] && (!s.seen.kept || apart)
}

// rebuild is what this plan does about the data of a standby, or nil.
func (s *server) rebuild() *rebuild {
	known := s.seen.reach == up || s.seen.reach == down || s.stranger() // which may let nobody in
	if s.isPrimary() || s.node.Protect || s.seen.tight || s.enters() || !known {
		return nil
	}
	text, now, sure := s.loss()
	switch {
	case s.begun():
		return &rebuild{was: "half made anew"}
	case s.asks() && text == "":
		return &rebuild{was: "given up by --rebuild"}
	case s.asks() && (sure || s.machine.Running() || s.machine.Failed()): // otherwise it is started, and tells
		return &rebuild{was: "given up by --rebuild", loses: text, now: now}
	case sure && text == "" && s.cutOff():
		return &rebuild{was: "behind, and the WAL that it needs is gone"}
	}
	return nil
}

// begun reports whether a run was killed in a rebuild that loses nothing, or that has put the new data in place.
func (s *server) begun() bool {
	d, known := s.identity()
	return !s.stranger() && (s.seen.rebuild == losesNone || s.seen.rebuild != "" && s.seen.kept && known && d.Standby)
}

// stranger reports whether a standby's data is of another cluster than the master's: another system identifier.
func (s *server) stranger() bool {
	d, known := s.identity()
	return !s.isPrimary() && known && s.site.system() != "" && d.System != s.site.system()
}

// leftover reports whether there is data from before a rebuild, and this plan sees the new one stream.
func (s *server) leftover() bool {
	return s.seen.kept && !s.isPrimary() && (s.seen.reach == up || s.seen.reach == absent) &&
		s.upstream().seen.reach == up && s.site.primary().seen.reach == up && s.upstream().rebuild() == nil
}

// past is the way that the data of the server has come, and whether it could be told: a later timeline without its history
// file says nothing of where it began.
func (s *server) past() (past, bool) {
	d, known := s.identity()
	at := d.At
	if s.seen.reach == up {
		at, known = parseLSN(s.seen.live.LSN)
	}
	return newPast(s.seen.history, d.Timeline, at), known && (d.Timeline == 1 || s.seen.history != "")
}

// apart says how the history of a standby is not the master's; false where it is, or where that cannot be told.
func (s *server) apart() (code string, apart bool) {
	d, known := s.identity()
	m, master := s.site.primary().identity()
	switch {
	case !known:
		return "", false
	case s.stranger():
		return "PGR217", true
	case !d.Standby:
		return "PGR218", true
	case master && d.Timeline > m.Timeline:
		return "PGR226", true
	case s.seen.reach != up || s.site.primary().seen.reach != up:
		return "", false
	}
	own, ok := s.past()
	of, sure := s.site.primary().past()
	if ok && sure && !of.holds(own) {
		return "PGR240", true
	}
	return "", false
}

// loss says what the standby may have that the master has not, "" where that is nothing; sure is whether it could be told.
func (s *server) loss() (text, now string, sure bool) {
	if _, apart := s.apart(); apart {
		text, now = s.histories()
		return text, now, true
	}
	_, own := s.past()
	_, master := s.site.primary().past()
	switch {
	case s.seen.reach != up || s.site.primary().seen.reach != up:
		return fmt.Sprintf("whether %s has rows that %s lacks cannot be told: %s", s.address(), s.site.primary().address(),
			orDefault(orDefault(s.seen.why, s.site.primary().seen.why), "one of them does not answer")), "", false
	case !own || !master:
		return fmt.Sprintf("whether %s has rows that %s lacks cannot be told: the history file of its timeline is missing", s.address(), s.site.primary().address()), "", false
	}
	return "", "", true
}

// histories shows both ways, and where they part. What moves while the servers work is apart.
func (s *server) histories() (text, now string) {
	m := s.site.primary()
	own, _ := s.past()
	of, known := m.past()
	d, _ := s.identity()
	part := "not in recovery, on "
	if d.Standby {
		part = "in recovery on "
	}
	text = fmt.Sprintf("%s is %s%s", s.address(), part, own.since())
	if s.stranger() {
		text = fmt.Sprintf("volume %s holds another cluster: system identifier %s, the master's is %s; %s", s.node.Volume, d.System, s.site.system(), text)
	}
	now = fmt.Sprintf("%s is at %s", s.address(), own.at)
	if !known {
		return text, now
	}
	text += fmt.Sprintf(", %s is on %s", m.address(), of.since())
	now += fmt.Sprintf(", %s at %s", m.address(), of.at)
	common := of.parts(own)
	where := fmt.Sprintf("they part at %s of timeline %d", common.at, common.timeline)
	switch {
	case s.stranger(): // two timelines of one number have nothing in common
	case common.timeline == 0:
		text += "; where they part is not known"
	case slices.Contains(own.left, common) || slices.Contains(of.left, common):
		text += "; " + where
	default: // neither has left the timeline, so the place moves
		text += "; it has what the master has not"
		now += "; " + where
	}
	return text, now
}

// cutOff reports whether the standby has used up what it has, and its upstream no longer has what comes next.
func (s *server) cutOff() bool {
	l, up1 := s.seen.live, s.upstream().seen
	if s.seen.reach != up || up1.reach != up || !l.Recovery || l.Paused || !l.Starved || s.streams() {
		return false
	}
	return gone(l.LSN, up1.live.Oldest, up1.live.Segment)
}

// gone reports whether the WAL file that holds a position is older than the oldest that is there, which is given as its name
// without the timeline. A walreceiver always begins at the start of a file.
func gone(position, oldest string, segment lsn) bool {
	at, ok := parseLSN(position)
	var hi, lo lsn
	if n, err := fmt.Sscanf(oldest, "%8X%8X", &hi, &lo); !ok || err != nil || n != 2 || segment == 0 {
		return false
	}
	return at/segment < hi<<32/segment+lo
}

// cutOffNow asks the same of the servers as they are now.
func (s *server) cutOffNow(ctx context.Context) bool {
	at, err0 := s.session.query(ctx, `SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) FROM pg_stat_activity
WHERE backend_type = 'startup' AND wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')`)
	from, err1 := s.upstream().session.query(ctx, `SELECT coalesce(min(substr(w.name, 9)), ''), (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size')
FROM pg_ls_waldir() w WHERE w.name ~ '^[0-9A-F]{24}$'`)
	if err0 != nil || err1 != nil || len(at) == 0 { // or it still replays what it has
		return false
	}
	var segment lsn
	_, err := fmt.Sscan(from[0][1], &segment)
	return err == nil && gone(at[0][0], from[0][0], segment)
}

// askAgain asks the primary how far it is by now where a standby seems to be further: both were asked at the same time, and
// the standby may have answered later. One that is really ahead can look as if it streamed: a walreceiver asks for the whole
// of the file that it is in.
func (s *Site) askAgain(ctx context.Context) error {
	p := s.primary()
	if p.seen.reach != up || !slices.ContainsFunc(s.standbys(), func(d *server) bool { code, _ := d.apart(); return code == "PGR240" }) {
		return nil
	}
	rows, err := p.session.query(ctx, "SELECT pg_current_wal_lsn() WHERE NOT pg_is_in_recovery()")
	if err != nil || len(rows) == 0 {
		return err
	}
	p.seen.live.LSN = rows[0][0]
	return nil
}
