package postgres

import (
	"slices"
	"testing"

	"pgrepl/schema"
)

func TestStatusSaysWhatIsWrongWithANode(t *testing.T) {
	file, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) {
		return []byte("cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\n"), nil
	}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	site := NewSite(file, func(*schema.Node) Machine { return nil }, nil)
	for _, s := range site.servers {
		s.seen.reach = absent
	}
	for _, n := range site.Status() {
		if n.OK || n.Why != "missing" {
			t.Errorf("%s: OK is %v, why is %q", n.Node, n.OK, n.Why)
		}
	}
}

func TestStatusSaysWhatANodeIs(t *testing.T) {
	site := seenAs(t, "cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\n", up)
	for _, c := range []struct {
		recovery [2]bool
		parts    [2]string
	}{
		{[2]bool{false, true}, [2]string{"master", "replica"}},
		{[2]bool{true, false}, [2]string{"master, in recovery", "replica, not in recovery"}},
	} {
		for i, s := range site.servers {
			s.seen.live.Recovery = c.recovery[i]
		}
		for i, n := range site.Status() {
			if n.Part != c.parts[i] || c.recovery[0] && n.OK {
				t.Errorf("%v: %s is %s, OK %v", c.recovery, n.Node, n.Part, n.OK)
			}
		}
	}
	site.servers[1].seen.reach, site.servers[1].seen.partial = absent, true
	if n := site.Status()[1]; n.State != "half made" || n.OK {
		t.Errorf("%+v", n)
	}
	site.servers[0].seen.live.Senders = []sender{{Name: "c-2", State: "backup"}}
	if n := site.Status()[1]; n.State != "being cloned" {
		t.Errorf("%+v", n)
	}
}

func TestStatusNamesSlotsThatNothingReads(t *testing.T) {
	site := seenAs(t, "cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\n", up)
	site.servers[0].seen.live.Slots = []liveSlot{{Name: "c_2", Retained: 1}, {Name: "theirs", Retained: 3 << 20}, {Name: "read", Active: true, Retained: 5}, {Name: "empty", Retained: -1}}
	if got := site.Unread(); !slices.Equal(got, []string{"slot theirs on c-1 holds 3.0 MiB of WAL, and nothing reads it"}) {
		t.Errorf("%q", got)
	}
}

func TestStatusNamesPendingSettingsInOrder(t *testing.T) {
	settings := map[string]liveSetting{}
	for _, name := range []string{"wal_level", "max_connections", "shared_buffers", "max_wal_senders", "huge_pages"} {
		settings[name] = liveSetting{Pending: true}
	}
	s := &server{node: &schema.Node{Part: schema.Primary}}
	s.site = &Site{servers: []*server{s}}
	s.seen.reach, s.seen.live.Settings = up, settings
	for range 20 {
		if n := s.status(); !slices.IsSorted(n.Pending) || len(n.Pending) != 5 {
			t.Fatalf("%v", n.Pending)
		}
	}
}
