package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pgrepl/engine"
)

// Applied is one apply in the ledger's history.
type Applied struct {
	At      time.Time     `json:"at"`
	Who     string        `json:"who"`
	Tool    string        `json:"tool"`
	Plan    string        `json:"plan"` // the id of the plan; "" of an apply by an earlier version
	Steps   []string      `json:"steps"`
	Stopped time.Duration `json:"-"` // for how long writes stopped
}

// Record writes one row of the ledger's history, and forgets what is no more.
func (s *Site) Record(ctx context.Context, a Applied, stale []Mark) error {
	if !s.primary().seen.live.Ledger {
		return nil
	}
	quoted := make([]string, len(a.Steps))
	for i, t := range a.Steps {
		quoted[i] = literal(t)
	}
	stopped := "NULL"
	if took := s.WritesStopped(); took > 0 {
		stopped = fmt.Sprintf("%.3f", took.Seconds())
	}
	sql := []string{"ALTER TABLE pgrepl.apply ADD COLUMN IF NOT EXISTS writes_stopped numeric, ADD COLUMN IF NOT EXISTS plan text", // a ledger of an earlier version
		fmt.Sprintf("INSERT INTO pgrepl.apply (who, tool, plan, steps, writes_stopped) VALUES (%s, %s, %s, ARRAY[%s]::text[], %s)",
			literal(a.Who), literal(a.Tool), literal(a.Plan), strings.Join(quoted, ", "), stopped)}
	sql = append(sql, s.renameSQL()...)
	for _, id := range s.outlived() {
		sql = append(sql, unmarkSQL(id))
	}
	for _, m := range stale {
		sql = append(sql, m.removeSQL())
	}
	return s.primary().session.change(ctx, "record the apply", strings.Join(sql, ";\n"))
}

// History reads the last applies, the latest first; at most limit of them. It works on a standby too, where the master is down.
func (s *Site) History(ctx context.Context, limit int) ([]Applied, error) {
	answers := false
	for _, srv := range s.servers {
		if srv.seen.reach != up {
			continue
		}
		if srv.seen.live.Ledger {
			return srv.history(ctx, limit)
		}
		answers = true
	}
	if answers { // and has no ledger: nothing was applied
		return nil, nil
	}
	return nil, engine.Problem{Origin: origin(s.primary().node.Origin), Summary: "no server of the cluster answers", Detail: "the history is kept in the database itself",
		Next: "pgrepl status says what is the matter with them"}
}

func (s *server) history(ctx context.Context, limit int) ([]Applied, error) {
	rows, err := s.session.query(ctx, fmt.Sprintf("SELECT to_json(at)#>>'{}', who, tool, coalesce(to_jsonb(a)->>'plan', ''), to_json(steps)::text, coalesce(to_jsonb(a)->>'writes_stopped', '0') FROM pgrepl.apply a ORDER BY id DESC LIMIT %d", limit))
	if err != nil {
		return nil, fmt.Errorf("%s: read the history: %w", s.address(), err)
	}
	var out []Applied
	for _, r := range rows {
		a := Applied{Who: r[1], Tool: r[2], Plan: r[3]}
		var seconds float64
		at, err0 := time.Parse(time.RFC3339Nano, r[0])
		err1 := json.Unmarshal([]byte(r[4]), &a.Steps)
		_, err2 := fmt.Sscan(r[5], &seconds)
		for _, err := range []error{err0, err1, err2} {
			if err != nil {
				return nil, fmt.Errorf("%s: read the history: %w", s.address(), err)
			}
		}
		a.At, a.Stopped = at, time.Duration(seconds*float64(time.Second))
		out = append(out, a)
	}
	return out, nil
}
