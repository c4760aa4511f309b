package watch

import (
	tea "charm.land/bubbletea/v2"

	"pgrepl/engine/health"
)

// View draws the screen.
func (m model) View() tea.View {
	v := tea.NewView(paint(m.lines(), m.behind))
	v.AltScreen = true
	return v
}

// lines are those of the screen, each as wide as it at most.
func (m model) lines() []line {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	head, foot := m.head(), m.foot()
	room := max(m.height-len(head)-len(foot), 0)
	var body []line
	switch {
	case !m.shown().known && m.page.kind != helping:
		body = m.waiting()
	case m.page.kind != "":
		body = m.pageView(room)
	default:
		body = m.tables(room)
	}
	body = body[:min(len(body), room)]
	for len(body) < room {
		body = append(body, nil)
	}
	all := append(append(head, body...), foot...)
	for i, l := range all[:min(len(all), m.height)] {
		all[i] = l.fit(m.width)
	}
	return all[:min(len(all), m.height)]
}

// waiting is the body before there is a report.
func (m model) waiting() []line {
	s := m.live
	if s.trouble != "" {
		return append([]line{{{"No report yet: ", bad}, {"it is tried again every " + health.Time(retryEvery), plain}}}, wrapped(s.trouble, "  ", m.width, plain)...)
	}
	return []line{{{"looking at Docker and at every node…", faint}}}
}
