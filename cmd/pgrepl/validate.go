package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Check the file without Docker or a server: every problem at once", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text", "json"); err != nil {
				return err
			}
			return a.validate(c.Context())
		},
	}
}

func (a *app) validate(ctx context.Context) error {
	file, diags, err := a.read(ctx)
	if err != nil {
		return err
	}
	if a.format == "json" {
		text, err := diags.JSON()
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s\n", text)
	} else {
		diags.WriteText(a.err)
	}
	if diags.HasErrors() {
		return exitWith(exitInvalid)
	}
	if a.format == "text" {
		fmt.Fprintf(a.out, "%s is valid: cluster %q, %s, PostgreSQL %d\n", file.File, file.Name, plural(len(file.Nodes), "node"), file.Version)
	}
	return nil
}
