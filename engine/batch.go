package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Batch is what the plan prints as one numbered step: steps of one node that run in a row, or the same row on several
// nodes.
type Batch struct {
	N     int
	Nodes []string // real names; one entry "" for what is on no node
	Do    []string
	After []int
	Steps []StepID
}

// Text is what the batch does, as it is printed and approved.
func (b Batch) Text() string { return strings.Join(b.Do, ", ") }

// Where names the nodes, or the cluster's Docker side.
func (b Batch) Where() string {
	if len(b.Nodes) == 1 && b.Nodes[0] == "" {
		return "docker"
	}
	return strings.Join(b.Nodes, ", ")
}

// batches folds ordered steps into rows: a step joins its node's latest row, unless something it needs must come after
// that row began.
func batches(steps []Step) []Batch {
	byID := map[StepID]Step{}
	for _, s := range steps {
		byID[s.ID()] = s
	}
	g := grouping{of: map[StepID]int{}}
	for _, s := range steps {
		g.add(s, needs(s, byID))
	}
	return g.merged()
}

type row struct {
	node  string
	steps []Step
	after map[int]bool // rows that come before this one, directly
}

type grouping struct {
	rows []row
	of   map[StepID]int
}

func (g *grouping) add(s Step, needs []StepID) {
	after := map[int]bool{}
	for _, n := range needs {
		after[g.of[n]] = true
	}
	i := g.latest(s.Node())
	if i < 0 || slices.ContainsFunc(keys(after), func(r int) bool { return r != i && g.follows(r, i) }) {
		i = len(g.rows)
		g.rows = append(g.rows, row{node: s.Node(), after: map[int]bool{}})
	}
	for r := range after {
		if r != i {
			g.rows[i].after[r] = true
		}
	}
	g.rows[i].steps = append(g.rows[i].steps, s)
	g.of[s.ID()] = i
}

func (g *grouping) latest(node string) int {
	for i := len(g.rows) - 1; i >= 0; i-- {
		if g.rows[i].node == node {
			return i
		}
	}
	return -1
}

// follows reports whether row a comes after row b, directly or through others.
func (g *grouping) follows(a, b int) bool {
	return reaches(a, b, func(row int) []int { return keys(g.rows[row].after) })
}

// reaches goes from one number to another, by any way there is. It passes each number once: in a long chain in which each
// comes after all before it there are more ways than could ever be gone.
func reaches(from, to int, next func(int) []int) bool {
	passed := map[int]bool{}
	var reach func(int) bool
	reach = func(from int) bool {
		passed[from] = true
		return slices.ContainsFunc(next(from), func(n int) bool { return n == to || !passed[n] && reach(n) })
	}
	return reach(from)
}

// merged turns rows into batches: equal text behind equal rows becomes one line for several nodes, and a row stands
// after all that it follows.
func (g *grouping) merged() []Batch {
	var out []Batch
	number := make([]int, len(g.rows))
	for _, i := range g.topological() {
		r := g.rows[i]
		b := Batch{N: len(out) + 1, Nodes: []string{r.node}}
		for _, s := range r.steps {
			b.Do = append(b.Do, s.String())
			b.Steps = append(b.Steps, s.ID())
		}
		b.Do = slices.Compact(b.Do)
		for p := range r.after {
			if !slices.Contains(b.After, number[p]) {
				b.After = append(b.After, number[p])
			}
		}
		b.After = direct(b.After, out)
		if twin := slices.IndexFunc(out, func(o Batch) bool {
			return r.node != "" && o.Nodes[0] != "" && o.Text() == b.Text() && slices.Equal(o.After, b.After)
		}); twin >= 0 {
			out[twin].Nodes = append(out[twin].Nodes, r.node)
			out[twin].Steps = append(out[twin].Steps, b.Steps...)
			number[i] = out[twin].N
			continue
		}
		number[i] = b.N
		out = append(out, b)
	}
	return out
}

// direct sorts the numbers and leaves out those that another of them comes after anyway.
func direct(after []int, rows []Batch) []int {
	follows := func(a, b int) bool {
		return reaches(a, b, func(n int) []int { return rows[n-1].After })
	}
	slices.Sort(after)
	return slices.DeleteFunc(slices.Clone(after), func(n int) bool {
		return slices.ContainsFunc(after, func(m int) bool { return m != n && follows(m, n) })
	})
}

// topological orders rows so that each comes after those it follows; rows are otherwise in the order they began.
func (g *grouping) topological() []int {
	var out []int
	done := map[int]bool{}
	for len(out) < len(g.rows) {
		before := len(out)
		for i, r := range g.rows {
			if !done[i] && !slices.ContainsFunc(keys(r.after), func(p int) bool { return !done[p] }) {
				done[i] = true
				out = append(out, i)
				break
			}
		}
		if len(out) == before {
			panic(fmt.Sprintf("rows of a plan follow each other: %v", g.rows))
		}
	}
	return out
}

func keys(m map[int]bool) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	return out
}
