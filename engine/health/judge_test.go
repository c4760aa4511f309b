package health

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// two is a primary with a standby that is level, ms after the start.
func two(ms int) Sample {
	lsn := LSN(1000)
	return Sample{At: at(ms), Nodes: []Node{
		{Name: "a", Address: "master.a", Docker: Container{State: "running"}, Up: true, Room: pointer(int64(10 << 30)), Live: &Live{Asked: at(ms), At: at(ms), System: "1", Timeline: 1,
			Written: lsn, Up: time.Hour, Segment: 16 << 20, Version: "17.1",
			Senders: []Sender{{Application: "b", State: "streaming", Sync: "async", Sent: &lsn, Flushed: &lsn, Replay: &lsn, Heard: pointer(time.Second)}},
			Slots:   []Slot{{Name: "b", Type: "physical", Active: true, Status: "reserved", Restart: &lsn, Retained: pointer(int64(0)), Declared: true}}}},
		{Name: "b", Address: "replica.b", Standby: true, Upstream: "a", Application: "b", Slot: "b", Docker: Container{State: "running"}, Up: true, Room: pointer(int64(10 << 30)),
			Live: &Live{Asked: at(ms), At: at(ms), System: "1", Timeline: 1, Recovery: true, Written: lsn, Replayed: lsn, Up: time.Hour, Pause: notPaused, StatusEvery: 10 * time.Second, Segment: 16 << 20,
				Receiver: &Receiver{Status: "streaming"}}},
	}}
}

func found(r Report) string {
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", f.Level, f.Rule, f.Subject, f.Text)))
	}
	return strings.Join(lines, "\n")
}

func TestAWholeClusterIsOK(t *testing.T) {
	var m Memory
	for i := range 3 {
		if r := m.Judge("c", two(i*1000), DefaultLimits()); r.Level != OK || r.Replicas != (Count{1, 1, 1}) || r.Primary != "a" {
			t.Errorf("%s %+v: %s", r.Level, r.Replicas, found(r))
		}
	}
}

