package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"pgrepl/engine"
	"pgrepl/engine/render"
)

// progress shows an apply on standard error: one line per numbered step when it is done, and for those that are under way
// a heartbeat every ten seconds, or on a terminal a table below the lines that is drawn anew several times a second.
type progress struct {
	app   *app
	live  bool // standard error is a terminal
	drawn int  // lines of the table that stand there now
	plan  engine.Plan
	mu    sync.Mutex
	begun map[int]time.Time // by batch
	done  map[engine.StepID]bool
	over  map[int]bool
	text  map[engine.StepID]string // running steps, and how far they are
	tick  *time.Ticker
	ended chan struct{}
}

// How often what is under way is said again: in a log, and on a terminal.
const (
	heartbeat = 10 * time.Second
	redraw    = 200 * time.Millisecond
)

func newProgress(a *app, title render.Title, p engine.Plan) *progress {
	fmt.Fprintf(a.err, "%s: %s to %s\n", title.Command, plural(len(p.Batches), "step"), title.Cluster)
	s := &progress{app: a, live: isTerminal(a.err), plan: p, begun: map[int]time.Time{}, done: map[engine.StepID]bool{}, over: map[int]bool{},
		text: map[engine.StepID]string{}, ended: make(chan struct{})}
	every := heartbeat
	if s.live {
		every = redraw
	}
	s.tick = time.NewTicker(every)
	go s.beat()
	return s
}

func (s *progress) beat() {
	for {
		select {
		case <-s.ended:
			return
		case <-s.tick.C:
			s.mu.Lock()
			s.erase()
			s.draw()
			s.mu.Unlock()
		}
	}
}

// draw writes a line for each numbered step that is under way.
func (s *progress) draw() {
	for _, b := range s.plan.Batches {
		if begun, running := s.begun[b.N]; running && !s.over[b.N] {
			s.line(b, cmp.Or(strings.Join(s.running(b), ", "), s.next(b)), fmt.Sprintf("%.0fs", time.Since(begun).Seconds()))
			s.drawn++
		}
	}
}

// erase takes the table off a terminal again; a log keeps what was written.
func (s *progress) erase() {
	if s.live && s.drawn > 0 {
		fmt.Fprintf(s.app.err, "\x1b[%dA\x1b[J", s.drawn)
	}
	s.drawn = 0
}

func (s *progress) end() {
	s.tick.Stop()
	close(s.ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *progress) event(e engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.batch(e.Step)
	switch e.What {
	case engine.Started:
		if _, begun := s.begun[b.N]; !begun {
			s.begun[b.N] = time.Now()
		}
		s.text[e.Step] = ""
	case engine.Progress:
		s.text[e.Step] = e.Text
	case engine.Done:
		delete(s.text, e.Step)
		s.done[e.Step] = true
		if !slices.ContainsFunc(b.Steps, func(id engine.StepID) bool { return !s.done[id] }) {
			s.over[b.N] = true
			s.erase()
			s.line(b, b.Text(), fmt.Sprintf("ok %.1fs", time.Since(s.begun[b.N]).Seconds()))
		}
	case engine.Failed:
		delete(s.text, e.Step)
		s.over[b.N] = true
		s.erase()
		if errors.Is(e.Err, context.Canceled) {
			s.line(b, s.step(e.Step).String(), "cut short")
			return
		}
		s.line(b, s.step(e.Step).String(), "failed")
	}
}

func (s *progress) line(b engine.Batch, text, end string) {
	head := fmt.Sprintf("[%d/%d] %s  %s ", b.N, len(s.plan.Batches), b.Where(), text)
	if f, ok := s.app.err.(*os.File); ok && s.live { // a line that wraps could not be erased
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && len(head)+len(end)+5 > width && width > 40 {
			head = head[:width-len(end)-8] + "... "
		}
	}
	fmt.Fprintf(s.app.err, "%s%s %s\n", head, strings.Repeat(".", max(3, 72-len(head))), end)
}

// running names the steps of a batch that are under way, each with how far it is.
func (s *progress) running(b engine.Batch) []string {
	var out []string
	for _, id := range b.Steps {
		if how, running := s.text[id]; running {
			out = append(out, strings.TrimSpace(s.step(id).String()+" "+how))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// next is the step that a batch waits to begin: another one has to be done first, or what it takes is in use.
func (s *progress) next(b engine.Batch) string {
	for _, id := range b.Steps {
		if !s.done[id] {
			return "waits to begin: " + s.step(id).String()
		}
	}
	return ""
}

func (s *progress) underWay() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, b := range s.plan.Batches {
		if r := s.running(b); len(r) > 0 {
			out = append(out, b.Where()+": "+strings.Join(r, ", "))
		}
	}
	return strings.Join(out, "; ")
}

func (s *progress) batch(id engine.StepID) engine.Batch {
	i := slices.IndexFunc(s.plan.Batches, func(b engine.Batch) bool { return slices.Contains(b.Steps, id) })
	return s.plan.Batches[i]
}

func (s *progress) step(id engine.StepID) engine.Step {
	i := slices.IndexFunc(s.plan.Steps, func(st engine.Step) bool { return st.ID() == id })
	return s.plan.Steps[i]
}

// everyTenSeconds returns a watcher that writes what it is told, now and then.
func (a *app) everyTenSeconds() func(string) {
	last := time.Now()
	return func(text string) {
		if time.Since(last) >= heartbeat {
			last = time.Now()
			fmt.Fprintln(a.err, text)
		}
	}
}
