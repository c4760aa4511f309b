package watch

import (
	"time"

	"pgrepl/engine/health"
)

// event is a finding that came, went, or changed its level.
type event struct {
	at     time.Time
	what   string // one of health's
	rule   string
	level  health.Level
	on     health.Subject
	text   string // with the figures of then
	next   string
	lasted time.Duration // of one that is over
}

// verbs are what the kinds of changes are called in a line.
var verbs = map[string]string{health.Came: "came", health.Turned: "now ", health.Went: "over"}

func eventsOf(changes []health.Change, at time.Time) []event {
	var out []event
	for _, c := range changes {
		e := event{at: at, what: c.What, rule: c.Rule, level: c.Level, on: c.Subject, text: c.Finding.String()}
		if c.What == health.Went {
			e.lasted = at.Sub(c.Since)
		} else {
			e.next = c.Next
		}
		out = append(out, e)
	}
	return out
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
	if e.what == health.Went {
		kind = faint
	}
	out := line{{e.at.Format(time.TimeOnly) + " ", faint}, {verbs[e.what] + " ", kind}, {string(e.level) + " ", kind}, {subjectName(e.on) + ": ", strong}, {e.text, plain}}
	if e.what == health.Went {
		out = append(out, span{", after " + health.Time(e.lasted), faint})
	}
	return out
}

// alters reports whether an event means that what differs from the file is another matter now.
func (e event) alters() bool { return health.Alters(e.rule) }
