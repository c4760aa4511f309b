package watch

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"pgrepl/engine/health"
)

// column is one of a table. Where not all fit, those of the highest rank go first.
type column[T any] struct {
	head string
	rank int // 0 stays; from wideOnly on it is shown only where all columns are
	cell func(T) span
}

const wideOnly = 10

// nodeRow is a node as its table shows it.
type nodeRow struct {
	node   health.NodeReport // with the figures of when it last answered
	old    string            // how old those are; "" where they are new
	depth  int
	said   string
	past   []point
	trend  int // width of a sparkline
	limits health.LimitsReport
}

// figure is a cell that may be old.
func figure(text func(health.NodeReport) string) func(nodeRow) span {
	return func(r nodeRow) span {
		if r.old != "" {
			return span{text(r.node), faint}
		}
		return span{text(r.node), plain}
	}
}

var nodeColumns = []column[nodeRow]{
	{"NODE", 0, func(r nodeRow) span {
		branch := ""
		if r.depth > 0 {
			branch = strings.Repeat("  ", r.depth-1) + "└ "
		}
		return span{branch + r.node.Name, plain}
	}},
	{"STATE", 3, func(r nodeRow) span { return span{shortState(r.node), plain} }},
	{"LAG", 1, figure(health.NodeReport.Lag)},
	{"REPLAY", 4, figure(func(n health.NodeReport) string { return health.Size(n.Replay) })},
	{"LAG, SECONDS", 5, func(r nodeRow) span { return r.sparkline(lags(r.past), r.limits.LagTimeWarning) }},
	{"LAG, BYTES", 6, func(r nodeRow) span { return r.sparkline(sizes(r.past), float64(r.limits.LagWarning)) }},
	{"SYNC", wideOnly, figure(func(n health.NodeReport) string { return health.Dash(n.Sync) })},
	{"SEND", wideOnly, figure(func(n health.NodeReport) string { return health.Size(n.Send) })},
	{"FLUSH", wideOnly, figure(func(n health.NodeReport) string { return health.Size(n.Flush) })},
	{"HEARD", wideOnly, figure(func(n health.NodeReport) string { return health.Ago(n.Heard) })},
	{"RATE", wideOnly, figure(func(n health.NodeReport) string { return health.Rate(n.Rate) })},
	{"LEVEL IN", wideOnly, figure(func(n health.NodeReport) string { return health.Ago(n.CatchUp) })},
	{"DELAY", wideOnly, func(r nodeRow) span { return span{r.node.DelayText(), plain} }},
	{"UPSTREAM", wideOnly, func(r nodeRow) span { return span{health.Dash(r.node.Upstream), plain} }},
	{"TL", wideOnly, figure(health.NodeReport.TimelineText)},
	{"POSITION", wideOnly, figure(func(n health.NodeReport) string { return health.Dashed(n.Position) })},
	{"RETAINED", wideOnly, figure(func(n health.NodeReport) string { return health.Size(n.Retained) })},
	{"DISK FREE", wideOnly, figure(func(n health.NodeReport) string { return health.Size(n.Room) })},
	{"CONTAINER", wideOnly, func(r nodeRow) span { return span{r.node.Container, plain} }},
	{"HEALTH", 0, func(r nodeRow) span {
		if r.old != "" {
			return healthCell(r.node.Level, "figures STALE "+r.old+"; "+r.said)
		}
		return healthCell(r.node.Level, r.said)
	}},
}

func (r nodeRow) sparkline(values []*float64, top float64) span {
	if r.node.Part != "standby" {
		return span{"-", faint}
	}
	return span{spark(values, r.trend, top), plain}
}

func shortState(n health.NodeReport) string {
	if n.State == "accepting connections" {
		return "accepting"
	}
	return n.State
}

func healthCell(l health.Level, said string) span {
	if l == health.OK {
		return span{"ok", good}
	}
	return span{strings.TrimSpace(string(l) + " " + strings.TrimSuffix(said, "; ")), of(l)}
}

