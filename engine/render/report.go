// Package render is the only place that turns a plan into text. A plan is first folded into a Report (what a reader is
// told, in which order, said once), which each format then writes.
package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgrepl/engine"
)

// Report is a plan as it is told: blocks of the file with their rows.
type Report struct {
	Blocks  []Block
	Added   int
	Changed int
	Removed int
}

// Block is one block of the file, or one object that is in no file, with what changes in it.
type Block struct {
	Marker string // + - ~
	Title  string // replica.c, or cluster (all nodes)
	Names  string // real name where it differs, and how it comes to be
	Origin engine.Origin
	Rows   []Row
}

// Row is one changed attribute.
type Row struct {
	Marker string
	Path   string
	Change string
	Effect string
	Origin engine.Origin // zero where it is not in the file
	Lines  []string      // of a list: one line each, with their own marker
}

// Tell folds the changes of a plan into blocks. full keeps the attributes that nobody wrote.
func Tell(p engine.Plan, full bool) Report {
	shared, own := inherited(p)
	r := Report{Blocks: shared}
	for _, b := range shared {
		if b.Marker == "~" {
			r.Changed++
		}
	}
	for _, addr := range addresses(p) {
		b := teller{p, addr, own, full}.block()
		if len(b.Rows) == 0 && b.Names == "" && b.Marker == "~" {
			continue // all that changes in it is told for several nodes
		}
		if addr.Block == "superuser" && b.Marker == "+" && len(b.Rows) == 0 {
			continue // initdb makes it, which the master's row says
		}
		switch b.Marker {
		case "+":
			r.Added++
		case "-":
			r.Removed++
		default:
			r.Changed++
		}
		r.Blocks = append(r.Blocks, b)
	}
	return r
}

// blockOrder is the order in which the language is read: what others rest on first.
var blockOrder = []string{"image", "network", "master", "superuser", "role", "database", "slot", "replica"}

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
	full bool
}

func (t teller) block() Block {
	b := Block{Title: t.addr.String(), Marker: t.marker(), Origin: t.origin()}
	var names []string
	for _, c := range t.changes() {
		if name := t.made(c, b.Marker); name != "" {
			names = append(names, name)
		}
		if b.Marker == "~" && c.Action == engine.Create && !t.full {
			continue // it comes back as the file has had it
		}
		for _, f := range t.own(c) {
			if !f.Had && f.After.Default && !t.full {
				continue
			}
			row := rowOf(f)
			if b.Marker == "+" {
				row.Effect = ""
			}
			if f.Has && row.Origin == (engine.Origin{}) {
				row.Origin = b.Origin
			}
			b.Rows = append(b.Rows, row)
		}
	}
	b.Names = strings.Join(names, ", ")
	if name := t.realName(); b.Marker != "~" && name != "" && name != t.addr.Label {
		b.Names = strings.TrimSuffix(name+": "+b.Names, ": ")
	}
	sortRows(b.Rows)
	return b
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

// marker is that of the whole block: it is new only where nothing of it was there, and goes only where nothing is wanted.
func (t teller) marker() string {
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
		return "+"
	case all(engine.Delete) && !of(t.plan.Wanted):
		return "-"
	}
	return "~"
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
func (t teller) made(c engine.Change, marker string) string {
	switch {
	case c.Action == engine.Update, c.Action == engine.Create && c.New.Made == "", c.ID.Kind == t.addr.Block && marker != "~":
		return ""
	}
	what := c.New.Made
	switch {
	case c.ID.Kind == "node":
		what = "container"
	case c.ID.Kind == "volume" && c.ID.Name == t.realName():
		what = "volume"
	case marker == "~" && c.ID.On != "", what == "":
		what = c.ID.Kind + " " + c.ID.Name
	}
	if marker != "~" {
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

func rowOf(f engine.Field) Row {
	r := Row{Marker: "~", Path: f.Path, Change: change(f), Effect: string(f.Effect), Origin: f.Origin}
	if f.Reason != "" && f.Effect != engine.Recreate { // "new container, same data" says it
		r.Effect += " (" + f.Reason + ")"
	}
	switch {
	case !f.Had:
		r.Marker = "+"
	case !f.Has:
		r.Marker = "-"
	}
	if len(f.Before.List)+len(f.After.List) > 0 {
		r.Lines = listDiff(f.Before.List, f.After.List)
	}
	return r
}

// change is the middle of a row: old -> new, and never a secret.
func change(f engine.Field) string {
	rules := func(a engine.Attr) string { return counted(len(a.List), "rule") }
	list := len(f.Before.List)+len(f.After.List) > 0
	switch {
	case f.Before.Secret || f.After.Secret:
		switch {
		case !f.Had:
			return "(sensitive)"
		case !f.Has:
			return "(sensitive) -> none"
		}
		return "changes (sensitive)"
	case list && f.Had && slices.Equal(f.Before.List, f.After.List):
		return rules(f.After) + " " + f.Before.Value
	case list && f.Had:
		return strings.TrimSpace(rules(f.Before)+" "+f.Before.Value) + " -> " + fmt.Sprint(len(f.After.List))
	case list:
		return rules(f.After)
	case !f.Had:
		return orNone(f.After.Value)
	case !f.Has && strings.HasPrefix(f.Path, "settings."):
		return orNone(f.Before.Value) + " -> default"
	case !f.Has:
		return orNone(f.Before.Value) + " -> none"
	}
	return orNone(f.Before.Value) + " -> " + orNone(f.After.Value)
}

func orNone(v string) string {
	if v == "" {
		return "none"
	}
	return v
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sortRows puts rows in the order of the file; what is in no file, last.
func sortRows(rows []Row) {
	nowhere := func(r Row) int { return map[bool]int{true: 1, false: 0}[r.Origin == (engine.Origin{})] }
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(nowhere(a), nowhere(b)), strings.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line), strings.Compare(a.Path, b.Path))
	})
}
