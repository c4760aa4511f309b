package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

// watched is a cluster that is looked at and sampled side by side. A look rests on what it finds as it goes on, and so does a
// sample on the last look: therefore each look is one of its own, and samples go on with the one before until it is done.
type watched struct {
	file       *schema.Cluster                                // as it was read last
	again      func(context.Context) (*schema.Cluster, error) // reads it once more, before each look; nil: the first one stays
	on         *docker.Engine
	driftEvery time.Duration // 0: it is not compared with the file
	memory     health.Memory // samples alone use it

	mu     sync.Mutex
	now    *observed      // what samples rest on
	next   *observed      // a look that no sample rests on yet
	under  sync.WaitGroup // calls that are under way
	closed bool
}

// observed is one look, and what takes samples on it.
type observed struct {
	file    *schema.Cluster
	cluster *providers.Cluster
	sampler *providers.Sampler
	drift   *health.Drift
	hangs   string // why commits did not come back then
}

func (o *observed) close() {
	if o != nil {
		o.sampler.Close()
		o.cluster.Close()
	}
}

const (
	sampleTimeout = 15 * time.Second // of an engine that takes the connection and does not answer; a server has less
	lookTimeout   = 2 * time.Minute
	logsTimeout   = 10 * time.Second
	closeTimeout  = 3 * time.Second
)

// Look compares what is there with the file.
func (w *watched) Look(ctx context.Context) error {
	ctx, done, err := w.begin(ctx, lookTimeout, "the look at the cluster")
	if err != nil {
		return err
	}
	defer done()
	file, unread := w.read(ctx)
	o := &observed{file: file, cluster: providers.New(file, w.on, nil)}
	o.sampler = o.cluster.Sampler()
	if err := o.cluster.Look(ctx); err != nil {
		o.close()
		w.unsaid(cause(ctx, err))
		return cause(ctx, err)
	}
	o.hangs = o.cluster.Hangs()
	switch {
	case w.driftEvery == 0:
	case unread != nil:
		o.drift = &health.Drift{At: time.Now(), Unsaid: unread.Error()}
	default:
		o.drift = o.cluster.Drift(time.Now())
	}
	w.mu.Lock()
	unused := w.next
	w.next = o
	w.mu.Unlock()
	unused.close() // which takes a while where the engine hangs
	return nil
}

// read returns the file as it is now, or as it was last where that cannot be used, and why not.
func (w *watched) read(ctx context.Context) (*schema.Cluster, error) {
	if w.again == nil {
		return w.file, nil
	}
	w.mu.Lock()
	last, first := w.file, w.now == nil && w.next == nil
	w.mu.Unlock()
	if first {
		return last, nil // it was read a moment ago
	}
	file, err := w.again(ctx)
	if err == nil && file.Name != last.Name {
		err = fmt.Errorf("the file declares cluster %q now, and not %q", file.Name, last.Name)
	}
	if err != nil {
		return last, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file = file
	return file, nil
}

// unsaid notes that what differs from the file cannot be told.
func (w *watched) unsaid(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now != nil {
		w.now.drift = &health.Drift{At: time.Now(), Unsaid: err.Error()}
	}
}

// Report takes a sample and judges it.
func (w *watched) Report(ctx context.Context) (health.Report, error) {
	ctx, done, err := w.begin(ctx, sampleTimeout, "a sample")
	if err != nil {
		return health.Report{}, err
	}
	defer done()
	w.mu.Lock()
	var before *observed
	if w.next != nil {
		before, w.now, w.next = w.now, w.next, nil
	}
	o := w.now
	w.mu.Unlock()
	before.close()
	s, err := o.sampler.Sample(ctx)
	if err != nil {
		return health.Report{}, cause(ctx, err)
	}
	w.mu.Lock()
	s.Drift = o.drift
	w.mu.Unlock()
	if w.memory.Once { // later it is as old as the look, and samples tell by themselves
		s.Hangs = o.hangs
	}
	return w.memory.Judge(o.file.Name, s, providers.Limits(o.file.Monitor)), nil
}

// Logs returns the last lines that a container wrote.
func (w *watched) Logs(ctx context.Context, container string, lines int) (string, error) {
	ctx, done, err := w.begin(ctx, logsTimeout, "reading a log")
	if err != nil {
		return "", err
	}
	defer done()
	w.mu.Lock()
	o := w.now
	w.mu.Unlock()
	text, err := o.cluster.Logs(ctx, container, lines)
	return text, cause(ctx, err)
}

// begin limits a call, and has close wait for it.
func (w *watched) begin(ctx context.Context, limit time.Duration, what string) (context.Context, func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, nil, context.Canceled
	}
	w.under.Add(1)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the Docker engine does not answer: %s took more than %s", what, limit))
	return ctx, func() { cancel(); w.under.Done() }, nil
}

// close waits for what is under way, which has been told to end: a look may have made a container that it removes again.
func (w *watched) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() { w.under.Wait(); close(ended) }()
	select {
	case <-ended:
		w.now.close()
		w.next.close()
	case <-time.After(closeTimeout): // an engine that does not answer is not waited for
	}
}

// monitorable refuses to look on as a role whose password is not given: every login would fail, and look like a fault.
func monitorable(file *schema.Cluster) error {
	role := file.Monitor.Role
	if role == nil || !role.Password.IsUnset() {
		return nil
	}
	at := file.Monitor.Origin
	return engine.Problem{Code: "PGR309", Summary: fmt.Sprintf("the block monitor logs in as %s, and %s is not set", role.Address, role.Password.Source()),
		Origin: engine.Origin{File: at.File, Line: at.Line, Column: at.Column},
		Detail: "without it no server lets the monitor in, and nothing is known of the cluster",
		Next:   "set it, such as by PGREPL_VAR_…; or take role out of the block: then no password is needed"}
}
