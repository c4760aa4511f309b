package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Event is something that happens to a step while a plan is applied.
type Event struct {
	What EventKind
	Step StepID
	Text string // of progress: "61% (1.1 of 1.8 GiB)"
	Err  error
}

// EventKind says what happened.
type EventKind string

// The events of a step.
const (
	Started  EventKind = "started"
	Progress EventKind = "progress"
	Done     EventKind = "done"
	Failed   EventKind = "failed"
)

// Result is how far an apply came.
type Result struct {
	Done, Failed, NotStarted []Step
	Err                      error // of the first step that failed, or the context's, or why no other can begin
}

// Apply runs the steps of a plan: independent ones side by side, at most parallel of them, never two of one node at
// once. It stops at the first error and never undoes; the next plan starts from what is then there. When ctx ends, waits
// and clones end, and every other step under way runs to its end. on is called from one goroutine.
func Apply(ctx context.Context, p Plan, parallel int, on func(Event)) Result {
	r := run{ctx: ctx, plan: map[StepID]Step{}, done: map[StepID]bool{}, busy: map[string]bool{}, kept: map[string]int{},
		finished: make(chan finish), progress: make(chan Event), parallel: max(parallel, 1), on: on}
	for _, s := range p.Steps {
		r.plan[s.ID()] = s
	}
	return r.all(p.Steps)
}

type finish struct {
	step Step
	err  error
}

type run struct {
	ctx      context.Context
	plan     map[StepID]Step
	done     map[StepID]bool
	busy     map[string]bool // nodes with a step under way
	kept     map[string]int  // of each pool
	running  int
	parallel int
	finished chan finish
	progress chan Event
	on       func(Event)
}

func (r *run) all(todo []Step) Result {
	var res Result
	todo = slices.Clone(todo)
	for {
		if res.Err == nil && r.ctx.Err() == nil {
			todo = r.start(todo)
		}
		if r.running == 0 {
			break
		}
		select {
		case e := <-r.progress:
			r.on(e)
		case f := <-r.finished:
			r.end(f, &res)
		}
	}
	res.NotStarted = todo
	if res.Err == nil && len(todo) > 0 {
		res.Err = cmp.Or(r.ctx.Err(), r.stuck(todo))
	}
	return res
}

// stuck says why nothing more can begin now that nothing runs. What the first of the steps left needs is done, by the plan's order:
// so what it shares with others is used up by what those keep.
func (r *run) stuck(todo []Step) error {
	_, c := todo[0].Scheduling()
	return fmt.Errorf("it needs %d %s: of %d, %d are taken or kept for others, and no step gives one back", c.Take, c.Pool, c.Capacity, c.AlreadyUsed+r.kept[c.Pool])
}

// start begins every step that may begin now and returns the rest.
func (r *run) start(todo []Step) []Step {
	var rest []Step
	for _, s := range todo {
		if r.running >= r.parallel || !r.ready(s) {
			rest = append(rest, s)
			continue
		}
		_, claim := s.Scheduling()
		r.running++
		r.busy[s.Node()] = true
		r.kept[claim.Pool] += claim.Take
		r.on(Event{What: Started, Step: s.ID()})
		go r.one(s)
	}
	return rest
}

func (r *run) ready(s Step) bool {
	if s.Node() != "" && r.busy[s.Node()] {
		return false
	}
	if _, c := s.Scheduling(); !r.room(c) {
		return false
	}
	return !slices.ContainsFunc(needs(s, r.plan), func(n StepID) bool { return !r.done[n] })
}

// room reports whether a claim fits; the first of a pool always may try.
func (r *run) room(c Claim) bool {
	return c.Pool == "" || r.kept[c.Pool] == 0 || c.AlreadyUsed+r.kept[c.Pool]+c.Take <= c.Capacity
}

func (r *run) one(s Step) {
	ctx := r.ctx
	if cancellable, _ := s.Scheduling(); !cancellable {
		ctx = context.WithoutCancel(ctx)
	}
	ctx = Watch(ctx, func(text string) { r.progress <- Event{What: Progress, Step: s.ID(), Text: text} })
	r.finished <- finish{s, s.Run(ctx)}
}

func (r *run) end(f finish, res *Result) {
	_, claim := f.step.Scheduling()
	r.running--
	r.busy[f.step.Node()] = false
	r.kept[claim.Pool] -= claim.Take - claim.Keep
	if f.err != nil {
		res.Failed = append(res.Failed, f.step)
		if res.Err == nil || errors.Is(res.Err, context.Canceled) {
			res.Err = f.err
		}
		r.on(Event{What: Failed, Step: f.step.ID(), Err: f.err})
		return
	}
	r.done[f.step.ID()] = true
	res.Done = append(res.Done, f.step)
	r.on(Event{What: Done, Step: f.step.ID()})
}

type reporting struct{}

// Watch returns a context whose steps report to say how far they are.
func Watch(ctx context.Context, say func(text string)) context.Context {
	return context.WithValue(ctx, reporting{}, say)
}

// Report tells whoever watches how far the step under way is; without a watcher it does nothing.
func Report(ctx context.Context, text string) {
	if say, ok := ctx.Value(reporting{}).(func(string)); ok {
		say(text)
	}
}

// Pause waits for a while, or until the context ends.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// SideEffect is told before and after each mutating Docker call and SQL statement, so that tests can kill the process at
// each of them.
type SideEffect func(when When, what string)

// When is the side of a side effect.
type When string

// Before and after a side effect.
const (
	Before When = "before"
	After  When = "after"
)

// Around runs f between the two calls; a nil SideEffect only runs f.
func (e SideEffect) Around(what string, f func() error) error {
	if e == nil {
		return f()
	}
	e(Before, what)
	err := f()
	e(After, what)
	return err
}
