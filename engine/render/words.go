package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgrepl/engine"
)

// What a plan says in words, the same in every format.

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
	case !slices.ContainsFunc(slices.Concat(d.Summary.Restart, d.Summary.Recreate), func(object string) bool { return !strings.HasPrefix(object, "app.") }) && len(d.Summary.Recreate) > 0:
		restarts, touched = "Servers go on; apps restart", ". No data touched."
	case len(d.Summary.Restart)+len(d.Summary.Recreate) > 0:
		restarts, touched = "Writes go on; standbys restart", ". No data touched."
	}
	if data != "" {
		touched = ". " + data
	}
	return restarts + touched
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

const lookAgain = "look again: more can be planned when these are done"

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
