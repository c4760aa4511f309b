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

// Options choose how a plan is written.
type Options struct {
	Full     bool // attributes that nobody wrote too
	Color    bool // repeats the markers, and nothing else
	MaxBytes int  // of Markdown; 0: without limit
}

// Text writes a plan for a reader: the net result, the risks, the changes, the steps, and what stands. The same plan is
// the same bytes.
func Text(w io.Writer, d Document, o Options) error {
	out := &text{color: o.Color}
	if text := d.hangs(); text != "" {
		out.linef("! commits hang: %s", text)
	}
	if d.Empty() {
		out.linef("%s", d.matches())
		out.risks(d)
	} else {
		out.linef("%s", d.title())
		out.net(d)
		out.risks(d)
		out.changes(d, o.Full)
		out.steps(d)
	}
	out.rest(d)
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

func (d Document) title() string {
	if d.Command == "diff" {
		return fmt.Sprintf("pgrepl diff: cluster %q from %s to %s", d.Cluster, d.Was, d.File.Path)
	}
	return fmt.Sprintf("pgrepl %s: cluster %q from %s", d.Command, d.Cluster, d.File.Path)
}

// hangs is why commits wait now, which is said before all else.
func (d Document) hangs() string {
	for _, r := range slices.Concat(d.Risks, d.Standing) {
		if r.Code == engine.CodeHangs {
			return r.Text
		}
	}
	return ""
}

// matches is the whole of a plan with nothing in it.
func (d Document) matches() string {
	switch d.Command {
	case "destroy":
		return d.Cluster + ": nothing of it is on this Docker engine"
	case "diff":
		return fmt.Sprintf("%s: %s and %s declare the same", d.Cluster, d.Was, d.File.Path)
	}
	return fmt.Sprintf("%s matches %s (%s, %s)", d.Cluster, d.File.Path, counted(d.Summary.Objects, "object"), d.Facts[streaming])
}

// declares reports whether a plan that makes everything counts the object, too: it does not where all of it is said in another's row.
func declares(r engine.Resource) bool {
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

func (t *text) net(d Document) {
	t.linef("")
	t.linef("  %s", d.verdict())
	t.linef("  %s", d.counts())
}

// counts is the plan in numbers: "3 objects change, 1 is added. 2 restarts."
func (d Document) counts() string {
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
	add(d.Summary.Change, "changes", "change")
	add(d.Summary.Add, "is added", "are added")
	add(d.Summary.Remove, "is removed", "are removed")
	var bounces []string
	if n := d.Summary.Restarts; n > 0 {
		bounces = append(bounces, counted(n, "restart"))
	}
	if n := d.Summary.Renewals; n > 0 {
		bounces = append(bounces, counted(n, "new container"))
	}
	var sentences []string
	for _, s := range [][]string{parts, bounces} {
		if len(s) > 0 {
			sentences = append(sentences, strings.Join(s, ", ")+".")
		}
	}
	return strings.Join(sentences, " ")
}

// verdict is the plan in one line: what writers and data will notice.
func (d Document) verdict() string {
	data := d.dataLoss()
	switch {
	case d.Refused():
		return "Apply would refuse this."
	case len(d.Forbidden()) > 0:
		return "A policy forbids this. " + d.happens(data)
	}
	return d.happens(data)
}

// happens is what writers and data will notice, if it is done.
func (d Document) happens(data string) string {
	if d.Command == "destroy" {
		return "The cluster stops. " + cmp.Or(data, "Its volumes stay.")
	}
	restarts, touched := "No restart", ", no data touched."
	switch {
	case d.Summary.Writes:
		about := ""
		if text := d.Facts[writesStop]; text != "" {
			about = "for " + text + ", "
		}
		restarts, touched = "Writes stop once, "+about+"while the master restarts", ". No data touched."
	case len(d.Summary.Restart)+len(d.Summary.Recreate) > 0:
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

// about is how long writes are expected to stop, rounded up coarsely so that a plan does not change with every measurement.
func about(p engine.Plan) string {
	var longest time.Duration
	for _, r := range p.Risks {
		longest = max(longest, r.Stops)
	}
	for _, s := range []int{1, 2, 3, 5, 10, 15, 20, 30} {
		if longest > 0 && longest <= time.Duration(s)*time.Second {
			return fmt.Sprintf("about %d s", s)
		}
	}
	if longest > 0 {
		return fmt.Sprintf("about %d min", (longest+time.Minute-1)/time.Minute)
	}
	return ""
}

// dataLoss says whether data goes and what that needs; "" where none does.
func (d Document) dataLoss() string {
	deleted, needs := false, false
	for _, r := range d.Risks {
		deleted = deleted || r.Class == engine.ClassData
		needs = needs || r.Class == engine.ClassData && !r.allowed
	}
	switch {
	case needs:
		return "Data is deleted: needs --allow=data."
	case deleted:
		return "Data is deleted."
	}
	return ""
}

// interrupted lists the objects that an effect of the class comes to, each once.
func interrupted(d Document, class engine.Class) []string {
	out := []string{}
	for _, r := range d.Risks {
		if r.Class == class && !slices.Contains(out, r.Object) {
			out = append(out, r.Object)
		}
	}
	return out
}

func (t *text) risks(d Document) {
	lines := append(d.policyLines(), d.riskLines(d.Risks)...)
	if len(lines)+len(d.Hints) == 0 {
		return
	}
	width := 0
	for _, l := range lines {
		if l.permission() != "" {
			width = max(width, len(l.String()))
		}
	}
	t.linef("")
	for _, l := range lines {
		t.linef("! %-*s   %s", width, l, l.permission())
	}
	for _, h := range d.Hints {
		t.linef("? rename   %s -> %s look alike; renamed_from = %q would keep %s", h.From, h.To, h.Was, h.Keeps)
	}
}

// riskLine is one risk, of all the objects that it comes to alike.
type riskLine struct {
	Risk
	objects []string
	said    string // its text, with the live number and the code
}

func (l riskLine) String() string {
	return fmt.Sprintf("%-8s %s: %s", l.label(), strings.Join(l.objects, ", "), l.said)
}

func (d Document) riskLines(risks []Risk) []riskLine {
	var out []riskLine
	for i := 0; i < len(risks); {
		r := risks[i]
		l := riskLine{Risk: r, said: r.Text + inBrackets(d.fact(r))}
		for ; i < len(risks) && r.like(risks[i]) && d.fact(r) == d.fact(risks[i]); i++ {
			l.objects = append(l.objects, risks[i].Object)
		}
		if r.Code != "" {
			l.said += " [" + r.Code + "]"
		}
		out = append(out, l)
	}
	return out
}

// policyClass is what policies stand under among the risks.
const policyClass engine.Class = "policy"

// policyLines are the policies that do not hold.
func (d Document) policyLines() []riskLine {
	var out []riskLine
	for _, v := range d.Policies {
		r := Risk{Class: policyClass, Severity: v.Severity, Object: v.Policy, Text: v.Message, Source: v.Source}
		out = append(out, riskLine{Risk: r, objects: []string{v.Policy}, said: v.Message})
	}
	return out
}

// like reports whether two risks are told in one line.
func (r Risk) like(o Risk) bool {
	return r.Code == o.Code && r.Class == o.Class && r.Text == o.Text && r.permission() == o.permission()
}

func (r Risk) label() string {
	if r.Severity == never {
		return "refused"
	}
	return cmp.Or(string(r.Class), r.Severity)
}

// permission says what lets a risk pass, or that it was given or denied; "" where it needs none.
func (r Risk) permission() string {
	switch {
	case r.denied:
		return "refused by --deny"
	case r.Severity == forbids:
		return "refused"
	case r.Allow == "":
		return ""
	case r.allowed:
		return "allowed"
	}
	return "needs --allow=" + r.Allow
}

// inBrackets is a live number behind its text.
func inBrackets(figure string) string {
	if figure == "" {
		return ""
	}
	return " (" + figure + ")"
}

// placed is a line of the changes together with the place in the file that it ends in.
type placed struct{ left, where string }

func (t *text) changes(d Document, full bool) {
	t.linef("")
	for _, row := range d.rows(d.Changes, full) {
		t.linef("%s", row)
	}
}

// rows are the changes in columns; the lines of lists stand between the rows and have none.
func (d Document) rows(changes []Change, full bool) []string {
	path, change, effect := 0, 0, 0
	for _, c := range changes {
		for _, f := range c.fields(full) {
			path, change, effect = max(path, len(f.Path)), max(change, len(f.change())), max(effect, len(f.effect()))
		}
	}
	var lines []placed
	for _, c := range changes {
		if !c.told(full) {
			continue
		}
		head := placed{left: markers[c.Action] + " " + c.Object}
		if names := c.names(); names != "" {
			head.left = fmt.Sprintf("%-28s %s", head.left, names)
		}
		if !c.shared() {
			head.where = d.where(c.Source)
		}
		lines = append(lines, head)
		for _, f := range c.fields(full) {
			lines = append(lines, placed{fmt.Sprintf("%s   %-*s  %-*s  %-*s", f.marker(), path, f.Path, change, f.change(), effect, f.effect()), d.where(f.Source)})
			for _, l := range f.lines() {
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
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimRight(fmt.Sprintf("%-*s  %s", width, strings.TrimRight(l.left, " "), l.where), " "))
	}
	return out
}

// where is the place in the file that a row ends in.
func (d Document) where(source string) string {
	if source == "" && d.Command != "destroy" {
		return "(not in file)"
	}
	return source
}

// names is the real name of a block's object, and how it comes to be.
func (c Change) names() string {
	if c.Name == "" {
		return c.Made
	}
	return strings.TrimSuffix(c.Name+": "+c.Made, ": ")
}

// effect is what a row ends in.
func (f Field) effect() string {
	if f.Reason == "" || f.Effect == engine.Recreate || f.Effect == "" { // "new container, same data" says it
		return string(f.Effect)
	}
	return fmt.Sprintf("%s (%s)", f.Effect, f.Reason)
}

func (t *text) steps(d Document) {
	if len(d.Steps) == 0 {
		return
	}
	t.linef("")
	t.linef("Steps")
	where := 0
	for _, s := range d.Steps {
		where = max(where, min(len(s.Where()), 40))
	}
	for _, s := range d.Steps {
		t.linef("%3d  %-*s  %s%s", s.N, where, s.Where(), s.Do, d.needs(s))
	}
	if d.LookAgain {
		t.linef("%3d  %-*s  %s", len(d.Steps)+1, where, "", lookAgain)
	}
}

const lookAgain = "look again: more can be planned when these are done"

// needs is the end of a step's line: what it follows, and what has to be allowed for it.
func (d Document) needs(s Step) string {
	var out []string
	if len(s.Needs) > 0 {
		out = append(out, "after "+strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Needs), " ", ", "), "[]"))
	}
	out = append(out, d.permissions(s)...)
	if len(out) == 0 {
		return ""
	}
	return "   " + strings.Join(out, ", ")
}

// permissions is what has to be allowed for a step, and was not.
func (d Document) permissions(s Step) []string {
	var out []string
	for _, allow := range s.Allow {
		if slices.ContainsFunc(d.Risks, func(r Risk) bool { return r.Allow == allow && !r.allowed }) {
			out = append(out, "needs --allow="+allow)
		}
	}
	return out
}

// rest says what the plan leaves as it is.
func (t *text) rest(d Document) {
	lines := d.left()
	if len(lines) > 0 && !d.Empty() {
		t.linef("")
	}
	for _, l := range lines {
		t.linef("%s", l)
	}
}

// left is what the plan leaves as it is, a line each.
func (d Document) left() []string {
	var lines []string
	for _, l := range d.leftAlone() {
		lines = append(lines, l.label+": "+l.text)
	}
	return lines
}

// aside is a line about what the plan leaves as it is.
type aside struct{ label, text string }

func (d Document) leftAlone() []aside {
	var out []aside
	add := func(label, text string) { out = append(out, aside{label, text}) }
	for _, r := range d.Standing {
		add("Standing", fmt.Sprintf("%s%s [%s]", r.Text, inBrackets(d.fact(r)), r.Code))
	}
	if len(d.Undeclared) > 0 {
		why := "Not declared here, left alone"
		if d.Command == "destroy" {
			why = "Left alone"
		}
		add(why, strings.Join(d.Undeclared, ", "))
	}
	for _, text := range d.unseen() {
		add("Not looked at", text)
	}
	for _, u := range d.Unchecked {
		add("Not checked", u.Object+" "+u.Text)
	}
	if len(d.LeftOut) > 0 {
		add("Left out by --target or --exclude", strings.Join(d.LeftOut, ", "))
	}
	return out
}

// unseen groups what could not be looked at by the reason.
func (d Document) unseen() []string {
	objects := map[string][]string{}
	for _, u := range d.Unseen {
		objects[u.Text] = append(objects[u.Text], u.Object)
	}
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(objects)) {
		out = append(out, fmt.Sprintf("%s (%s)", strings.Join(objects[reason], ", "), reason))
	}
	return out
}
