package postgres

import (
	"slices"
	"strings"
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

// TestTheApplyThatAdoptsRebuildsNothing: until it has let pgrepl in, nobody could see the new data stream.
func TestTheApplyThatAdoptsRebuildsNothing(t *testing.T) {
	for _, c := range []struct {
		user, asked, code, said, next string
		tight                         bool
	}{
		{user: "postgres"},
		{user: "postgres", asked: "replica.c-2", code: "PGR259", said: "by the apply that adopts it", next: "pgrepl apply, then pgrepl apply --rebuild replica.c-2"},
		{user: "postgres", asked: "replica.c-2", code: "PGR259", said: "cannot be rebuilt in place", next: "docker volume rm c-2", tight: true},
		{user: managementRole, asked: "replica.c-2"},
	} {
		site := seenAs(t, "cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\n", up)
		site.Rebuild([]string{c.asked})
		for i, s := range site.servers {
			s.seen.byHand, s.seen.live = true, live{User: c.user, System: "1", Recovery: i == 1, Timeline: 1, LSN: "0/3000000"}
		}
		site.servers[1].seen.tight = c.tight
		f := serverKind{site}.dataFact(site.servers[1], engine.Fact{})
		if f.Code != c.code || !strings.Contains(f.Text, c.said) || !strings.Contains(f.Next, c.next) {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}
