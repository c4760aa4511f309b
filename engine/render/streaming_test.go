package render

import (
	"testing"

	"pgrepl/engine"
)

// TestOnlyWhatStreamsIsCounted: a delayed standby that replays what it has does not stream meanwhile, and that is no fault.
func TestOnlyWhatStreamsIsCounted(t *testing.T) {
	p := engine.Plan{Seen: engine.Snapshot{}}
	for name, a := range map[string]engine.Attr{"a": {Value: "streaming"}, "b": {Value: "streaming"}, "c": {Value: "not streaming"}, "d": {Value: "streaming", Reason: "works off its delay"}} {
		id := engine.ID{Kind: "replication", On: name}
		p.Seen[id] = engine.Resource{ID: id, Attrs: map[string]engine.Attr{"replication": a}}
	}
	if got := Streaming(p); got != "2 replicas streaming, 1 works off its delay" {
		t.Errorf("%q", got)
	}
}
