package postgres

import (
	"testing"
	"time"

	"pgrepl/schema"
)

// TestWhatIsReadableHasArrived: on a busy primary the position behind the probe is behind other rows too, which the replica may not
// have when it has the probe.
func TestWhatIsReadableHasArrived(t *testing.T) {
	began := time.Now()
	w := &watch{server: &server{node: &schema.Node{}}, stop: make(chan struct{}), done: make(chan struct{}), looks: []glance{
		{at: began.Add(10 * time.Millisecond), received: 120, flushed: 90},
		{at: began.Add(20 * time.Millisecond), received: 130, flushed: 95, replayed: 95, readable: true},
	}}
	close(w.done)
	a := w.arrival(began, 100, false)
	for stage, got := range map[string]*time.Duration{"received": a.Received, "flushed": a.Flushed, "replayed": a.Replayed, "readable": a.Readable} {
		want := 20 * time.Millisecond
		if stage == "received" {
			want = 10 * time.Millisecond
		}
		if got == nil || *got != want {
			t.Errorf("%s: %v, wanted %s", stage, got, want)
		}
	}
}
