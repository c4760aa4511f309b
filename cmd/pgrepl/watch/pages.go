package watch

import (
	"fmt"
	"strings"
	"time"

	"pgrepl/engine/health"
)

// pageView is the part of the page that is scrolled to, below its title.
func (m model) pageView(room int) []line {
	lines := m.pageLines()
	from := min(m.page.scroll, max(len(lines)-m.pageRoom(), 0))
	title := line{{m.pageTitle(), strong}}
	if len(lines) > m.pageRoom() {
		title = append(title, span{fmt.Sprintf("  %d to %d of %d lines", from+1, min(from+m.pageRoom(), len(lines)), len(lines)), faint})
	}
	return append([]line{title}, lines[from:min(from+max(room-1, 0), len(lines))]...)
}

// pageRoom is how many lines of a page fit.
func (m model) pageRoom() int { return max(m.height-len(m.head())-len(m.foot())-1, 1) }

func (m model) pageTitle() string {
	switch m.page.kind {
	case describing:
		if m.page.of.Slot == "" && m.page.of.App == "" {
			return "NODE " + m.page.of.Node
		}
		kind, name, _ := strings.Cut(m.page.of.String(), " ")
		return strings.ToUpper(kind) + " " + name
	case logging:
		return fmt.Sprintf("LOG of %s, the last %d lines", m.log.of, logLines)
	case helping:
		return "KEYS"
	case allFindings:
		return "FINDINGS, the worst first"
	}
	return "EVENTS, newest first"
}

func (m model) pageLines() []line {
	switch m.page.kind {
	case describing:
		return m.described()
	case logging:
		return m.logLines()
	case helping:
		return m.help()
	case allFindings:
		return m.allFindings()
	}
	var out []line
	for _, e := range m.shown().events {
		out = append(out, e.line())
		if e.next != "" {
			out = append(out, line{{"           next: ", faint}, {e.next, strong}})
		}
	}
	if len(out) == 0 {
		out = []line{{{"nothing came or went yet", faint}}}
	}
	return out
}

// told is a finding with all that there is to say of it.
func (m model) told(f health.Finding) []line {
	out := []line{{{string(f.Level) + " ", of(f.Level)}, {subjectName(f.Subject), strong}, {"  [" + f.Rule + "]", faint}}}
	out = append(out, wrapped(f.Text, "  ", m.width, plain)...)
	if f.Limit != "" {
		out = append(out, line{{"  limit: " + f.Limit, plain}})
	}
	since := fmt.Sprintf("  since: %s (%s)", f.Since.Format(time.TimeOnly), health.Time(m.asOf().Sub(f.Since)))
	return append(out, line{{since, plain}}, line{{"  next:  ", plain}, {f.Next, strong}})
}

// asOf is the time that the screen is of.
func (m model) asOf() time.Time {
	if s := m.shown(); s.trouble == "" || m.frozen != nil {
		return s.report.At
	}
	return m.now
}

func (m model) allFindings() []line {
	found := m.found()
	if len(found) == 0 {
		return []line{{{"everything is within its limits", good}}}
	}
	var out []line
	for _, f := range found {
		out = append(out, m.told(f)...)
	}
	return out
}

func (m model) logLines() []line {
	var out []line
	if m.log.err != "" {
		out = wrapped("cannot be read: "+m.log.err, "", m.width, bad)
	}
	if m.log.text == "" && m.log.pending {
		return append(out, line{{"reading…", faint}})
	}
	for text := range strings.SplitSeq(hidePasswords(m.log.text), "\n") {
		out = append(out, wrapped(text, "", m.width, plain)...)
	}
	return out
}

func (m model) help() []line {
	var out []line
	for _, k := range keys() {
		out = append(out, line{{pad(k.shown, 10), strong}, {k.about, plain}})
	}
	out = append(out, nil, heading("LIMITS, warning / critical"))
	l := m.shown().report.Limits
	for _, row := range [][2]string{
		{"lag, seconds", health.Ago(&l.LagTimeWarning) + " / " + health.Ago(&l.LagTimeCritical) + ", on top of a declared delay"},
		{"lag, bytes", health.Bytes(l.LagWarning) + " / " + health.Bytes(l.LagCritical)},
		{"slot holds", health.Bytes(l.SlotWarning) + " / " + health.Bytes(l.SlotCritical)},
	} {
		out = append(out, line{{pad(row[0], 14), strong}, {row[1], plain}})
	}
	out = append(out, line{{"The block monitor of the file sets them. What else is judged:", faint}})
	for _, r := range health.Rules() {
		out = append(out, line{{pad(r.Name, 16), strong}, {r.About, plain}})
	}
	return append(out, nil, line{{"In a sparkline · is not known; a full bar is the limit of a warning, or the most that is shown.", faint}})
}
