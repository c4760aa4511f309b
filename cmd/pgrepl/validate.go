package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pgrepl/schema"
)

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Check the file without Docker or a server: every problem at once", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if err := a.offers("text", "json"); err != nil {
				return err
			}
			return a.validate()
		},
	}
}

func (a *app) validate() error {
	file, diags := schema.Load(schema.Options{Path: a.file, Vars: a.vars, VarFiles: a.varFiles, Environ: os.Environ()})
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
