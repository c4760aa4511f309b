package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"pgrepl/engine"
	"pgrepl/engine/health"
)

// A probe is a row in the ledger's schema, which is replicated with everything else: what it goes through, the users' rows go
// through. It is one row that is written over, so that an hour of probes leaves nothing behind.
const probeTable = `CREATE TABLE IF NOT EXISTS pgrepl.probe (id int PRIMARY KEY, token text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`

const (
	probeStep    = 2 * time.Millisecond // between two looks at a replica
	probeIgnored = time.Minute          // a replica that is later than this on purpose is waited for only until it has flushed, which is what counts
)

// probeAnswer is how long a server may take to answer one question; one that says nothing for so long hangs.
var probeAnswer = vitalsTimeout

// Synchronous reports whether commits wait for standbys, by what is in force.
func (s *Site) Synchronous() bool {
	now, _ := s.primary().namesInForce()
	return !now.off()
}

// Probe writes a row on the primary, and times its way to every replica, for at most so long. With synchronous the commit waits as
// the users' do; otherwise for nobody.
func (s *Site) Probe(ctx context.Context, token string, synchronous bool, patience time.Duration) health.Probe {
	p := health.Probe{At: time.Now(), Mode: "local"}
	if synchronous {
		p.Mode = "synchronous"
	}
	if s.primary().seen.reach != up || s.primary().seen.live.Recovery || !s.primary().seen.live.Ledger {
		p.Problem = fmt.Sprintf("%s takes no writes, or was not applied yet", s.primary().address())
		return p
	}
	asked, over := context.WithTimeout(ctx, probeAnswer)
	defer over()
	if err := s.primary().session.await(asked, 0); err != nil {
		p.Problem = fmt.Sprintf("%s: %v", s.primary().address(), unanswered(err, probeAnswer))
		return p
	}
	watches := s.watchFor(ctx, token)
	began, took, err := s.write(ctx, token, synchronous, patience)
	switch {
	case errors.Is(err, errHangs):
		p.Problem = fmt.Sprintf("%s: a commit waited for its synchronous replicas in vain, and was given up after %s", s.primary().address(), health.Time(patience))
	case err != nil:
		p.Problem = fmt.Sprintf("%s: the probe cannot be written: %v", s.primary().address(), unanswered(err, patience))
	default:
		p.Commit = &took
	}
	at, unknown := s.behind(ctx)
	if p.Problem == "" && unknown != nil {
		p.Problem = fmt.Sprintf("%s: %v", s.primary().address(), unanswered(unknown, probeAnswer))
	}
	for _, w := range watches {
		p.Arrivals = append(p.Arrivals, w.arrival(began, at, began.Add(patience), p.Problem != "" && !errors.Is(err, errHangs)))
	}
	return p
}

// unanswered puts into words why a server that had so long did not answer.
func unanswered(err error, within time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("its server does not answer within %s", health.Time(within))
	}
	return said(err)
}