// TestJudgement: the edges of the rules, which no test with real servers can hit to the second. That real faults make them find
// something is proved end to end.
func TestJudgement(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Sample, int) // of the sample so many ms after the start
		ms     []int
		want   string // of the last
	}{
		"away for a moment": {func(s *Sample, ms int) { s.Nodes[0].Live.Senders = nil }, []int{0, 9000}, "CRITICAL no_replica : no replica is connected\nWARNING replica_missing b: not connected for 9.0 s"},
		"away":              {func(s *Sample, ms int) { s.Nodes[0].Live.Senders = nil }, []int{0, 10000}, "CRITICAL no_replica : no replica is connected\nCRITICAL replica_missing b: not connected for 10 s"},
		"just restarted":    {func(s *Sample, ms int) { s.Nodes[0].Live.Senders, s.Nodes[0].Live.Up = nil, 3*time.Second }, []int{0, 10000}, "CRITICAL no_replica : no replica is connected\nWARNING replica_missing b: not connected for 10 s"},
		"silent":            {func(s *Sample, ms int) { s.Nodes[0].Live.Senders[0].Heard = pointer(21 * time.Second) }, []int{0}, "WARNING replica_silent b: silent for 21 s"},
		"silent as it may be": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Senders[0].Heard = pointer(55 * time.Second)
			s.Nodes[1].Live.StatusEvery = 30 * time.Second
		}, []int{0}, ""},
		"never says anything": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Senders[0].Heard = pointer(time.Hour)
			s.Nodes[1].Live.StatusEvery = 0
		}, []int{0}, ""},
		"lost slot": {func(s *Sample, ms int) {
			b := &s.Nodes[0].Live.Slots[0]
			b.Active, b.Status, b.Restart, b.Retained = false, "lost", nil, nil
		}, []int{0}, "CRITICAL slot_status slot b on a: slot is lost"},
		"never used": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Slots[0] = Slot{Name: "new", Type: "physical", Status: "", Declared: true}
		}, []int{0, 90000}, ""},
		"idle since before": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Slots[0].Active, s.Nodes[0].Live.Slots[0].Idle = false, pointer(2*time.Minute)
		}, []int{0}, "CRITICAL slot_inactive slot b on a: nothing reads it for 2 min"},
		"its own limit": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Slots[0].Retained, s.Nodes[0].Live.Slots[0].Warn = pointer(int64(500<<20)), 600<<20
		}, []int{0}, ""},
		"too little": {func(s *Sample, ms int) {
			s.Nodes[1].Live.Pause, s.Nodes[1].Live.Enough, s.Nodes[0].Live.Enough = "paused", map[string]int{"max_connections": 50}, map[string]int{"max_connections": 100}
		}, []int{0}, "CRITICAL replay_paused b: replay is paused: it has too little of max_connections"},
		"no answer at all": {func(s *Sample, ms int) {
			for i := range s.Nodes {
				s.Nodes[i].Live, s.Nodes[i].Docker.State = nil, "exited"
			}
		}, []int{0}, "CRITICAL primaries : no node answers\nCRITICAL node a: its container has ended with 0\nCRITICAL node b: its container has ended with 0"},
		"not let in": {func(s *Sample, ms int) {
			for i := range s.Nodes {
				s.Nodes[i].Live, s.Nodes[i].Refused, s.Nodes[i].Why = nil, true, "role metrics cannot log in"
			}
		}, []int{0, 20000}, "UNKNOWN primaries : whether there is a primary cannot be told\nUNKNOWN node a: role metrics cannot log in\nUNKNOWN node b: role metrics cannot log in"},
		"starting": {func(s *Sample, ms int) { s.Nodes[1].Live, s.Nodes[1].Why = nil, "the database system is starting up" }, []int{0, 5000},
			"WARNING node b: the database system is starting up"},
		"hangs": {func(s *Sample, ms int) { s.Nodes[0].Live.Waits = []Wait{{PID: 7, XID: "750"}} }, []int{0, 2000, 6000}, "CRITICAL commits_hang : a commit on a has waited for its synchronous replicas for 6.0 s"},
		"commits again and again": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Waits = []Wait{{PID: 7, XID: fmt.Sprint(750 + ms), Statement: time.Hour}}
		}, []int{0, 2000, 6000}, ""},
		"after a restart, its delay first": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Senders, s.Nodes[0].Live.Slots[0].Active = nil, false
			s.Nodes[1].Live.Receiver, s.Nodes[1].Delay, s.Nodes[1].Live.Delaying = nil, time.Hour, true
		}, []int{0, 90000}, "WARNING slot_inactive slot b on a: nothing reads it for 90 s: b works off its delay before it does"},
		"a lost slot of nobody": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Slots = append(s.Nodes[0].Live.Slots, Slot{Name: "stray", Type: "physical", Status: "lost"})
		}, []int{0}, "CRITICAL slot_status slot stray on a: slot is lost"},
		"half a record": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Written, s.Nodes[1].Live.Written, s.Nodes[1].Live.Replayed, s.Nodes[1].Live.Starved = 1576, 1576, 1000, true
		}, []int{0, 2000, 8000}, ""},
		"renamed in the file": {func(s *Sample, ms int) {
			s.Nodes[1].Application, s.Nodes[1].Live.Receiver.Slot, s.Nodes[0].Live.Senders[0].Slot = "other", "b", "b"
		}, []int{0, 20000}, ""},
		"moved in the file": {func(s *Sample, ms int) {
			s.Nodes[1].Upstream, s.Nodes[1].Live.Receiver.Host = "elsewhere", "a"
		}, []int{0, 20000}, ""},
		"always a little behind, and seldom looked at": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Written, s.Nodes[1].Live.Written, s.Nodes[1].Live.Replayed = LSN(1200+ms), LSN(1200+ms), LSN(1000+ms)
			s.Nodes[1].Live.LastCommit = pointer(time.Millisecond)
		}, []int{0, 10000, 20000}, ""},
		"another cluster's data": {func(s *Sample, ms int) { s.Nodes[1].Live.System = "2" }, []int{0},
			"CRITICAL system_id b: system id 2, the master's is 1"},
		"drift not told": {func(s *Sample, ms int) { s.Drift = &Drift{At: s.At, Unsaid: "no image"} }, []int{0}, "UNKNOWN drift : whether it is as in the file cannot be told: no image"},
		"an app": {func(s *Sample, ms int) {
			s.Apps = []App{{Name: "web", Container: Container{State: "exited", ExitCode: 137, OOM: true}}}
		}, []int{0},
			"CRITICAL app app web: its container was ended for its memory (OOM)"},
		"written for long, not replayed": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Written = LSN(1000 + ms)
		}, []int{0, 1000, 2000, 6500}, "WARNING lag_time b: lag 5.5 s"},
		"delayed on purpose": {func(s *Sample, ms int) {
			s.Nodes[0].Live.Written, s.Nodes[1].Live.Written, s.Nodes[1].Delay = LSN(1000+ms), LSN(1000+ms), time.Hour
			s.Nodes[1].Live.Delaying = true
		}, []int{0, 1000, 2000, 600000}, ""},
		"moved off the primary's history": {func(s *Sample, ms int) { s.Nodes[1].Live.Timeline = 2 }, []int{0, 11000}, "CRITICAL timeline b: timeline 2, the primary is on 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var m Memory
			var r Report
			for _, ms := range c.ms {
				s := two(ms)
				c.change(&s, ms)
				r = m.Judge("c", s, DefaultLimits())
			}
			if got := found(r); got != c.want {
				t.Errorf("found\n%s\nwanted\n%s", got, c.want)
			}
			for _, f := range r.Findings {
				if f.Next == "" || f.Slot == "stray" && !strings.Contains(f.Next, "pg_drop_replication_slot") {
					t.Errorf("%s does not say what to do", f.Rule)
				}
			}
		})
	}
}

