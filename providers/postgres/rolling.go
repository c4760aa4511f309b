package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrepl/engine"
)

// turn is one time that a running server goes down and comes back, by a restart or in a new container.
type turn struct {
	server *server
	again  bool // its second one in this plan
}

// step names a step of the turn.
func (t turn) step(do string) engine.StepID {
	if t.again {
		do += " again"
	}
	return engine.StepID{Do: do, On: serverID(t.server.node.Name)}
}

// turns are all the turns that a plan can have, in their order: one server at a time, each back and followed again before
// the next. Standbys go before what they follow, so that a new image or value which does not work stops at the first of
// them, and none runs with less than its primary; the ones that may have less only when the primary has go after it, from
// the top down.
func (s *Site) turns() []turn {
	var out []turn
	var before, behind func(*server)
	before = func(srv *server) {
		for _, d := range byName(srv.downstream()) {
			before(d)
		}
		if early, _ := srv.when(); early && srv.rebuild() == nil && (srv.seen.reach == up || srv.seen.reach == down) {
			out = append(out, turn{server: srv})
		}
	}
	behind = func(srv *server) {
		if early, late := srv.when(); late && srv.rebuild() == nil {
			out = append(out, turn{server: srv, again: early})
		}
		for _, d := range byName(srv.downstream()) {
			behind(d)
		}
	}
	before(s.primary())
	behind(s.primary())
	return out
}

// byName sorts servers so that the order of the file's blocks decides nothing.
func byName(servers []*server) []*server {
	slices.SortFunc(servers, func(a, b *server) int { return cmp.Compare(a.node.Name, b.node.Name) })
	return servers
}

// before are the steps after which it is the turn of t: all the servers with an earlier one are back. A server that was down
// has no turn; where it may have as much as it has now, it is up before its primary goes down. Those that leave together wait
// for none of each other to come back, and no standby that may go before its primary waits for them: one of them may be the
// primary, which goes last, as it may come back with more than they have.
func (s *Site) before(t turn) []engine.StepID {
	if t.server.rebuild() != nil {
		return nil
	}
	var out []engine.StepID
	early, _ := t.server.when()
	patient := t.server.isPrimary() && !t.server.machine.Moves() || !early || t.again
	for _, other := range s.turns() {
		if other == t {
			return out
		}
		switch {
		case patient || !other.server.machine.Moves():
			out = append(out, other.step("accept"), other.step("return"))
		case t.server.isPrimary() && other.server.seen.reach == up && len(other.server.inForce().short(t.server.declared())) > 0:
			out = append(out, engine.StepID{Do: "remove", On: nodeID(other.server.node.Name)})
		}
	}
	return out
}

// goes are the steps after which the server of t may go down. A standby that is rebuilt has no turn: it has stopped before the
// others go down, in its new container where it gets one, and its base backup is made when all are back.
func (s *Site) goes(t turn) []engine.StepID {
	out := append(s.WhileUp(t.server.node.Name), s.before(t)...)
	out = append(out, s.meanwhileThere(t)...)
	for _, d := range s.standbys() {
		if d.rebuild() != nil && t.server.rebuild() == nil && !t.server.machine.Moves() {
			out = append(out, halted(d.node.Name), engine.StepID{Do: "create", On: nodeID(d.node.Name)})
		}
	}
	return out
}

// meanwhileThere are the steps after which those stream that commits wait for while a standby has a turn after the primary's: they
// may have lost their stream before (a run was killed behind the restart of the primary), and have it back before their own turn;
// and those that had theirs before may get another link after it.
func (s *Site) meanwhileThere(t turn) []engine.StepID {
	if early, _ := t.server.when(); early && !t.again {
		return nil
	}
	names, _ := s.primary().namesInForce()
	if s.primary().seen.reach != up {
		names = s.wantedNames()
	}
	var out []engine.StepID
	for _, d := range s.standbys() {
		if d == t.server || !d.upstream().isPrimary() || !names.has(t.server.node.ApplicationName) || !names.has(d.node.ApplicationName) {
			continue
		}
		if d.relinksFirst() && s.reader(d) != t.server.node.Name || s.relinksBefore(d, t) {
			out = append(out, streaming(d.node.Name))
		}
	}
	return out
}

// relinksBefore reports whether a standby of the primary that had its turn before t gets its link without waiting for that.
func (s *Site) relinksBefore(d *server, t turn) bool {
	turns := s.turns()
	before := slices.Index(turns, d.firstTurn()) < slices.Index(turns, t)
	return before && !d.isNew() && !s.rotates(d.node.Role) && !s.waitsFor(d, t.server, s.detours())
}

// Turn are the steps after which the container of a node that runs may go, to be made anew around the same data: all that its
// server has to do while it is up is done, and it is its turn: a new image that does not work stops at the first node.
func (s *Site) Turn(node string) []engine.StepID {
	srv := s.server(node)
	if srv == nil {
		return s.WhileUp(node)
	}
	return append(s.goes(srv.firstTurn()), halted(node))
}

// back are the steps after which a server with turns has had them all.
func (s *Site) back(node string) []engine.StepID {
	srv := s.server(node)
	return []engine.StepID{srv.firstTurn().step("return"), turn{server: srv, again: true}.step("return")}
}

// firstTurn is the one in which a server takes all but what it may only have after the primary.
func (s *server) firstTurn() turn { return turn{server: s} }

// comeBack waits until a server that had its turn is followed again by what followed it, and follows again itself, with
// nothing left to catch up.
type comeBack struct {
	engine.Order
	server *server
	links  []*server // the standbys whose stream it interrupted
}

