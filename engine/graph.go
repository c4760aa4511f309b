package engine

import (
	"fmt"
	"slices"
	"strings"
)

// order sorts steps so that each comes after those it needs; among the free ones the least by tie goes first. A cycle is
// an error that names each edge of it.
func order(steps []Step, tie func(a, b Step) int) ([]Step, error) {
	byID := make(map[StepID]Step, len(steps))
	waits := make(map[StepID]int, len(steps)) // unfinished needs
	next := map[StepID][]StepID{}
	for _, s := range steps {
		byID[s.ID()] = s
	}
	for _, s := range steps {
		for _, n := range needs(s, byID) {
			waits[s.ID()]++
			next[n] = append(next[n], s.ID())
		}
	}
	var ready, out []Step
	for _, s := range steps {
		if waits[s.ID()] == 0 {
			ready = append(ready, s)
		}
	}
	for len(ready) > 0 {
		slices.SortFunc(ready, tie)
		s := ready[0]
		ready = ready[1:]
		out = append(out, s)
		for _, id := range next[s.ID()] {
			if waits[id]--; waits[id] == 0 {
				ready = append(ready, byID[id])
			}
		}
	}
	if len(out) < len(steps) {
		return nil, cycle(byID, out)
	}
	return out, nil
}

// needs lists the steps of the plan that s must follow, each once.
func needs(s Step, plan map[StepID]Step) []StepID {
	var out []StepID
	for _, n := range s.Needs() {
		if _, there := plan[n]; there && n != s.ID() && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func cycle(byID map[StepID]Step, done []Step) error {
	left := make(map[StepID]Step, len(byID))
	for id, s := range byID {
		left[id] = s
	}
	for _, s := range done {
		delete(left, s.ID())
	}
	var at StepID
	for id := range left { // any of them leads into the cycle; the least keeps the message stable
		if at == (StepID{}) || id.String() < at.String() {
			at = id
		}
	}
	var path []StepID
	for !slices.Contains(path, at) {
		path = append(path, at)
		n := needs(left[at], left)
		slices.SortFunc(n, func(a, b StepID) int { return strings.Compare(a.String(), b.String()) })
		at = n[0]
	}
	var edges []string
	for _, id := range append(path[slices.Index(path, at):], at) {
		edges = append(edges, id.String())
	}
	return fmt.Errorf("steps wait for each other: %s; nothing was begun: make the change in two applies", strings.Join(edges, " after "))
}
