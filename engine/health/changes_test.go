package health

import "testing"

// TestWhatCannotBeToldIsNotOver: a finding ends where a report could have it and does not.
func TestWhatCannotBeToldIsNotOver(t *testing.T) {
	yes, some, none := true, int64(0), 0.0
	up := func(name string) NodeReport {
		return NodeReport{Name: name, Part: "standby", Recovery: &yes, Replay: &some, Flush: &some, LagLow: &none}
	}
	unanswering := NodeReport{Name: "a", Part: "standby"}
	lagless, late := up("a"), up("a")
	lagless.LagLow, lagless.Replay = nil, nil // its primary does not answer
	late.Delay, late.Replay = 60, nil
	for name, c := range map[string]struct {
		rule string
		on   Subject
		now  []NodeReport
		over bool
	}{
		"it answers":                    {"replay_paused", Subject{Node: "a"}, []NodeReport{up("a")}, true},
		"it does not answer":            {"replay_paused", Subject{Node: "a"}, []NodeReport{unanswering}, false},
		"a slot of one that does not":   {"slot_status", Subject{Node: "a", Slot: "s"}, []NodeReport{unanswering}, false},
		"it left the file":              {"replay_paused", Subject{Node: "a"}, []NodeReport{up("b")}, true},
		"a container is always told":    {"node", Subject{Node: "a"}, []NodeReport{unanswering}, true},
		"its lag is not known":          {"lag_time", Subject{Node: "a"}, []NodeReport{lagless}, false},
		"its lag in bytes is not":       {"lag_bytes", Subject{Node: "a"}, []NodeReport{lagless}, false},
		"what a delayed one has is":     {"lag_bytes", Subject{Node: "a"}, []NodeReport{late}, true},
		"an app":                        {"app", Subject{App: "web"}, []NodeReport{unanswering}, true},
		"commits, with nobody to ask":   {"commits_hang", Subject{}, []NodeReport{unanswering}, false},
		"commits, and all have answers": {"commits_hang", Subject{}, []NodeReport{up("a")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := Finding{Level: Critical, Rule: c.rule, Subject: c.on}
			changes, still := Changes([]Finding{f}, Report{Nodes: c.now})
			if over := len(changes) == 1 && changes[0].What == Went; over != c.over || len(still) == 1 == c.over {
				t.Errorf("over: %t; changes %v, still open %v", over, changes, still)
			}
		})
	}
}
