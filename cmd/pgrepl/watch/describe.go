package watch

import (
	"fmt"
	"strings"

	"pgrepl/engine/health"
)

// described is all that is known of the object of the page.
func (m model) described() []line {
	s := m.shown()
	var out []line
	found := s.report.On(m.page.of)
	switch {
	case m.page.of.App != "":
		a, there := s.app(m.page.of)
		if !there {
			return []line{{{"it is not declared any more", faint}}}
		}
		out = facts([][2]string{{"address", health.Dash(a.Address)}, {"container", a.Container}, {"health", string(a.Level)}})
	case m.page.of.Slot != "":
		slot, there := s.slot(m.page.of)
		if !there {
			return []line{{{"it was not there at the last sample: it is gone, or its node does not answer", faint}}}
		}
		out = m.slotFacts(slot)
	default:
		n := s.report.Node(m.page.of.Node)
		if n == nil {
			return []line{{{"it is not declared any more", faint}}}
		}
		found = s.report.Of(n.Name)
		out = m.nodeFacts(s, *n)
	}
	top := []line{{{"nothing is wrong with it", good}}}
	if len(found) > 0 {
		top = nil
		for _, f := range found {
			top = append(top, m.told(f)...)
		}
	}
	out = append(append(top, nil), out...)
	return append(out, m.eventsOn(m.page.of)...)
}

func facts(rows [][2]string) []line {
	var out []line
	for _, r := range rows {
		out = append(out, line{{pad(r[0], 17), faint}, {r[1], plain}})
	}
	return out
}

func (m model) nodeFacts(s seen, seenNode health.NodeReport) []line {
	n, age := s.node(seenNode)
	rows := [][2]string{{"address", health.Dash(n.Address)}, {"part", n.Part}, {"state", n.State}, {"container", n.Container}, {"PostgreSQL", health.Dash(n.Version)},
		{"timeline", n.TimelineText()}, {"in recovery", "-"}, {"position", health.Dashed(n.Position)}, {"rate", health.Rate(n.Rate)}, {"disk free", health.Size(n.Room)}, {"pending restart", health.Dash(strings.Join(n.Pending, ", "))}}
	if n.Recovery != nil {
		rows[6][1] = health.YesNo(*n.Recovery)
	}
	if n.Part == "standby" {
		l := s.report.Limits
		paused := "-"
		if n.Paused != nil {
			paused = health.YesNo(*n.Paused)
		}
		rows = append(rows, [][2]string{
			{"upstream", n.Upstream},
			{"lag", fmt.Sprintf("%s   (limits %s / %s%s)", n.Lag(), health.Ago(&l.LagTimeWarning), health.Ago(&l.LagTimeCritical), onTop(n))},
			{"not replayed", fmt.Sprintf("%s   (limits %s / %s)", health.Size(n.Replay), health.Bytes(l.LagWarning), health.Bytes(l.LagCritical))},
			{"not flushed", health.Size(n.Flush)}, {"not sent", health.Size(n.Send)},
			{"level in", health.Ago(n.CatchUp)}, {"declared delay", n.DelayText()}, {"replay paused", paused}, {"synchronous", health.Dash(n.Sync)}, {"last heard", health.Ago(n.Heard)},
			{"slot", health.Dash(n.Slot)}, {"slot holds", health.Size(n.Retained)},
		}...)
	}
	out := facts(rows)
	if age != nil {
		out = append([]line{{{"it does not answer: its figures are " + health.Time(*age) + " old", warn}}}, out...)
	}
	if n.Part == "standby" {
		out = append(out, m.trends(s.past[n.Name], s.report.Limits)...)
	}
	return out
}

func onTop(n health.NodeReport) string {
	if n.Delay == 0 {
		return ""
	}
	return ", on top of the delay"
}

// trends are the sparklines over the whole width.
func (m model) trends(past []point, l health.LimitsReport) []line {
	width := max(m.width-1, 1)
	shown := past[max(len(past)-width, 0):]
	bytes := highest(sizes(shown))
	most := "-"
	if bytes != nil {
		most = health.Bytes(int64(*bytes))
	}
	return []line{nil,
		{{fmt.Sprintf("LAG, SECONDS, the last %d samples, at most %s", len(shown), health.Ago(highest(lags(shown)))), strong}},
		{{strings.TrimLeft(spark(lags(shown), width, l.LagTimeWarning), " "), plain}},
		{{"LAG, BYTES, at most " + most, strong}},
		{{strings.TrimLeft(spark(sizes(shown), width, float64(l.LagWarning)), " "), plain}},
	}
}

func (m model) slotFacts(s health.SlotReport) []line {
	l := m.shown().report.Limits
	return facts([][2]string{{"on", s.Node}, {"type", s.Type}, {"declared", health.YesNo(s.Declared || s.Reader != "")}, {"for replica", health.Dash(s.Reader)}, {"read", health.YesNo(s.Active)}, {"WAL status", health.Dash(s.Status)},
		{"holds", fmt.Sprintf("%s   (limits %s / %s)", health.Size(s.Retained), health.Bytes(l.SlotWarning), health.Bytes(l.SlotCritical))},
		{"grows", health.Rate(s.Growth)}, {"disk full in", health.Ago(s.Full)}, {"lost in", health.Ago(s.Lost)}, {"safe to write", health.Size(s.Safe)}})
}

// eventsOn are what came and went on one object.
func (m model) eventsOn(on health.Subject) []line {
	var out []line
	for _, e := range m.shown().events {
		if e.on == on {
			out = append(out, e.line())
		}
	}
	if out == nil {
		return nil
	}
	return append([]line{nil, heading("EVENTS")}, out...)
}
