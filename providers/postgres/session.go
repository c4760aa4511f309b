package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/engine"
	"pgrepl/schema"
)

const (
	managementRole = "pgrepl"   // our own superuser role
	maintenance    = "postgres" // the database that we log in to and that holds the ledger
)

// Session is a management connection to one server, opened when it is first used and again when it broke. Its methods
// may be called from several steps at once; they take turns.
type Session struct {
	machine Machine
	effect  engine.SideEffect

	guest  func() guest // as whom to come where pgrepl has no login yet; nil: it waits for its own
	viewer *schema.Role // as whom to come instead, to look on and no more; nil: as the management role

	mu         sync.Mutex
	conn       *pgconn.PgConn
	passfile   string // the node's, as it was when the connection was opened
	credential bool   // the volume holds one
	space      *int64 // bytes that the volume had left then; nil where that could not be told
}

// prelude is sent once per connection. search_path, so that nobody's function is called instead of PostgreSQL's; the
// check interval, so that a waiting backend notices that its client was killed; synchronous_commit, so that our own
// statements cannot hang on a dead synchronous standby; the rest keeps statements out of the log and the statistics.
const prelude = `SET search_path = pg_catalog; SET standard_conforming_strings = on; SET client_connection_check_interval = 500;
SET synchronous_commit = local; SET statement_timeout = 0; SET idle_session_timeout = 0; SET lock_timeout = '30s'; SET default_transaction_read_only = off;
SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_duration = off; SET log_min_error_statement = 'panic';
SET pg_stat_statements.track_utility = off; SET pgaudit.log = 'none'`

// config describes a login over a connection that stands. It is built by hand: what libpq's environment variables and
// files on this machine say is meant for other programs.
func config(over net.Conn, user, database string, password schema.Secret, settings map[string]string) *pgconn.Config {
	c, err := pgconn.ParseConfig("host=127.0.0.1 port=5432 sslmode=disable user=x database=x")
	if err != nil {
		panic(err) // a constant
	}
	c.User, c.Database, c.Password = user, database, password.Reveal()
	c.Fallbacks, c.RuntimeParams = nil, map[string]string{"application_name": "pgrepl"}
	maps.Copy(c.RuntimeParams, settings)
	c.DialFunc = func(context.Context, string, string) (net.Conn, error) { return over, nil }
	return c
}

// errNoCredential is a volume that lacks what the management role logs in with.
var errNoCredential = errors.New("its volume holds no management credential")

// await connects, waiting up to patience for somebody to listen. A connection to a server that is gone meanwhile (its
// container was made anew) is none.
func (s *Session) await(ctx context.Context, patience time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropBroken(ctx)
	return s.open(ctx, patience)
}

// dropBroken closes a connection that nobody answers on; the caller holds mu.
func (s *Session) dropBroken(ctx context.Context) {
	if s.conn != nil && !s.conn.IsClosed() && s.conn.Ping(ctx) != nil {
		_ = s.conn.Close(ctx)
	}
}

// open connects if there is no connection; the caller holds mu.
func (s *Session) open(ctx context.Context, patience time.Duration) error {
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	conn, err := s.login(ctx, maintenance, patience)
	if err != nil {
		return err
	}
	s.conn = conn
	return nil
}

// login opens a connection of the session's role to a database.
func (s *Session) login(ctx context.Context, database string, patience time.Duration) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stream, told, err := s.machine.Open(ctx, patience)
	s.passfile, s.credential, s.space = told["passfile"], told["credential"] != "", roomLeft(told["room"])
	if err != nil {
		return nil, err
	}
	if s.viewer != nil {
		return connect(ctx, stream, s.viewer.Name, database, s.viewer.Password, onlyLooks)
	}
	conn, err := connect(ctx, stream, managementRole, database, schema.NewSecret(told["credential"], "credential"), nil)
	if refusal(err) && s.guest != nil && s.machine.ByHand() {
		conn, err = s.asGuest(ctx, database, s.credential, err)
	}
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, prelude).ReadAll(); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("prepare a management session: %w", err)
	}
	return conn, nil
}

