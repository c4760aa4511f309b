package watch

import (
	"context"
	"maps"
	"time"

	tea "charm.land/bubbletea/v2"

	"pgrepl/engine/health"
)

// model is the screen: what was seen, and what the keys have made of it.
type model struct {
	ctx     context.Context
	source  Source
	options Options

	width, height int
	behind        background
	now           time.Time
	began         time.Time // of watching

	live   seen
	frozen *seen // what is shown while it is paused; nil: what is live

	at     health.Subject // the selected row; the zero value is the first one
	filter string
	typing bool // keys go into the filter
	faults bool // only rows that are not well
	wide   bool
	shift  int // columns that are scrolled out on the left
	order  order
	page   page
	log    logs

	sampling bool      // samples follow each other
	looking  bool      // a look is under way
	lookAt   time.Time // when the last one was over
	changed  bool      // something has come or gone since then that a look would see
}

// page is a text in place of the tables.
type page struct {
	kind   string // one of those below; "" is the tables
	of     health.Subject
	scroll int
}

// toEnd scrolls to the last line, and stays there while lines come.
const toEnd = 1 << 30

const (
	describing  = "describe"
	logging     = "logs"
	helping     = "help"
	allFindings = "findings"
	allEvents   = "events"
)

// logs are the last lines of a container.
type logs struct {
	of      string
	text    string
	err     string
	pending bool
}

// The messages, beside those of the terminal.
type (
	looked struct {
		err    error
		beside bool // it is not one of those that come every so often
	}
	sampled struct {
		report health.Report
		err    error
	}
	lookDue   struct{}
	sampleDue struct{}
	tick      struct{ at time.Time } // a second has passed
	logged    struct {
		of, text string
		err      error
	}
)

func newModel(ctx context.Context, source Source, o Options) model {
	return model{ctx: ctx, source: source, options: o, looking: true}
}

// Init begins to look.
func (m model) Init() tea.Cmd {
	now := func() tea.Msg { return tick{time.Now()} }
	return tea.Batch(now, tea.RequestBackgroundColor, m.look(false))
}

func (m model) look(beside bool) tea.Cmd {
	return func() tea.Msg { return looked{m.source.Look(m.ctx), beside} }
}

func (m model) sample() tea.Cmd {
	return func() tea.Msg {
		r, err := m.source.Report(m.ctx)
		return sampled{r, err}
	}
}

const logLines = 200

func (m model) fetch(container string) tea.Cmd {
	return func() tea.Msg {
		text, err := m.source.Logs(m.ctx, container, logLines)
		return logged{container, text, err}
	}
}

func after(d time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(d, func(time.Time) tea.Msg { return msg })
}

func second() tea.Cmd {
	return tea.Tick(time.Second, func(at time.Time) tea.Msg { return tick{at} })
}

// shown is what is on the screen.
func (m model) shown() seen {
	if m.frozen != nil {
		return *m.frozen
	}
	return m.live
}

// freeze is a copy that stays as it is.
func (s seen) freeze() *seen {
	s.past, s.last = maps.Clone(s.past), maps.Clone(s.last)
	return &s
}
