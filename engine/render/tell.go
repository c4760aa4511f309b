// Package render is the only place that turns a plan into text. A plan is first folded into a Document (what a reader is
// told, in which order, said once), which each format then writes.
package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"pgrepl/engine"
)

// Title is what a plan is a plan of.
type Title struct {
	Command, Cluster, Tool string
	File                   File
	Was                    string // of a diff: the other side
	Vars                   Vars
	Options                Narrowed
}

// Tell folds a plan into what is told of it.
func Tell(t Title, p engine.Plan) Document {
	d := Document{Format: Format, Tool: t.Tool, Command: t.Command, Cluster: t.Cluster, File: t.File, Was: t.Was, Vars: t.Vars, Topology: topology(p), LookAgain: p.LookAgain, Facts: Facts{},
		Options: Narrowed{Target: listed(t.Options.Target), Exclude: listed(t.Options.Exclude), Rebuild: listed(t.Options.Rebuild)},
		Changes: listed(changes(p)), Policies: []Violation{}, Hints: []Hint{}, Undeclared: []string{}, Unseen: []Remark{}, Unchecked: []Remark{}, LeftOut: []string{},
		Steps: []Step{}, Basis: listed(p.Basis()), Promise: digests(p.Promise()), Course: digests(p.Course())}
	if d.Vars == nil {
		d.Vars = Vars{}
	}
	d.Risks, d.Standing = d.risks(p.Risks), d.risks(p.Standing)
	for _, h := range p.Hints {
		d.Hints = append(d.Hints, Hint{h.From.String(), h.To.String(), h.Was, h.Keeps})
	}
	for _, b := range p.Batches {
		d.Steps = append(d.Steps, stepOf(p, b))
	}
	for _, r := range p.Undeclared {
		d.Undeclared = append(d.Undeclared, r.ID.String())
	}
	for _, r := range p.Unseen {
		d.Unseen = append(d.Unseen, Remark{r.ID.String(), r.Unknown})
	}
	for _, r := range p.Wanted.Sorted() {
		for _, u := range r.Unchecked {
			d.Unchecked = append(d.Unchecked, Remark{r.Addr.String(), u})
		}
	}
	for _, c := range p.LeftOut {
		d.LeftOut = append(d.LeftOut, c.Addr.String())
	}
	slices.Sort(d.LeftOut)
	d.LeftOut = slices.Compact(d.LeftOut)
	d.Summary = summary(p, d)
	if t.Command == "diff" { // what runs, and what it rests on, depends on what is there
		d.Steps, d.Basis, d.Promise, d.Course = []Step{}, []engine.Premise{}, []string{}, []string{}
	}
	d.Facts[streaming] = Streaming(p)
	if text := about(p); text != "" {
		d.Facts[writesStop] = text
	}
	return d
}

// digests are lines that nobody needs to read, only to know again.
func digests(lines []string) []string {
	out := []string{}
	for _, line := range lines {
		out = append(out, digestOf(line))
	}
	return out
}

func digestOf(line string) string {
	digest := sha256.Sum256([]byte(line))
	return hex.EncodeToString(digest[:6])
}

// Facts that belong to no rule.
const (
	streaming  = "streaming"
	writesStop = "writes stop"
)

// listed is a list that is never null in JSON.
func listed[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// risks tells each risk once for each object that it comes to, and notes their live numbers.
func (d *Document) risks(all []engine.Risk) []Risk {
	out := []Risk{}
	for _, r := range all {
		for _, a := range r.Addrs {
			t := Risk{Code: r.Code, Class: r.Class, Severity: severity(r), Object: a.String(), Text: r.Text, Reason: r.Why, Allow: r.Allow, Do: r.Next, Source: r.Origin.String(),
				allowed: r.Allowed, denied: r.Denied}
			if r.Text == "" || r.Class == engine.ClassRecreate {
				t.Text, t.Reason = r.Why, ""
			}
			if r.Figure != "" {
				d.note(t, r.Figure)
			}
			out = append(out, t)
		}
	}
	return out
}

// never is the severity of what may not be done at all.
const never = "never"

func severity(r engine.Risk) string {
	return map[engine.Severity]string{engine.Note: "note", engine.Warns: "warning", engine.Needs: "needs", engine.Never: never}[r.Severity]
}

func stepOf(p engine.Plan, b engine.Batch) Step {
	s := Step{N: b.N, Nodes: slices.DeleteFunc(slices.Clone(b.Nodes), func(n string) bool { return n == "" }), Do: b.Text(), Needs: listed(b.After), Allow: []string{}}
	for _, step := range p.Steps {
		if !slices.Contains(b.Steps, step.ID()) {
			continue
		}
		for _, e := range step.Effects() {
			if allow := string(e.Class) + ":" + e.Addr.String(); e.Asks && !slices.Contains(s.Allow, allow) {
				s.Allow = append(s.Allow, allow)
			}
		}
	}
	return s
}

// The actions of a change.
const (
	added   = "add"
	changed = "change"
	removed = "remove"
)

var markers = map[string]string{added: "+", changed: "~", removed: "-"}

// shared reports whether a change is one of several nodes at once.
func (c Change) shared() bool { return strings.HasPrefix(c.Object, "cluster (") }

// told reports whether a reader is told of the change: not where all that there is of it is implied by others.
func (c Change) told(full bool) bool {
	return c.Made != "" || c.Action != changed && !strings.HasPrefix(c.Object, "superuser") || len(c.fields(full)) > 0
}

// fields are those that a reader is told of.
func (c Change) fields(full bool) []Field {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f Field) bool { return f.Implied && !full })
}

