package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/engine/health"
	"pgrepl/schema"
)

//go:embed health.sql
var healthSQL string

// asMonitor goes before it in a management session: what only looks has the rights of pg_monitor for it, and changes nothing.
// Statements that are sent together are one transaction, so that none of it outlives them.
const asMonitor = "SET LOCAL ROLE pg_monitor; SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '5s';\n"

// Vitals takes samples of the servers' health.
type Vitals struct {
	site     *Site
	sessions map[*server]*Session // those of the role that the block monitor names; otherwise the management ones
	as       string               // what makes such a session one that only looks

	mu    sync.Mutex
	rooms map[*server]room
}

// room is what a volume had left when.
type room struct {
	left *int64
	at   time.Time
}

const (
	vitalsTimeout = 4 * time.Second  // for one server; one that hangs must not keep the others waiting
	roomEvery     = 15 * time.Second // a look at a disk costs an exec
)

// Vitals returns what takes samples; they rest on the last look only where a server does not answer.
func (s *Site) Vitals() *Vitals {
	v := &Vitals{site: s, sessions: map[*server]*Session{}, as: asMonitor, rooms: map[*server]room{}}
	for _, srv := range s.servers {
		v.sessions[srv] = srv.session
		if role := s.file.Monitor.Role; role != nil {
			v.sessions[srv], v.as = &Session{machine: srv.machine, viewer: role}, ""
		}
	}
	return v
}

// Close ends the sessions that are not the management ones.
func (v *Vitals) Close() {
	for srv, session := range v.sessions {
		if session != srv.session {
			session.close()
		}
	}
}

// Node takes a sample of the i-th node of the file, whose container is running or not.
func (v *Vitals) Node(ctx context.Context, i int, running bool) health.Node {
	srv := v.site.servers[i]
	n := health.Node{Name: srv.node.Name, Address: srv.address().String(), Standby: !srv.isPrimary()}
	if n.Standby {
		n.Upstream, n.Application, n.Slot, n.Delay = srv.upstream().node.Name, srv.node.ApplicationName, srv.node.Slot.Name, srv.delay()
	}
	if !running {
		n.Why = srv.unmade()
		return n
	}
	ctx, cancel := context.WithTimeout(ctx, vitalsTimeout)
	defer cancel()
	var found vitals
	asked := time.Now()
	sql := v.as + strings.ReplaceAll(healthSQL, "$HOTSTANDBY", nameArray(schema.HotStandby))
	if err := v.sessions[srv].document(ctx, sql, &found); err != nil {
		n.Why, n.Refused = srv.unmade(), refusal(err) || answered(err)
		if n.Why == "" {
			n.Why = v.why(srv, err)
		}
		if !errors.Is(err, context.DeadlineExceeded) { // a server whose disk is full lets nobody in any more
			n.Room = srv.lookAtRoom(ctx)
		}
		return n
	}
	n.Up, n.Live = true, found.live(asked, time.Now())
	n.Live.Pending = slices.DeleteFunc(n.Live.Pending, srv.seen.live.waitsForNothing)
	v.declare(srv, n.Live)
	if srv.seen.live.Paused { // pg_control, which only a look reads, has what the WAL asks for
		n.Live.TooLittle = srv.tooLittle()
	}
	n.Room = v.room(ctx, srv)
	return n
}

// answered reports whether a server that runs has refused a login, whatever for: as one too many, say. One that starts, stops or
// recovers says so with a code of its own (appendix "PostgreSQL Error Codes", 57P01 to 57P03).
func answered(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Severity == "FATAL" && !strings.HasPrefix(pg.Code, "57P") && pg.Code != "53100"
}

// unmade says that a node has no whole data directory, as the last look found it; "" where it has.
func (s *server) unmade() string {
	switch state := s.state(); {
	case state == halfMade && s.isPrimary():
		return "half made: initdb died half way; pgrepl apply makes it anew"
	case state == halfMade:
		return "half made: its base backup died half way; pgrepl apply makes it anew"
	case state == "being cloned":
		return state
	case s.seen.reach == torn:
		return "incomplete: " + s.seen.why
	}
	return ""
}

// why says why a server does not answer, and of a role that may not log in or look, which.
func (v *Vitals) why(srv *server, err error) string {
	if session := v.sessions[srv]; session.viewer != nil && refusal(err) {
		var pg *pgconn.PgError
		refused := "cannot log in"
		if errors.As(err, &pg) && strings.HasPrefix(pg.Code, "42") { // it is in, and lacks rights
			refused = "may not look"
		}
		return fmt.Sprintf("role %s, which the block monitor names, %s: %s", session.viewer.Name, refused, why(err))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("its server does not answer within %s", health.Time(vitalsTimeout))
	}
	if strings.Contains(err.Error(), "OCI runtime exec failed") || strings.Contains(err.Error(), "cannot exec in a stopped state") {
		return "its container is on its way up or down" // it was running a moment ago
	}
	return why(err)
}

