package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"pgrepl/schema"
)

// newSchema prints the language as data, for completion in editors.
func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the language as JSON: blocks, attributes and functions, for editors", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			out := json.NewEncoder(a.out)
			out.SetEscapeHTML(false)
			out.SetIndent("", "  ")
			return out.Encode(struct {
				Format    string         `json:"format"`
				Blocks    []schema.Block `json:"blocks"`
				Functions []string       `json:"functions"`
			}{"pgrepl.schema/1", schema.Language(), schema.Functions()})
		},
	}
}
