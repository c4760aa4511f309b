package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/schema"
)

func newDiff(a *app) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Show what changes from one file to another, with no cluster and no secrets",
		Long: "OLD and NEW are files or folders, - for standard input, git:REV for the file of -f at a revision, or git:REV:PATH.\n" +
			"What it takes to get from one to the other is told as pgrepl plan would of a cluster that is as OLD says.",
		Args: exactlyTwo,
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.offers(planFormats...); err != nil {
				return err
			}
			return a.diff(c.Context(), args[0], args[1], full)
		},
	}
	c.Flags().BoolVar(&full, "full", false, "show attributes that have their default too")
	a.addPolicy(c)
	a.addMaxBytes(c)
	return c
}

func exactlyTwo(c *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usageError{fmt.Errorf("%s takes two arguments: OLD and NEW, each a file, a folder, - or git:REV", c.CommandPath())}
	}
	return nil
}

func (a *app) diff(ctx context.Context, was, is string, full bool) error {
	ctx, cancel := a.limited(ctx)
	defer cancel()
	if was == "-" && is == "-" {
		return usageError{fmt.Errorf("only one of the two can be standard input")}
	}
	before, err := a.side(ctx, was)
	if err != nil {
		return err
	}
	after, err := a.side(ctx, is)
	if err != nil {
		return err
	}
	if before.Name != after.Name {
		return usageError{fmt.Errorf("%s declares the cluster %q, and %s declares %q: they have nothing in common", was, before.Name, is, after.Name)}
	}
	system, err := providers.Between(before, after)
	if err != nil {
		return err
	}
	p, _, err := engine.Make(system, engine.Options{Regardless: true})
	if err != nil {
		return err
	}
	in := after.Inputs()
	d, err := a.judged(render.Title{Command: "diff", Cluster: after.Name, Tool: version(), File: render.File{Path: in.Path, SHA256: in.SHA256}, Was: was, Vars: in.Vars}, p, after)
	if err != nil {
		return err
	}
	if err := a.write(d, full); err != nil {
		return err
	}
	switch {
	case d.Refused(), len(d.Forbidden()) > 0:
		return exitWith(exitRefused)
	case !d.Empty():
		return exitWith(exitChanges)
	}
	return nil
}

// side reads one of the two. Warnings about it are validate's business.
func (a *app) side(ctx context.Context, name string) (*schema.Cluster, error) {
	from, err := a.revision(ctx, name)
	if err != nil {
		return nil, err
	}
	from.Vars, from.VarFiles, from.Environ, from.AnyVars, from.Policies = a.vars, a.varFiles, os.Environ(), true, a.policies
	file, diags := schema.Load(from)
	if diags.HasErrors() {
		fmt.Fprintf(a.err, "%s:\n", name)
		diags.WriteText(a.err)
		return nil, exitWith(exitInvalid)
	}
	file.Blank()
	return file, nil
}
