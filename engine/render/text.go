package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

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
	if text := hangs(p); text != "" {
		out.linef("! commits hang: %s", text)
	}
	if p.Empty() {
		out.matches(t, p)
	} else {
		out.linef("pgrepl %s: cluster %q from %s", t.Command, t.Cluster, t.File)
		report := Tell(p, o.Full)
		out.net(t, p, report)
		out.risks(p)
		out.blocks(t, report)
		out.steps(p)
	}
	out.rest(t, p)
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

// hangs is why commits wait now, which is said before all else.
func hangs(p engine.Plan) string {
	for _, r := range slices.Concat(p.Risks, p.Standing) {
		if r.Code == engine.CodeHangs {
			return r.Text
		}
	}
	return ""
}

func (t *text) matches(title Title, p engine.Plan) {
	if title.Command == "destroy" {
		t.linef("%s: nothing of it is on this Docker engine", title.Cluster)
		return
	}
	objects := map[engine.Address]bool{}
	for _, r := range p.Wanted {
		if counts(r) {
			objects[r.Addr] = true
		}
	}
	t.linef("%s matches %s (%s, %s)", title.Cluster, title.File, counted(len(objects), "object"), Streaming(p))
}

// counts reports whether a plan that makes everything counts the object, too: it does not where all of it is said in another's row.
func counts(r engine.Resource) bool {
	switch r.Addr.Block {
	case "image", "cluster":
		return false
	case "superuser": // initdb makes it
		for _, a := range r.Attrs {
			if !a.Default {
				return true
			}
		}
		return false
	}
	return true
}

// Streaming counts the standbys that were seen to stream, and those that do not for a reason that is no fault.
func Streaming(p engine.Plan) string {
	n, others := 0, map[string]int{}
	for _, r := range p.Seen {
		switch a := r.Attrs["replication"]; {
		case a.Value == "streaming" && a.Reason != "":
			others[a.Reason]++
		case a.Value == "streaming":
			n++
		}
	}
	out := counted(n, "replica") + " streaming"
	for _, reason := range slices.Sorted(maps.Keys(others)) {
		out += fmt.Sprintf(", %d %s", others[reason], reason)
	}
	return out
}

func (t *text) net(title Title, p engine.Plan, r Report) {
	t.linef("")
	t.linef("  %s", verdict(title, p))
	var parts []string
	add := func(n int, one, many string) {
		noun := "" // said once: "3 objects change, 1 is added"
		if len(parts) == 0 {
			noun = map[bool]string{true: "object ", false: "objects "}[n == 1]
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s%s", n, noun, map[bool]string{true: one, false: many}[n == 1]))
		}
	}
	add(r.Changed, "changes", "change")
	add(r.Added, "is added", "are added")
	add(r.Removed, "is removed", "are removed")
	var bounces []string
	if n := times(p, engine.ClassRestart); n > 0 {
		bounces = append(bounces, counted(n, "restart"))
	}
	if n := times(p, engine.ClassRecreate); n > 0 {
		bounces = append(bounces, counted(n, "new container"))
	}
	var sentences []string
	for _, s := range [][]string{parts, bounces} {
		if len(s) > 0 {
			sentences = append(sentences, strings.Join(s, ", ")+".")
		}
	}
	t.linef("  %s", strings.Join(sentences, " "))
}

// verdict is the plan in one line: what writers and data will notice.
func verdict(title Title, p engine.Plan) string {
	data := dataLoss(p)
	if title.Command == "destroy" {
		return "The cluster stops. " + cmp.Or(data, "Its volumes stay.")
	}
	bounced := append(interrupted(p, engine.ClassRestart), interrupted(p, engine.ClassRecreate)...)
	restarts, touched := "No restart", ", no data touched."
	switch {
	case slices.ContainsFunc(bounced, func(a engine.Address) bool { return a.Block == "master" }):
		restarts, touched = "Writes stop once, "+forAbout(p)+"while the master restarts", ". No data touched."
	case len(bounced) > 0:
		restarts, touched = "Writes go on; standbys restart", ". No data touched."
	}
	if data != "" {
		touched = ". " + data
	}
	return restarts + touched
}

// times is how often something of the class happens: a server can restart twice in a plan.
func times(p engine.Plan, class engine.Class) int {
	n := 0
	for _, s := range p.Steps {
		if slices.ContainsFunc(s.Effects(), func(e engine.Effected) bool { return e.Class == class }) {
			n++
		}
	}
	return n
}

// forAbout is how long writes are expected to stop, rounded up coarsely so that a plan does not change with every measurement.
func forAbout(p engine.Plan) string {
	var longest time.Duration
	for _, r := range p.Risks {
		longest = max(longest, r.Stops)
	}
	for _, s := range []int{1, 2, 3, 5, 10, 15, 20, 30} {
		if longest > 0 && longest <= time.Duration(s)*time.Second {
			return fmt.Sprintf("for about %d s, ", s)
		}
	}
	if longest > 0 {
		return fmt.Sprintf("for about %d min, ", (longest+time.Minute-1)/time.Minute)
	}
	return ""
}

