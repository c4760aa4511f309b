package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pgrepl/engine"
)

// Title is what a plan is a plan of.
type Title struct{ Command, Cluster, File string }

// Options choose how a plan is written.
type Options struct {
	Full  bool // attributes that nobody wrote too
	Color bool // repeats the markers, and nothing else
}

// Text writes a plan for a reader: the net result, the risks, the changes, the steps, and what stands. The same plan is
// the same bytes.
func Text(w io.Writer, t Title, p engine.Plan, o Options) error {
	out := &text{color: o.Color}
	if p.Empty() {
		out.matches(t, p)
	} else {
		out.linef("pgrepl %s: cluster %q from %s", t.Command, t.Cluster, t.File)
		report := Tell(p, o.Full)
		out.net(p, report)
		out.risks(p)
		out.blocks(report, t.Command == "destroy")
		out.steps(p)
	}
	out.rest(p)
	_, err := io.WriteString(w, out.String())
	return err
}

type text struct {
	strings.Builder
	color bool
}

func (t *text) linef(format string, args ...any) {
	line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	t.WriteString(t.paint(line) + "\n")
}

var colors = map[byte]string{'+': "32", '-': "31", '~': "33", '!': "1;31", '?': "36"}

func (t *text) paint(line string) string {
	if !t.color || line == "" || colors[line[0]] == "" {
		return line
	}
	return "\x1b[" + colors[line[0]] + "m" + line + "\x1b[0m"
}

func (t *text) matches(title Title, p engine.Plan) {
	if title.Command == "destroy" {
		t.linef("%s: nothing of it is on this Docker engine", title.Cluster)
		return
	}
	objects := map[engine.Address]bool{}
	for _, r := range p.Wanted {
		if r.Addr.Block != "image" && r.Addr.Block != "cluster" { // what a plan that makes everything does not count either
			objects[r.Addr] = true
		}
	}
	t.linef("%s matches %s (%s, %s streaming)", title.Cluster, title.File, counted(len(objects), "object"), counted(Streaming(p), "replica"))
}

// Streaming counts the standbys that were seen to stream.
func Streaming(p engine.Plan) int {
	n := 0
	for _, r := range p.Seen {
		if r.Attrs["replication"].Value == "streaming" {
			n++
		}
	}
	return n
}

