// Package docs carries the JSON Schemas of what pgrepl prints for programs, for `pgrepl schema` and for the tests that hold
// every output to them.
package docs

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.schema.json
var files embed.FS

const ending = ".schema.json"

// Outputs are the commands whose JSON has a schema.
func Outputs() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // it is in the program
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ending))
	}
	slices.Sort(out)
	return out
}

// Schema is the JSON Schema of a command's JSON; false where it has none.
func Schema(output string) ([]byte, bool) {
	text, err := files.ReadFile(output + ending)
	return text, err == nil
}
