package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/schema"
)

// TestWhyTheMonitorsRoleIsRefused: one that is not let in is another fault than one that is, and has no right to look.
func TestWhyTheMonitorsRoleIsRefused(t *testing.T) {
	srv := &server{}
	v := &Vitals{sessions: map[*server]*Session{srv: {viewer: &schema.Role{Object: schema.Object{Name: "metrics"}}}}}
	for code, want := range map[string]string{
		"28P01": "role metrics, which the block monitor names, cannot log in: no",
		"42501": "role metrics, which the block monitor names, may not look: no",
		"53300": "no",
	} {
		if got := v.why(srv, &pgconn.PgError{Code: code, Message: "no"}); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
}
