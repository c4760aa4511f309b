package render

import (
	"fmt"
	"io"
	"math"
	"strings"

	"pgrepl/engine/health"
)

// StatusJSON writes the health of a cluster for programs.
func StatusJSON(w io.Writer, r health.Report, _ Options) error { return writeJSON(w, r) }

// StatusNagios writes it in a line, as the monitoring plugins' convention has it: what is wrong, worst first, and behind the bar
// the figures with their limits. A figure that is not known is U.
func StatusNagios(w io.Writer, r health.Report, _ Options) error {
	said := "no replica is declared"
	if r.Replicas.Declared > 0 {
		said = fmt.Sprintf("%d of %s streaming", r.Replicas.Streaming, counted(r.Replicas.Declared, "replica"))
	}
	if len(r.Findings) > 0 {
		var texts []string
		for _, f := range r.Findings {
			texts = append(texts, f.Head()+broken(f))
		}
		said = strings.Join(texts, "; ")
	}
	line := fmt.Sprintf("REPLICATION %s - %s", r.Level, besideBar(said))
	if figures := performance(r); len(figures) > 0 {
		line += " | " + strings.Join(figures, " ")
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// besideBar keeps a text apart from the figures behind the bar.
func besideBar(s string) string { return strings.ReplaceAll(visible(s), "|", "/") }

// Line is a text that a server or Docker said as one line of a monitoring plugin.
func Line(s string) string { return besideBar(s) }

// performance are the figures: label=value[unit];warning;critical;least.
func performance(r health.Report) []string {
	out := []string{fmt.Sprintf("streaming=%d;%d:;1:;0", r.Replicas.Streaming, r.Replicas.Declared)}
	if r.Replicas.Declared == 0 {
		out = nil
	}
	add := func(label string, value *float64, unit string, warning, critical float64) {
		text := "U"
		if value != nil {
			text = number(*value) + unit
		}
		out = append(out, fmt.Sprintf("'%s'=%s;%s;%s;0", strings.NewReplacer("'", "''", "=", "_").Replace(label), text, number(warning), number(critical)))
	}
	l := r.Limits
	for _, n := range r.Standbys() {
		lag := n.LagHigh
		if lag == nil || n.LagLow != nil && *n.LagLow > l.LagTimeWarning+n.Delay { // what is certain decides
			lag = n.LagLow
		}
		add(n.Name+"_lag", lag, "s", l.LagTimeWarning+n.Delay, l.LagTimeCritical+n.Delay)
		behind, what := n.Replay, "_replay"
		if n.Delay > 0 {
			behind, what = n.Flush, "_flush"
		}
		add(n.Name+what, float(behind), "B", float64(l.LagWarning), float64(l.LagCritical))
	}
	for _, s := range r.Slots {
		add(s.Node+"_"+s.Name+"_retained", float(s.Retained), "B", float64(l.SlotWarning), float64(l.SlotCritical))
	}
	return out
}

func number(n float64) string {
	if n == math.Trunc(n) {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.3f", n)
}

func float(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

// StatusMarkdown writes it for a comment or a page.
func StatusMarkdown(w io.Writer, r health.Report, _ Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s: %d of %s healthy\n", prose(r.Cluster), r.Level.Verdict(), r.Replicas.Healthy, counted(r.Replicas.Declared, "replica"))
	for _, t := range []table{replicaTable(r, false), slotTable(r, true), appTable(r)} {
		if len(t) < 2 {
			continue
		}
		b.WriteString("\n")
		for i, row := range t {
			for _, cell := range row {
				b.WriteString("| " + inCell(strings.TrimSpace(cell)) + " ")
			}
			b.WriteString("|\n")
			if i == 0 {
				b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
			}
		}
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n")
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "- **%s** %s; next: %s\n", f.Level, prose(f.Head()+broken(f)), code(f.Next))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inCell is a text in a cell of a table.
func inCell(s string) string {
	if s == "-" {
		return s
	}
	return strings.ReplaceAll(prose(s), "|", `\|`)
}
