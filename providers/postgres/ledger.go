package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pgrepl/engine"
)

// The ledger is a schema in the maintenance database that says which objects inside the servers are pgrepl's. It is
// replicated with the cluster, so it cannot be lost alone. An object is marked before it is made and unmarked after it
// was dropped, so that a run that dies in between leaves nothing that nobody owns.
const ledgerSQL = `CREATE SCHEMA IF NOT EXISTS pgrepl;
CREATE TABLE IF NOT EXISTS pgrepl.object (kind text NOT NULL, node text NOT NULL DEFAULT '', name text NOT NULL, consumer text NOT NULL DEFAULT '', since timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (kind, node, name));
CREATE TABLE IF NOT EXISTS pgrepl.apply (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), who text NOT NULL, tool text NOT NULL, steps text[] NOT NULL, writes_stopped numeric);
COMMENT ON SCHEMA pgrepl IS 'which roles, databases and slots pgrepl manages here, and what it did'`

// readLedgerSQL reads the marks, and how long writes stopped the last time. A ledger of an earlier version has no column for
// that, which to_jsonb forgives.
const (
	outageRow     = "outage"
	readLedgerSQL = "SELECT kind, node, name, CASE kind WHEN 'rotation' THEN to_json(since)#>>'{}' ELSE consumer END FROM pgrepl.object UNION ALL (SELECT '" + outageRow + "', '', '', to_jsonb(a)->>'writes_stopped' FROM pgrepl.apply a WHERE to_jsonb(a)->>'writes_stopped' IS NOT NULL ORDER BY a.id DESC LIMIT 1)"
)

// ledgerRows are the marked objects, each with the node that consumes it (of a standby's slot), or "".
type ledgerRows map[engine.ID]string

func (l ledgerRows) has(id engine.ID) bool {
	_, ok := l[id]
	return ok
}

func (s *Site) lookAtLedger(ctx context.Context) error {
	s.ledger, s.rotating = ledgerRows{}, map[string]time.Time{}
	if s.primary().seen.reach != up || !s.primary().seen.live.Ledger {
		return nil
	}
	rows, err := s.primary().session.query(ctx, readLedgerSQL)
	if err != nil {
		return fmt.Errorf("%s: read the ledger: %w", s.primary().address(), err)
	}
	for _, r := range rows {
		switch r[0] {
		case outageRow:
			seconds, _ := strconv.ParseFloat(r[3], 64)
			s.outage.before = time.Duration(seconds * float64(time.Second))
			continue
		case "rotation":
			since, err := time.Parse(time.RFC3339Nano, r[3])
			if err != nil {
				return fmt.Errorf("%s: read the ledger: %w", s.primary().address(), err)
			}
			s.rotating[r[2]] = since
			continue
		}
		s.ledger[engine.ID{Kind: r[0], On: s.nowCalled(r[1]), Name: r[2]}] = s.nowCalled(r[3])
	}
	return nil
}

// nowCalled is the name that a node of the ledger has in the file.
func (s *Site) nowCalled(node string) string {
	for _, d := range s.servers {
		if node != "" && d.node.RenamedFrom == node {
			return d.node.Name
		}
	}
	return node
}

// renameSQL brings the ledger to the names that the file has for its nodes.
func (s *Site) renameSQL() []string {
	var out []string
	for _, d := range s.servers {
		if was := d.node.RenamedFrom; was != "" {
			is := literal(d.node.Name)
			out = append(out, fmt.Sprintf("DELETE FROM pgrepl.object o USING pgrepl.object n WHERE o.node = %s AND n.node = %s AND (o.kind, o.name) = (n.kind, n.name)", literal(was), is),
				fmt.Sprintf("UPDATE pgrepl.object SET node = %s WHERE node = %s", is, literal(was)),
				fmt.Sprintf("UPDATE pgrepl.object SET consumer = %s WHERE consumer = %s", is, literal(was)))
		}
	}
	return out
}

