package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pgrepl/engine"
)

// The budget of a comment. GitHub refuses one of more than 65,536 characters, and some wrap it in a few of their own.
const (
	DefaultMaxBytes = 60000
	LeastMaxBytes   = 1000 // room for the verdict, and for what was left out
)

// Markdown writes a plan for a comment on a pull request: the verdict on the first line together with a hidden marker, by
// which the comment is found again; what destroys or interrupts; the topology; each changed object in a fold of its own; the
// steps; and what stands. With Options.MaxBytes, of at least LeastMaxBytes, it is never longer: what there is no room for is
// counted instead. Nothing in the document can break out of its place. The same plan is the same bytes.
func Markdown(w io.Writer, d Document, o Options) error {
	p := &comment{}
	danger, down, other := bySeverity(append(d.policyLines(), d.riskLines(unsaid(d.Risks))...))
	p.alert("CAUTION", d.hangs(), danger)
	p.alert("WARNING", "", down)
	for _, l := range other {
		p.add(aRisk, l.short(), l.full())
	}
	for _, h := range d.Hints {
		p.add(aRemark, fmt.Sprintf("- **rename** %s and %s look alike: %s would keep %s\n", code(h.From), code(h.To), code(fmt.Sprintf("renamed_from = %q", h.Was)), prose(h.Keeps)))
	}
	p.frame("\n")
	if picture := d.picture(); picture != "" {
		p.add(aPicture, picture)
	}
	for _, c := range d.Changes {
		if c.told(o.Full) {
			p.add(anObject, d.bullet(c), d.folded(c, false, true), d.folded(c, o.Full, false))
		}
	}
	p.frame("\n")
	if len(d.Steps) > 0 {
		p.add(theSteps, d.foldedSteps())
	}
	standing := d
	standing.Standing = unsaid(d.Standing)
	for _, l := range standing.left() {
		p.add(aRemark, "- "+prose(l)+"\n")
	}
	_, err := io.WriteString(w, p.fit(d, o.MaxBytes))
	return err
}

// heading is the verdict, with a marker that no reader sees, and below it what the plan was made from. The words of others in
// it are cut to so many bytes each, and ours never.
func (d Document) heading(clip int) string {
	mark := hidden(d.Command, d.Cluster)
	d.Cluster, d.Command, d.Was, d.File.Path = clipped(d.Cluster, clip), clipped(d.Command, clip), clipped(d.Was, clip), clipped(d.File.Path, clip)
	d.Facts = Facts{streaming: clipped(d.Facts[streaming], clip), writesStop: clipped(d.Facts[writesStop], clip)}
	said := prose(d.matches())
	if !d.Empty() {
		said = code(d.Cluster) + ": " + prose(d.verdict()+" "+d.counts())
	}
	if d.hangs() != "" {
		said = "Commits hang. " + said
	}
	from := "from " + code(d.File.Path)
	if d.Command == "diff" {
		from = "from " + code(d.Was) + " to " + code(d.File.Path)
	}
	if len(d.Promise) > 0 {
		from += ", plan " + code(d.ID())
	}
	return fmt.Sprintf("### %s %s\n\n%s %s\n", said, mark, code("pgrepl "+d.Command), from)
}

// unsaid are the risks without that of commits that hang, which is said before all others.
func unsaid(risks []Risk) []Risk {
	return slices.DeleteFunc(slices.Clone(risks), func(r Risk) bool { return r.Code == engine.CodeHangs && r.Allow == "" })
}

// bySeverity parts the risks into those that lose something or may not be done as it is, those that take a server down, and
// those that are only said.
func bySeverity(risks []riskLine) (danger, down, other []riskLine) {
	for _, l := range risks {
		switch {
		case l.Class == engine.ClassRestart, l.Class == engine.ClassRecreate:
			down = append(down, l)
		case l.Class == policyClass && l.Severity != forbids:
			other = append(other, l)
		case l.Class != "", l.Allow != "", l.Severity == never:
			danger = append(danger, l)
		default:
			other = append(other, l)
		}
	}
	return danger, down, other
}