// onlyLooks are the settings of a session that changes nothing and holds nothing up. They stand in the startup packet, which
// beats what is set for the role; search_path so that nobody's function is called instead of PostgreSQL's.
var onlyLooks = map[string]string{"search_path": "pg_catalog", "default_transaction_read_only": "on", "statement_timeout": "5s", "client_connection_check_interval": "500ms"}

// connect logs in over a stream, with settings for the session, and closes the stream where that fails.
func connect(ctx context.Context, over net.Conn, user, database string, password schema.Secret, settings map[string]string) (*pgconn.PgConn, error) {
	if user == managementRole && password.Reveal() == "" {
		over.Close()
		return nil, errNoCredential
	}
	conn, err := pgconn.ConnectConfig(ctx, config(over, user, database, password, settings))
	if err != nil {
		over.Close()
	}
	return conn, err
}

// credited reports whether the node's volume was found to hold a management credential.
func (s *Session) credited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.credential
}

// room returns how many bytes the node's volume had left when the session was opened; nil where that could not be told.
func (s *Session) room() *int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.space
}

// held returns the node's passfile as the session found it.
func (s *Session) held() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []byte(s.passfile)
}

// hold notes that the passfile was replaced.
func (s *Session) hold(passfile []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passfile = string(passfile)
}

// Close ends the connection; it may be opened again.
func (s *Session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
	s.conn = nil
}

// query runs read-only SQL and returns the rows of its last statement as text. A connection that turns out to be broken
// (the server was restarted) is opened again once: reading twice is harmless.
func (s *Session) query(ctx context.Context, sql string) ([][]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for attempt := 0; ; attempt++ {
		reused := s.conn != nil && !s.conn.IsClosed()
		if err := s.open(ctx, 0); err != nil {
			return nil, err
		}
		rows, err := exec(ctx, s.conn, sql)
		if dropped(err) && attempt < 10 && engine.Pause(ctx, 20*time.Millisecond) == nil {
			continue
		}
		if err != nil && reused && attempt == 0 && ctx.Err() == nil && broken(err) {
			_ = s.conn.Close(ctx)
			continue
		}
		return rows, err
	}
}

// broken reports whether an error ended the connection rather than the statement.
func broken(err error) bool {
	var pg *pgconn.PgError
	return !errors.As(err, &pg) || pg.Code == "57P01" || pg.Code == "57P02"
}

// dropped reports whether a statement came upon a database that somebody drops at this moment: its row was still to be read, and what
// is asked about it is not there any more.
func dropped(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "3D000" || strings.HasPrefix(pg.Routine, "pg_database_")) // in whatever language
}

func exec(ctx context.Context, c *pgconn.PgConn, sql string) ([][]string, error) {
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) == 0 {
		return nil, nil
	}
	var rows [][]string
	for _, r := range results[len(results)-1].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// change runs SQL that changes something: one side effect. Several statements in it are one transaction.
func (s *Session) change(ctx context.Context, what, sql string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropBroken(ctx) // before anything is sent that might be done twice
	if err := s.open(ctx, 0); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	err := s.effect.Around(what, func() error {
		_, err := s.conn.Exec(ctx, sql).ReadAll()
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, said(err))
	}
	return nil
}

// said turns a server's error into its own words, with its hint; the statement is never quoted.
func said(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	text := pg.Message
	if pg.Detail != "" {
		text += "; " + pg.Detail
	}
	if pg.Hint != "" {
		text += " (" + pg.Hint + ")"
	}
	return &serverError{text: text, code: pg.Code, cause: err}
}

type serverError struct {
	text, code string
	cause      error
}

func (e *serverError) Error() string { return "server: " + e.text }
func (e *serverError) Unwrap() error { return e.cause }

// document runs a query of one row with one JSON column.
func (s *Session) document(ctx context.Context, sql string, into any) error {
	rows, err := s.query(ctx, sql)
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return fmt.Errorf("%d rows where one was expected", len(rows))
	}
	return decode(rows[0][0], into)
}

func decode(document string, into any) error { return json.Unmarshal([]byte(document), into) }

// changeIn runs SQL that changes something in another database than the maintenance database.
func (s *Session) changeIn(ctx context.Context, database, what, sql string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn, err := s.login(ctx, database, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = s.effect.Around(what, func() error {
		_, err := conn.Exec(ctx, sql).ReadAll()
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, said(err))
	}
	return nil
}
