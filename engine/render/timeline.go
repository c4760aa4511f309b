package render

import (
	"fmt"
	"slices"
	"strings"
)

// The measures of a timeline, in pixels.
const (
	laneHeight = 30
	laneName   = 150
	slotWidth  = 40
)

// lane is a line of the timeline: nodes that have all their steps together.
type lane struct {
	nodes []string
	steps []pageStep
}

// lanes are those of all nodes in the order in which they have their first step.
func lanes(steps []pageStep) []lane {
	var nodes []string
	of := map[string][]pageStep{}
	for _, s := range steps {
		on := s.Nodes
		if len(on) == 0 {
			on = []string{s.Where()}
		}
		for _, n := range on {
			if of[n] == nil {
				nodes = append(nodes, n)
			}
			of[n] = append(of[n], s)
		}
	}
	number := func(a, b pageStep) bool { return a.N == b.N }
	var out []lane
	for _, n := range nodes {
		i := slices.IndexFunc(out, func(l lane) bool { return slices.EqualFunc(l.steps, of[n], number) })
		if i < 0 {
			out = append(out, lane{steps: of[n]})
			i = len(out) - 1
		}
		out[i].nodes = append(out[i].nodes, n)
	}
	return out
}

// turns says when each step can begin at the earliest, by its number: behind what it follows, and one at a time on a node.
func turns(steps []pageStep) map[int]int {
	out, free := map[int]int{}, map[string]int{}
	for _, s := range steps {
		turn := 0
		for _, n := range s.Needs {
			turn = max(turn, out[n]+1)
		}
		for _, n := range s.Nodes {
			turn = max(turn, free[n])
		}
		out[s.N] = turn
		for _, n := range s.Nodes {
			free[n] = turn + 1
		}
	}
	return out
}

// timeline draws which step comes when and where, a lane for each node. Steps in one column may run side by side.
func (p *picture) timeline(steps []pageStep) string {
	all, turn := lanes(steps), turns(steps)
	last := 0
	for _, t := range turn {
		last = max(last, t)
	}
	width, height := laneName+(last+1)*slotWidth, len(all)*laneHeight
	p.open(width+2*margin, height+2*margin, fmt.Sprintf("%s on %s. The table below says the same.", counted(len(steps), "step"), counted(len(all), "lane")))
	for i, l := range all {
		y := margin + i*laneHeight
		p.put(`<text class="name" x="%d" y="%d">%s<title>%s</title></text>`, margin, y+laneHeight/2+4, laneLabel(l.nodes), strings.Join(l.nodes, ", "))
		p.put(`<path class="lane" d="M%d %dH%d"/>`, margin+laneName, y+laneHeight/2, width+margin)
		for _, s := range l.steps {
			class, number := "step", fmt.Sprint(s.N)
			if s.asks() {
				class, number = "step asks", number+"!"
			}
			x := margin + laneName + turn[s.N]*slotWidth
			p.put(`<g class="%s"><title>%s</title>`, class, fmt.Sprintf("%d: %s", s.N, s.Do))
			p.put(`<rect class="bar" x="%d" y="%d" width="%d" height="20" rx="5"/>`, x+2, y+5, slotWidth-4)
			p.put(`<text class="number" x="%d" y="%d" text-anchor="middle">%s</text></g>`, x+slotWidth/2, y+19, number)
		}
	}
	p.close()
	return p.String()
}

func laneLabel(nodes []string) string {
	if len(nodes) == 1 {
		return shortened(nodes[0], 19)
	}
	if all := strings.Join(nodes, ", "); len(all) <= 19 {
		return all
	}
	more := fmt.Sprintf(" + %d more", len(nodes)-1)
	return shortened(nodes[0], 19-len(more)) + more
}
