package render

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
)

// Finding is one thing that a plan or a check of the file has to say, for programs that show such things beside the lines that
// they are about: SARIF, JUnit and the commands of GitHub's workflows are written from it.
type Finding struct {
	Rule       string // a code, or the class of an effect
	Level      Level
	Message    string // what it is, in one line
	Object     string // address of the block that it is about; "" where only the place is known
	Detail     string // why, and what follows
	Suggestion string // what to write or to do instead
	Place      Place
}

// Level is how much a finding is in the way, in the words of SARIF.
type Level string

// The levels.
const (
	LevelNote    Level = "note"
	LevelWarning Level = "warning"
	LevelError   Level = "error" // nothing can be applied before it is mended or allowed
)

// Place is a stretch of a file, counted from 1; columns are 0 where only the line is known, lines where only the file is.
type Place struct {
	File               string
	Line, Column       int
	EndLine, EndColumn int
}

// Help is what is known of a rule, whatever it was found in.
type Help struct{ Title, Why, Do string }

// title is what a finding is called where a reader sees nothing else of it.
func (f Finding) title() string { return strings.TrimSpace(f.Rule + " " + f.Object) }

// text is all that a finding says, in several lines.
func (f Finding) text() string {
	return strings.Join(slices.DeleteFunc([]string{f.Message, f.Detail, f.Suggestion}, func(s string) bool { return s == "" }), "\n")
}

// Findings are the policies that do not hold, the risks of a plan, and what stands beside it. What was allowed is in nobody's way.
func (d Document) Findings() []Finding {
	var out []Finding
	for _, v := range d.Policies {
		f := Finding{Rule: string(policyClass), Level: LevelWarning, Object: v.Policy, Message: v.Policy + ": " + v.Message, Place: d.place(Risk{Source: v.Source})}
		if v.Severity == forbids {
			f.Level = LevelError
		}
		out = append(out, f)
	}
	for _, r := range slices.Concat(d.Risks, d.Standing) {
		out = append(out, Finding{Rule: cmp.Or(r.Code, string(r.Class)), Level: r.level(), Object: r.Object, Message: r.message() + inBrackets(d.fact(r)),
			Detail: r.Reason, Suggestion: r.suggestion(), Place: d.place(r)})
	}
	return out
}

// message says what happens to the object. Of a restart the text is only why.
func (r Risk) message() string {
	switch r.Class {
	case engine.ClassRestart:
		return r.Object + " restarts: " + r.Text
	case engine.ClassRecreate:
		return r.Object + " gets a new container: " + r.Text
	}
	return r.Object + ": " + r.Text
}

func (r Risk) level() Level {
	switch {
	case r.Severity == never, r.denied, r.Severity == "needs" && !r.allowed:
		return LevelError
	case r.Severity == "note":
		return LevelNote
	}
	return LevelWarning
}

func (r Risk) suggestion() string {
	if permission := r.permission(); permission != "" {
		return permission
	}
	return r.Do
}

// place is where a risk can be shown: its own line, that of the attribute that it comes of, that of its object, or the file as a
// whole.
func (d Document) place(r Risk) Place {
	source := cmp.Or(r.Source, d.cause(r), d.declared(r.Object))
	if at := strings.LastIndexByte(source, ':'); at > 0 {
		if line, err := strconv.Atoi(source[at+1:]); err == nil {
			return Place{File: source[:at], Line: line}
		}
	}
	return Place{File: d.File.Path}
}

// cause is where the first attribute stands that an effect names as its reason.
func (d Document) cause(r Risk) string {
	first, _, _ := strings.Cut(r.Text, ", ")
	for _, c := range d.Changes {
		for _, f := range c.Fields {
			if (c.Object == r.Object || c.shared()) && r.Class != "" && strings.TrimPrefix(f.Path, "settings.") == first {
				return f.Source
			}
		}
	}
	return ""
}

func (d Document) declared(object string) string {
	for _, c := range d.Changes {
		if c.Object == object {
			return c.Source
		}
	}
	return ""
}

// FindingOf is a reason for which nothing can be planned.
func FindingOf(p engine.Problem) Finding {
	return Finding{Rule: p.Code, Level: LevelError, Object: p.Object, Message: p.Summary, Detail: p.Detail, Suggestion: p.Next,
		Place: Place{File: p.Origin.File, Line: p.Origin.Line, Column: p.Origin.Column}}
}

// ClassHelps are what is known of the classes of effects; of codes, their tables tell.
func ClassHelps() map[string]Help {
	return map[string]Help{
		string(engine.ClassData):     {"data is lost", "What goes with a volume or a database is nowhere else.", "Give --allow=data:ADDRESS if that loss is wanted."},
		string(engine.ClassSlot):     {"a slot goes", "What reads it has to be made anew.", "Give --allow=slot:ADDRESS where that is asked for."},
		string(engine.ClassRole):     {"a role goes that owns something", "What it owns has to go to another role.", "Give --allow=role:ADDRESS if that is wanted."},
		string(engine.ClassSync):     {"commits wait for fewer standbys", "What is committed meanwhile is on fewer servers.", "Give --allow=synchronous:ADDRESS if that is wanted."},
		string(engine.ClassRestart):  {"a server restarts", "Its connections end; writes stop while the master is away.", "--deny=restart refuses a plan with one."},
		string(policyClass):          {"a policy does not hold", "Its author wants no plan of which that is so.", "Change what it names, or the policy."},
		string(engine.ClassRecreate): {"a container is made anew", "Its server restarts on the same data.", "--deny=recreate refuses a plan with one."},
	}
}
