package watch

import (
	"fmt"
	"time"

	"github.com/charmbracelet/x/ansi"

	"pgrepl/engine/health"
)

// tables is the body with the findings, the rows, the events and the limits.
func (m model) tables(room int) []line {
	limits := m.limits()
	if room < 16 {
		limits = nil
	}
	found, body, at := m.findings(), []line(nil), 0
	events := m.recentEvents()
	want := m.tableLines()
	got := share(room-len(limits), []wish{{min(2, len(found)), len(found)}, {min(want, 4), want}, {min(len(events), eventLines(room)), len(events)}})
	body, at = m.table()
	out := m.firstFindings(found, got[0])
	out = append(out, window(body, at, got[1])...)
	for len(out) < room-len(limits)-got[2] {
		out = append(out, nil)
	}
	out = append(out, events[:got[2]]...)
	return append(out, limits...)
}

// eventLines is how many lines the events have at least.
func eventLines(room int) int {
	if room < 12 {
		return 0
	}
	return 4
}

// wish is what a part of the body asks for.
type wish struct{ least, most int }

// share gives each part its least, in their order, and then the tables, the findings and the events what is left.
func share(room int, parts []wish) []int {
	room = max(room, 0)
	got := make([]int, len(parts))
	for i, p := range parts {
		got[i] = min(p.least, room)
		room -= got[i]
	}
	for _, i := range []int{1, 0, 2} {
		more := min(max(parts[i].most-got[i], 0), room)
		got[i] += more
		room -= more
	}
	return got
}

// findings are what is wrong, each with its next command.
func (m model) findings() []line {
	var out []line
	for _, f := range m.found() {
		out = append(out, m.finding(f)...)
	}
	return out
}

// found is what is wrong; that there are no reports comes first, as all else may be over.
func (m model) found() []health.Finding {
	s := m.shown()
	if s.trouble == "" {
		return s.report.Findings
	}
	away := health.Finding{Level: health.Unknown, Rule: "report", Text: s.trouble, Next: "docker version", Since: s.since}
	return append([]health.Finding{away}, s.report.Findings...)
}

func (m model) finding(f health.Finding) []line {
	l := line{{string(f.Level) + " ", of(f.Level)}, {subjectName(f.Subject) + ": ", strong}, {f.String(), plain}}
	next := line{{"next: ", faint}, {f.Next, strong}}
	if l.width()+3+next.width() <= m.width {
		return []line{append(append(l, span{"   ", plain}), next...)}
	}
	return []line{l, append(line{{"  ", plain}}, next...)}
}

// firstFindings are the first of the lines, with how many there are more.
func (m model) firstFindings(found []line, most int) []line {
	if len(found) <= most {
		return found
	}
	if most < 2 {
		return append([]line(nil), found[:most]...)
	}
	n := len(m.found())
	return append(append([]line(nil), found[:most-1]...), line{{fmt.Sprintf("… %d findings in all: ", n), faint}, {"f", strong}, {" lists them", faint}})
}

// recentEvents are the events with their heading.
func (m model) recentEvents() []line {
	s := m.shown()
	if len(s.events) == 0 {
		return []line{{{"EVENTS", strong}, {"  none since " + s.first.Format(time.TimeOnly), faint}}}
	}
	out := []line{heading("EVENTS")}
	for _, e := range s.events[:min(len(s.events), 30)] {
		out = append(out, e.line())
	}
	return out
}

// limits are what the verdicts are judged by.
func (m model) limits() []line {
	l := m.shown().report.Limits
	text := fmt.Sprintf("lag %s / %s, %s / %s   slot holds %s / %s", health.Ago(&l.LagTimeWarning), health.Ago(&l.LagTimeCritical), health.Bytes(l.LagWarning), health.Bytes(l.LagCritical),
		health.Bytes(l.SlotWarning), health.Bytes(l.SlotCritical))
	out := line{{"LIMITS ", strong}, {text, faint}}
	if rest := "   (warning / critical; ? tells all)"; out.width()+ansi.StringWidth(rest) <= m.width {
		out = append(out, span{rest, faint})
	}
	return []line{out}
}

// window is the part of the lines, of a height, in which the at-th is.
func window(lines []line, at, height int) []line {
	if height <= 0 {
		return nil
	}
	from := min(max(at-height+1, 0), max(len(lines)-height, 0))
	return lines[from:min(from+height, len(lines))]
}
