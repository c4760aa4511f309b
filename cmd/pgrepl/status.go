package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/engine/render"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

type statusFlags struct {
	exitCode, onlyFaults bool
	watch                time.Duration
}

// statusFormats are how the health of a cluster can be written.
var statusFormats = map[string]func(io.Writer, health.Report, render.Options) error{
	"text": func(w io.Writer, r health.Report, o render.Options) error { return render.Status(w, r, false, o) },
	"wide": func(w io.Writer, r health.Report, o render.Options) error { return render.Status(w, r, true, o) },

	"json":       render.StatusJSON,
	"yaml":       statusYAML,
	"nagios":     render.StatusNagios,
	"markdown":   render.StatusMarkdown,
	"prometheus": render.StatusPrometheus,
}

// statusYAML is the JSON in YAML's other form: every JSON text is YAML.
func statusYAML(w io.Writer, r health.Report, o render.Options) error {
	var text bytes.Buffer
	var document yaml.Node
	if err := errors.Join(render.StatusJSON(&text, r, o), yaml.Unmarshal(text.Bytes(), &document)); err != nil {
		return err
	}
	inBlocks(&document)
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	return errors.Join(out.Encode(&document), out.Close())
}

// inBlocks takes a document's braces and quotes away.
func inBlocks(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		inBlocks(c)
	}
}

func newStatus(a *app) *cobra.Command {
	var f statusFlags
	c := &cobra.Command{
		Use: "status", Short: "Show the health of the cluster now", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers(formatNames(statusFormats)...); err != nil {
				return err
			}
			if err := f.check(c, a.format); err != nil {
				return err
			}
			return a.statusOf(c.Context(), f)
		},
	}
	c.Flags().BoolVar(&f.exitCode, "exit-code", false, "exit with 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN")
	c.Flags().BoolVar(&f.onlyFaults, "only-faults", false, "show only what is not well")
	c.Flags().DurationVar(&f.watch, "watch", 0, "show it again and again, so often (2s where it says no more)")
	c.Flags().Lookup("watch").NoOptDefVal = "2s"
	return c
}

func (f statusFlags) check(c *cobra.Command, format string) error {
	if !c.Flags().Changed("watch") {
		return nil
	}
	if f.exitCode || format == "nagios" {
		return usageError{errors.New("--watch goes on until it is stopped: --exit-code and -o nagios are for a status that ends")}
	}
	return often("watch", f.watch, sampleLeast)
}

// sampleLeast and lookLeast are how often samples are taken, and the cluster is compared with its file, at most.
const (
	sampleLeast = 100 * time.Millisecond
	lookLeast   = time.Second
)

// often refuses a flag that asks for something too often.
func often(flag string, every, least time.Duration) error {
	if every < least {
		return usageError{fmt.Errorf("--%s %s is too often: %s is the least", flag, every, least)}
	}
	return nil
}

// statusOf shows the health of the file's cluster, and where that cannot be told, so to whoever asked for codes or figures.
func (a *app) statusOf(ctx context.Context, f statusFlags) error {
	err := a.withCluster(ctx, func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
		err := a.status(ctx, file, on, f)
		var told judged
		if err != nil && !errors.As(err, &told) && a.format == "prometheus" {
			return errors.Join(err, render.BlindPrometheus(a.out, file.Name))
		}
		return err
	})
	return a.unknown(err, f.exitCode || a.format == "nagios")
}

// judged is the exit code of a health that could be told.
type judged struct{ exitError }

// unknown is what a monitoring system that asked for exit codes is told where nothing could be: 3, and in its own format a line that
// says why.
func (a *app) unknown(err error, asked bool) error {
	var told judged
	if errors.As(err, &told) {
		return told.exitError
	}
	if err == nil || !asked {
		return err
	}
	if a.format == "nagios" {
		why := err.Error()
		var silent exitError
		if errors.As(err, &silent) && silent.cause == nil {
			why = "the file " + a.file + " is invalid"
		}
		fmt.Fprintf(a.out, "REPLICATION UNKNOWN - %s\n", render.Line(why))
	}
	return exitError{code: health.Unknown.Code(), cause: err}
}

// statusApart is between the two samples of a status: what moves meanwhile tells rates, and most of all whether a replica that
// is behind is catching up.
const statusApart = 500 * time.Millisecond

func (a *app) status(ctx context.Context, file *schema.Cluster, on *docker.Engine, f statusFlags) error {
	if err := monitorable(file); err != nil {
		return err
	}
	source := &watched{file: file, again: a.usable, on: on, driftEvery: time.Minute, memory: health.Memory{Once: f.watch == 0}}
	defer source.close()
	if err := source.Look(ctx); err != nil {
		return err
	}
	if _, err := source.Report(ctx); err != nil {
		return err
	}
	looked := time.Now()
	for next := looked.Add(statusApart); ; next = later(next.Add(f.watch)) {
		if err := engine.Pause(ctx, time.Until(next)); err != nil {
			return cause(ctx, err)
		}
		if time.Since(looked) > source.driftEvery {
			looked = time.Now()
			if err := source.Look(ctx); err != nil {
				return err
			}
		}
		r, err := source.Report(ctx)
		if err != nil {
			return err
		}
		if err := a.writeStatus(r, f); err != nil || f.watch == 0 {
			return err
		}
	}
}

// later is a time, or now where that has passed.
func later(t time.Time) time.Time {
	if now := time.Now(); now.After(t) {
		return now
	}
	return t
}

func (a *app) writeStatus(r health.Report, f statusFlags) error {
	if f.watch > 0 && a.colored(a.out) {
		fmt.Fprint(a.out, "\x1b[H\x1b[2J") // a terminal shows one at a time, anything else one after the other
	}
	if f.onlyFaults {
		r = r.Faults()
	}
	if err := statusFormats[a.format](a.out, r, render.Options{Color: a.colored(a.out)}); err != nil {
		return err
	}
	if f.watch == 0 && (f.exitCode || a.format == "nagios") {
		return judged{exitError{code: r.Level.Code()}}
	}
	return nil
}
