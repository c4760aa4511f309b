package watch

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Update takes a message: from the terminal, or from what waits beside it.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.behind = light
		if msg.IsDark() {
			m.behind = dark
		}
	case tea.KeyPressMsg:
		return m.press(msg)
	case tea.PasteMsg:
		if m.typing {
			m.filter += plainText(msg.Content)
		}
	case tick:
		m.now = msg.at
		if m.began.IsZero() {
			m.began = msg.at
		}
		return m, second()
	case looked:
		return m.looked(msg)
	case lookDue:
		if m.looking {
			return m, after(m.options.DriftEvery, lookDue{})
		}
		m.looking = true
		return m, m.look(false)
	case sampleDue:
		return m, m.sample()
	case sampled:
		return m.sampled(msg)
	case logged:
		if msg.of == m.log.of {
			m.log.pending, m.log.err = false, ""
			if msg.err != nil {
				m.log.err = msg.err.Error() // the lines that are there stay
			} else {
				m.log.text = msg.text
			}
		}
	}
	return m, nil
}

// retryEvery is how often a first look that failed is tried again.
const retryEvery = 2 * time.Second

func (m model) looked(msg looked) (tea.Model, tea.Cmd) {
	m.looking, m.lookAt = false, m.now
	switch {
	case msg.beside:
		return m, nil
	case m.sampling: // a look that fails later is told by the next sample
		return m, after(m.options.DriftEvery, lookDue{})
	case msg.err != nil:
		m.live = m.live.fail(m.now, msg.err)
		return m, after(retryEvery, lookDue{})
	}
	m.sampling = true
	return m, tea.Batch(m.sample(), after(m.options.DriftEvery, lookDue{}))
}

// lookLeast is how far apart looks are at least where something has come or gone.
const lookLeast = 5 * time.Second

func (m model) sampled(msg sampled) (tea.Model, tea.Cmd) {
	next := []tea.Cmd{after(m.options.Every, sampleDue{})}
	if msg.err != nil {
		m.live = m.live.fail(m.now, msg.err)
	} else {
		known := m.live.known
		m.live = m.live.take(msg.report)
		m.changed = m.changed || known && slices.ContainsFunc(m.live.fresh, event.alters)
		if msg.report.At.After(m.now) {
			m.now = msg.report.At
		}
	}
	if m.changed && !m.looking && m.now.Sub(m.lookAt) >= lookLeast {
		m.changed, m.looking = false, true
		next = append(next, m.look(true))
	}
	if m.page.kind == logging && m.frozen == nil && !m.log.pending {
		m.log.pending = true
		next = append(next, m.fetch(m.log.of))
	}
	return m, tea.Batch(next...)
}
