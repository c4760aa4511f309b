package postgres

import (
	"testing"

	"pgrepl/engine"
)

// A broken file is in the way of a plan that has the server read it, and stands otherwise.
func TestABrokenFileIsInTheWayOfAPlanThatHasItRead(t *testing.T) {
	for _, c := range []struct{ file, setting, code string }{
		{"/d/postgresql.conf", "", "PGR227"},
		{"/d/postgresql.conf", "work_mem", "PGR262"},
		{"/d/postgresql.auto.conf", "work_mem", "PGR227"},
	} {
		site := seenAs(t, "cluster \"c\" {}\nmaster \"c-1\" {}\n", up)
		s := site.servers[0]
		s.seen.live.Files = []fileSetting{{File: c.file, Line: 3, Name: "nonsense", Error: "unrecognized configuration parameter"}}
		id := settingsID("c-1")
		want, seen := engine.Snapshot{id: {ID: id, Attrs: map[string]engine.Attr{}}}, engine.Snapshot{id: {ID: id}}
		if c.setting != "" {
			want[id].Attrs["settings."+c.setting] = engine.Attr{Value: "8MB"}
		}
		facts := serverKind{site}.standing(want, seen)
		if len(facts) != 1 || facts[0].Code != c.code {
			t.Errorf("%v: %+v", c, facts)
		}
	}
}
