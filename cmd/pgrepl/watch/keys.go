package watch

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"pgrepl/engine/health"
)

// key is something that a key press does. The table is what there is, and what the help shows.
type key struct {
	names []string // as the terminal calls them
	shown string   // in the help
	short string   // in the last line; "": not there
	rank  int      // there, of those that fit
	about string
	do    func(model) (model, tea.Cmd)
}

func keys() []key {
	return []key{
		{[]string{"up", "k"}, "↑ k", "", 9, "the row above; on a page, a line up", func(m model) (model, tea.Cmd) { return m.move(-1), nil }},
		{[]string{"down", "j"}, "↓ j", "↑↓ move", 3, "the row below; on a page, a line down", func(m model) (model, tea.Cmd) { return m.move(1), nil }},
		{[]string{"pgup", "ctrl+b"}, "page up", "", 9, "a screen up", func(m model) (model, tea.Cmd) { return m.move(-m.screenful()), nil }},
		{[]string{"pgdown", "ctrl+f", "space"}, "page down", "", 9, "a screen down", func(m model) (model, tea.Cmd) { return m.move(m.screenful()), nil }},
		{[]string{"home", "g"}, "home g", "", 9, "the first row", func(m model) (model, tea.Cmd) { return m.move(-1 << 20), nil }},
		{[]string{"end", "G"}, "end G", "", 9, "the last row", func(m model) (model, tea.Cmd) { return m.move(1 << 20), nil }},
		{[]string{"left", "h"}, "← h", "", 9, "columns back", func(m model) (model, tea.Cmd) { m.shift = max(m.shift-1, 0); return m, nil }},
		{[]string{"right"}, "→", "", 9, "columns on, where they do not fit", func(m model) (model, tea.Cmd) { m.shift = min(m.shift+1, m.columnsOut()); return m, nil }},
		{[]string{"enter", "d"}, "enter d", "enter describe", 2, "all figures of the row, its findings with limits and next commands", func(m model) (model, tea.Cmd) { return m.open(describing), nil }},
		{[]string{"l"}, "l", "l logs", 2, "the last lines that its container wrote", model.openLogs},
		{[]string{"f"}, "f", "f findings", 3, "everything that is wrong, the worst first, with what to do next", func(m model) (model, tea.Cmd) { return m.open(allFindings), nil }},
		{[]string{"e"}, "e", "e events", 4, "what came and went, newest first", func(m model) (model, tea.Cmd) { return m.open(allEvents), nil }},
		{[]string{"/"}, "/", "/ filter", 4, "only rows that contain a text; esc ends it", func(m model) (model, tea.Cmd) { m.page, m.typing = page{}, true; return m, nil }},
		{[]string{"z", "ctrl+z"}, "z ctrl-z", "z faults", 4, "only rows that are not well, and back", func(m model) (model, tea.Cmd) { m.faults = !m.faults; return m, nil }},
		{[]string{"w"}, "w", "w wide", 5, "all columns, and back", func(m model) (model, tea.Cmd) { m.wide, m.shift = !m.wide, 0; return m, nil }},
		{[]string{"s"}, "s", "s sort", 5, "another order: by upstream, worst first, by lag, by name", func(m model) (model, tea.Cmd) { m.order = m.order.next(); return m, nil }},
		{[]string{"p"}, "p", "p pause", 5, "holds the picture still; samples go on", model.pause},
		{[]string{"?"}, "?", "? help", 0, "this", func(m model) (model, tea.Cmd) { return m.open(helping), nil }},
		{[]string{"esc", "backspace"}, "esc", "", 9, "back: closes a page, then ends the filter", func(m model) (model, tea.Cmd) { return m.back(), nil }},
		{[]string{"q", "ctrl+c"}, "q ctrl-c", "q quit", 1, "ends it", func(m model) (model, tea.Cmd) { return m, tea.Quit }},
	}
}

func (m model) press(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	name := msg.String()
	if m.typing && name != "ctrl+c" {
		return m.edit(name, msg.Text), nil
	}
	for _, k := range keys() {
		for _, n := range k.names {
			if n == name {
				return k.do(m)
			}
		}
	}
	return m, nil
}

// edit is a key while the filter is typed.
func (m model) edit(name, text string) model {
	switch name {
	case "enter":
		m.typing = false
	case "esc":
		m.typing, m.filter = false, ""
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-size]
	case "ctrl+u":
		m.filter = ""
	default:
		m.filter += plainText(text)
	}
	return m
}

// move goes to another row, or scrolls the page.
func (m model) move(by int) model {
	if m.page.kind != "" {
		end := max(len(m.pageLines())-m.pageRoom(), 0)
		m.page.scroll = min(max(min(m.page.scroll, end)+by, 0), end)
		if m.page.kind == logging && m.page.scroll == end {
			m.page.scroll = toEnd
		}
		return m
	}
	rows := m.rows()
	if len(rows) == 0 {
		return m
	}
	i := min(max(indexOf(rows, m.at)+by, 0), len(rows)-1)
	m.at = rows[i].subject
	return m
}

// screenful is how far a page up or down goes.
func (m model) screenful() int { return max(m.height-6, 1) }

// open shows a page of the selected row.
func (m model) open(kind string) model {
	if m.page.kind == kind { // the same key again closes it
		return m.back()
	}
	of := m.page.of
	if m.page.kind != describing && m.page.kind != logging {
		row, ok := m.selected()
		if !ok && kind == describing {
			return m
		}
		of = row.subject
	}
	m.page = page{kind: kind, of: of}
	return m
}

// openLogs shows what the container of the selected row wrote: of a slot, that of the replica that it is for, or else of its node.
func (m model) openLogs() (model, tea.Cmd) {
	m = m.open(logging)
	container := m.containerOf(m.page.of)
	if m.page.kind != logging || container == "" {
		m.page = page{}
		return m, nil
	}
	if m.log.of != container {
		m.log = logs{of: container}
	}
	m.page.scroll, m.log.pending = toEnd, true // what happened last is what matters
	return m, m.fetch(container)
}

func (m model) containerOf(s health.Subject) string {
	if s.App != "" {
		return s.App
	}
	for _, slot := range m.shown().report.Slots {
		if slot.Subject() == s && slot.Reader != "" {
			return slot.Reader
		}
	}
	return s.Node
}

func (m model) pause() (model, tea.Cmd) {
	if m.frozen != nil {
		m.frozen = nil
		return m, nil
	}
	m.frozen = m.live.freeze()
	return m, nil
}

// back closes a page, then ends the filter.
func (m model) back() model {
	switch {
	case m.page.kind != "":
		m.page = page{}
	case m.filter != "":
		m.filter = ""
	}
	return m
}

// plainText is text that a terminal takes for nothing else: what servers, containers and people say goes through it.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff:
			return -1
		}
		return r
	}, s)
}
