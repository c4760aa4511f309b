package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgrepl/engine/health"
	"pgrepl/test/outputs"
)

// troubled is a cluster with something of everything: a replica that is well, one below it whose link is cut, one that is gone,
// and a slot that nothing reads.
func troubled() health.Report {
	start := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	var m health.Memory
	var r health.Report
	for i := range 9 {
		r = m.Judge("shop", troubledAt(start.Add(time.Duration(i)*time.Second), i), health.DefaultLimits())
	}
	return r
}

func troubledAt(at time.Time, i int) health.Sample {
	written, cut := health.LSN(0x6000000+i<<20), health.LSN(0x6100000)
	heard, silent := 400*time.Millisecond, 21*time.Second
	kept, gone := int64(8<<20), int64(1200<<20)
	room := int64(20 << 30)
	running := health.Container{State: "running"}
	up := func(l health.Live) *health.Live {
		l.Asked, l.At, l.Version, l.System, l.Timeline, l.Up, l.Segment, l.StatusEvery = at, at, "17.6", "7", 1, time.Hour, 16<<20, 10*time.Second
		return &l
	}
	return health.Sample{At: at, Skew: 18 * time.Millisecond, Drift: &health.Drift{At: at, Changes: []string{"replica.c"}}, Apps: []health.App{{Name: "web", Address: "app.web", Container: running}},
		Nodes: []health.Node{
			{Name: "pg-a", Address: "master.pg-a", Docker: running, Up: true, Room: &room, Live: up(health.Live{Written: written,
				Senders: []health.Sender{{Application: "pg-b", State: "streaming", Sync: "async", Sent: &written, Flushed: &written, Replay: &written, Heard: &heard}},
				Slots: []health.Slot{{Name: "pg_b", Type: "physical", Active: true, Status: "reserved", Restart: &written, Retained: new(int64), Declared: true},
					{Name: "cdc", Type: "logical", Status: "extended", Restart: &cut, Retained: &gone}}})},
			{Name: "pg-b", Address: "replica.b", Standby: true, Upstream: "pg-a", Application: "pg-b", Slot: "pg_b", Docker: running, Up: true, Room: &room, Live: up(health.Live{
				Recovery: true, Written: written, Replayed: written, Pause: "not paused", Receiver: &health.Receiver{Status: "streaming"},
				Senders: []health.Sender{{Application: "pg-c", State: "streaming", Sync: "async", Sent: &cut, Flushed: &cut, Replay: &cut, Heard: &silent}},
				Slots:   []health.Slot{{Name: "pg_c", Type: "physical", Active: true, Status: "reserved", Restart: &cut, Retained: &kept, Declared: true}}})},
			{Name: "pg-c", Address: "replica.c", Standby: true, Upstream: "pg-b", Application: "pg-c", Slot: "pg_c", Docker: running, Up: true, Room: &room, Live: up(health.Live{
				Recovery: true, Written: cut, Replayed: cut, Pause: "not paused", Receiver: &health.Receiver{Status: "streaming"}})},
			{Name: "pg-d", Address: "replica.d", Standby: true, Upstream: "pg-a", Application: "pg-d", Slot: "pg_d", Docker: health.Container{State: "exited", ExitCode: 1}},
		}}
}

func TestStatusFormats(t *testing.T) {
	r := troubled()
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return Status(b, r, false, Options{}) },
		"color":    func(b *bytes.Buffer) error { return Status(b, r, false, Options{Color: true}) },
		"wide":     func(b *bytes.Buffer) error { return Status(b, r, true, Options{}) },
		"faults":   func(b *bytes.Buffer) error { return Status(b, r.Faults(), false, Options{}) },
		"json":     func(b *bytes.Buffer) error { return StatusJSON(b, r, Options{}) },
		"nagios":   func(b *bytes.Buffer) error { return StatusNagios(b, r, Options{}) },
		"markdown": func(b *bytes.Buffer) error { return StatusMarkdown(b, r, Options{}) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		golden(t, "status/"+name, got.String())
	}
}

// TestStatusJSONKeepsItsSchema, also of a cluster of which nothing is known.
func TestStatusJSONKeepsItsSchema(t *testing.T) {
	for _, r := range []health.Report{troubled(), (&health.Memory{}).Judge("x", health.Sample{Nodes: []health.Node{{Name: "a", Address: "master.a", Docker: health.Container{State: "missing"}}}}, health.DefaultLimits())} {
		var text bytes.Buffer
		if err := StatusJSON(&text, r, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := outputs.Held("status", text.Bytes()); err != nil {
			t.Errorf("%v\n%s", err, &text)
		}
	}
}

// TestNagiosIsOneLine, whatever a server says.
func TestNagiosIsOneLine(t *testing.T) {
	s := troubledAt(time.Now(), 0)
	s.Nodes[3].Why = "FATAL:  no |\n\x1b[31mway in"
	var text bytes.Buffer
	if err := StatusNagios(&text, (&health.Memory{}).Judge("x", s, health.DefaultLimits()), Options{}); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); strings.Count(got, "\n") != 1 || strings.Count(got, "|") != 1 || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}
