package postgres

import (
	"context"
	"testing"

	"pgrepl/schema"
)

// A stream that cannot come is not waited for; what is in its way, the next look plans.
func TestNobodyWaitsForAStreamThatCannotCome(t *testing.T) {
	const text = "cluster \"c\" {}\nrole \"r\" {\n  login = true\n  replication = true\n  password = \"new\"\n}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\n"
	for name, see := range map[string]func(*server){
		"the password is another": func(s *server) {
			s.seen.reach, s.seen.passfile = down, passfile("r", schema.NewSecret("old", ""))
		},
		"it is paused": func(s *server) {
			s.seen.live.Paused, s.seen.passfile = true, passfile("r", schema.NewSecret("new", ""))
		},
	} {
		site := seenAs(t, text, up)
		s := site.servers[1]
		see(s)
		if (stream{server: s, unsure: true}).possible(context.Background()) {
			t.Errorf("%s, and it is waited for", name)
		}
	}
}
