package watch

import (
	"slices"
	"time"

	"pgrepl/engine/health"
)

// event is a finding that came, went, or changed its level.
type event struct {
	at     time.Time
	verb   string // one of those below
	rule   string
	level  health.Level
	on     health.Subject
	what   string // with the figures of then
	next   string
	lasted time.Duration // of one that is over
}

const (
	came   = "came"
	turned = "now " // it is worse or better than before
	isOver = "over"
)

// compared are the events that a report makes of the findings that were open before, and those that are open now. One on a node
// that does not answer any more is not over: it is not known.
func compared(open []health.Finding, r health.Report) (events []event, still []health.Finding) {
	for _, f := range r.Findings {
		e := event{at: r.At, verb: came, rule: f.Rule, level: f.Level, on: f.Subject, what: f.String(), next: f.Next}
		switch old, was := same(open, f); {
		case was && old.Level == f.Level:
			continue
		case was:
			e.verb = turned
		}
		events = append(events, e)
	}
	still = append(still, r.Findings...)
	for _, f := range open {
		if _, is := same(r.Findings, f); is {
			continue
		}
		if n := r.Node(f.Node); n != nil && n.Recovery == nil && f.Rule != "node" {
			still = append(still, f)
			continue
		}
		events = append(events, event{at: r.At, verb: isOver, rule: f.Rule, level: f.Level, on: f.Subject, what: f.String(), lasted: r.At.Sub(f.Since)})
	}
	return events, still
}

func same(in []health.Finding, f health.Finding) (health.Finding, bool) {
	for _, other := range in {
		if other.Rule == f.Rule && other.Subject == f.Subject {
			return other, true
		}
	}
	return health.Finding{}, false
}

// recent puts events before those that there are.
func recent(events, before []event) []event {
	if len(events) == 0 {
		return before
	}
	all := append(events, before...)
	return all[:min(len(all), eventsMost)]
}

// line is an event as it is listed.
func (e event) line() line {
	kind := of(e.level)
	if e.verb == isOver {
		kind = faint
	}
	out := line{{e.at.Format(time.TimeOnly) + " ", faint}, {e.verb + " ", kind}, {string(e.level) + " ", kind}, {subjectName(e.on) + ": ", strong}, {e.what, plain}}
	if e.verb == isOver {
		out = append(out, span{", after " + health.Time(e.lasted), faint})
	}
	return out
}

// changing are the rules whose findings come and go with what a plan would change.
var changing = []string{"primaries", "node", "part", "system_id", "timeline", "replica_missing", "replay_paused", "pending_restart", "app"}

// changes reports whether an event means that what differs from the file is another matter now.
func (e event) changes() bool { return slices.Contains(changing, e.rule) }
