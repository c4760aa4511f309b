package render

import (
	"math"
	"slices"
)

// The measures of a drawing, in pixels.
const (
	boxWidth, boxHeight = 160, 62
	between             = 16             // two boxes side by side
	pitch               = boxHeight + 58 // from one level to the next: room for a line, its slot and its arrow
	indent              = 24             // of a column, for the line that its boxes hang on
	leaves              = 4              // so many stand side by side; more hang in columns
)

// place is where a node stands: in a tree that grows downwards, each node below the one that it follows.
type place struct {
	node  Node
	above int // place of the node that it follows; -1: nobody in the drawing
	below []int
	x     int  // left edge of its box
	level int  // 0 is the top
	hangs bool // in a column, on a line that comes from the left
}

// y is the upper edge of the box.
func (p place) y() int { return p.level * pitch }

// arrange places nodes: as narrow as can be without two boxes that overlap, and each in the middle above its followers. Places
// are in the order of nodes.
func arrange(nodes []Node) []place {
	t := tree(forest(nodes))
	all := t.sideBySide(t.parts(t.tops(), 0))
	left := 0
	for _, s := range all.spans {
		left = min(left, s.left)
	}
	for i := range t {
		t[i].x -= left
	}
	return t
}

// forest says who is below whom. Nodes that follow each other in a circle hang on the first of them.
func forest(nodes []Node) []place {
	out := make([]place, len(nodes))
	index := map[string]int{}
	for i, n := range nodes {
		out[i] = place{node: n, above: -1}
		if _, twice := index[n.Name]; !twice {
			index[n.Name] = i
		}
	}
	for i, n := range nodes {
		up, known := index[n.above()]
		if !known || n.Part == master || inCircle(out, i, up) {
			continue
		}
		out[i].above = up
		out[up].below = append(out[up].below, i)
	}
	return out
}

// inCircle reports whether up stands below i already.
func inCircle(places []place, i, up int) bool {
	for ; up >= 0; up = places[up].above {
		if up == i {
			return true
		}
	}
	return false
}

type tree []place

func (t tree) tops() []int {
	var out []int
	for i, p := range t {
		if p.above < 0 {
			out = append(out, i)
		}
	}
	return out
}

// part is some of the tree, with the room that it takes at each level: spans[0] is that at its top.
type part struct {
	nodes []int
	spans []span
}

type span struct{ left, right int }

// parts lays out what stands side by side at a level: each node with all that is below it, and then columns of nodes with
// nothing below them where there are many.
func (t tree) parts(nodes []int, level int) []part {
	var out []part
	var ends []int
	for _, i := range nodes {
		if len(t[i].below) == 0 {
			ends = append(ends, i)
		}
	}
	many := len(ends) > leaves
	for _, i := range nodes {
		if len(t[i].below) > 0 || !many {
			out = append(out, t.lay(i, level))
		}
	}
	if many {
		rows := int(math.Ceil(math.Sqrt(1.6 * float64(len(ends)))))
		for column := range slices.Chunk(ends, rows) {
			out = append(out, t.column(column, level))
		}
	}
	return out
}

// lay places a node and all that is below it.
func (t tree) lay(i, level int) part {
	p := &t[i]
	p.level = level
	out := part{nodes: []int{i}, spans: []span{{0, boxWidth}}}
	if len(p.below) == 0 {
		return out
	}
	under := t.sideBySide(t.parts(p.below, level+1))
	left, right := math.MaxInt, math.MinInt
	for _, b := range p.below {
		left, right = min(left, t[b].x), max(right, t[b].x+boxWidth)
	}
	p.x = (left + right - boxWidth) / 2
	out.spans[0] = span{p.x, p.x + boxWidth}
	out.spans = append(out.spans, under.spans...)
	out.nodes = append(out.nodes, under.nodes...)
	return out
}

// column places nodes one below the other.
func (t tree) column(nodes []int, level int) part {
	out := part{nodes: nodes}
	for row, i := range nodes {
		t[i].level, t[i].hangs = level+row, true
		out.spans = append(out.spans, span{-indent, boxWidth})
	}
	return out
}

// sideBySide moves parts of one top level as near to each other as their boxes let them.
func (t tree) sideBySide(parts []part) part {
	var all part
	for _, p := range parts {
		by := 0
		for level := range min(len(all.spans), len(p.spans)) {
			by = max(by, all.spans[level].right+between-p.spans[level].left)
		}
		for _, i := range p.nodes {
			t[i].x += by
		}
		for level, s := range p.spans {
			s = span{s.left + by, s.right + by}
			if level == len(all.spans) {
				all.spans = append(all.spans, s)
				continue
			}
			all.spans[level].right = s.right
		}
		all.nodes = append(all.nodes, p.nodes...)
	}
	return all
}
