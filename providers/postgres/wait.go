package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Deadlines of the waits. Both start anew whenever there is a sign of progress.
const (
	acceptDeadline = 5 * time.Minute
	streamDeadline = 2 * time.Minute
	giveUpLook     = 5 * time.Second // after that it is asked whether there is anything to wait for
)

// accept waits until a server lets the management role in.
type accept struct {
	engine.Order
	server *server
	wanted engine.Resource
}

func (s accept) String() string { return "wait until it accepts connections" }

func (s accept) After(w engine.Snapshot) engine.Snapshot {
	return s.server.reads(w, engine.Reload, engine.Restart).With(s.wanted)
}

func (s accept) Run(ctx context.Context) error {
	s.server.follows(ctx)
	deadline := time.Now().Add(acceptDeadline)
	for notRunning, refused := 0, 0; ; {
		err := s.server.session.await(ctx, time.Second) // each try costs an exec, so the far end of it waits a little
		switch {
		case err == nil:
			if s.server.isPrimary() {
				s.server.site.takesWrites()
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case strings.Contains(err.Error(), "is not running") || strings.Contains(err.Error(), "is restarting"):
			notRunning++
		case loginRefused(err): // it answers; it will not change its mind
			refused++
		}
		if notRunning > 10 || refused > 5 || time.Now().After(deadline) {
			return fmt.Errorf("wait until %s accepts connections: %s; its last log lines:\n%s", s.server.node.Name, why(err), s.server.machine.Logs(ctx, 8))
		}
		if err := engine.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// loginRefused reports whether a server answered that the management role may not log in.
func loginRefused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28")
}

// follows waits a little until a standby that was just cloned appears at its upstream: asking there costs nothing, while
// each try to connect to a server that does not answer yet costs an exec.
func (s *server) follows(ctx context.Context) {
	if s.isPrimary() || s.seen.reach != absent {
		return
	}
	sql := "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = " + literal(s.node.ApplicationName)
	for deadline, nap := time.Now().Add(3*time.Second), 20*time.Millisecond; time.Now().Before(deadline); nap = min(nap*3/2, 100*time.Millisecond) {
		rows, err := s.upstream().session.query(ctx, sql)
		if err != nil || len(rows) > 0 || engine.Pause(ctx, nap) != nil {
			return
		}
	}
}

// stream waits until a standby streams from its upstream.
type stream struct {
	engine.Order
	server *server
	wanted engine.Resource
	unsure bool // a server was down: what the stream takes may not be there yet, and the next look will tell
}

// Unsure reports whether the step is done, too, when the stream cannot come yet.
func (s stream) Unsure() bool { return s.unsure }

func (s stream) String() string { return "wait until it streams" }

func (s stream) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.wanted.ID]
	r.ID, r.Attrs = s.wanted.ID, maps.Clone(r.Attrs)
	if r.Attrs == nil { // its link is not known
		return w
	}
	r.Attrs["replication"] = s.wanted.Attrs["replication"]
	return w.With(r)
}

func (s stream) Run(ctx context.Context) error {
	name, upstream := s.server.node.ApplicationName, s.server.upstream()
	sql, err := s.server.served(ctx)
	if err != nil {
		return fmt.Errorf("wait until %s streams: %w", name, err)
	}
	began, deadline, last, nap := time.Now(), time.Now().Add(streamDeadline), "", 20*time.Millisecond
	for {
		rows, err := upstream.session.query(ctx, sql)
		if err != nil {
			return fmt.Errorf("wait until %s streams: %w", name, err)
		}
		if len(rows) > 0 && rows[0][0] == "streaming" || s.unsure && !s.possible(ctx) {
			return nil
		}
		if len(rows) == 0 {
			s.server.hurry(ctx)
		}
		if s.server.node.Delay != "" && s.server.worksOffDelay(ctx) {
			return nil
		}
		if state := fmt.Sprint(rows); state != last {
			last, deadline = state, time.Now().Add(streamDeadline)
		}
		if time.Since(began) > giveUpLook && s.server.cutOffNow(ctx) {
			return fmt.Errorf("wait until %s streams from %s: it never will: the WAL that it needs next is gone; pgrepl plan says what becomes of it", name, upstream.node.Name)
		}
		if time.Now().After(deadline) {
			if s.unsure {
				return nil
			}
			return fmt.Errorf("wait until %s streams from %s: it does not after %s; its last log lines:\n%s", name, upstream.node.Name, streamDeadline, s.server.machine.Logs(ctx, 8))
		}
		if err := engine.Pause(ctx, nap); err != nil {
			return err
		}
		nap = min(nap*3/2, 500*time.Millisecond)
	}
}