func (k serverKind) comeBack(t turn) comeBack {
	s := t.server
	b := comeBack{Order: engine.Order{Self: t.step("return"), On: s.node.Name, Cancellable: true, Behind: []engine.StepID{t.step("accept")}}, server: s}
	for _, d := range append([]*server{s}, byName(s.downstream())...) {
		if !d.isPrimary() && (d.linked() || d == s && !t.again && d.acknowledges() || t.again && d.linkedAgain() || d == s && d.relinksFirst()) {
			b.links = append(b.links, d)
			b.Behind = append(b.Behind, resumed(d.node.Name))
		}
	}
	return b
}

// acknowledges reports whether commits wait for a standby now, which then has to be back before another one goes down, whatever
// becomes of its link.
func (s *server) acknowledges() bool {
	names, _ := s.site.primary().namesInForce()
	early, _ := s.when()
	same := !s.moves() && parseConninfo(s.seen.live.Settings["primary_conninfo"].Reset)["application_name"] == s.node.ApplicationName
	return early && same && s.upstream().isPrimary() && s.streams() && names.has(s.node.ApplicationName) && s.rebuild() == nil
}

// linked reports whether a standby streamed when it was looked at, and goes on through the same link. One whose link the plan
// changes is waited for when that is done.
func (s *server) linked() bool {
	if s.seen.reach != up || s.upstream().seen.reach != up || !s.streams() || s.machine.Moves() || s.rebuild() != nil || s.upstream().rebuild() != nil {
		return false
	}
	want, seen := replicationKind{s.site}.wantFirst(s).Attrs, replicationKind{s.site}.seenAttrs(s)
	for _, path := range []string{"upstream", "slot", "role", "application_name"} {
		if want[path].Value != seen[path].Value {
			return false
		}
	}
	return true
}

// linkedAgain reports whether a standby streams before anybody has a second turn, although it left together with others, or its
// link is another one than it was.
func (s *server) linkedAgain() bool {
	early, _ := s.when()
	upstream := s.upstream()
	return early && s.seen.reach == up && (upstream.seen.reach == up || upstream.seen.reach == absent) && s.rebuild() == nil && upstream.rebuild() == nil
}

func (s comeBack) String() string {
	var others []string
	itself := false
	for _, d := range s.links {
		if d == s.server {
			itself = true
			continue
		}
		others = append(others, d.node.Name)
	}
	switch {
	case len(others) == 0:
		return "wait until it streams"
	case len(others) == 1 && !itself:
		return "wait until " + others[0] + " streams"
	case !itself:
		return "wait until " + strings.Join(others, ", ") + " stream"
	}
	return "wait until it and " + strings.Join(others, ", ") + " stream"
}

func (s comeBack) After(w engine.Snapshot) engine.Snapshot {
	for _, d := range s.links {
		w = stream{wanted: replicationKind{s.server.site}.want(d)}.After(w)
	}
	return w
}

// Run waits for each of them until it has flushed, and unless it is late on purpose or paused, replayed, what its upstream had
// when it came back.
func (s comeBack) Run(ctx context.Context) error {
	for _, d := range s.links {
		if err := d.catchesUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hurry makes a standby that lost its upstream try again at once: it sleeps for wal_retrieve_retry_interval (5 s) otherwise, and
// a reload, which tells it nothing new, wakes it up.
func (s *server) hurry(ctx context.Context) {
	_, _ = s.session.query(ctx, "SELECT pg_reload_conf()") // the wait itself says what there is to say
}

// catchesUp waits until a standby streams and has what its upstream has now. The deadline starts anew with each sign of
// progress.
func (s *server) catchesUp(ctx context.Context) error {
	upstream := s.upstream()
	rows, err := upstream.session.query(ctx, "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END")
	if err != nil {
		return fmt.Errorf("wait until %s streams: %w", s.node.Name, err)
	}
	position := "flush_lsn"
	if s.node.Delay == "" && (!s.seen.live.Paused || s.pausedByHand()) {
		position = "replay_lsn"
	}
	target := orDefault(rows[0][0], "0/0")
	sql := fmt.Sprintf("SELECT state, coalesce(%s >= %s::pg_lsn, false), sent_lsn, replay_lsn FROM pg_stat_replication WHERE state <> 'backup' AND application_name = %s",
		position, literal(target), literal(s.node.ApplicationName))
	deadline, last := time.Now().Add(streamDeadline), ""
	for nap := 20 * time.Millisecond; ; nap = min(nap*3/2, 500*time.Millisecond) {
		rows, err := upstream.session.query(ctx, sql)
		if err != nil {
			return fmt.Errorf("wait until %s streams: %w", s.node.Name, err)
		}
		if len(rows) > 0 && rows[0][0] == "streaming" && rows[0][1] == "t" {
			return nil
		}
		if len(rows) == 0 {
			s.hurry(ctx)
		}
		if s.node.Delay != "" && s.worksOffDelay(ctx) {
			return nil // after a start it replays what it has, as late as it is told to, before it connects
		}
		if state := fmt.Sprint(rows); state != last {
			last, deadline = state, time.Now().Add(streamDeadline)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait until %s streams from %s and has caught up with it: it makes no progress for %s; its last log lines:\n%s",
				s.node.Name, upstream.node.Name, streamDeadline, s.machine.Logs(ctx, 8))
		}
		if err := engine.Pause(ctx, nap); err != nil {
			return err
		}
	}
}
