package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"pgrepl/engine"
	"pgrepl/schema"
)

// replayDeadline is how long a standby may take to replay what was written before the question.
const replayDeadline = 30 * time.Second

// Verify proves what an empty plan cannot: that each standby may log in afresh with the credentials it holds (a connection
// that stands outlives its password, its role and its pg_hba rule), that it replays, that a commit comes back from the
// synchronous standbys, and that every server would take its files again.
func (s *Site) Verify(ctx context.Context) []engine.Problem {
	problems := make([][]engine.Problem, len(s.servers))
	g, ctx := errgroup.WithContext(ctx)
	lsn := s.flushed(ctx)
	for i, srv := range s.servers {
		g.Go(func() error {
			problems[i] = srv.verify(ctx, lsn)
			return nil
		})
	}
	_ = g.Wait() // the checks report problems, not errors
	return slices.Concat(problems...)
}

// flushed is how far the primary has written, "" where it cannot be asked.
func (s *Site) flushed(ctx context.Context) string {
	rows, err := s.primary().session.query(ctx, "SELECT pg_current_wal_lsn()")
	if err != nil || len(rows) == 0 {
		return ""
	}
	return rows[0][0]
}

func (s *server) verify(ctx context.Context, lsn string) []engine.Problem {
	var out []engine.Problem
	check := func(code, next string, err error) {
		if err != nil {
			out = append(out, engine.Problem{Code: code, Origin: origin(s.node.Origin), Object: s.address().String(), Summary: fmt.Sprintf("%s: %v", s.address(), err), Next: next})
		}
	}
	check("PGR321", "mend the file it names, then run pgrepl plan", s.checkFiles(ctx))
	if s.isPrimary() && s.seen.reach == up {
		check("PGR324", "see the logs of the standbys; without the synchronous block commits wait for nobody", s.verifyCommits(ctx))
	}
	if s.isPrimary() || s.seen.reach != up {
		return out
	}
	if !s.cameAfresh(ctx) {
		check("PGR322", "look at the upstream's pg_hba.conf rules and at the role, then run pgrepl plan", s.freshLogin(ctx))
	}
	if s.node.Delay == "" {
		check("PGR323", "see the standby's log (docker logs "+s.node.Name+")", s.replays(ctx, lsn, replayDeadline))
	}
	return out
}

// cameAfresh reports whether the standby's own connection is a fresh login: it began after this run did, and after the last
// change of a role and the last time that its upstream read its pg_hba.conf.
func (s *server) cameAfresh(ctx context.Context) bool {
	up := s.upstream()
	s.site.mu.Lock()
	roles := s.site.rolesSince
	s.site.mu.Unlock()
	if up.since == "" && roles == "" { // its clock says nothing of when this run began
		return false
	}
	sql := fmt.Sprintf(`SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = %s
  AND backend_start > greatest(pg_conf_load_time(), %s::timestamptz, %s::timestamptz)`,
		literal(s.node.ApplicationName), literal(orDefault(up.since, "-infinity")), literal(orDefault(roles, "-infinity")))
	rows, err := up.session.query(ctx, sql)
	return err == nil && len(rows) > 0
}

// freshLogin opens a replication connection from inside the standby to its upstream, as the walreceiver would.
func (s *server) freshLogin(ctx context.Context) error {
	password, ok := parsePassfile(s.session.held(), s.node.Role.Name)
	if !ok {
		return errors.New("its passfile holds no password for role " + s.node.Role.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	upstream := s.upstream()
	upstream.logins.Lock() // one at a time: each takes a walsender
	defer upstream.logins.Unlock()
	conn, err := s.replicationLogin(ctx, upstream.node.Name, password)
	if noWalsender(err) {
		return nil // all are streaming, which is as many as there may be: that is not the standby's fault
	}
	if err != nil {
		return fmt.Errorf("a fresh replication login to %s is refused: %s", upstream.node.Name, why(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := exec(ctx, conn, "IDENTIFY_SYSTEM")
	if err != nil {
		return fmt.Errorf("ask %s who it is: %w", upstream.node.Name, said(err))
	}
	if want := s.site.system(); want != "" && rows[0][0] != want {
		return fmt.Errorf("%s answers as another cluster: system identifier %s, the master's is %s", upstream.node.Name, rows[0][0], want)
	}
	return nil
}

// replicationLogin tries for a while when all walsenders are taken: one that just ended is given back a moment later.
func (s *server) replicationLogin(ctx context.Context, upstream string, password schema.Secret) (*pgconn.PgConn, error) {
	for deadline := time.Now().Add(time.Second); ; {
		stream, err := s.machine.Dial(ctx, upstream, 0)
		if err != nil {
			return nil, err
		}
		c := config(stream, s.node.Role.Name, "replication", password, nil)
		c.RuntimeParams["replication"] = "true"
		conn, err := pgconn.ConnectConfig(ctx, c)
		if err == nil {
			return conn, nil
		}
		stream.Close()
		if !noWalsender(err) || time.Now().After(deadline) || engine.Pause(ctx, 100*time.Millisecond) != nil {
			return nil, err
		}
	}
}

// noWalsender reports whether a login failed because max_wal_senders are in use (too_many_connections).
func noWalsender(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "53300"
}

// replays waits until the standby has replayed what the primary had written.
func (s *server) replays(ctx context.Context, lsn string, within time.Duration) error {
	if lsn == "" {
		return nil
	}
	sql := "SELECT pg_last_wal_replay_lsn() >= " + literal(lsn) + "::pg_lsn, pg_get_wal_replay_pause_state()"
	for deadline, nap := time.Now().Add(within), 5*time.Millisecond; ; nap = min(2*nap, time.Second) {
		rows, err := s.session.query(ctx, sql)
		if err != nil {
			return err
		}
		switch {
		case rows[0][1] != "not paused":
			return errors.New("it receives WAL and does not replay it: replay is " + rows[0][1])
		case rows[0][0] == "t":
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("it has not replayed %s after %s", lsn, within)
		}
		if err := engine.Pause(ctx, nap); err != nil {
			return err
		}
	}
}
