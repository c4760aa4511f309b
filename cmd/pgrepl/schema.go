package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// newSchema prints the language as data, for completion in editors.
func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the language as JSON, for editors: blocks, attributes, functions, settings", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			out := json.NewEncoder(a.out)
			out.SetEscapeHTML(false)
			out.SetIndent("", "  ")
			return out.Encode(struct {
				Format    string                    `json:"format"`
				Blocks    []schema.Block            `json:"blocks"`
				Functions []string                  `json:"functions"`
				Settings  map[int][]settingOfServer `json:"settings"` // by major version
			}{"pgrepl.schema/1", schema.Language(), schema.Functions(), settingsOfServers()})
		},
	}
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
