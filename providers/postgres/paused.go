package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"pgrepl/engine"
)

// A standby whose replay is paused looks healthy and serves older and older data; and where its upstream goes away meanwhile, it
// never connects again: the process that would is the one that stands still. Two things pause it: somebody by
// pg_wal_replay_pause(), which is drift and is taken back; and a record that asks for more of a hot-standby parameter than the
// standby has. In the second case pg_wal_replay_resume() ends the server ("recovery aborted because of insufficient parameter
// settings"), and only a restart with more helps.

// tooLittle names what a standby has less of than the WAL asks for that it has to replay; pg_control has that as soon as the
// record was read.
func (s *server) tooLittle() []string {
	if s.isPrimary() || s.seen.reach != up {
		return nil
	}
	needs := s.seen.live.replays()
	for name, n := range s.site.primary().inForce() {
		needs[name] = max(needs[name], n)
	}
	return s.inForce().short(needs)
}

// replays are the hot-standby parameters of pg_control, of a standby that was seen paused; otherwise none.
func (l live) replays() numbers {
	control, err := hex.DecodeString(l.Control)
	if err != nil {
		return numbers{}
	}
	d, ok := readDirectory([]byte("0"), control, true)
	if !ok {
		return numbers{}
	}
	return d.Replays
}

// pausedByHand reports whether replay was seen paused, and could go on.
func (s *server) pausedByHand() bool { return s.seen.live.Paused && len(s.tooLittle()) == 0 }

// pausedFact says why a standby does not replay.
func (s *server) pausedFact() engine.Fact {
	f := engine.Fact{Code: "PGR228", On: replicaID(s.node.Name), Path: "replay", Addr: s.address(), Origin: origin(s.node.Origin),
		Text: fmt.Sprintf("%s receives WAL and does not replay it: somebody paused it by hand", s.address()), Next: "apply resumes it"}
	if low := s.tooLittle(); len(low) > 0 {
		f.Text = fmt.Sprintf("%s receives WAL and does not replay it: it has too little of %s", s.address(), strings.Join(low, ", "))
		f.Next = "raise that and restart it, as apply does; pg_wal_replay_resume() would end the server"
	}
	return f
}

// resume lets a paused standby go on.
type resume struct {
	engine.Order
	server *server
}

func (k replicationKind) resume(s *server) resume {
	return resume{Order: engine.Order{Self: resumed(s.node.Name), On: s.node.Name}, server: s}
}

// resumed is the step after which a standby's replay is paused no more; it comes before anything interrupts the stream.
func resumed(node string) engine.StepID { return engine.StepID{Do: "resume", On: replicaID(node)} }

func (s resume) String() string { return "resume replay" }

func (s resume) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.Self.On]
	r.Attrs = with(r.Attrs, "replay", replicationKind{s.server.site}.want(s.server).Attrs["replay"])
	return w.With(r)
}

// Run looks once more at what pg_control says: a record that came meanwhile may ask for more.
func (s resume) Run(ctx context.Context) error {
	rows, err := s.server.session.query(ctx, "SELECT encode(pg_read_binary_file('global/pg_control'), 'hex')")
	if err != nil {
		return fmt.Errorf("resume replay of %s: %w", s.server.node.Name, err)
	}
	needs, have := live{Control: rows[0][0]}.replays(), s.server.inForceNow(ctx)
	if low := have.short(needs); len(low) > 0 {
		return fmt.Errorf("resume replay of %s: the WAL that it has asks for more of %s than it has, and going on would end the server; plan again", s.server.node.Name, strings.Join(low, ", "))
	}
	return s.server.session.change(ctx, "resume replay", "SELECT pg_wal_replay_resume()")
}
