package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pgrepl/engine"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

// app is one run of the program: its streams and its global flags.
type app struct {
	streams
	signals signals
	excerpt func(engine.Origin) string // of the file, for messages; nil before it was read
	effect  engine.SideEffect          // told of each one; kills the process where a test asks for it

	file     string
	vars     []string
	varFiles []string
	policies []string
	docker   string
	format   string
	color    string
	timeout  time.Duration
	maxBytes budget
	asItRuns bool // the command makes nothing of the file: what images are built of need not be there
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "pgrepl",
		Short:         "Plan and apply PostgreSQL streaming replication in Docker",
		Long:          "pgrepl reads one HCL file that declares a PostgreSQL master with its replicas, looks at what Docker and the servers\nreally hold, shows the difference as a plan, and applies it. There is no state file and no daemon.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{unknownCommand(c, args[0])}
			}
			return c.Help()
		},
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.file, "file", "f", "pgrepl.hcl", "the cluster's file, or a folder of *.hcl files")
	f.StringArrayVar(&a.vars, "var", nil, "set a variable: name=value (repeatable)")
	f.StringArrayVar(&a.varFiles, "var-file", nil, "read variables from a file of name = value lines (repeatable, later wins)")
	f.StringVar(&a.docker, "docker", "", "Docker endpoint (default: DOCKER_HOST, then the current docker context)")
	f.StringVarP(&a.format, "format", "o", "text", "output format, of those the command offers")
	f.StringVar(&a.color, "color", "auto", "auto, always or never (NO_COLOR is honoured)")
	f.DurationVar(&a.timeout, "timeout", 0, "limit of the whole command, such as 10m (default: none)")
	root.SetFlagErrorFunc(usage)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newInit(a), newValidate(a), newFmt(a), newPlan(a), newApply(a), newDestroy(a), newDiff(a), newShow(a),
		newStatus(a), newWatch(a), newMonitor(a), newVerify(a),
		newExplain(a), newGraph(a), newHistory(a), newSchema(a), newVersion(a))
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = cobra.ArbitraryArgs, completion
		}
		c.PreRunE = func(c *cobra.Command, _ []string) error {
			a.asItRuns = slices.Contains([]string{"destroy", "status", "watch", "monitor", "verify", "history"}, c.Name())
			return a.checkGlobals()
		}
	}
	return root
}

// completion is the command without a shell, or with one that it does not know.
func completion(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	var shells []string
	for _, s := range c.Commands() {
		shells = append(shells, s.Name())
	}
	return usageError{fmt.Errorf("completion is for %s, not %q%s", strings.Join(shells, ", "), args[0], didYouMean(args[0], shells, ""))}
}

func unknownCommand(c *cobra.Command, name string) error {
	text := fmt.Sprintf("pgrepl has no command %q", name)
	if near := c.SuggestionsFor(name); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return errors.New(text + " (pgrepl --help lists them)")
}

func (a *app) checkGlobals() error {
	if a.color != "auto" && a.color != "always" && a.color != "never" {
		return usageError{fmt.Errorf("--color is auto, always or never, not %q", a.color)}
	}
	return nil
}

// offers refuses a format that the command does not have.
func (a *app) offers(formats ...string) error {
	for _, f := range formats {
		if a.format == f {
			return nil
		}
	}
	return usageError{fmt.Errorf("--format %s is not one of %v", a.format, formats)}
}

// colored reports whether what goes to w may carry escape codes.
func (a *app) colored(w io.Writer) bool {
	switch {
	case a.color != "auto":
		return a.color == "always"
	case os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb":
		return false
	}
	return isTerminal(w)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// read reads the file. One that nobody writes to (a pipe) keeps it waiting, and the user may stop that.
func (a *app) read(ctx context.Context) (*schema.Cluster, schema.Diagnostics, error) {
	ctx, cancel := a.limited(ctx)
	defer cancel()
	type loaded struct {
		file  *schema.Cluster
		diags schema.Diagnostics
	}
	done := make(chan loaded, 1)
	go func() {
		file, diags := schema.Load(schema.Options{Path: a.file, Vars: a.vars, VarFiles: a.varFiles, Environ: os.Environ(), Policies: a.policies, AsItRuns: a.asItRuns})
		done <- loaded{file, diags}
	}()
	select {
	case l := <-done:
		return l.file, l.diags, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// load reads the file; its diagnostics go to standard error, and errors among them end the command with 65. Where findings are
// asked for, they are these.
func (a *app) load(ctx context.Context) (*schema.Cluster, error) {
	file, diags, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	diags.WriteText(a.err)
	if diags.HasErrors() {
		if a.tellsFindings() {
			if err := a.writeFindings("the file "+a.file, findingsOf(diags)); err != nil {
				return nil, err
			}
		}
		return nil, exitWith(exitInvalid)
	}
	a.excerpt = func(o engine.Origin) string {
		return file.Excerpt(schema.Origin{File: o.File, Line: o.Line, Column: o.Column})
	}
	return file, nil
}

// usable reads the file without a word, for what goes on where it is invalid.
func (a *app) usable(ctx context.Context) (*schema.Cluster, error) {
	file, diags, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(diags, func(d schema.Diagnostic) bool { return d.Severity == schema.Error }); i >= 0 {
		at := diags[i].Range
		return nil, fmt.Errorf("the file cannot be used as it is now: %s:%d:%d: %s", at.Filename, at.Start.Line, at.Start.Column, diags[i].Summary)
	}
	return file, monitorable(file)
}

// withCluster loads the file, connects to its Docker engine and hands both to do.
func (a *app) withCluster(ctx context.Context, do func(context.Context, *schema.Cluster, *docker.Engine) error) error {
	ctx, cancel := a.limited(ctx)
	defer cancel()
	file, err := a.load(ctx)
	if err != nil {
		return err
	}
	on, err := docker.Connect(a.docker, a.effect)
	if err != nil {
		return err
	}
	defer on.Close()
	return do(ctx, file, on)
}

// limited applies --timeout.
func (a *app) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, a.timeout, fmt.Errorf("--timeout of %s is over", a.timeout))
}

// formatNames lists the formats of a command, text first.
func formatNames[T any](formats map[string]T) []string {
	return slices.SortedFunc(maps.Keys(formats), func(a, b string) int {
		return cmp.Or(-cmp.Compare(fmt.Sprint(a == "text"), fmt.Sprint(b == "text")), cmp.Compare(a, b))
	})
}