// TestNothingIsKnownOfWhatIsWrittenUnseen: a primary that runs and does not answer may write on, and one that has ended does not.
func TestNothingIsKnownOfWhatIsWrittenUnseen(t *testing.T) {
	for state, known := range map[string]bool{"running": false, "exited": true, "paused": true} {
		var m Memory
		m.Judge("c", two(0), DefaultLimits())
		s := two(60000)
		s.Nodes[0].Live, s.Nodes[0].Docker.State = nil, state
		b := m.Judge("c", s, DefaultLimits()).Node("b")
		if (b.LagLow != nil) != known || (b.Replay != nil) != known || (b.Flush != nil) != known {
			t.Errorf("%s: lag %v, bytes %v", state, b.LagLow, b.Replay)
		}
	}
}

// TestASlotGrowsAnewOnceItsReaderHasGone: what it was drained of before says nothing.
func TestASlotGrowsAnewOnceItsReaderHasGone(t *testing.T) {
	var m Memory
	var r Report
	for i := range 20 {
		s := two(i * 5000)
		slot := &s.Nodes[0].Live.Slots[0]
		slot.Active, slot.Retained = i < 10, pointer(int64(3000-300*i)<<20)
		if i >= 10 {
			slot.Retained = pointer(int64(i-10) * 50 << 20) // 10 MiB a second
		}
		s.Nodes[0].Room = pointer(int64(1000 << 20))
		r = m.Judge("c", s, DefaultLimits())
	}
	if g := r.Slots[0].Growth; g == nil || *g != 10<<20 {
		t.Errorf("%+v", r.Slots[0])
	}
}

// TestWhoIsNotLetInIsNoZero: figures that nobody was let in to see are absent, so that no alert takes them for a fault.
func TestWhoIsNotLetInIsNoZero(t *testing.T) {
	s := two(0)
	for i := range s.Nodes {
		s.Nodes[i].Live, s.Nodes[i].Refused = nil, true
	}
	r := (&Memory{}).Judge("c", s, DefaultLimits())
	for _, m := range Metrics() {
		switch m.Name {
		case "pgrepl_primaries", "pgrepl_node_up", "pgrepl_replica_connected":
			if v := m.Values(Watched{Cluster: "c", Fresh: &r}); len(v) > 0 {
				t.Errorf("%s says %v", m.Name, v)
			}
		}
	}
}

// TestDriftIsAsOldAsItIs: when something else differs, that is new.
func TestDriftIsAsOldAsItIs(t *testing.T) {
	var m Memory
	for _, c := range []struct {
		ms, since int
		changes   []string
	}{{0, 0, []string{"role.a"}}, {60000, 0, []string{"role.a"}}, {120000, 120000, []string{"role.a", "role.b"}}} {
		s := two(c.ms)
		s.Drift = &Drift{At: s.At, Changes: c.changes}
		if f := m.Judge("c", s, DefaultLimits()).Findings; len(f) != 1 || !f[0].Since.Equal(two(c.since).At) {
			t.Errorf("at %d ms: %+v", c.ms, f)
		}
	}
}

// TestOnceIsNoExcuse: a command that ends cannot wait and see.
func TestOnceIsNoExcuse(t *testing.T) {
	s := two(0)
	s.Nodes[0].Live.Senders = nil
	if r := (&Memory{Once: true}).Judge("c", s, DefaultLimits()); !strings.Contains(found(r), "CRITICAL replica_missing b: not connected") {
		t.Error(found(r))
	}
}

// TestALagThatCannotBeToldIsUnknown: with one sample, a standby that is behind may be so for a second or for an hour.
func TestALagThatCannotBeToldIsUnknown(t *testing.T) {
	s := two(0)
	s.Nodes[0].Live.Written, s.Nodes[1].Live.LastCommit = 5000, pointer(16*time.Second)
	r := (&Memory{}).Judge("c", s, DefaultLimits())
	if r.Level != Unknown || found(r) != "UNKNOWN lag_time b: lag between 0.0 s and 16 s" {
		t.Error(found(r))
	}
	s.Nodes[1].Live.LastCommit = pointer(4 * time.Second)
	if r := (&Memory{}).Judge("c", s, DefaultLimits()); r.Level != OK {
		t.Error(found(r))
	}
}

// TestRoom: how long a slot may go on growing.
func TestRoom(t *testing.T) {
	var m Memory
	var r Report
	for i := range 8 {
		s := two(i * 5000)
		slot := &s.Nodes[0].Live.Slots[0]
		slot.Active, slot.Retained = false, pointer(int64(i*5)<<20) // 1 MiB a second
		s.Nodes[0].Room = pointer(int64(1000 << 20))
		r = m.Judge("c", s, DefaultLimits())
	}
	if s := r.Slots[0]; s.Growth == nil || *s.Growth != 1<<20 || s.Full == nil || *s.Full != 1000 || s.Lost != nil {
		t.Errorf("%+v", s)
	}
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Rule == "room" && f.Level == Critical && f.Text == "its disk is full in 17 min"
	}) {
		t.Error(found(r))
	}
}

func TestFaultsLeavesTheRestOut(t *testing.T) {
	s := two(0)
	s.Apps = []App{{Name: "web", Container: Container{State: "running"}}}
	r := (&Memory{}).Judge("c", s, DefaultLimits()).Faults()
	if len(r.Nodes) != 1 || len(r.Slots) != 0 || len(r.Apps) != 0 {
		t.Errorf("%+v", r)
	}
}
