package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pgrepl/engine/health"
)

// Status writes the health of a cluster for a reader: a line on the whole, a row for each replica, and what is wrong with the
// next command. Wide adds what an investigation takes. What is not known is a dash, never 0.
func Status(w io.Writer, r health.Report, wide bool, o Options) error {
	out := &text{color: o.Color}
	for _, f := range r.Findings {
		if f.Rule == "commits_hang" { // nothing else matters until that is over
			out.linef("%s: %s", out.level(f.Level, string(f.Level)), visible(f.Text))
		}
	}
	out.linef("%s", out.headline(r))
	out.rows(replicaTable(r, wide))
	out.rows(slotTable(r, wide))
	out.rows(appTable(r))
	out.wrong(r)
	_, err := io.WriteString(w, out.String())
	return err
}

// headline is the cluster in a line.
func (t *text) headline(r health.Report) string {
	parts := []string{"CLUSTER " + r.Cluster, t.level(r.Level, r.Level.Verdict())}
	if p := r.Node(r.Primary); p != nil {
		parts = append(parts, fmt.Sprintf("primary %s (PG %s, TL %d)", p.Name, p.Version, *p.Timeline), "WAL "+*p.Position)
		if p.Rate != nil {
			parts = append(parts, health.Rate(p.Rate))
		}
	} else {
		parts = append(parts, "primary -")
	}
	parts = append(parts, fmt.Sprintf("sampled %s (skew %.0f ms)", r.At.Format(time.TimeOnly), r.Skew*1000))
	return strings.Join(parts, "   ")
}

// table is rows of cells, the first of them the head.
type table [][]string

func (t *text) rows(rows table) {
	if len(rows) < 2 {
		return
	}
	var plain strings.Builder
	w := tabwriter.NewWriter(&plain, 0, 0, 2, ' ', 0)
	for _, cells := range rows {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(plain.String()) { // tabwriter would count a colour's bytes
		line = strings.TrimRight(line, " \n")
		for _, l := range []health.Level{health.Critical, health.Warning, health.Unknown} {
			if i := strings.Index(line, "  "+string(l)+" "); i >= 0 {
				line = line[:i+2] + t.level(l, line[i+2:])
				break
			}
		}
		t.linef("%s", line)
	}
}

func replicaTable(r health.Report, wide bool) table {
	head := []string{"REPLICA", "STATE", "SYNC", "SEND", "FLUSH", "REPLAY", "LAG", "HEARD", "SLOT (RETAINED)"}
	if wide {
		head = append(head, "UPSTREAM", "DELAY", "RATE", "LEVEL IN", "TL", "REPLAYED", "DISK FREE", "CONTAINER")
	}
	rows := table{append(head, "HEALTH")}
	in := map[string]string{} // how far each is moved in
	for _, n := range r.Tree() {
		if n.Part != "standby" {
			continue
		}
		if above, shown := in[n.Upstream]; shown {
			in[n.Name] = above + "  "
		} else {
			in[n.Name] = ""
		}
		slot := health.Dash(n.Slot)
		if n.Slot != "" {
			slot += " (" + health.Size(n.Retained) + ")"
		}
		row := []string{in[n.Name] + n.Name, n.State, health.Dash(n.Sync), health.Size(n.Send), health.Size(n.Flush), health.Size(n.Replay), n.Lag(), health.Ago(n.Heard), slot}
		if wide {
			row = append(row, n.Upstream, n.DelayText(), health.Rate(n.Rate), health.Ago(n.CatchUp), n.TimelineText(), health.Dashed(n.Position), health.Size(n.Room), n.Container)
		}
		rows = append(rows, append(row, healthCell(n.Level, r.Of(n.Name))))
	}
	return rows
}

// slotTable is of the slots that no replica of the file reads; of all of them where it is wide.
func slotTable(r health.Report, wide bool) table {
	rows := table{{"SLOT", "ON", "TYPE", "READ", "RETAINED", "GROWS", "DISK FULL IN", "LOST IN", "HEALTH"}}
	for _, s := range r.Slots {
		if s.Reader != "" && !wide {
			continue
		}
		rows = append(rows, []string{s.Name, s.Node, s.Type, health.YesNo(s.Active), health.Size(s.Retained), health.Rate(s.Growth), health.Ago(s.Full), health.Ago(s.Lost), healthCell(s.Level, r.On(s.Subject()))})
	}
	return rows
}

func appTable(r health.Report) table {
	rows := table{{"APP", "CONTAINER", "HEALTH"}}
	for _, a := range r.Apps {
		rows = append(rows, []string{a.Name, a.Container, healthCell(a.Level, r.On(health.Subject{App: a.Name}))})
	}
	return rows
}

func healthCell(l health.Level, found []health.Finding) string {
	if l == health.OK {
		return "ok"
	}
	return string(l) + " " + visible(health.InWords(found))
}

// broken is a finding in a line: some of it is what a server says.
func broken(f health.Finding) string { return visible(f.String()) }

// wrong ends the status: what no row has told, how many replicas are well, and where to go from here.
func (t *text) wrong(r health.Report) {
	told := map[health.Subject]bool{}
	for _, n := range r.Standbys() {
		told[health.Subject{Node: n.Name}] = true
	}
	for _, s := range r.Slots {
		told[s.Subject()] = true
	}
	for _, a := range r.Apps {
		told[health.Subject{App: a.Name}] = true
	}
	for _, f := range r.Findings {
		if !told[f.Subject] && f.Rule != "commits_hang" {
			t.linef("%s", strings.TrimSpace(t.level(f.Level, string(f.Level))+" "+f.Head())+" "+broken(f))
		}
	}
	if r.Replicas.Declared > 0 {
		t.linef("%d of %s healthy", r.Replicas.Healthy, counted(r.Replicas.Declared, "replica"))
	}
	for _, next := range nexts(r) {
		t.linef("next: %s", next)
	}
}

// nexts are the commands to go on with, the most urgent first, each with what it is for.
func nexts(r health.Report) []string {
	var commands []string
	about := map[string][]string{}
	for _, f := range r.Findings {
		if !slices.Contains(commands, f.Next) {
			commands = append(commands, f.Next)
		}
		if subject := f.Subject.String(); subject != "" && !slices.Contains(about[f.Next], subject) {
			about[f.Next] = append(about[f.Next], subject)
		}
	}
	for i, c := range commands {
		if len(about[c]) > 0 {
			commands[i] += "  (" + strings.Join(about[c], ", ") + ")"
		}
	}
	return commands
}

// level colours a text by how bad it is; the word says it, too.
func (t *text) level(l health.Level, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + levelColors[l] + "m" + s + "\x1b[0m"
}

var levelColors = map[health.Level]string{health.OK: "32", health.Warning: "33", health.Unknown: "36", health.Critical: "1;31"}
