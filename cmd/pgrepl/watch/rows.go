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
	for _, n := range s.report.Tree() {
		n, _ = s.node(n)
		r := row{subject: health.Subject{Node: n.Name}, section: nodeSection, level: n.Level, depth: n.Depth, lag: -1,
			text: strings.Join([]string{n.Name, n.Address, n.Part, n.State, n.Upstream, n.Sync, n.Slot, string(n.Level), health.InWords(s.report.Of(n.Name))}, " ")}
		if n.LagLow != nil {
			r.lag = *n.LagLow - n.Delay
		}
		out = append(out, r)
	}
	for _, slot := range s.report.Slots {
		r := row{subject: slot.Subject(), section: slotSection, level: slot.Level, lag: -1,
			text: strings.Join([]string{slot.Name, slot.Node, slot.Type, slot.Status, slot.Reader, string(slot.Level), health.InWords(s.report.On(slot.Subject()))}, " ")}
		if slot.Retained != nil {
			r.lag = float64(*slot.Retained)
		}
		out = append(out, r)
	}
	for _, a := range s.report.Apps {
		out = append(out, row{subject: health.Subject{App: a.Name}, section: appSection, level: a.Level, lag: -1,
			text: strings.Join([]string{a.Name, a.Address, a.Container, string(a.Level), health.InWords(s.report.On(health.Subject{App: a.Name}))}, " ")})
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

func (m model) sorted(rows []row) []row {
	how := m.order
	if how == byItself && m.short(rows) {
		how = byLevel
	}
	worst := map[int]health.Level{}
	for _, r := range rows {
		if w, has := worst[r.section]; !has || r.level.Worse(w) {
			worst[r.section] = r.level
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.section != b.section {
			if how == byLevel {
				return cmp.Or(worst[a.section].Compare(worst[b.section]), cmp.Compare(a.section, b.section))
			}
			return cmp.Compare(a.section, b.section)
		}
		switch how {
		case byLevel:
			return a.level.Compare(b.level)
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
