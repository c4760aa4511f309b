package watch

import "pgrepl/engine/health"

// table is the lines of all tables, and which of them is the selected row.
func (m model) table() ([]line, int) {
	rows, out, at := m.rows(), []line(nil), 0
	if len(rows) == 0 {
		return []line{{{m.nothing(), faint}}}, 0
	}
	chosenRow, _ := m.selected()
	for i := 0; i < len(rows); {
		j := i
		for j < len(rows) && rows[j].section == rows[i].section {
			j++
		}
		lines := m.section(rows[i:j])
		out = append(out, lines[0])
		for k, l := range lines[1:] {
			if rows[i+k].subject == chosenRow.subject {
				at = len(out)
				l = l.selected(m.width)
			}
			out = append(out, l)
		}
		i = j
	}
	return out, at
}

// nothing says why there is no row.
func (m model) nothing() string {
	switch {
	case m.filter != "":
		return "no row contains " + m.filter + " (esc ends the filter)"
	case m.faults:
		return "no row has a fault (z shows all)"
	}
	return "nothing is declared"
}

// section is the table of rows of one kind.
func (m model) section(rows []row) []line {
	s := m.shown()
	switch rows[0].section {
	case nodeSection:
		var list []nodeRow
		for _, r := range rows {
			list = append(list, m.nodeRow(s, r))
		}
		return laid(nodeColumns, list, m.width, m.shift, m.wide)
	case slotSection:
		var list []slotRow
		for _, r := range rows {
			slot, _ := s.slot(r.subject)
			list = append(list, slotRow{slot, health.InWords(s.report.On(r.subject))})
		}
		return laid(slotColumns, list, m.width, m.shift, m.wide)
	}
	var list []appRow
	for _, r := range rows {
		app, _ := s.app(r.subject)
		list = append(list, appRow{app, health.InWords(s.report.On(r.subject))})
	}
	return laid(appColumns, list, m.width, m.shift, m.wide)
}

func (m model) nodeRow(s seen, r row) nodeRow {
	n := s.report.Node(r.subject.Node)
	node, age := s.node(*n)
	out := nodeRow{node: node, depth: r.depth, said: health.InWords(s.report.Of(n.Name)), past: s.past[n.Name], trend: min(max(m.width/6, 8), 40), limits: s.report.Limits}
	if age != nil {
		out.old = health.Time(*age)
	}
	return out
}

func (s seen) slot(at health.Subject) (health.SlotReport, bool) {
	for _, slot := range s.report.Slots {
		if slot.Subject() == at {
			return slot, true
		}
	}
	return health.SlotReport{}, false
}

func (s seen) app(at health.Subject) (health.AppReport, bool) {
	for _, a := range s.report.Apps {
		if a.Name == at.App {
			return a, true
		}
	}
	return health.AppReport{}, false
}

// tableLines is how many lines the tables take: one a row, and a head for each.
func (m model) tableLines() int { return max(linesOf(m.unsorted()), 1) }

func linesOf(rows []row) int {
	heads := map[int]bool{}
	for _, r := range rows {
		heads[r.section] = true
	}
	return len(rows) + len(heads)
}

// short reports whether the rows take more lines than there can be for them.
func (m model) short(rows []row) bool {
	room := m.height - 3 // the head and the keys
	if m.height < 8 {
		room = m.height - 1
	}
	return linesOf(rows) > room-min(2, len(m.found()))-eventLines(room)
}

// columnsOut is how many columns can be scrolled out.
func (m model) columnsOut() int {
	if !m.wide {
		return 0
	}
	return len(nodeColumns) - 2
}
