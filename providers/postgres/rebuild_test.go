package postgres

import (
	"slices"
	"testing"

	"pgrepl/engine"
)

// TestAContainerWaitsForAMasterThatCouldNotBeLookedAt: until then nobody knows whether the data of a replica is of its cluster.
func TestAContainerWaitsForAMasterThatCouldNotBeLookedAt(t *testing.T) {
	for _, c := range []struct {
		master, replica reach
		waits           bool
	}{
		{hidden, down, true},
		{hidden, up, false}, // it runs
		{hidden, absent, false},
		{down, down, false},
		{up, down, false},
	} {
		site := seenAs(t, "cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\n", up)
		for i, r := range []reach{c.master, c.replica} {
			s := site.servers[i]
			s.seen = look{reach: r, known: r == down, directory: directory{System: "1", Standby: i == 1, Timeline: 1},
				live: live{System: "1", Recovery: i == 1, Timeline: 1, LSN: "0/3000000"}}
		}
		want := []engine.ID(nil)
		if c.waits {
			want = []engine.ID{serverID("c-1")}
		}
		if got := site.Awaits("c-2"); !slices.Equal(got, want) {
			t.Errorf("master %d, replica %d: it waits for %v", c.master, c.replica, got)
		}
		if got := site.Awaits("c-1"); got != nil {
			t.Errorf("the master waits for %v", got)
		}
	}
}
