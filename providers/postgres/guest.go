package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/engine"
	"pgrepl/schema"
)

// guest is as whom pgrepl comes until it has a login of its own.
type guest struct {
	role     string
	password schema.Secret
}

func (s *Site) superuser() guest {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := guest{s.file.Superuser.Name, s.file.Superuser.Password}
	if s.answered != nil {
		g.password = *s.answered
	}
	return g
}

// AskWith lets the superuser's password be asked for, once, where there is no other way in.
func (s *Site) AskWith(ask func(role string) (schema.Secret, error)) { s.ask = ask }

// asGuest logs in as the superuser; the caller holds mu. refused is what became of pgrepl's own login, which tells more where
// there is a credential for it.
func (s *Session) asGuest(ctx context.Context, database string, credited bool, refused error) (*pgconn.PgConn, error) {
	g := s.guest()
	stream, _, err := s.machine.Open(ctx, 0)
	if err != nil {
		return nil, err
	}
	conn, err := connect(ctx, stream, g.role, database, g.password, nil)
	if err != nil && credited {
		return nil, refused
	}
	return conn, err
}

// socketScript runs SQL from its standard input as a superuser, over the local socket and without a password.
const socketScript = `PATH="$PATH:/usr/lib/postgresql/$2/bin:/usr/pgsql-$2/bin"
exec psql -X -q -A -t -w -1 -v ON_ERROR_STOP=1 -U "$1" -d "$3" -f -`

func (s *server) socketArguments() []string {
	return []string{s.site.file.Superuser.Name, fmt.Sprint(s.site.file.Version), maintenance}
}

// guestDocument looks where the way over 127.0.0.1 was refused: over the local socket, and then, where there is somebody to
// ask for the password, once more with that. answered is whether there was one in the first place.
func (s *server) guestDocument(ctx context.Context, sql string, into any, answered bool, refused error) error {
	out, err := s.machine.Ask(ctx, socketScript, socketPrelude+sql, s.socketArguments()...)
	if err == nil {
		return decode(out, into)
	}
	if s.site.ask == nil || answered {
		return refused
	}
	if err := s.site.askOnce(); err != nil {
		return err
	}
	return s.session.document(ctx, sql, into)
}

// socketPrelude is as much of the prelude as a transaction of psql takes.
var socketPrelude = strings.Split(prelude, "SET pg_stat_statements")[0]

func (s *Site) hasAnswer() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered != nil
}

func (s *Site) askOnce() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered != nil {
		return nil
	}
	p, err := s.ask(s.file.Superuser.Name)
	if err != nil {
		return err
	}
	s.answered = &p
	return nil
}

// asSuperuser runs SQL by the way in that the look found. What is empty where nothing changes.
func (s *server) asSuperuser(ctx context.Context, what, sql string) (string, error) {
	if what == "" {
		rows, err := s.session.query(ctx, sql)
		if err == nil {
			return rows[0][0], nil
		}
		if !refusal(err) {
			return "", err
		}
		return s.machine.Ask(ctx, socketScript, socketPrelude+sql, s.socketArguments()...)
	}
	err := s.session.change(ctx, what, sql)
	if !refusal(err) {
		return "", err
	}
	return s.machine.Run(ctx, what, socketScript, socketPrelude+sql, s.socketArguments()...)
}

// arguedLink names a setting that is another's than the settings kind's and comes from the arguments; "" where none does.
func (s *server) arguedLink() string {
	for _, name := range append([]string{synchronousNames}, replicationSettings...) {
		l := s.seen.live.Settings[name]
		if s.argued(name, l) && l.Reset != "" && (s.isPrimary() == (name == synchronousNames)) {
			return name
		}
	}
	return ""
}

// noWayIn is why a server that was made by hand cannot be looked at.
func (k serverKind) noWayIn(s *server, f engine.Fact) engine.Fact {
	super := k.file.Superuser
	if s.seen.reach != refused {
		f.Code, f.Text = "PGR251", fmt.Sprintf("container %s was made without pgrepl, and no PostgreSQL answers in it on port 5432", s.node.Name)
		f.Detail = s.seen.why
		f.Next = "see docker logs " + s.node.Name + "; or give the block another `name`"
		return f
	}
	f.Code, f.Text = "PGR253", fmt.Sprintf("%s was made without pgrepl, and its superuser %q is let in neither over the local socket nor over 127.0.0.1 without a password", s.address(), super.Name)
	f.Detail = "server: " + s.seen.why + "\nthe password is needed once: afterwards pgrepl has a login of its own"
	switch {
	case super.Password.IsUnset():
		f.Next = fmt.Sprintf("give %s with --var, --var-file or PGREPL_VAR_*; pgrepl apply also asks for it on a terminal", super.Password.Source())
	case super.Password.IsSet():
		f.Text = fmt.Sprintf("%s was made without pgrepl, and its superuser %q is not let in with the password of the file", s.address(), super.Name)
		f.Next = "give the password that the server has now, or another `name` of the superuser; it can be changed by the next apply"
	default:
		f.Next = "write `superuser { password = var.superuser_password }` into the cluster block, with a sensitive variable of that name, and give it; pgrepl apply also asks for it on a terminal"
	}
	return f
}
