package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/engine"
)

// commitDeadline is how long a commit may take to come back from its synchronous standbys.
const commitDeadline = 10 * time.Second

// probeSQL is a transaction that waits as an application's would. SELECT txid_current() would not do: a commit waits only where
// the transaction has written WAL before it. A transactional message is WAL, leaves no row, and needs no table.
const probeSQL = `SELECT pg_logical_emit_message(true, 'pgrepl', 'commit probe')`

// probeLevel gives the probe the server's own synchronous_commit; one that waits for nobody would prove nothing.
const probeLevel = `SELECT set_config('synchronous_commit', CASE WHEN reset_val IN ('off', 'local') THEN 'on' ELSE reset_val END, false)
FROM pg_settings WHERE name = 'synchronous_commit'`

var errHangs = errors.New("a commit does not come back")

// probe commits a transaction as an application's would.
func (s *Session) probe(ctx context.Context, within time.Duration) error {
	_, _, err := s.commit(ctx, probeSQL, within)
	if err != nil && !errors.Is(err, errHangs) {
		return fmt.Errorf("commit probe: %w", err)
	}
	return err
}

// commit runs a statement that waits for standbys as an application's would, on a connection of its own, and says when it was sent and
// how long that took. The limit is the client's: statement_timeout does not fire in a commit that waits, and a client that goes away
// leaves the backend waiting with its locks, so it is told to stop. That ends the wait and not the commit. A server that cannot be told
// does not answer: that is no commit that hangs.
func (s *Session) commit(ctx context.Context, sql string, within time.Duration) (began time.Time, took time.Duration, err error) {
	asked, cancel := context.WithTimeout(ctx, commitDeadline)
	defer cancel()
	s.mu.Lock()
	conn, err := s.login(asked, maintenance, 0)
	s.mu.Unlock()
	if err != nil {
		return began, 0, unanswered(err, commitDeadline)
	}
	defer closeSoon(conn)
	if _, err := exec(asked, conn, probeLevel); err != nil {
		return began, 0, unanswered(err, commitDeadline)
	}
	waits, giveUp := context.WithCancel(ctx)
	defer giveUp()
	committed := make(chan error, 1)
	began = time.Now()
	go func() {
		committed <- s.effect.Around("commit probe", func() error {
			_, err := exec(waits, conn, sql)
			return err
		})
	}()
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case err := <-committed:
		took = time.Since(began)
		if err != nil {
			return began, took, said(err)
		}
		return began, took, nil
	case <-limit.C:
		err := s.cancel(ctx, conn.PID())
		select { // a connection is not for two: nobody closes it under the commit
		case <-committed:
		case <-time.After(time.Second):
			giveUp()
			<-committed
		}
		if err != nil {
			return began, within, unanswered(err, probeAnswer)
		}
		return began, within, errHangs
	}
}

// cancel tells a backend to stop what it does.
func (s *Session) cancel(ctx context.Context, backend uint32) error {
	ctx, cancel := context.WithTimeout(ctx, probeAnswer)
	defer cancel()
	_, err := s.query(ctx, fmt.Sprintf("SELECT pg_cancel_backend(%d)", backend))
	return err
}

func closeSoon(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// listed is what the primary knows of a standby that commits wait for.
type listed struct {
	address          string
	state, syncState string // "" where it is not connected
	confirmed        bool   // it has what was committed before the question
}

// proveCommits commits, and then wants to see that the standbys have confirmed it: sync_state alone would not prove that
// commits come back, and a commit alone could have gone before the server took the names in.
func (s *server) proveCommits(ctx context.Context, n standbyNames) error {
	deadline := time.Now().Add(commitDeadline)
	failed := s.session.probe(ctx, commitDeadline)
	if failed != nil && !errors.Is(failed, errHangs) {
		return failed
	}
	if failed != nil { // all that is late by now is named
		deadline = time.Now().Add(time.Second)
	}
	rows, err := s.session.query(ctx, "SELECT pg_current_wal_flush_lsn()")
	if err != nil {
		return err
	}
	for {
		standbys, err := s.listed(ctx, n, rows[0][0])
		if err != nil {
			return err
		}
		missing := missing(standbys, n.count)
		switch {
		case failed == nil && missing == "":
			return nil
		case time.Now().After(deadline) && failed != nil:
			return fmt.Errorf("%w within %s: %s", failed, commitDeadline, orDefault(missing, "its standbys answer only now"))
		case time.Now().After(deadline):
			return fmt.Errorf("after %s: %s", commitDeadline, missing)
		}
		if err := engine.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// listed asks for the standbys of the names, in their order. What confirmed means is synchronous_commit's.
func (s *server) listed(ctx context.Context, n standbyNames, lsn string) ([]listed, error) {
	rows, err := s.session.query(ctx, `SELECT application_name, state, sync_state, coalesce(CASE level WHEN 'remote_apply' THEN replay_lsn WHEN 'remote_write' THEN write_lsn
  ELSE flush_lsn END >= `+literal(lsn)+`::pg_lsn, false)
FROM pg_stat_replication, (SELECT reset_val AS level FROM pg_settings WHERE name = 'synchronous_commit') l WHERE state <> 'backup'`)
	if err != nil {
		return nil, err
	}
	var out []listed
	for _, name := range n.members {
		one := listed{address: s.site.called(standbyNames{count: 1, members: []string{name}})}
		one.address = strings.TrimPrefix(one.address, "first 1 of ")
		for _, r := range rows {
			if strings.EqualFold(r[0], name) {
				one.state, one.syncState, one.confirmed = r[1], r[2], r[3] == "t"
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// missing says what keeps count of the standbys from having confirmed, and all from being ready to; "" where nothing does.
func missing(standbys []listed, count int) string {
	var why []string
	for _, l := range standbys {
		switch {
		case l.state == "":
			why = append(why, l.address+" does not stream")
		case l.state != "streaming":
			why = append(why, l.address+" is not streaming yet: "+l.state)
		case l.syncState == "async":
			why = append(why, l.address+" is not taken for a synchronous standby")
		case (l.syncState == "sync" || l.syncState == "quorum") && l.confirmed:
			count--
		}
	}
	if count > 0 {
		for _, l := range standbys {
			if l.state == "streaming" && l.syncState != "async" && !l.confirmed {
				why = append(why, l.address+" does not acknowledge it")
			}
		}
		if len(why) == 0 {
			why = append(why, fmt.Sprintf("%d more would have to acknowledge it", count))
		}
	}
	return strings.Join(why, "; ")
}