// declare notes which slots the file declares.
func (v *Vitals) declare(srv *server, l *health.Live) {
	for i, slot := range l.Slots {
		for _, d := range v.site.file.Slots {
			if d.Upstream == srv.node && d.Name == slot.Name {
				l.Slots[i].Declared, l.Slots[i].Warn = true, d.WarnRetained
			}
		}
	}
}

// room is what a server's volume has left, looked at every now and then.
func (v *Vitals) room(ctx context.Context, srv *server) *int64 {
	v.mu.Lock()
	known := v.rooms[srv]
	v.mu.Unlock()
	if time.Since(known.at) < roomEvery {
		return known.left
	}
	now := room{left: v.sessions[srv].room(), at: time.Now()}
	if !known.at.IsZero() || now.left == nil { // the login told it the first time
		now.left = srv.lookAtRoom(ctx)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rooms[srv] = now
	return now.left
}

func (s *server) lookAtRoom(ctx context.Context) *int64 {
	dir, err := s.machine.Dir(ctx)
	if err != nil {
		return nil
	}
	told, err := s.machine.Ask(ctx, `stat -f -c "%a %S" "$1"`, "", dir)
	if err != nil {
		return nil
	}
	return roomLeft(told)
}

// vitals is the answer to health.sql: times are in seconds, null is not known.
type vitals struct {
	Version, System, LSN, Replayed, Pause string
	Recovery, Delaying, Starved           bool
	Timeline                              int
	Up                                    float64
	Committed, Rate                       *float64
	Waits                                 []struct {
		PID       int
		XID       string
		Statement float64
	}
	Segment, Size int64
	Files         int
	Every         int
	Pending       []string
	Enough        map[string]int
	Receiver      *struct {
		Status, Slot, Host string
		Heard              *float64
	}
	Senders []struct {
		Name, Client, State, Sync, Slot string
		Sent, Flush, Replay             *string
		Heard                           *float64
	}
	Slots []struct {
		Name, Type, Database, Status, Reason string
		Active                               bool
		Restart, Confirmed                   *string
		Retained, Safe                       *int64
		Idle                                 *float64
	}
}

// live is the answer as a sample has it.
func (f vitals) live(asked, answered time.Time) *health.Live {
	l := &health.Live{Asked: asked, At: answered, Version: f.Version, System: f.System, Timeline: f.Timeline, Recovery: f.Recovery, Up: duration(f.Up), Pause: f.Pause,
		LastCommit: durationOf(f.Committed), Pending: f.Pending, Segment: f.Segment, WALFiles: f.Files, WALSize: f.Size, WALRate: f.Rate, StatusEvery: time.Duration(f.Every) * time.Second, Enough: f.Enough, Delaying: f.Delaying, Starved: f.Starved}
	l.Written, _ = health.ParseLSN(f.LSN)
	l.Replayed, _ = health.ParseLSN(f.Replayed)
	for _, w := range f.Waits {
		l.Waits = append(l.Waits, health.Wait{PID: w.PID, XID: w.XID, Statement: duration(w.Statement)})
	}
	if r := f.Receiver; r != nil {
		l.Receiver = &health.Receiver{Status: r.Status, Host: r.Host, Slot: r.Slot, Heard: durationOf(r.Heard)}
	}
	for _, s := range f.Senders {
		l.Senders = append(l.Senders, health.Sender{Application: s.Name, Client: s.Client, State: s.State, Sync: s.Sync, Slot: s.Slot,
			Sent: lsnOf(s.Sent), Flushed: lsnOf(s.Flush), Replay: lsnOf(s.Replay), Heard: durationOf(s.Heard)})
	}
	for _, s := range f.Slots {
		l.Slots = append(l.Slots, health.Slot{Name: s.Name, Type: s.Type, Database: s.Database, Active: s.Active, Status: s.Status, Reason: s.Reason,
			Restart: lsnOf(s.Restart), Confirmed: lsnOf(s.Confirmed), Retained: s.Retained, Safe: s.Safe, Idle: durationOf(s.Idle)})
	}
	return l
}

func lsnOf(text *string) *health.LSN {
	if text == nil {
		return nil
	}
	lsn, ok := health.ParseLSN(*text)
	if !ok {
		return nil
	}
	return &lsn
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func durationOf(seconds *float64) *time.Duration {
	if seconds == nil {
		return nil
	}
	d := max(duration(*seconds), 0) // two clocks may differ
	return &d
}