type slotRow struct {
	slot health.SlotReport
	said string
}

var slotColumns = []column[slotRow]{
	{"SLOT", 0, func(r slotRow) span { return span{r.slot.Name, plain} }},
	{"ON", 3, func(r slotRow) span { return span{r.slot.Node, plain} }},
	{"TYPE", 7, func(r slotRow) span { return span{r.slot.Type, plain} }},
	{"READ", 4, func(r slotRow) span { return span{health.YesNo(r.slot.Active), plain} }},
	{"RETAINED", 1, func(r slotRow) span { return span{health.Size(r.slot.Retained), plain} }},
	{"GROWS", 5, func(r slotRow) span { return span{health.Rate(r.slot.Growth), plain} }},
	{"FULL IN", 2, func(r slotRow) span { return span{health.Ago(r.slot.Full), plain} }},
	{"LOST IN", 6, func(r slotRow) span { return span{health.Ago(r.slot.Lost), plain} }},
	{"FOR", wideOnly, func(r slotRow) span { return span{health.Dash(r.slot.Reader), plain} }},
	{"STATUS", wideOnly, func(r slotRow) span { return span{health.Dash(r.slot.Status), plain} }},
	{"DECLARED", wideOnly, func(r slotRow) span { return span{health.YesNo(r.slot.Declared || r.slot.Reader != ""), plain} }},
	{"HEALTH", 0, func(r slotRow) span { return healthCell(r.slot.Level, r.said) }},
}

type appRow struct {
	app  health.AppReport
	said string
}

var appColumns = []column[appRow]{
	{"APP", 0, func(r appRow) span { return span{r.app.Name, plain} }},
	{"CONTAINER", 1, func(r appRow) span { return span{r.app.Container, plain} }},
	{"HEALTH", 0, func(r appRow) span { return healthCell(r.app.Level, r.said) }},
}

// laid puts rows under the columns that fit, the head first.
func laid[T any](columns []column[T], rows []T, width, shift int, wide bool) []line {
	columns = slices.Clone(columns)
	if wide { // the verdict stays in sight
		last := len(columns) - 1
		health := columns[last]
		columns = slices.Insert(columns[:last], 1, column[T]{health.head, 0, func(r T) span { return firstWord(health.cell(r)) }})
		columns = slices.Delete(columns, 2, 2+min(max(shift, 0), len(columns)-3))
	} else {
		columns = slices.DeleteFunc(columns, func(c column[T]) bool { return c.rank >= wideOnly })
	}
	widths := func() []int {
		out := make([]int, len(columns))
		for i, c := range columns {
			out[i] = ansi.StringWidth(c.head)
			for _, r := range rows {
				out[i] = max(out[i], ansi.StringWidth(c.cell(r).text))
			}
		}
		if !wide {
			out[len(out)-1] = healthWidth
		}
		return out
	}
	for !wide && total(widths()) > width {
		i, rank := 0, 0
		for j, c := range columns {
			if c.rank > rank {
				i, rank = j, c.rank
			}
		}
		if rank == 0 {
			break
		}
		columns = slices.Delete(columns, i, i+1)
	}
	w, head, out := widths(), line{}, []line(nil)
	for i, c := range columns {
		head = append(head, span{pad(c.head, w[i]) + "  ", strong})
	}
	out = append(out, head)
	for _, r := range rows {
		var l line
		for i, c := range columns {
			s := c.cell(r)
			if i == len(columns)-1 {
				l = append(l, s)
				break
			}
			l = append(l, span{pad(s.text, w[i]) + "  ", s.look})
		}
		out = append(out, l)
	}
	return out
}

func firstWord(s span) span {
	word, _, _ := strings.Cut(s.text, " ")
	return span{word, s.look}
}

// healthWidth is how much of a verdict is shown at least.
const healthWidth = 22

func total(widths []int) int {
	n := -2
	for _, w := range widths {
		n += w + 2
	}
	return n
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-ansi.StringWidth(s), 0))
}
