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
	fmt.Fprintf(r.err, "stopped after %.1fs: done %d, failed %d, not started %d\n", time.Since(r.begun).Seconds(), len(res.Done), len(res.Failed), len(res.NotStarted))
	if len(res.Failed) > 0 {
		s := res.Failed[0]
		r.sayProblem(engine.Problem{Code: "PGR310", Origin: originOf(p, s.ID().On), Summary: fmt.Sprintf("%s: %s failed", place(s), s), Detail: res.Err.Error()})
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
	if !r.changed && len(res.Failed) > 0 && !touched(res.Failed) {
		return exitWith(exitFailed)
	}
	return exitWith(exitPartly)
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

func originOf(p engine.Plan, id engine.ID) engine.Origin {
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