// dataLoss says whether data goes and what that needs; "" where none does.
func dataLoss(p engine.Plan) string {
	deleted, needs := false, false
	for _, r := range p.Risks {
		deleted = deleted || r.Class == engine.ClassData
		needs = needs || r.Class == engine.ClassData && !r.Allowed
	}
	switch {
	case needs:
		return "Data is deleted: needs --allow=data."
	case deleted:
		return "Data is deleted."
	}
	return ""
}

// interrupted lists the addresses that an effect of the class comes to, each once.
func interrupted(p engine.Plan, class engine.Class) []engine.Address {
	var out []engine.Address
	for _, r := range p.Risks {
		for _, a := range r.Addrs {
			if r.Class == class && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (t *text) risks(p engine.Plan) {
	if len(p.Risks)+len(p.Hints) == 0 {
		return
	}
	width := 0
	for _, r := range p.Risks {
		if permission(r) != "" {
			width = max(width, len(riskText(r)))
		}
	}
	t.linef("")
	for _, r := range p.Risks {
		t.linef("%-*s   %s", width, riskText(r), permission(r))
	}
	for _, h := range p.Hints {
		t.linef("? rename   %s -> %s look alike; renamed_from = %q would keep %s", h.From, h.To, h.Was, h.Keeps)
	}
}

// permission says what lets a risk pass, or that it was given or denied; "" where it needs none.
func permission(r engine.Risk) string {
	switch {
	case r.Denied:
		return "refused by --deny"
	case r.Allow == "":
		return ""
	case r.Allowed:
		return "allowed"
	}
	return "needs --allow=" + r.Allow
}

// riskText is one risk of a plan, without what lets it pass.
func riskText(r engine.Risk) string {
	var addrs []string
	for _, a := range r.Addrs {
		addrs = append(addrs, a.String())
	}
	label, text := string(r.Class), r.Text
	switch {
	case label == "" && r.Severity == engine.Note:
		label = "note"
	case label == "":
		label = "warning"
	}
	if text == "" || r.Class == engine.ClassRecreate {
		text = r.Why
	}
	line := fmt.Sprintf("! %-8s %s: %s%s", label, strings.Join(addrs, ", "), text, figure(r))
	if r.Code != "" {
		line += " [" + r.Code + "]"
	}
	return line
}

// figure is the live number of a risk, behind its text.
func figure(r engine.Risk) string {
	if r.Figure == "" {
		return ""
	}
	return " (" + r.Figure + ")"
}

// placed is a line of the changes together with the place in the file that it ends in.
type placed struct{ left, where string }

// blocks writes the changes in columns; the lines of lists stand between the rows and have none.
func (t *text) blocks(title Title, r Report) {
	path, change, effect := 0, 0, 0
	for _, b := range r.Blocks {
		for _, row := range b.Rows {
			path, change, effect = max(path, len(row.Path)), max(change, len(row.Change)), max(effect, len(row.Effect))
		}
	}
	where := func(o engine.Origin) string {
		if o == (engine.Origin{}) && title.Command != "destroy" {
			return "(not in file)"
		}
		return o.String()
	}
	var lines []placed
	for _, b := range r.Blocks {
		head := placed{left: b.Marker + " " + b.Title}
		if b.Names != "" {
			head.left = fmt.Sprintf("%-28s %s", head.left, b.Names)
		}
		if !strings.HasPrefix(b.Title, "cluster (") {
			head.where = where(b.Origin)
		}
		lines = append(lines, head)
		for _, row := range b.Rows {
			lines = append(lines, placed{fmt.Sprintf("%s   %-*s  %-*s  %-*s", row.Marker, path, row.Path, change, row.Change, effect, row.Effect), where(row.Origin)})
			for _, l := range row.Lines {
				lines = append(lines, placed{left: l})
			}
		}
	}
	width := 0
	for _, l := range lines {
		if l.where != "" {
			width = max(width, len(strings.TrimRight(l.left, " ")))
		}
	}
	t.linef("")
	for _, l := range lines {
		t.linef("%-*s  %s", width, strings.TrimRight(l.left, " "), l.where)
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
		where = max(where, min(len(b.Where()), 40))
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
			asks := func(r engine.Risk) bool {
				return r.Severity == engine.Needs && !r.Allowed && r.Class == e.Class && r.Addrs[0] == e.Addr
			}
			flag := fmt.Sprintf("needs --allow=%s:%s", e.Class, e.Addr)
			if e.Asks && slices.ContainsFunc(p.Risks, asks) && !slices.Contains(out, flag) {
				out = append(out, flag)
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "   " + strings.Join(out, ", ")
}

// rest says what the plan leaves as it is.
func (t *text) rest(title Title, p engine.Plan) {
	var lines []string
	for _, r := range p.Standing {
		lines = append(lines, fmt.Sprintf("Standing: %s%s [%s]", r.Text, figure(r), r.Code))
	}
	if names := undeclared(p); len(names) > 0 {
		why := "Not declared here, left alone: "
		if title.Command == "destroy" {
			why = "Left alone: "
		}
		lines = append(lines, why+strings.Join(names, ", "))
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
