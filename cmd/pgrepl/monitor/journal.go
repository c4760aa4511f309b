package monitor

import (
	"fmt"
	"slices"
	"time"

	"pgrepl/engine/health"
)

// Event is a change at a time.
type Event struct {
	Number int       `json:"number"` // they count from 1
	At     time.Time `json:"at"`
	Lasted float64   `json:"lasted_seconds,omitempty"`
	health.Change
}

// journal is what happened while the monitor ran.
type journal struct {
	events []Event // the oldest first; never changed in place, so that readers may keep it
	open   []health.Finding
	count  int
}

const journalSize = 200

// noSample is the rule of the event that no sample can be taken.
const noSample = "sample"

// see compares what is found now with what was.
func (j *journal) see(r health.Report) {
	changes, open := health.Changes(j.open, r)
	for _, c := range changes {
		e := Event{At: r.At, Change: c}
		if c.What == health.Went {
			e.Lasted = max(r.At.Sub(c.Since).Seconds(), 0)
		}
		j.add(e)
	}
	j.open = open
}

// blind notes that no sample could be taken. What was found before is neither there nor gone.
func (j *journal) blind(at time.Time, why string) {
	if slices.ContainsFunc(j.open, func(f health.Finding) bool { return f.Rule == noSample }) {
		return
	}
	f := health.Finding{Level: health.Unknown, Rule: noSample, Text: "no sample can be taken: " + why, Next: "pgrepl status", Since: at}
	j.open = append(slices.Clone(j.open), f)
	j.add(Event{At: at, Change: health.Change{What: health.Came, Finding: f}})
}

func (j *journal) add(e Event) {
	j.count++
	e.Number = j.count
	from := max(len(j.events)+1-journalSize, 0)
	j.events = append(slices.Clone(j.events[from:]), e)
}

// after are the events beyond a number.
func (j *journal) after(number int) []Event {
	return j.events[max(len(j.events)-(j.count-number), 0):]
}

// String is an event as a line of a log.
func (e Event) String() string {
	where := e.Subject.Head()
	switch e.What {
	case health.Went:
		return fmt.Sprintf("over: %s%s, after %s", where, e.Text, health.Time(time.Duration(e.Lasted*float64(time.Second))))
	case health.Turned:
		return fmt.Sprintf("now %s: %s%s", e.Level, where, e.Text)
	}
	return fmt.Sprintf("%s: %s%s; next: %s", e.Level, where, e.Text, e.Next)
}
