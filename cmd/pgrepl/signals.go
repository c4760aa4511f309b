package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signals remembers which signal ended the run and what to say if a second one ends it at once.
type signals struct {
	mu       sync.Mutex
	first    os.Signal
	underWay func() string
}

// catchSignals ends the context at the first SIGINT or SIGTERM: the step under way is finished, clones and waits are
// cancelled. A second one stops the process now, after naming what was under way.
func (a *app) catchSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a pipe that nobody reads is an error of the write, and not the end
	go func() {
		for s := range ch {
			if !a.signals.begin(s) {
				fmt.Fprintf(a.err, "stopped now%s\n", a.signals.left())
				os.Exit(128 + int(s.(syscall.Signal)))
			}
			if left := a.signals.left(); left != "" {
				fmt.Fprintf(a.err, "stopping%s (again to stop now)\n", left)
			}
			cancel()
		}
	}()
	return ctx, func() { signal.Stop(ch); cancel() }
}

func (s *signals) begin(sig os.Signal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first != nil {
		return false
	}
	s.first = sig
	return true
}

// watch sets how to name the steps under way.
func (s *signals) watch(underWay func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay = underWay
}

func (s *signals) left() string {
	s.mu.Lock()
	f := s.underWay
	s.mu.Unlock()
	if f == nil {
		return ""
	}
	if text := f(); text != "" {
		return "; under way: " + text
	}
	return ""
}

// signalled returns the exit code of the signal that ended the run.
func (a *app) signalled() (code int, caught bool) {
	a.signals.mu.Lock()
	defer a.signals.mu.Unlock()
	if a.signals.first == nil {
		return 0, false
	}
	return 128 + int(a.signals.first.(syscall.Signal)), true
}
