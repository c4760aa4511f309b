package render

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"pgrepl/engine"
)

//go:embed page.html.tmpl
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"flags": flags}).Parse(pageText))

// HTML writes a plan as one page that needs nothing else: no script, no font, no request. The same plan is the same bytes.
func HTML(w io.Writer, d Document, o Options) error {
	return pageTemplate.Execute(w, pageOf(d, o.Full))
}

// page is a document as the template writes it.
type page struct {
	Document
	Policy               string
	Style                template.CSS
	Title                string
	Verdict              string
	Tone                 string // danger, care or calm
	Counts               string
	Hangs                string
	Notable              []term
	Risks                []pageRisk
	Figures              []figure
	Wide                 bool // too wide to stand side by side
	Changes              []pageChange
	Timeline             template.HTML
	Steps                []pageStep
	Again                string
	Left                 []term
	Made                 []term
	Where                bool // rows have a place in the file
	Permissions, Sources bool // some risks have one
	Asks                 bool // some steps need a permission
}

// term is a name and what it is.
type term struct{ Name, Text string }

type pageRisk struct {
	Class, Label, Objects, Text, Reason, Do, Permission, Source string
}

// figure is one drawing of the topology, with the same as a list.
type figure struct {
	Title   string
	Drawing template.HTML
	List    []branch
}

type branch struct {
	Text  string
	Below []branch
}

type pageChange struct {
	ID, Mark, Word, Object, Names, Source string
	Added                                 bool
	Fields                                []pageField
	Lists                                 []pageList
}

type pageField struct {
	Mark, Word, Path, Before, After, Note, Effect, Reason, Source string
}

// pageList is an ordered list in which something changes.
type pageList struct {
	Of   string
	Rows []pageRow
}

type pageRow struct{ Mark, Word, Was, Is, Text string }

type pageStep struct {
	Step
	Permission string // that it needs
}

func (s pageStep) asks() bool { return s.Permission != "" }

// policy lets the page have its own style, and nothing else.
func policy(style string) string {
	digest := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'"
}

func pageOf(d Document, full bool) page {
	style := drawingStyle + pageStyle
	p := page{Document: d, Policy: policy(style), Style: template.CSS(style), Title: d.title(), Hangs: d.hangs(), Tone: d.tone(), Notable: d.notable(), Made: d.made(), Where: d.Command != "destroy"}
	if d.Empty() {
		p.Verdict = d.matches()
	} else {
		p.Verdict, p.Counts = d.verdict(), d.counts()
	}
	for _, v := range d.Policies {
		row := pageRisk{Class: "care", Label: "policy", Objects: v.Policy, Text: v.Message, Source: v.Source}
		if v.Severity == "error" {
			row.Class, row.Permission = "danger", "refused"
		}
		p.Risks = append(p.Risks, row)
	}
	for _, g := range d.riskLines(d.Risks) {
		p.Risks = append(p.Risks, d.pageRisk(g))
	}
	p.Permissions = slices.ContainsFunc(p.Risks, func(r pageRisk) bool { return r.Permission != "" })
	p.Sources = slices.ContainsFunc(p.Risks, func(r pageRisk) bool { return r.Source != "" })
	p.Figures, p.Wide = d.figures()
	for _, c := range d.Changes {
		if c.told(full) {
			p.Changes = append(p.Changes, d.pageChange(c, full, len(p.Changes)+1))
		}
	}
	for _, s := range d.Steps {
		p.Steps = append(p.Steps, pageStep{s, strings.Join(d.permissions(s), ", ")})
	}
	p.Asks = slices.ContainsFunc(p.Steps, pageStep.asks)
	if len(d.Steps) > 0 {
		drawing := picture{id: "timeline", title: "Steps over time, a lane for each node"}
		p.Timeline = template.HTML(drawing.timeline(p.Steps))
	}
	if d.LookAgain {
		p.Again = lookAgain
	}
	for _, l := range d.leftAlone() {
		p.Left = append(p.Left, term{l.label, l.text})
	}
	return p
}

// flags writes a text in which the flags of the command line are not broken over lines.
func flags(text string) template.HTML {
	words := strings.Split(text, " ")
	for i, w := range words {
		words[i] = template.HTMLEscapeString(w)
		if strings.HasPrefix(w, "--") {
			words[i] = `<span class="flag">` + words[i] + `</span>`
		}
	}
	return template.HTML(strings.Join(words, " "))
}

// tone is how much a reader should mind.
func (d Document) tone() string {
	switch {
	case d.Refused(), len(d.Forbidden()) > 0, d.hangs() != "", d.dataLoss() != "":
		return "danger"
	case d.Summary.Restarts+d.Summary.Renewals+len(d.Summary.Loss) > 0:
		return "care"
	}
	return "calm"
}

// notable lists by name what the sentences at the top count.
func (d Document) notable() []term {
	var out []term
	add := func(name string, of []string) {
		if len(of) > 0 {
			out = append(out, term{name, strings.Join(of, ", ")})
		}
	}
	add("Restarts", d.Summary.Restart)
	add("New containers", d.Summary.Recreate)
	add("Lost", d.Summary.Loss)
	return out
}