func (t *text) net(p engine.Plan, r Report) {
	t.linef("")
	t.linef("  %s", verdict(p))
	var parts []string
	add := func(n int, one, many string) {
		noun := " object"
		if len(parts) > 0 {
			noun = "" // said once: "3 objects change, 1 is added"
		}
		switch {
		case n == 1:
			parts = append(parts, "1"+noun+" "+one)
		case n > 1 && noun != "":
			parts = append(parts, fmt.Sprintf("%d%ss %s", n, noun, many))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(r.Changed, "changes", "change")
	add(r.Added, "is added", "are added")
	add(r.Removed, "is removed", "are removed")
	sentence := strings.Join(parts, ", ") + "."
	if n := interruptions(p, engine.ClassRestart) + interruptions(p, engine.ClassRecreate); n > 0 {
		sentence += " " + counted(n, "restart") + "."
	}
	if len(parts) > 0 {
		t.linef("  %s", sentence)
	}
}

// verdict is the plan in one line: what writers and data will notice.
func verdict(p engine.Plan) string {
	primary, others := false, 0
	for _, r := range p.Risks {
		if r.Class != engine.ClassRestart && r.Class != engine.ClassRecreate {
			continue
		}
		for _, a := range r.Addrs {
			if a.Block == "master" {
				primary = true
			} else {
				others++
			}
		}
	}
	data := slices.ContainsFunc(p.Risks, func(r engine.Risk) bool { return r.Class == engine.ClassData })
	restarts := "No restart"
	switch {
	case primary:
		restarts = "Writes stop once, while the master restarts"
	case others > 0:
		restarts = "Writes go on; standbys restart"
	}
	switch {
	case data:
		return restarts + ". Data is lost."
	case primary || others > 0:
		return restarts + ". No data touched."
	}
	return restarts + ", no data touched."
}

func interruptions(p engine.Plan, class engine.Class) int {
	addrs := map[engine.Address]bool{}
	for _, r := range p.Risks {
		if r.Class == class {
			for _, a := range r.Addrs {
				addrs[a] = true
			}
		}
	}
	return len(addrs)
}

func (t *text) risks(p engine.Plan) {
	if len(p.Risks) == 0 {
		return
	}
	t.linef("")
	for _, r := range p.Risks {
		t.linef("%s", RiskLine(r))
	}
}

// RiskLine is one risk of a plan.
func RiskLine(r engine.Risk) string {
	var addrs []string
	for _, a := range r.Addrs {
		addrs = append(addrs, a.String())
	}
	label := string(r.Class)
	if label == "" {
		label = "warning"
	}
	line := fmt.Sprintf("! %-8s %s: %s", label, strings.Join(addrs, ", "), r.Text)
	if r.Text == "" || r.Class == engine.ClassRecreate {
		line = fmt.Sprintf("! %-8s %s: %s", label, strings.Join(addrs, ", "), r.Why)
	}
	if r.Code != "" {
		line += " [" + r.Code + "]"
	}
	if r.Allow != "" {
		line = fmt.Sprintf("%-76s needs --allow=%s", line, r.Allow)
	}
	return line
}

func (t *text) blocks(r Report, destroying bool) {
	path, change, effect := 0, 0, 0
	for _, b := range r.Blocks {
		for _, row := range b.Rows {
			path, change, effect = max(path, len(row.Path)), max(change, min(len(row.Change), 48)), max(effect, len(row.Effect))
		}
	}
	const origins = 68
	t.linef("")
	for _, b := range r.Blocks {
		title := b.Marker + " " + b.Title
		if b.Names != "" {
			title = fmt.Sprintf("%-30s %s", title, b.Names)
		}
		where := b.Origin.String()
		if b.Marker == "-" && !destroying {
			where = "(not in file)"
		}
		if where != "" {
			title = fmt.Sprintf("%-*s %s", origins, title, where)
		}
		t.linef("%s", title)
		for _, row := range b.Rows {
			t.linef("%-*s %s", origins, fmt.Sprintf("%s   %-*s  %-*s  %-*s", row.Marker, path, row.Path, change, row.Change, effect, row.Effect), row.Origin)
			for _, l := range row.Lines {
				t.linef("%s", l)
			}
		}
	}
}

func (t *text) steps(p engine.Plan) {
	if len(p.Batches) == 0 {
		return
	}
	t.linef("")
	t.linef("Steps")
	where := 0
	for _, b := range p.Batches {
		where = max(where, min(len(b.Where()), 24))
	}
	for _, b := range p.Batches {
		t.linef("%3d  %-*s  %s%s", b.N, where, b.Where(), b.Text(), needs(p, b))
	}
	if p.LookAgain {
		t.linef("%3d  %-*s  look again: more can be planned when these are done", len(p.Batches)+1, where, "")
	}
}

// needs is the end of a step's line: what it follows, and what has to be allowed for it.
func needs(p engine.Plan, b engine.Batch) string {
	var out []string
	if len(b.After) > 0 {
		out = append(out, "after "+strings.Trim(strings.ReplaceAll(fmt.Sprint(b.After), " ", ", "), "[]"))
	}
	for _, s := range p.Steps {
		if !slices.Contains(b.Steps, s.ID()) {
			continue
		}
		for _, e := range s.Effects() {
			if e.Asks {
				out = append(out, fmt.Sprintf("needs --allow=%s:%s", e.Class, e.Addr))
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "   " + strings.Join(out, ", ")
}

// rest says what the plan leaves as it is.
func (t *text) rest(p engine.Plan) {
	var lines []string
	for _, r := range p.Standing {
		lines = append(lines, fmt.Sprintf("Standing: %s [%s]", r.Text, r.Code))
	}
	if names := undeclared(p); len(names) > 0 {
		lines = append(lines, "Not declared here, left alone: "+strings.Join(names, ", "))
	}
	lines = append(lines, unseen(p)...)
	for _, r := range p.Wanted.Sorted() {
		for _, u := range r.Unchecked {
			lines = append(lines, fmt.Sprintf("Not checked: %s %s", r.Addr, u))
		}
	}
	if len(p.LeftOut) > 0 {
		var out []string
		for _, c := range p.LeftOut {
			out = append(out, c.Addr.String())
		}
		slices.Sort(out)
		lines = append(lines, "Left out by --target or --exclude: "+strings.Join(slices.Compact(out), ", "))
	}
	if len(lines) > 0 && !p.Empty() {
		t.linef("")
	}
	for _, l := range lines {
		t.linef("%s", l)
	}
}

func undeclared(p engine.Plan) []string {
	var out []string
	for _, r := range p.Undeclared {
		out = append(out, r.ID.String())
	}
	return out
}

// unseen groups what could not be looked at by the reason.
func unseen(p engine.Plan) []string {
	byReason := map[string][]string{}
	var reasons []string
	for _, r := range p.Unseen {
		if byReason[r.Unknown] == nil {
			reasons = append(reasons, r.Unknown)
		}
		byReason[r.Unknown] = append(byReason[r.Unknown], r.ID.String())
	}
	slices.Sort(reasons)
	var out []string
	for _, reason := range reasons {
		out = append(out, fmt.Sprintf("Not looked at: %s (%s)", strings.Join(byReason[reason], ", "), reason))
	}
	return out
}
