package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pgrepl/cmd/pgrepl/watch"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

type watchFlags struct{ every, driftEvery time.Duration }

func newWatch(a *app) *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use: "watch", Short: "Watch the health of the cluster live in the terminal (? there shows the keys)", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.watchable(f); err != nil {
				return err
			}
			return a.withCluster(c.Context(), func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				return a.watch(ctx, file, on, f)
			})
		},
	}
	c.Flags().DurationVar(&f.every, "every", 2*time.Second, "how often to take a sample")
	c.Flags().DurationVar(&f.driftEvery, "drift-every", time.Minute, "how often to compare the cluster with the file")
	return c
}

// watchable refuses what cannot be watched on, before anything is read.
func (a *app) watchable(f watchFlags) error {
	switch {
	case !isTerminal(a.out):
		return usageError{errors.New("watch needs a terminal, and standard output is none; pgrepl status --watch writes to anything")}
	case os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "":
		return usageError{fmt.Errorf("watch needs a terminal on which a cursor can be moved, and TERM is %q; pgrepl status --watch writes to anything", os.Getenv("TERM"))}
	}
	if err := often("every", f.every, sampleLeast); err != nil {
		return err
	}
	if err := often("drift-every", f.driftEvery, lookLeast); err != nil {
		return err
	}
	return a.offers("text")
}

// errHungUp ends a watch whose terminal is gone.
var errHungUp = errors.New("the terminal is gone")

func (a *app) watch(ctx context.Context, file *schema.Cluster, on *docker.Engine, f watchFlags) error {
	if err := monitorable(file); err != nil {
		return err
	}
	if err := on.Check(ctx); err != nil { // later it is waited for; at first it is a mistake
		return cause(ctx, err)
	}
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGHUP)
	defer signal.Stop(gone)
	go func() {
		select {
		case <-gone:
			hangUp(exitError{128 + int(syscall.SIGHUP), errHungUp})
		case <-ctx.Done():
		}
	}()
	keys := a.in
	if !isTerminal(keys) {
		keys = nil // something else comes in there
	}
	source := &watched{file: file, again: a.usable, on: on, driftEvery: f.driftEvery}
	err := watch.Run(ctx, keys, a.out, source, watch.Options{Cluster: file.Name, Every: f.every, DriftEvery: f.driftEvery, Plain: !a.colored(a.out)})
	hangUp(nil)
	source.close()
	return err
}
