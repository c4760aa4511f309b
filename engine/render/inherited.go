package render

import (
	"slices"
	"strings"

	"pgrepl/engine"
)

// perNode are the kinds of which each node has its own, mostly the same as the others'.
func perNode(kind string) bool { return kind == "settings" || kind == "hba" }

// rowKey is what makes the rows of two nodes the same row.
type rowKey struct {
	kind, path, change string
	after              string
	effect             engine.Effect
	origin             engine.Origin
	new                bool // of a node that is made
}

func keyOf(c engine.Change, f engine.Field) rowKey {
	return rowKey{c.ID.Kind, f.Path, fieldOf(f).change(), strings.Join(f.After.List, "\n"), f.Effect, f.Origin, c.Action == engine.Create}
}

// inherited folds the rows that are the same on all the nodes that share a line of the file, so that they are told once;
// own is what is left for a node. What a new node merely shares with those that are there is not told at all.
func inherited(p engine.Plan) (shared []Change, own func(engine.Change) []engine.Field) {
	rows := map[rowKey][]string{} // nodes
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			if perNode(c.ID.Kind) {
				rows[keyOf(c, f)] = append(rows[keyOf(c, f)], c.ID.On)
			}
		}
	}
	told := func(c engine.Change, f engine.Field) bool {
		nodes := rows[keyOf(c, f)]
		return perNode(c.ID.Kind) && len(nodes) > 1 && len(nodes) == len(sharers(p, c, f))
	}
	by := map[string]int{}
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			nodes := rows[keyOf(c, f)]
			if !told(c, f) || nodes[0] != c.ID.On || !f.Had && f.After.Default {
				continue
			}
			title := sharedTitle(p, c, nodes)
			if _, there := by[title]; !there {
				by[title] = len(shared)
				shared = append(shared, Change{Object: title, Action: map[bool]string{true: added, false: changed}[c.Action == engine.Create]})
			}
			b, field := &shared[by[title]], fieldOf(f)
			if b.Action == added {
				field.Effect, field.Reason = "", ""
			}
			b.Fields = append(b.Fields, field)
		}
	}
	for _, b := range shared {
		sortFields(b.Fields)
	}
	return shared, func(c engine.Change) []engine.Field {
		return slices.DeleteFunc(slices.Clone(c.Fields), func(f engine.Field) bool {
			return told(c, f) || perNode(c.ID.Kind) && c.Action == engine.Create && len(sharers(p, c, f)) > 1
		})
	}
}

// sharers are the nodes that have the value from the same line of the file, or do not have it any more. Nodes that are
// made count among themselves only while there are no others.
func sharers(p engine.Plan, c engine.Change, f engine.Field) []string {
	var out []string
	for id, w := range p.Wanted {
		if id.Kind != c.ID.Kind {
			continue
		}
		if _, exists := p.Seen[id]; !exists && c.Action != engine.Create {
			continue
		}
		a, has := w.Attrs[f.Path]
		if has == f.Has && (!has || a.Value == f.After.Value && slices.Equal(a.List, f.After.List) && a.Origin == f.After.Origin) {
			out = append(out, id.On)
		}
	}
	return out
}

func sharedTitle(p engine.Plan, c engine.Change, nodes []string) string {
	all := 0
	for id := range p.Wanted {
		if _, exists := p.Seen[id]; id.Kind == c.ID.Kind && (exists || c.Action == engine.Create) {
			all++
		}
	}
	if len(nodes) == all {
		return "cluster (all nodes)"
	}
	return "cluster (" + strings.Join(nodes, ", ") + ")"
}
