package docker

import (
	"testing"

	"github.com/docker/docker/api/types/volume"

	"pgrepl/schema"
)

// What another cluster's labels claim is never ours, whatever else there is: a mark of its own removal, a row of our ledger.
func TestWhoseAVolumeIs(t *testing.T) {
	labels := func(cluster, removing string) map[string]string {
		return map[string]string{labelCluster: cluster, labelRemoving: removing}
	}
	for _, c := range []struct {
		name   string
		labels map[string]string
		mark   map[string]string // of a removal that has begun; nil: none has
		ledger bool
		ours   bool
	}{
		{"labelled", labels("shop", ""), nil, false, true},
		{"nobody's", nil, nil, false, false},
		{"marked in the ledger", nil, nil, true, true},
		{"our removal has begun", nil, labels("shop", "data"), false, true},
		{"another's", labels("elsewhere", ""), nil, false, false},
		{"another's, of our ledger", labels("elsewhere", ""), nil, true, false},
		{"another's, whose removal has begun", labels("elsewhere", ""), labels("elsewhere", "data"), false, false},
		{"nobody's, with another's mark", nil, labels("elsewhere", "data"), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSite(&schema.Cluster{Name: "shop"}, nil, Removal{})
			v := &volume.Volume{Name: "data", Labels: c.labels}
			s.seen.volumes = []*volume.Volume{v}
			if c.mark != nil {
				s.seen.volumes = append(s.seen.volumes, &volume.Volume{Name: removing("data"), Labels: c.mark})
			}
			if c.ledger {
				s.marks = []Mark{{"volume", "data", "data"}}
			}
			if got := s.ownsVolume(v); got != c.ours {
				t.Errorf("ours: %t", got)
			}
			seen := (volumes{s}).Seen()
			if got := len(seen) > 0 && seen[0].ID == volumeID("data"); got != c.ours {
				t.Errorf("seen: %t", got)
			}
		})
	}
}