func (d Document) pageRisk(g riskLine) pageRisk {
	out := pageRisk{Class: classOf(g.Risk), Label: g.label(), Objects: strings.Join(g.objects, ", "), Text: g.Text + inBrackets(d.fact(g.Risk)), Reason: g.Reason, Do: g.Do, Permission: g.permission(), Source: g.Source}
	if what := meaning[g.Class]; what != "" && g.Reason == "" { // the text is the reason
		out.Text = what + ": " + out.Text
	}
	if g.Code != "" {
		out.Text += " [" + g.Code + "]"
	}
	return out
}

// meaning says of a class what its name alone says on a terminal.
var meaning = map[engine.Class]string{engine.ClassRestart: "the server restarts", engine.ClassRecreate: "a new container on the same data"}

// classOf is the look of a risk.
func classOf(r Risk) string {
	switch {
	case r.Class == engine.ClassRestart, r.Class == engine.ClassRecreate:
		return "care"
	case r.Severity == never, r.Class != "":
		return "danger"
	case r.Severity == "note":
		return "calm"
	}
	return "care"
}

// figures are the topology before and after; one where it is the same.
func (d Document) figures() (out []figure, wide bool) {
	before, after := d.Topology.Before, d.Topology.After
	add := func(id, title string, nodes, other []Node) {
		if len(nodes) == 0 {
			out = append(out, figure{Title: title})
			return
		}
		drawing := picture{id: id, title: "Topology " + strings.ToLower(title)}
		places := arrange(nodes)
		for _, p := range places {
			wide = wide || p.x+boxWidth > 3*boxWidth+2*between
		}
		out = append(out, figure{title, template.HTML(drawing.topology(nodes, other)), branches(places, tree(places).tops())})
	}
	switch {
	case sameNodes(before, after) && len(after) == 0:
	case sameNodes(before, after):
		add("topology", "Before and after", after, before)
	default:
		add("before", "Before", before, after)
		add("after", "After", after, before)
	}
	return out, wide
}

func branches(places []place, of []int) []branch {
	var out []branch
	for _, i := range of {
		out = append(out, branch{marked(places[i].node, ", "), branches(places, places[i].below)})
	}
	return out
}

// words read the markers out.
var words = map[string]string{"+": "added", "~": "changed", "-": "removed"}

func (d Document) pageChange(c Change, full bool, n int) pageChange {
	mark := markers[c.Action]
	out := pageChange{ID: fmt.Sprint("change-", n), Mark: mark, Word: words[mark], Object: c.Object, Names: c.names(), Added: c.Action == added}
	if !c.shared() {
		out.Source = d.where(c.Source)
	}
	for _, f := range c.fields(full) {
		before, after, note := f.sides()
		mark := f.marker()
		out.Fields = append(out.Fields, pageField{mark, words[mark], f.Path, before, after, note, string(f.Effect), f.Reason, d.where(f.Source)})
		if f.list() && !f.Sensitive {
			out.Lists = append(out.Lists, pageList{f.Path, pageRows(f)})
		}
	}
	return out
}

// sides are the two values of a row, and what else is to be said of them.
func (f Field) sides() (before, after, note string) {
	if f.Sensitive && f.Before != nil && f.After != nil {
		note = "changes"
		if f.Rewritten {
			note = "source changed"
		}
	}
	side := func(v *Value, none string) string {
		switch {
		case v == nil:
			return none
		case f.list():
			return strings.TrimSpace(counted(len(v.List), "rule") + " " + v.Text)
		}
		return orNone(v.Text)
	}
	gone := "none"
	if strings.HasPrefix(f.Path, "settings.") {
		gone = "default"
	}
	return side(f.Before, ""), side(f.After, gone), note
}

func pageRows(f Field) []pageRow {
	var out []pageRow
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	for _, r := range listRows(f.Before.entries(), f.After.entries()) {
		row := pageRow{Was: number(r.was), Is: number(r.is), Text: r.text}
		switch {
		case r.was == 0:
			row.Mark, row.Word = "+", words["+"]
		case r.is == 0:
			row.Mark, row.Word = "-", words["-"]
		case r.was != r.is:
			row.Word = "moved"
		}
		out = append(out, row)
	}
	return out
}

// made says what the page was made from. It has no time: the same plan is the same page.
func (d Document) made() []term {
	var out []term
	add := func(name, text string) {
		if text != "" {
			out = append(out, term{name, text})
		}
	}
	if len(d.Promise) > 0 {
		add("Plan", d.ID())
	}
	add("File", d.File.Path)
	add("SHA-256", d.File.SHA256)
	add("Compared with", d.Was)
	var vars []string
	for _, name := range slices.Sorted(maps.Keys(d.Vars)) {
		vars = append(vars, name+"="+d.Vars[name])
	}
	add("Variables", strings.Join(vars, ", "))
	add("--target", strings.Join(d.Options.Target, ", "))
	add("--exclude", strings.Join(d.Options.Exclude, ", "))
	add("--rebuild", strings.Join(d.Options.Rebuild, ", "))
	add("Made by", "pgrepl "+cmp.Or(d.Tool, "of no version"))
	return out
}