// served asks the upstream for the connection that the standby's settings make. Just after a reload there is still the one
// from before, with another slot or role.
func (s *server) served(ctx context.Context) (sql string, err error) {
	link, err := s.session.query(ctx, "SELECT current_setting('primary_conninfo'), current_setting('primary_slot_name')")
	if err != nil {
		return "", err
	}
	sql = "SELECT state, sent_lsn FROM pg_stat_replication r WHERE application_name = " + literal(s.node.ApplicationName) +
		" AND state <> 'backup' AND usename = " + literal(parseConninfo(link[0][0])["user"])
	if slot := link[0][1]; slot != "" {
		sql += " AND EXISTS (SELECT FROM pg_replication_slots WHERE active_pid = r.pid AND slot_name = " + literal(slot) + ")"
	}
	return sql, nil
}

// possible reports whether the standby's link is as wanted, with a password that is let in, and its slot is there, so that waiting
// for it makes sense. One that somebody paused does not connect again before it is resumed.
func (s stream) possible(ctx context.Context) bool {
	srv := s.server
	if srv.pausedByHand() || (replicationKind{srv.site}).seenPassfile(srv) != schema.Hidden {
		return false
	}
	dir, err := srv.machine.Dir(ctx)
	if err != nil {
		return false
	}
	want := srv.replicationValues(dir)
	link, err := srv.session.query(ctx, "SELECT current_setting('primary_conninfo'), current_setting('primary_slot_name')")
	if err != nil || link[0][0] != want["primary_conninfo"] || link[0][1] != want["primary_slot_name"] {
		return false
	}
	slot, err := srv.upstream().session.query(ctx, "SELECT 1 FROM pg_replication_slots WHERE wal_status <> 'lost' AND slot_name = "+literal(srv.node.Slot.Name))
	return err == nil && len(slot) > 0 && !srv.cutOffNow(ctx)
}

// delay is how late the standby replays on purpose.
func (s *server) delay() time.Duration {
	ms, err := schema.Canonical(delaySetting, s.node.Delay)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(ms)
	return time.Duration(n) * time.Millisecond
}

// worksOffDelay reports whether a delayed standby replays what it has before it connects again. Whenever it reads its settings
// anew, and from one commit to the next, it waits for nothing for an instant; then it is asked again until it does, for its delay
// or for WAL.
func (s *server) worksOffDelay(ctx context.Context) bool {
	for range 15 {
		rows, err := s.session.query(ctx, "SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup'")
		switch {
		case err != nil || len(rows) == 0:
			return false
		case rows[0][0] == "RecoveryApplyDelay":
			return true
		case slices.Contains(waitsForWAL, rows[0][0]):
			return false
		}
		if engine.Pause(ctx, 20*time.Millisecond) != nil {
			return false
		}
	}
	return false
}

// waitsForWAL are what a standby waits for that has replayed all it has: for its stream, or until it tries to connect again.
var waitsForWAL = []string{"RecoveryWalStream", "RecoveryRetrieveRetryInterval"}

// settle makes a standby safe to restart after a hot-standby parameter was lowered on its primary: the record that says so
// must have been replayed, and must lie before the standby's next starting point, or it would stop at an older record
// with "insufficient parameter settings" (a checkpoint of the primary, replayed, then a restartpoint of the standby).
type settle struct {
	engine.Order
	server *server
}

func (s settle) String() string {
	text := "wait until it has replayed the lower values"
	if s.server.node.Delay != "" {
		text += " (" + s.server.node.Delay + " late, as it replays everything)"
	}
	return text
}

func (s settle) After(w engine.Snapshot) engine.Snapshot { return w }

func (s settle) Run(ctx context.Context) error {
	if err := s.server.checkOthers(ctx, s.server.declared()); err != nil { // there is nothing lower yet to be replayed
		return err
	}
	primary := s.server.site.primary().session
	if err := primary.change(ctx, "checkpoint", "CHECKPOINT"); err != nil {
		return err
	}
	rows, err := primary.query(ctx, "SELECT pg_current_wal_lsn()")
	if err != nil {
		return err
	}
	if err := s.server.replays(ctx, rows[0][0], replayDeadline+s.server.delay()); err != nil {
		return fmt.Errorf("wait until %s has replayed the lower values: %w", s.server.node.Name, err)
	}
	return s.server.session.change(ctx, "checkpoint", "CHECKPOINT")
}
