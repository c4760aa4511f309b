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
