package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

type verifyFlags struct {
	every, during, wait time.Duration
}

var verifyFormats = map[string]func(io.Writer, health.Verification, render.Options) error{"text": render.Verify, "json": render.VerifyJSON}

func newVerify(a *app) *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: "verify", Short: "Write a row on the master and time its arrival on every replica", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers(formatNames(verifyFormats)...); err != nil {
				return err
			}
			if err := f.check(c); err != nil {
				return err
			}
			err := a.withCluster(c.Context(), func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				return a.verify(ctx, file, on, f)
			})
			return a.unknown(err, true)
		},
	}
	c.Flags().DurationVar(&f.every, "every", 5*time.Second, "with --for: write a probe so often")
	c.Flags().DurationVar(&f.during, "for", 0, "go on for so long, and show percentiles (without it: one probe)")
	c.Flags().DurationVar(&f.wait, "wait", 10*time.Second, "wait so long for a probe to arrive")
	return c
}

func (f verifyFlags) check(c *cobra.Command) error {
	switch {
	case c.Flags().Changed("every") && f.during == 0:
		return usageError{errors.New("--every is for a longer run: say how long, such as --for 1h")}
	case f.every <= 0 || f.wait <= 0 || f.during < 0:
		return usageError{errors.New("--every, --for and --wait are times such as 5s, more than none")}
	}
	return nil
}

// verify sends one probe, or one after the other; a signal ends a longer run with what it has shown until then.
func (a *app) verify(ctx context.Context, file *schema.Cluster, on *docker.Engine, f verifyFlags) error {
	cluster := providers.New(file, on, a.effect)
	defer cluster.Close()
	if err := cluster.Look(ctx); err != nil {
		return cause(ctx, err)
	}
	if err := cluster.PrepareProbes(ctx); err != nil {
		return cause(ctx, err)
	}
	var probes []health.Probe
	limits := providers.Limits(file.Monitor)
	began, told := time.Now(), time.Now()
	for next := began; ; next = later(next.Add(f.every)) {
		if engine.Pause(ctx, time.Until(next)) != nil {
			break
		}
		probes = append(probes, a.probe(ctx, cluster, f)...)
		if time.Since(began)+f.every > f.during {
			break
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			fmt.Fprintf(a.err, "verify: %s, %s so far\n", plural(len(probes), "probe"), health.Verify(file.Name, probes, limits).Level)
		}
	}
	if len(probes) == 0 {
		return cause(ctx, context.Canceled)
	}
	v := health.Verify(file.Name, probes, limits)
	if err := verifyFormats[a.format](a.out, v, render.Options{Color: a.colored(a.out)}); err != nil {
		return err
	}
	if over := cause(ctx, nil); over != nil { // --timeout, before the run was as long as it was to be
		return over
	}
	return judged{exitError{code: v.Level.Code()}}
}

// probe sends a probe for which nobody is waited, and where commits wait for replicas, one like theirs.
func (a *app) probe(ctx context.Context, cluster *providers.Cluster, f verifyFlags) []health.Probe {
	modes := []bool{false}
	if cluster.Synchronous() {
		modes = append(modes, true)
	}
	var out []health.Probe
	for _, synchronous := range modes {
		p := cluster.Probe(ctx, rand.Text(), synchronous, f.wait)
		if ctx.Err() == nil { // one that was broken off says nothing
			out = append(out, p)
		}
	}
	return out
}
