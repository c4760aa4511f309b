// Package render is the only place that turns a plan into text. A plan is first folded into a Report (what a reader is
// told, in which order, said once), which each format then writes.
package render

import (
	"cmp"
	"fmt"
	"maps"
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
	Origin engine.Origin
	Lines  []string // of a list: one line each, with their own marker
}

// perNode are the kinds of which each node has its own, mostly the same as the others'.
func perNode(kind string) bool { return kind == "settings" || kind == "hba" }

// Tell folds the changes of a plan into blocks. full keeps the attributes that nobody wrote.
func Tell(p engine.Plan, full bool) Report {
	var r Report
	shared, rest := inherited(p)
	if len(shared) > 0 {
		b := sharedBlock(shared)
		r.Blocks = append(r.Blocks, b)
		if b.Marker == "~" {
			r.Changed++
		}
	}
	byAddr := map[engine.Address][]engine.Change{}
	for _, c := range p.Changes {
		byAddr[c.Addr] = append(byAddr[c.Addr], c)
	}
	for _, addr := range slices.SortedFunc(maps.Keys(byAddr), compareAddresses) {
		b := block(addr, byAddr[addr], rest, full)
		if len(b.Rows) == 0 && b.Names == "" {
			continue // all that changes in it is told for all nodes, or by another block's row
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

func compareAddresses(a, b engine.Address) int {
	return cmp.Or(cmp.Compare(slices.Index(blockOrder, a.Block), slices.Index(blockOrder, b.Block)), a.Compare(b))
}

// rowKey is what makes two rows of two nodes the same row.
type rowKey struct {
	path, change string
	effect       engine.Effect
	origin       engine.Origin
}

func keyOf(f engine.Field) rowKey {
	return rowKey{f.Path, change(f) + strings.Join(f.After.List, "\n"), f.Effect, f.Origin}
}

// inherited finds the rows that are the same on all nodes: those are told once. What is left for a node is what differs
// there; what a new node merely shares with the others is not told at all.
func inherited(p engine.Plan) (shared []engine.Field, rest map[engine.ID][]engine.Field) {
	created := map[engine.ID]bool{}
	for _, c := range p.Changes {
		created[c.ID] = c.Action == engine.Create
	}
	nodes := map[string]int{} // of each per-node kind, without new ones beside old ones: those merely share
	for _, id := range sharing(p, created) {
		nodes[id.Kind]++
		delete(created, id)
	}
	count := map[rowKey]int{}
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			if !created[c.ID] {
				count[keyOf(f)]++
			}
		}
	}
	rest = map[engine.ID][]engine.Field{}
	told := map[rowKey]bool{}
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			k := keyOf(f)
			switch {
			case perNode(c.ID.Kind) && !created[c.ID] && nodes[c.ID.Kind] > 1 && count[k] == nodes[c.ID.Kind]:
				if !told[k] && !f.After.Default {
					told[k] = true
					shared = append(shared, f)
				}
			case perNode(c.ID.Kind) && c.Action == engine.Create && sharedWithOthers(p, c, f):
			default:
				rest[c.ID] = append(rest[c.ID], f)
			}
		}
	}
	return shared, rest
}

// sharing are the per-node resources whose rows can be the same: those that are there already, or all where none is.
func sharing(p engine.Plan, created map[engine.ID]bool) []engine.ID {
	var old, all []engine.ID
	for id := range p.Wanted {
		if perNode(id.Kind) {
			all = append(all, id)
			if !created[id] {
				old = append(old, id)
			}
		}
	}
	if len(old) > 0 {
		return old
	}
	return all
}

// sharedWithOthers reports whether another node has the same value from the same line already.
func sharedWithOthers(p engine.Plan, c engine.Change, f engine.Field) bool {
	for id, w := range p.Wanted {
		if id.Kind != c.ID.Kind || id == c.ID {
			continue
		}
		if a, ok := w.Attrs[f.Path]; ok && a.Value == f.After.Value && slices.Equal(a.List, f.After.List) && a.Origin == f.After.Origin {
			return true
		}
	}
	return false
}

func sharedBlock(fields []engine.Field) Block {
	b := Block{Marker: "~", Title: "cluster (all nodes)"}
	created := true
	for _, f := range fields {
		b.Rows = append(b.Rows, rowOf(f))
		created = created && !f.Had
	}
	if created {
		b.Marker = "+"
	}
	sortRows(b.Rows)
	return b
}

func block(addr engine.Address, changes []engine.Change, rest map[engine.ID][]engine.Field, full bool) Block {
	b := Block{Title: addr.String(), Marker: marker(changes)}
	var names []string
	for _, c := range changes {
		made := cmp.Or(c.New.Made, gone(c))
		switch {
		case c.Action != engine.Update && made != "":
			names = append(names, sign(c, b.Marker)+made)
		case c.Action != engine.Create || perNode(c.ID.Kind) || c.New.Made != "":
		}
		for _, f := range rest[c.ID] {
			if !f.Had && f.After.Default && !full {
				continue
			}
			b.Rows = append(b.Rows, rowOf(f))
		}
		if b.Origin == (engine.Origin{}) {
			b.Origin = c.New.Origin
		}
	}
	b.Names = strings.Join(slices.Compact(names), ", ")
	if name := realName(changes); name != "" && name != addr.Label && b.Names != "" {
		b.Names = name + ": " + b.Names
	}
	sortRows(b.Rows)
	return b
}

// sign marks what is made or removed inside a block that itself only changes.
func sign(c engine.Change, block string) string {
	switch {
	case block != "~":
		return ""
	case c.Action == engine.Delete:
		return "remove "
	}
	return "add "
}

func gone(c engine.Change) string {
	if c.Action != engine.Delete {
		return ""
	}
	if c.ID.Kind == "node" {
		return "container"
	}
	return c.ID.Kind + " " + c.ID.Name
}

func realName(changes []engine.Change) string {
	for _, c := range changes {
		if c.ID.Kind == "node" || len(changes) == 1 && c.ID.Name != "" {
			return c.ID.Name
		}
	}
	return ""
}

func marker(changes []engine.Change) string {
	actions := map[engine.Action]bool{}
	for _, c := range changes {
		actions[c.Action] = true
	}
	switch {
	case len(actions) == 1 && actions[engine.Create]:
		return "+"
	case len(actions) == 1 && actions[engine.Delete]:
		return "-"
	}
	return "~"
}

func rowOf(f engine.Field) Row {
	r := Row{Marker: "~", Path: f.Path, Change: change(f), Effect: string(f.Effect), Origin: f.Origin}
	if f.Reason != "" {
		r.Effect += " (" + f.Reason + ")"
	}
	switch {
	case !f.Had:
		r.Marker, r.Effect = "+", ""
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
		if !f.Had {
			return "(sensitive)"
		}
		return "changes (sensitive)"
	case list && f.Had:
		return rules(f.Before) + " -> " + fmt.Sprint(len(f.After.List))
	case list:
		return rules(f.After)
	case !f.Had:
		return quoteEmpty(f.After.Value)
	case !f.Has:
		return quoteEmpty(f.Before.Value) + " -> default"
	}
	return quoteEmpty(f.Before.Value) + " -> " + quoteEmpty(f.After.Value)
}

func quoteEmpty(v string) string {
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

func sortRows(rows []Row) {
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line), strings.Compare(a.Path, b.Path))
	})
}
