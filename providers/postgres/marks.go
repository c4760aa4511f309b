package postgres

import (
	"context"
	"fmt"

	"pgrepl/engine"
)

// Mark is one row of the ledger about an object of Docker's that was made without pgrepl and has no labels.
type Mark struct{ Kind, Name, Identity string }

// marksSQL makes the table on its own: a ledger may be older than it.
const marksSQL = `CREATE TABLE IF NOT EXISTS pgrepl.adopted (kind text NOT NULL, name text NOT NULL, identity text NOT NULL, since timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (kind, name));
`

func (m Mark) insertSQL() string {
	return marksSQL + fmt.Sprintf("INSERT INTO pgrepl.adopted (kind, name, identity) VALUES (%s, %s, %s) ON CONFLICT (kind, name) DO UPDATE SET identity = excluded.identity",
		literal(m.Kind), literal(m.Name), literal(m.Identity))
}

func (m Mark) removeSQL() string {
	return fmt.Sprintf("DELETE FROM pgrepl.adopted WHERE (kind, name, identity) = (%s, %s, %s)", literal(m.Kind), literal(m.Name), literal(m.Identity))
}

// lookAtMarks reads them from the primary, or where that is down, from a standby, which has the same ledger.
func (s *Site) lookAtMarks(ctx context.Context) error {
	s.marks, s.marksKnown = nil, false
	for _, srv := range s.servers {
		if srv.seen.reach != up {
			continue
		}
		s.marksKnown = true
		if !srv.seen.live.Adopted {
			return nil
		}
		var err error
		s.marks, err = srv.readMarks(ctx)
		return err
	}
	return nil
}

func (s *server) readMarks(ctx context.Context) ([]Mark, error) {
	rows, err := s.session.query(ctx, "SELECT kind, name, identity FROM pgrepl.adopted")
	if err != nil {
		return nil, fmt.Errorf("%s: read the marks of what was adopted: %w", s.address(), err)
	}
	var out []Mark
	for _, r := range rows {
		out = append(out, Mark{r[0], r[1], r[2]})
	}
	return out, nil
}

// Marks are the marks of the last look; known is false where no server could be asked.
func (s *Site) Marks() (marks []Mark, known bool) { return s.marks, s.marksKnown }

// LookForMarks asks the servers for the marks and for nothing else, as the role pgrepl.
func (s *Site) LookForMarks(ctx context.Context) {
	s.marks, s.marksKnown = nil, false
	for _, srv := range s.servers {
		srv.session.guest = nil
		if !srv.machine.Running() {
			continue
		}
		there, err := srv.session.query(ctx, "SELECT to_regclass('pgrepl.adopted') IS NOT NULL")
		if err != nil {
			continue
		}
		s.marksKnown = true
		if there[0][0] == "t" {
			s.marks, err = srv.readMarks(ctx)
			s.marksKnown = err == nil
		}
		if s.marksKnown {
			return
		}
	}
}

// Mark is the step that writes the mark of an object; path is the attribute that tells of it.
func (s *Site) Mark(id engine.ID, identity, path string, after engine.Attr) engine.Step {
	p := s.primary()
	return entered{nil, s}.later([]engine.Step{markObject{Order: engine.Order{Self: engine.StepID{Do: "mark", On: id}, On: p.node.Name,
		Behind: []engine.StepID{accepting(p.node.Name), {Do: "create", On: ledgerID}}},
		session: p.session, mark: Mark{id.Kind, id.Name, identity}, path: path, attr: after}})[0]
}

type markObject struct {
	engine.Order
	session *Session
	mark    Mark
	path    string
	attr    engine.Attr
}

func (s markObject) String() string {
	kind := s.mark.Kind
	if kind == "node" {
		kind = "container"
	}
	return "mark " + kind + " " + s.mark.Name
}

func (s markObject) After(w engine.Snapshot) engine.Snapshot {
	r, there := w[s.Self.On]
	if !there {
		return w
	}
	r.Attrs = with(r.Attrs, s.path, s.attr)
	r.Ours = true
	return w.With(r)
}

func (s markObject) Run(ctx context.Context) error {
	return s.session.change(ctx, s.String(), s.mark.insertSQL())
}
