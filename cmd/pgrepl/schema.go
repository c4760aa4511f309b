package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pgrepl/docs"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// newSchema prints the language as data, for completion in editors, or the JSON Schema of what a command prints.
func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema [COMMAND]", Short: "Print the language as JSON, for editors; or the JSON Schema of what a command prints as JSON",
		Args: cobra.ArbitraryArgs, ValidArgs: docs.Outputs(),
		RunE: func(c *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
			case 1:
				return a.schemaOf(args[0])
			default:
				return usageError{fmt.Errorf("%s takes one command: %s", c.CommandPath(), strings.Join(docs.Outputs(), ", "))}
			}
			return writeJSON(a.out, struct {
				Format    string                    `json:"format"`
				Blocks    []schema.Block            `json:"blocks"`
				Functions []string                  `json:"functions"`
				Settings  map[int][]settingOfServer `json:"settings"` // by major version
			}{"pgrepl.schema/1", schema.Language(), schema.Functions(), settingsOfServers()})
		},
	}
}

// schemaOf prints the JSON Schema of a command's output. diff and show print what plan prints.
func (a *app) schemaOf(command string) error {
	text, known := docs.Schema(command)
	if !known {
		return usageError{fmt.Errorf("there is no JSON Schema of %s, but of %s%s", command, strings.Join(docs.Outputs(), ", "), didYouMean(command, docs.Outputs(), ""))}
	}
	_, err := a.out.Write(text)
	return err
}

// settingOfServer is one PostgreSQL setting that a file may hold, in the words of pg_settings.
type settingOfServer struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Unit    string   `json:"unit,omitempty"`
	Context string   `json:"context"`
	Least   string   `json:"min,omitempty"`
	Most    string   `json:"max,omitempty"`
	Default string   `json:"default"`
	Enum    []string `json:"enum,omitempty"`
}

func settingsOfServers() map[int][]settingOfServer {
	out := map[int][]settingOfServer{}
	for version := catalogue.Oldest; version <= catalogue.Newest; version++ {
		known := catalogue.Of(version)
		for _, name := range known.Names() {
			if s, _ := known.Lookup(name); !s.NoFile {
				out[version] = append(out[version], settingOfServer{s.Name, s.Type, s.Unit, s.Context, s.Least, s.Most, schema.Show(s, s.Boot), s.Enum})
			}
		}
	}
	return out
}
