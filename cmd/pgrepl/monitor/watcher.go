// Package monitor watches a cluster and tells of it: figures for Prometheus, JSON, server-sent events and a live page.
//
// It changes nothing. What it last saw is fresh only while samples come; where they do not, everything says so, and old figures
// are never shown as if they were new.
package monitor

import (
	"context"
	"sync"
	"time"

	"pgrepl/engine/health"
)

// Source looks at a cluster.
type Source interface {
	Look(context.Context) error                    // at everything, and how it differs from the file; a first one has to have come before samples
	Report(context.Context) (health.Report, error) // limits itself
}

// Watcher takes samples and keeps what came of them.
type Watcher struct {
	Say func(Event) // told of what comes and goes; may be nil

	cluster           string
	source            Source
	every, driftEvery time.Duration

	altered chan struct{} // something came or went that a plan would change

	mu      sync.Mutex
	changed chan struct{} // closed when there is something new
	report  *health.Report
	taken   time.Time // when report came, by this machine's clock
	trouble string    // why the last attempt gave nothing
	good    uint64
	failed  uint64
	past    history
	log     journal
}

const staleLeast = 10 * time.Second

// NewWatcher returns one that takes a sample so often, and looks at everything so often; 0: only once, before the first sample.
func NewWatcher(cluster string, source Source, every, driftEvery time.Duration) *Watcher {
	return &Watcher{cluster: cluster, source: source, every: every, driftEvery: driftEvery, altered: make(chan struct{}, 1), changed: make(chan struct{}), past: newHistory(every)}
}

// Run watches until ctx ends. Looks go on beside the samples: one can take long where a node hangs.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	ready, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		w.looks(ctx, ready)
	}()
	defer func() { <-done }()
	select {
	case <-ctx.Done():
		return
	case <-ready:
	}
	for {
		w.sample(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// looks looks again and again, and at once where something alters what differs from the file; ready is closed when the first has come. Where a later one fails, the samples say so.
func (w *Watcher) looks(ctx context.Context, ready chan<- struct{}) {
	for first := true; ; {
		err, wait := w.source.Look(ctx), w.driftEvery
		switch {
		case first && err != nil:
			w.note(ctx, health.Report{}, err)
			wait = w.every
		case first:
			close(ready)
			first = false
		}
		if wait == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-w.altered: // the next sample, and with it what else comes of it, is waited for
			select {
			case <-ctx.Done():
				return
			case <-time.After(w.every):
			}
		}
	}
}

func (w *Watcher) sample(ctx context.Context) {
	r, err := w.source.Report(ctx)
	w.note(ctx, r, err)
}

// note keeps what came of an attempt.
func (w *Watcher) note(ctx context.Context, r health.Report, err error) {
	if ctx.Err() != nil {
		return // the monitor ends
	}
	for _, e := range w.keep(r, err, time.Now()) {
		if w.Say != nil {
			w.Say(e)
		}
		if health.Alters(e.Rule) {
			select {
			case w.altered <- struct{}{}:
			default: // it is going to look already
			}
		}
	}
}

// Add takes a report that came otherwise, at a time: of what was watched before.
func (w *Watcher) Add(r health.Report, at time.Time) { w.keep(r, nil, at) }

// keep returns what is new in the journal.
func (w *Watcher) keep(r health.Report, err error, now time.Time) []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.log.count
	if err != nil {
		w.failed, w.trouble = w.failed+1, err.Error()
		w.log.blind(now, w.trouble)
	} else {
		w.good, w.trouble, w.report, w.taken = w.good+1, "", &r, now
		w.past.add(pointOf(r))
		w.log.see(r)
	}
	close(w.changed)
	w.changed = make(chan struct{})
	return w.log.after(before)
}

// state is what is known at one moment.
type state struct {
	report  *health.Report // the last one; nil: there was none yet
	fresh   bool
	age     time.Duration
	trouble string
	events  []Event
	changed <-chan struct{}
	watched health.Watched
}

func (w *Watcher) now() state {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := state{report: w.report, trouble: w.trouble, events: w.log.events, changed: w.changed,
		watched: health.Watched{Cluster: w.cluster, Taken: w.good, Failed: w.failed}}
	if w.report == nil {
		return s
	}
	s.age, s.watched.Last = time.Since(w.taken), w.report.At
	if s.fresh = w.trouble == "" && s.age < max(3*w.every, staleLeast); s.fresh {
		s.watched.Fresh = w.report
	} else if s.trouble == "" {
		s.trouble = "no sample for " + health.Time(s.age)
	}
	return s
}

// since returns what was measured over a time, as columns.
func (w *Watcher) since(span time.Duration) columns {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.past.over(span)
}
