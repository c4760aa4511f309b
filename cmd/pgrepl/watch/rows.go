package watch

import (
	"cmp"
	"slices"
	"strings"

	"pgrepl/engine/health"
)

// row is one object that can be selected: a node, a slot or an app.
type row struct {
	subject health.Subject
	section int // of the tables below
	level   health.Level
	depth   int // upstreams above it that are shown, too
	lag     float64
	text    string // that a filter looks in
}

const (
	nodeSection = iota
	slotSection
	appSection
	sections
)

// order is how the rows are sorted.
type order int

const (
	byItself   order = iota // by upstream, worst first where space is short
	byUpstream              // each below the node that it follows
	byLevel                 // worst first
	byLag                   // furthest behind first
	byName
	orders
)

func (o order) next() order { return (o + 1) % orders }

func (o order) String() string {
	return [...]string{"by upstream", "by upstream", "worst first", "by lag", "by name"}[o]
}

// rows are what the tables list, in the order in which they do.
func (m model) rows() []row { return m.sorted(m.unsorted()) }

func (m model) unsorted() []row {
	s := m.shown()
	var out []row
	for _, n := range tree(s.report) {
		n, _ = s.node(n)
		r := row{subject: health.Subject{Node: n.Name}, section: nodeSection, level: n.Level, depth: n.Depth, lag: -1,
			text: strings.Join([]string{n.Name, n.Address, n.Part, n.State, n.Upstream, n.Sync, n.Slot, string(n.Level), said(s.report.Of(n.Name))}, " ")}
		if n.LagLow != nil {
			r.lag = *n.LagLow - n.Delay
		}
		out = append(out, r)
	}
	for _, slot := range s.report.Slots {
		r := row{subject: slot.Subject(), section: slotSection, level: slot.Level, lag: -1,
			text: strings.Join([]string{slot.Name, slot.Node, slot.Type, slot.Status, slot.Reader, string(slot.Level), said(s.report.On(slot.Subject()))}, " ")}
		if slot.Retained != nil {
			r.lag = float64(*slot.Retained)
		}
		out = append(out, r)
	}
	for _, a := range s.report.Apps {
		out = append(out, row{subject: health.Subject{App: a.Name}, section: appSection, level: a.Level, lag: -1,
			text: strings.Join([]string{a.Name, a.Address, a.Container, string(a.Level), said(s.report.On(health.Subject{App: a.Name}))}, " ")})
	}
	return slices.DeleteFunc(out, func(r row) bool { return m.faults && r.level == health.OK || !m.passes(r) })
}

// passes reports whether the filter lets a row through: each of its words is somewhere in the row.
func (m model) passes(r row) bool {
	text := strings.ToLower(r.text)
	for word := range strings.FieldsSeq(strings.ToLower(m.filter)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// tree are the nodes, each below the one that it follows.
func tree(r health.Report) []health.NodeReport {
	var out []health.NodeReport
	var add func(n health.NodeReport)
	add = func(n health.NodeReport) {
		if slices.ContainsFunc(out, func(o health.NodeReport) bool { return o.Name == n.Name }) {
			return
		}
		out = append(out, n)
		for _, below := range r.Nodes {
			if below.Upstream == n.Name {
				add(below)
			}
		}
	}
	for _, n := range r.Nodes {
		if n.Upstream == "" {
			add(n)
		}
	}
	for _, n := range r.Nodes { // whatever it follows
		add(n)
	}
	return out
}

// severity orders levels, the worst first.
func severity(l health.Level) int {
	return slices.Index([]health.Level{health.Critical, health.Warning, health.Unknown, health.OK}, l)
}

func (m model) sorted(rows []row) []row {
	how := m.order
	if how == byItself && m.short(rows) {
		how = byLevel
	}
	worst := map[int]int{}
	for _, r := range rows {
		if w, has := worst[r.section]; !has || severity(r.level) < w {
			worst[r.section] = severity(r.level)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.section != b.section {
			if how == byLevel {
				return cmp.Or(cmp.Compare(worst[a.section], worst[b.section]), cmp.Compare(a.section, b.section))
			}
			return cmp.Compare(a.section, b.section)
		}
		switch how {
		case byLevel:
			return cmp.Compare(severity(a.level), severity(b.level))
		case byLag:
			return cmp.Compare(b.lag, a.lag)
		case byName:
			return cmp.Compare(a.subject.String(), b.subject.String())
		}
		return 0
	})
	for i := range rows {
		if how != byItself && how != byUpstream || m.faults || m.filter != "" { // there may be nothing above it
			rows[i].depth = 0
		}
	}
	return rows
}

func indexOf(rows []row, s health.Subject) int {
	return max(slices.IndexFunc(rows, func(r row) bool { return r.subject == s }), 0)
}

// selected is the row that the keys are about; false where there is none.
func (m model) selected() (row, bool) {
	rows := m.rows()
	if len(rows) == 0 {
		return row{}, false
	}
	return rows[indexOf(rows, m.at)], true
}
