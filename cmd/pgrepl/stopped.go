package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgrepl/engine"
)

// stopped says where an apply ended before its end: what is done, what failed and why, what was not started, what was left
// behind, and how to go on.
func (r *applying) stopped(ctx context.Context, p engine.Plan, res engine.Result) error {
	fmt.Fprintf(r.err, "stopped after %.1fs: %s\n", time.Since(r.begun).Seconds(), tally(p, res))
	interrupted := errors.Is(res.Err, context.Canceled)
	if interrupted && len(res.Failed) > 0 {
		fmt.Fprintf(r.err, "  cut short: %s\n", list(res.Failed))
	}
	if len(res.Failed) > 0 && !interrupted {
		s := res.Failed[0]
		r.sayProblem(engine.Problem{Code: "PGR310", Origin: originOf(p, s.ID().On, res.Err.Error()), Summary: fmt.Sprintf("%s: %s failed", place(s), s), Detail: res.Err.Error()})
	}
	if len(res.Failed) == 0 && !interrupted && !errors.Is(res.Err, context.DeadlineExceeded) {
		s := res.NotStarted[0]
		r.sayProblem(engine.Problem{Code: "PGR310", Origin: originOf(p, s.ID().On, ""), Summary: fmt.Sprintf("%s: %s cannot begin", place(s), s), Detail: res.Err.Error()})
	}
	if left := leftBehind(res); left != "" {
		fmt.Fprintf(r.err, "  left behind: %s\n", left)
	}
	if len(res.NotStarted) > 0 {
		fmt.Fprintf(r.err, "  not started: %s\n", list(res.NotStarted))
	}
	again := "pgrepl " + r.title.Command
	if r.file != "pgrepl.hcl" {
		again += " -f " + r.file
	}
	fmt.Fprintf(r.err, "  next: %s goes on from here\n", again)
	if c := context.Cause(ctx); c != nil && !errors.Is(c, context.Canceled) {
		return r.partly(c)
	}
	if !r.changed && len(res.Done) == 0 && len(res.Failed) > 0 && !touched(res.Failed) {
		return exitWith(exitFailed)
	}
	return exitWith(exitPartly)
}

// tally counts the numbered steps by how they ended.
func tally(p engine.Plan, res engine.Result) string {
	ended := map[engine.StepID]string{}
	for _, s := range res.Failed {
		ended[s.ID()] = "failed"
	}
	if errors.Is(res.Err, context.Canceled) {
		for id := range ended {
			ended[id] = "cut short"
		}
	}
	for _, s := range res.NotStarted {
		ended[s.ID()] = "not started"
	}
	count := map[string]int{}
	for _, b := range p.Batches {
		how := "done"
		for _, id := range b.Steps {
			if e := ended[id]; e != "" && (how == "done" || how == "not started") {
				how = e
			}
		}
		count[how]++
	}
	out := []string{fmt.Sprintf("%d of %d done", count["done"], len(p.Batches))}
	for _, how := range []string{"failed", "cut short", "not started"} {
		if count[how] > 0 {
			out = append(out, fmt.Sprintf("%d %s", count[how], how))
		}
	}
	return strings.Join(out, ", ")
}

// touched reports whether a failed step may have changed something; a pull that failed has not.
func touched(failed []engine.Step) bool {
	for _, s := range failed {
		if s.ID().Do != "pull" {
			return true
		}
	}
	return false
}

func place(s engine.Step) string {
	if s.Node() == "" {
		return "docker"
	}
	return s.Node()
}

// originOf is the place in the file of what a step was for: of the attribute that its error names, otherwise of the block.
func originOf(p engine.Plan, id engine.ID, why string) engine.Origin {
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			name := f.Path[strings.LastIndex(f.Path, ".")+1:]
			if c.ID == id && f.Origin.Line > 0 && strings.Contains(why, name) {
				return f.Origin
			}
		}
	}
	if r, ok := p.Wanted[id]; ok {
		return r.Origin
	}
	return engine.Origin{}
}

// leftBehind names what this run did on the nodes whose steps did not all succeed.
func leftBehind(res engine.Result) string {
	unfinished := map[string]bool{}
	for _, s := range append(append([]engine.Step{}, res.Failed...), res.NotStarted...) {
		unfinished[s.Node()] = true
	}
	var done []engine.Step
	for _, s := range res.Done {
		if unfinished[s.Node()] && s.Node() != "" {
			done = append(done, s)
		}
	}
	return list(done)
}

func list(steps []engine.Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, place(s)+": "+s.String())
	}
	return strings.Join(out, "; ")
}