// write commits the row, and says when it was sent and how long that took.
func (s *Site) write(ctx context.Context, token string, synchronous bool, patience time.Duration) (began time.Time, took time.Duration, err error) {
	sql := "INSERT INTO pgrepl.probe (id, token) VALUES (1, " + literal(token) + ") ON CONFLICT (id) DO UPDATE SET token = excluded.token, at = excluded.at"
	if synchronous {
		return s.primary().session.commit(ctx, sql, patience)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began = time.Now()
	err = s.primary().session.change(ctx, "write a probe", "SET LOCAL lock_timeout = '5s'; "+sql) // management sessions wait for no standby
	return began, time.Since(began), err
}

// behind is a position behind all that the primary has committed.
func (s *Site) behind(ctx context.Context) (lsn, error) {
	ctx, cancel := context.WithTimeout(ctx, probeAnswer)
	defer cancel()
	rows, err := s.primary().session.query(ctx, "SELECT pg_current_wal_lsn()")
	if err != nil {
		return 0, err
	}
	at, ok := parseLSN(rows[0][0])
	if !ok {
		return 0, errors.New("the position is no position: " + rows[0][0])
	}
	return at, nil
}

// PrepareProbes makes the table that they are rows of.
func (s *Site) PrepareProbes(ctx context.Context) error {
	p := s.primary()
	if p.seen.reach != up || p.seen.live.Recovery || !p.seen.live.Ledger {
		return engine.Problem{Summary: fmt.Sprintf("%s takes no writes, or was not applied yet", p.address()), Next: "pgrepl plan"}
	}
	ctx, cancel := context.WithTimeout(ctx, probeAnswer)
	defer cancel()
	if err := p.session.change(ctx, "make the table of probes", probeTable); err != nil {
		return fmt.Errorf("%s: %w", p.address(), unanswered(err, probeAnswer))
	}
	return nil
}

// watch is one replica that is looked at again and again while a probe is on its way to it.
type watch struct {
	server *server
	ready  chan struct{} // its first look is over
	stop   chan struct{}
	done   chan struct{}
	mu     sync.Mutex
	looks  []glance // those at which something was new
	step   time.Duration
	err    error
}

// glance is where a replica was when.
type glance struct {
	at                          time.Time
	received, flushed, replayed lsn
	readable                    bool
}

// watchFor begins to look at every replica, and returns when each was looked at once.
func (s *Site) watchFor(ctx context.Context, token string) []*watch {
	var out []*watch
	var g errgroup.Group
	for _, d := range s.standbys() {
		w := &watch{server: d, ready: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
		out = append(out, w)
		go w.look(ctx, token)
		g.Go(func() error { <-w.ready; return nil })
	}
	_ = g.Wait()
	return out
}

// look looks until it is told to stop, the row can be read, or the replica does not answer.
func (w *watch) look(ctx context.Context, token string) {
	defer close(w.done)
	ready := sync.OnceFunc(func() { close(w.ready) })
	defer ready()
	var last time.Time
	for {
		g, err := w.glance(ctx, token)
		if err != nil {
			w.err = unanswered(err, probeAnswer)
			return
		}
		w.see(g, last)
		last = g.at
		ready()
		if g.readable {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-w.stop:
			return
		case <-time.After(probeStep):
		}
	}
}

// glance looks at the replica once. One that lags may not even have the table yet.
func (w *watch) glance(ctx context.Context, token string) (glance, error) {
	ctx, cancel := context.WithTimeout(ctx, probeAnswer)
	defer cancel()
	const where = "SELECT coalesce(r.written_lsn, pg_last_wal_receive_lsn(), '0/0'), coalesce(r.flushed_lsn, pg_last_wal_receive_lsn(), '0/0'), coalesce(pg_last_wal_replay_lsn(), '0/0'), %s FROM (SELECT) x LEFT JOIN pg_stat_wal_receiver r ON true"
	rows, err := w.server.session.query(ctx, fmt.Sprintf(where, "EXISTS (SELECT FROM pgrepl.probe WHERE token = "+literal(token)+")"))
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P01" {
		rows, err = w.server.session.query(ctx, fmt.Sprintf(where, "false"))
	}
	if err != nil {
		return glance{}, err
	}
	g := glance{at: time.Now(), readable: rows[0][3] == "t"}
	g.received, _ = parseLSN(rows[0][0])
	g.flushed, _ = parseLSN(rows[0][1])
	g.replayed, _ = parseLSN(rows[0][2])
	return g, nil
}

func (w *watch) see(g glance, last time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !last.IsZero() {
		w.step = max(w.step, g.at.Sub(last))
	}
	if n := len(w.looks); n == 0 || w.looks[n-1].received != g.received || w.looks[n-1].flushed != g.flushed || w.looks[n-1].replayed != g.replayed || g.readable {
		w.looks = append(w.looks, g)
	}
}

// arrival waits until the replica has the row, at most until end, and says when it had it. lost is a probe that was never written.
func (w *watch) arrival(began time.Time, at lsn, end time.Time, lost bool) health.Arrival {
	a := health.Arrival{Replica: w.server.node.Name, Delay: w.server.delay()}
	if !lost {
		w.wait(at, end, a.Delay > probeIgnored)
	}
	close(w.stop)
	<-w.done
	if w.err != nil {
		a.Problem = w.err.Error()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a.Step = w.step
	for _, g := range w.looks {
		since := g.at.Sub(began)
		note := func(have bool, into **time.Duration) {
			if have && *into == nil && since > 0 && !lost {
				*into = &since
			}
		}
		note(g.received >= at || g.readable, &a.Received) // at lies behind what others have written meanwhile
		note(g.flushed >= at || g.readable, &a.Flushed)
		note(g.replayed >= at || g.readable, &a.Replayed)
		note(g.readable, &a.Readable)
	}
	return a
}

// wait waits until the replica is looked at no more, or, where it is later than that on purpose, until it has flushed.
func (w *watch) wait(at lsn, end time.Time, late bool) {
	over := time.After(time.Until(end))
	for !late || !w.flushed(at) {
		select {
		case <-w.done:
			return
		case <-over:
			return
		case <-time.After(probeStep):
		}
	}
}

func (w *watch) flushed(at lsn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.looks) > 0 && w.looks[len(w.looks)-1].flushed >= at
}