// alert is a coloured box, never folded.
func (p *comment) alert(kind, first string, risks []riskLine) {
	if first == "" && len(risks) == 0 {
		return
	}
	p.frame("\n> [!" + kind + "]\n")
	if first != "" {
		p.add(aDanger, fmt.Sprintf("> - **commits hang** %s\n", prose(clipped(first, 300))), fmt.Sprintf("> - **commits hang** %s\n", prose(first)))
	}
	for _, l := range risks {
		p.add(aDanger, "> "+l.short(), "> "+l.full())
	}
	p.frame("\n")
}

func (l riskLine) full() string { return l.item(len(l.objects), 0) }

// short names a few of the objects, and says how many there are.
func (l riskLine) short() string { return l.item(3, 200) }

func (l riskLine) item(names, clip int) string {
	var objects []string
	for _, o := range l.objects[:min(names, len(l.objects))] {
		objects = append(objects, code(clipped(o, clip)))
	}
	if n := len(l.objects) - len(objects); n > 0 {
		objects = append(objects, fmt.Sprintf("and %d more", n))
	}
	out := fmt.Sprintf("- **%s** %s: %s", prose(l.label()), strings.Join(objects, ", "), prose(clipped(l.said, clip)))
	if p := l.permission(); p != "" {
		out += " **(" + prose(clipped(p, clip)) + ")**"
	}
	return out + "\n"
}

// folded is an object with its rows. A brief one is without the entries of lists that stay.
func (d Document) folded(c Change, full, brief bool) string {
	rows := d.rows([]Change{c}, full)
	if brief {
		rows = slices.DeleteFunc(rows, func(row string) bool { return strings.HasPrefix(row, " ") })
	}
	for i, row := range rows {
		if strings.HasPrefix(row, markers[changed]) { // which has no colour in a fence of the language "diff"
			rows[i] = "!" + row[1:]
		}
	}
	return fold(d.headline(c, codeHTML), fence("diff", rows))
}

// bullet is an object without its rows.
func (d Document) bullet(c Change) string { return "- " + d.headline(c, code) + "\n" }

// headline says in one line what becomes of an object.
func (d Document) headline(c Change, code func(string) string) string {
	const clip = 200
	out := code(clipped(c.Object, clip)) + map[string]string{added: " is added", removed: " is removed", changed: " changes"}[c.Action]
	if names := c.names(); names != "" {
		out += ": " + code(clipped(names, clip))
	}
	if c.Action == changed {
		out += c.changedPaths(code)
	}
	if c.Source != "" && !c.shared() {
		out += ", " + code(clipped(c.Source, clip))
	}
	return out
}

// changedPaths names a few of the changed attributes, with the worst that they take.
func (c Change) changedPaths(code func(string) string) string {
	var paths []string
	var worst engine.Effect
	for _, f := range c.fields(false) {
		if worse(f.Effect, worst) {
			worst = f.Effect
		}
		if len(paths) < 3 {
			paths = append(paths, code(clipped(f.Path, 63)))
		}
	}
	if len(paths) == 0 {
		return ""
	}
	if n := len(c.fields(false)) - len(paths); n > 0 {
		paths = append(paths, fmt.Sprintf("and %d more", n))
	}
	out := ": " + strings.Join(paths, ", ")
	if slices.Contains(engine.Effects(), worst) {
		out += fmt.Sprintf(" (%s)", worst)
	}
	return out
}

func (d Document) foldedSteps() string {
	var b strings.Builder
	for _, s := range d.Steps {
		fmt.Fprintf(&b, "%d. %s %s%s\n", s.N, code(s.Where()), prose(s.Do), inBrackets(prose(d.needs(s))))
	}
	if d.LookAgain {
		fmt.Fprintf(&b, "%d. %s\n", len(d.Steps)+1, lookAgain)
	}
	return fold(counted(len(d.Steps), "step"), b.String())
}

// fold is what opens by a click on its summary, which is HTML.
func fold(summary, body string) string {
	return "<details><summary>" + summary + "</summary>\n\n" + body + "\n</details>\n\n"
}
