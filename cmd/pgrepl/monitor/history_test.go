package monitor

import (
	"testing"
	"time"

	"pgrepl/engine/health"
)

// TestHistory: minutes keep their peaks, what is old goes, and what is not known is null.
func TestHistory(t *testing.T) {
	h := newHistory(2 * time.Second)
	for i := range 2000 { // more than an hour
		p := point{noon.Add(time.Duration(i) * 2 * time.Second), map[string]float64{"a": float64(i % 30)}, nil, nil, nil}
		if i >= 1990 {
			p.lag["b"] = 1
		}
		h.add(p)
	}
	fine, coarse := h.over(5*time.Minute), h.over(time.Hour)
	if len(fine.At) != 151 || fine.Width != 2 || fine.Lag["b"][0] != nil || *fine.Lag["b"][150] != 1 {
		t.Errorf("%d points of %g s, b from %v to %v", len(fine.At), fine.Width, fine.Lag["b"][0], fine.Lag["b"][150])
	}
	if n := len(h[0].points); n > 460 {
		t.Errorf("%d points are kept", n)
	}
	if len(coarse.At) != 61 || *coarse.Lag["a"][10] != 29 {
		t.Errorf("%d minutes, with a peak of %v", len(coarse.At), *coarse.Lag["a"][10])
	}
}

// TestJournal: a finding comes once, however its figure moves, gets worse once, and goes.
func TestJournal(t *testing.T) {
	var j journal
	report := func(sec int, found ...health.Finding) health.Report {
		return health.Report{At: noon.Add(time.Duration(sec) * time.Second), Findings: found}
	}
	lag := func(level health.Level, text string) health.Finding {
		return health.Finding{Level: level, Rule: "lag_time", Subject: health.Subject{Node: "a"}, Text: text, Next: "pgrepl verify", Since: noon}
	}
	j.see(report(0, lag(health.Warning, "lag 6 s")))
	j.see(report(2, lag(health.Warning, "lag 8 s")))
	j.see(report(4, lag(health.Critical, "lag 400 s")))
	j.blind(noon.Add(5*time.Second), "docker is away")
	j.blind(noon.Add(6*time.Second), "docker is away")
	j.see(report(8))
	var got []string
	for _, e := range j.events {
		got = append(got, e.String())
	}
	want := []string{"WARNING: a: lag 6 s; next: pgrepl verify", "now CRITICAL: a: lag 400 s", "UNKNOWN: no sample can be taken: docker is away; next: pgrepl status", "over: a: lag 400 s, after 8.0 s", "over: no sample can be taken: docker is away, after 3.0 s"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, wanted %q", got[i], want[i])
		}
	}
	for range 3 * journalSize {
		j.see(report(10, lag(health.Warning, "lag")))
		j.see(report(11))
	}
	if len(j.events) != journalSize || j.events[journalSize-1].Number != j.count {
		t.Errorf("%d events, the last is %d of %d", len(j.events), j.events[len(j.events)-1].Number, j.count)
	}
}
