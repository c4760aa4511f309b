// Package test holds the house: which floor may import which.
package test

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors says what each package of ours may import, beside the standard library: packages of ours by their path in the
// module, others by the beginning of theirs. A package that is not listed fails: a new one has to be put on a floor.
var floors = map[string][]string{
	"schema":             {"schema/catalogue", "schema/hba", "github.com/hashicorp/hcl/", "github.com/zclconf/go-cty/"},
	"schema/catalogue":   {},
	"schema/hba":         {},
	"engine":             {},
	"engine/health":      {},
	"engine/render":      {"engine", "engine/health"},
	"providers/docker":   {"engine", "engine/health", "schema", "github.com/docker/", "github.com/moby/patternmatcher", "github.com/moby/patternmatcher/", "github.com/containerd/errdefs", "github.com/opencontainers/", "golang.org/x/sync/", "golang.org/x/sys/unix"},
	"providers/postgres": {"engine", "engine/health", "schema", "schema/catalogue", "schema/hba", "github.com/jackc/pgx/", "github.com/xdg-go/stringprep", "golang.org/x/sync/"},
	"providers/fake":     {"engine", "schema", "schema/catalogue", "providers"},
	"providers":          {"engine", "engine/health", "schema", "providers/docker", "providers/postgres", "golang.org/x/sync/"},
	"docs":               {},
	"examples/api/app":   {"github.com/jackc/pgx/"},
	"cmd/pgrepl/monitor": {"engine/health", "github.com/prometheus/client_golang/", "gopkg.in/yaml.v3"},
	"cmd/pgrepl":         {"*"},
	"cmd/pgrepl/watch":   {"engine", "engine/health", "charm.land/", "github.com/charmbracelet/"},
}

func TestImportsGoDownOnly(t *testing.T) {
	imports := importsOf(t)
	for _, pkg := range slices.Sorted(maps.Keys(imports)) {
		if pkg == "test" || strings.HasPrefix(pkg, "test/") {
			continue
		}
		allowed, known := floors[pkg]
		if !known {
			t.Errorf("package %s is on no floor: say in this test what it may import", pkg)
		}
		for _, imported := range imports[pkg] {
			if !slices.ContainsFunc(allowed, func(a string) bool { return permits(a, imported) }) {
				t.Errorf("package %s may not import %s", pkg, imported)
			}
		}
	}
}

func permits(allowed, imported string) bool {
	return allowed == "*" || allowed == imported || strings.HasSuffix(allowed, "/") && strings.HasPrefix(imported, allowed)
}

// importsOf returns what each package of ours imports from outside the standard library, ours without the module's name.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	const format = `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`
	cmd := exec.Command("go", "list", "-f", format, "pgrepl/...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		pkg, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		pkg = strings.TrimPrefix(pkg, "pgrepl/")
		imports[pkg] = nil
		for imported := range strings.FieldsSeq(rest) {
			ours, isOurs := strings.CutPrefix(imported, "pgrepl/")
			if isOurs || strings.Contains(strings.Split(imported, "/")[0], ".") {
				imports[pkg] = append(imports[pkg], ours)
			}
		}
	}
	if len(imports) < 6 {
		t.Fatal(fmt.Errorf("go list found only %v", slices.Sorted(maps.Keys(imports))))
	}
	return imports
}