// markSQL records an object as pgrepl's; unmarkSQL forgets it. Both are harmless when run again.
func markSQL(id engine.ID, consumer string) string {
	return fmt.Sprintf("INSERT INTO pgrepl.object (kind, node, name, consumer) VALUES (%s, %s, %s, %s) ON CONFLICT (kind, node, name) DO UPDATE SET consumer = excluded.consumer",
		literal(id.Kind), literal(id.On), literal(id.Name), literal(consumer))
}

// markOnceSQL records an object that has no mark yet.
func markOnceSQL(id engine.ID, consumer string) string {
	return fmt.Sprintf("INSERT INTO pgrepl.object (kind, node, name, consumer) VALUES (%s, %s, %s, %s) ON CONFLICT (kind, node, name) DO NOTHING",
		literal(id.Kind), literal(id.On), literal(id.Name), literal(consumer))
}

func unmarkSQL(id engine.ID) string {
	return fmt.Sprintf("DELETE FROM pgrepl.object WHERE (kind, node, name) = (%s, %s, %s)", literal(id.Kind), literal(id.On), literal(id.Name))
}

// outlived are the marks whose object the last look did not find: its server went with it, or a run was killed between drop
// and unmark. What is on a server that could not be looked at is left alone.
func (s *Site) outlived() []engine.ID {
	seen := map[engine.ID]bool{}
	for _, k := range s.Kinds() {
		for _, r := range k.Seen() {
			seen[r.ID] = true
		}
	}
	var out []engine.ID
	for id := range s.ledger {
		at := s.primary()
		if id.On != "" {
			at = s.server(id.On)
		}
		if !seen[id] && (at == nil || at.seen.reach == up) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, engine.ID.Compare)
	return out
}

// managed is the attribute by which adoption shows in a plan: an object that exists under a declared name without a mark.
func managed(ours bool) engine.Attr {
	if ours {
		return engine.Attr{Value: "pgrepl", Default: true}
	}
	return engine.Attr{Value: "nobody", Effect: engine.Live, Reason: "adopted: marked in the ledger"}
}

// ledgerKind is the kind of the ledger itself.
type ledgerKind struct{ *Site }

func (ledgerKind) Name() string { return "ledger" }

func (k ledgerKind) resource() engine.Resource {
	p := k.primary()
	return engine.Resource{ID: ledgerID, Addr: p.address(), Origin: origin(p.node.Origin), Needs: []engine.ID{serverID(p.node.Name)}, Ours: true}
}

func (k ledgerKind) Want() []engine.Resource { return []engine.Resource{k.resource()} }

func (k ledgerKind) Seen() []engine.Resource {
	switch p := k.primary(); {
	case p.seen.reach == absent:
		return nil
	case p.seen.reach != up:
		return []engine.Resource{p.unseen(k.resource())}
	case !p.seen.live.Ledger:
		return nil
	}
	return []engine.Resource{k.resource()}
}

func (ledgerKind) Facts(_, _ engine.Snapshot) []engine.Fact { return nil }

func (k ledgerKind) Steps(c engine.Change) []engine.Step {
	p := k.primary()
	return []engine.Step{sqlStep{Order: engine.Order{Self: engine.StepID{Do: "create", On: ledgerID}, On: p.node.Name, Behind: []engine.StepID{accepting(p.node.Name)}},
		session: p.session, text: "ledger", sql: ledgerSQL, result: c.New}}
}

// sqlStep is one transaction after which a resource is as wanted.
type sqlStep struct {
	engine.Order
	session *Session
	text    string
	sql     string
	result  engine.Resource
}

func (s sqlStep) String() string                          { return s.text }
func (s sqlStep) After(w engine.Snapshot) engine.Snapshot { return w.With(s.result) }
func (s sqlStep) Run(ctx context.Context) error           { return s.session.change(ctx, s.text, s.sql) }
