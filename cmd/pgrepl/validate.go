package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newValidate(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "validate", Short: "Check the file without Docker or a server: every problem at once", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers(append([]string{"text", "json"}, findingFormats...)...); err != nil {
				return err
			}
			return a.validate(c.Context())
		},
	}
	a.addPolicy(c)
	return c
}

func (a *app) validate(ctx context.Context) error {
	file, diags, err := a.read(ctx)
	if err != nil {
		return err
	}
	valid := !diags.HasErrors()
	if valid {
		diags = append(diags, file.JudgeFile()...)
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
	if a.tellsFindings() {
		if err := a.writeFindings("validate "+a.file, findingsOf(diags)); err != nil {
			return err
		}
	}
	switch {
	case !valid:
		return exitWith(exitInvalid)
	case diags.HasErrors():
		return exitWith(exitRefused)
	}
	if a.format == "text" {
		fmt.Fprintf(a.out, "%s is valid: cluster %q, %s, PostgreSQL %d\n", file.File, file.Name, plural(len(file.Nodes), "node"), file.Version)
	}
	return nil
}
