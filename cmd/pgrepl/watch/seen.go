package watch

import (
	"cmp"
	"errors"
	"time"

	"pgrepl/engine"
	"pgrepl/engine/health"
)

// seen is what the reports so far have shown.
type seen struct {
	report  health.Report
	known   bool      // there was a report
	first   time.Time // when the first one was
	last    map[string]answered
	past    map[string][]point
	open    []health.Finding // that came and are not over
	events  []event          // newest first
	fresh   []event          // those of the last report
	trouble string           // why there is no newer report; "": there is
	since   time.Time
}

// answered are the figures of a node when its server last answered.
type answered struct {
	at   time.Time
	node health.NodeReport
}

// point is how far behind a standby was; nil is not known.
type point struct {
	lag   *float64 // seconds, without a declared delay
	bytes *float64
}

const (
	pointsMost = 600
	eventsMost = 500
)

// take adds a report.
func (s seen) take(r health.Report) seen {
	var events []event
	if s.trouble != "" {
		events = append(events, event{at: r.At, what: health.Went, level: health.Unknown, text: s.trouble, lasted: r.At.Sub(s.since)})
	}
	changes, open := health.Changes(s.open, r)
	s.fresh = append(events, eventsOf(changes, r.At)...)
	s.open, s.events = open, recent(s.fresh, s.events)
	last, past := map[string]answered{}, map[string][]point{}
	for _, n := range r.Nodes {
		if a, before := s.last[n.Name]; before {
			last[n.Name] = a
		}
		if n.Recovery != nil {
			last[n.Name] = answered{r.At, n}
		}
		if n.Part == "standby" {
			past[n.Name] = with(s.past[n.Name], pointOf(n))
		}
	}
	if !s.known {
		s.first = r.At
	}
	s.report, s.known, s.last, s.past, s.trouble = r, true, last, past, ""
	return s
}

func with(past []point, p point) []point {
	past = append(past, p)
	return past[max(len(past)-pointsMost, 0):]
}

func pointOf(n health.NodeReport) point {
	p := point{lag: n.Late()}
	if n.Replay != nil {
		bytes := float64(*n.Replay)
		p.bytes = &bytes
	}
	return p
}

// fail notes that no report came.
func (s seen) fail(now time.Time, err error) seen {
	text := summary(err)
	if s.trouble == "" {
		s.since = now
		s.events = recent([]event{{at: now, what: health.Came, level: health.Unknown, text: text}}, s.events)
	}
	s.trouble = text
	past := map[string][]point{}
	for name, list := range s.past {
		past[name] = with(list, point{})
	}
	s.past = past
	return s
}

// summary is an error in a line.
func summary(err error) string {
	var p engine.Problem
	if errors.As(err, &p) {
		return plainText(p.Summary)
	}
	return plainText(err.Error())
}

// node is what is known of a node: where its server does not answer now, what it said last, and how long ago that is.
func (s seen) node(n health.NodeReport) (health.NodeReport, *time.Duration) {
	a, before := s.last[n.Name]
	if n.Recovery != nil || !before {
		return n, nil
	}
	old, age := a.node, s.report.At.Sub(a.at)
	n.Version, n.Recovery, n.Timeline, n.LSN, n.Position, n.Paused, n.Pending = old.Version, old.Recovery, old.Timeline, old.LSN, old.Position, old.Paused, old.Pending
	n.Sync, n.Room = cmp.Or(n.Sync, old.Sync), known(n.Room, old.Room)
	n.Send, n.Flush, n.Replay, n.Retained = known(n.Send, old.Send), known(n.Flush, old.Flush), known(n.Replay, old.Replay), known(n.Retained, old.Retained)
	if n.LagLow == nil {
		n.LagLow, n.LagHigh = old.LagLow, old.LagHigh
	}
	n.Heard = known(n.Heard, old.Heard)
	return n, &age
}

func known[T any](now, before *T) *T {
	if now != nil {
		return now
	}
	return before
}