func changes(p engine.Plan) []Change {
	out, own := inherited(p)
	for _, addr := range addresses(p) {
		if c := (teller{p, addr, own}).change(); len(c.Fields) > 0 || c.told(true) {
			out = append(out, c)
		}
	}
	return out
}

// blockOrder is the order in which the language is read: what others rest on first.
var blockOrder = []string{"image", "network", "master", "superuser", "role", "database", "slot", "replica", "app"}

// addresses lists the blocks in which something changes.
func addresses(p engine.Plan) []engine.Address {
	var out []engine.Address
	for _, c := range p.Changes {
		out = append(out, c.Addr)
	}
	slices.SortFunc(out, func(a, b engine.Address) int {
		return cmp.Or(cmp.Compare(slices.Index(blockOrder, a.Block), slices.Index(blockOrder, b.Block)), a.Compare(b))
	})
	return slices.Compact(out)
}

// teller tells of one block.
type teller struct {
	plan engine.Plan
	addr engine.Address
	own  func(engine.Change) []engine.Field // what is not told for several nodes at once
}

func (t teller) change() Change {
	out := Change{Object: t.addr.String(), Action: t.action(), Source: t.origin().String(), Fields: []Field{}}
	var made []string
	for _, c := range t.changes() {
		if m := t.made(c, out.Action); m != "" {
			made = append(made, m)
		}
		for _, f := range t.own(c) {
			field := fieldOf(f)
			if out.Action == added {
				field.Effect, field.Reason = "", ""
			}
			if field.at == (engine.Origin{}) && f.Has {
				field.at = t.origin()
			}
			field.Source = field.at.String()
			field.Implied = field.Implied || out.Action == changed && c.Action == engine.Create // it comes back as the file has had it
			out.Fields = append(out.Fields, field)
		}
	}
	out.Made = strings.Join(made, ", ")
	if name := t.realName(); out.Action != changed && name != t.addr.Label {
		out.Name = name
	}
	sortFields(out.Fields)
	return out
}

// kindOrder is the order in which the parts of a node come to be, for a reader; they go the other way round, but for the
// container, which goes first.
var kindOrder = []string{"node", "volume", "slot", "server"}

func (t teller) changes() []engine.Change {
	out := slices.DeleteFunc(slices.Clone(t.plan.Changes), func(c engine.Change) bool { return c.Addr != t.addr })
	slices.SortStableFunc(out, func(a, b engine.Change) int {
		rank := func(c engine.Change) int {
			i := slices.Index(kindOrder, c.ID.Kind)
			if c.Action == engine.Delete && i > 0 {
				i = len(kindOrder) - i
			}
			return i
		}
		gone := func(c engine.Change) int { return map[bool]int{true: 0, false: 1}[c.Action == engine.Delete] }
		return cmp.Or(cmp.Compare(gone(a), gone(b)), cmp.Compare(rank(a), rank(b)))
	})
	return out
}

// action is that of the whole block: it is new only where nothing of it was there, and goes only where nothing is wanted.
func (t teller) action() string {
	of := func(s engine.Snapshot) bool {
		for _, r := range s {
			if r.Addr == t.addr {
				return true
			}
		}
		return false
	}
	all := func(a engine.Action) bool {
		return !slices.ContainsFunc(t.changes(), func(c engine.Change) bool { return c.Action != a })
	}
	switch {
	case all(engine.Create) && !of(t.plan.Seen):
		return added
	case all(engine.Delete) && !of(t.plan.Wanted):
		return removed
	}
	return changed
}

// origin is where the block stands: that of what it declares itself, before that of what it inherits.
func (t teller) origin() engine.Origin {
	var found engine.Origin
	for _, r := range t.plan.Wanted.Sorted() {
		if r.Addr == t.addr && (found == (engine.Origin{}) || !perNode(r.ID.Kind)) {
			found = r.Origin
		}
	}
	return found
}

// made says how a part comes to be or that it goes; "" where the block itself is the part.
func (t teller) made(c engine.Change, action string) string {
	switch {
	case c.Action == engine.Update, c.Action == engine.Create && c.New.Made == "", c.ID.Kind == t.addr.Block && action != changed:
		return ""
	}
	what := c.New.Made
	switch {
	case c.ID.Kind == "node":
		what = "container"
	case c.ID.Kind == "volume" && c.ID.Name == t.realName():
		what = "volume"
	case action == changed && c.ID.On != "", what == "":
		what = c.ID.Kind + " " + c.ID.Name
	}
	if action != changed {
		return what
	}
	if c.ID.On != "" {
		what = c.ID.String()
	}
	return map[bool]string{true: "remove ", false: "add "}[c.Action == engine.Delete] + what
}

func (t teller) realName() string {
	changes := t.changes()
	for _, c := range changes {
		if c.ID.Kind == "node" || c.ID.Kind == t.addr.Block {
			return c.ID.Name
		}
	}
	return ""
}
