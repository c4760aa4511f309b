package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// revealers are the only files that may look at a secret, each with what it does with it.
var revealers = map[string]string{
	"providers/docker/node.go":          "compares a container's environment with the declared one",
	"providers/docker/node_steps.go":    "gives a container its declared environment",
	"providers/docker/app.go":           "compares an app's environment and secrets with the declared ones",
	"providers/docker/app_secrets.go":   "writes an app's secrets, 0400 in a volume, and takes them out of its log",
	"providers/docker/see_as.go":        "makes up the environment of a container in memory",
	"providers/postgres/conf.go":        "writes a passfile, 0600 in the volume",
	"providers/postgres/prepare.go":     "writes the management credential, 0600 in the volume",
	"providers/postgres/replication.go": "compares a standby's passfile with the declared password",
	"providers/postgres/scram.go":       "computes a verifier",
	"providers/postgres/session.go":     "logs in",
}

// TestSecretsAreRevealedInFewPlaces also holds that each of them still needs to be.
func TestSecretsAreRevealedInFewPlaces(t *testing.T) {
	found := map[string]bool{}
	eachCall(t, func(file, on, name string) {
		if name == "Reveal" {
			found[file] = true
		}
	})
	for _, file := range slices.Sorted(maps.Keys(found)) {
		if revealers[file] == "" {
			t.Errorf("%s reveals a secret: say in this test why it has to, or let it be", file)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(revealers)) {
		if !found[file] {
			t.Errorf("%s reveals no secret any more: take it off the list", file)
		}
	}
}

// TestOnlyCommandsPrint holds that nothing but cmd writes to the terminal; render writes to what it is given.
func TestOnlyCommandsPrint(t *testing.T) {
	printing := []string{"fmt.Print", "fmt.Printf", "fmt.Println", "log.Print", "log.Printf", "log.Println", "log.Fatal", "log.Fatalf"}
	eachCall(t, func(file, on, name string) {
		if slices.Contains(printing, on+"."+name) && !strings.HasPrefix(file, "cmd/") {
			t.Errorf("%s calls %s.%s", file, on, name)
		}
	})
	eachFile(t, func(file string, tree *ast.File) {
		ast.Inspect(tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && nameOf(s.X) == "os" && (s.Sel.Name == "Stdout" || s.Sel.Name == "Stderr") && !strings.HasPrefix(file, "cmd/") {
				t.Errorf("%s uses os.%s", file, s.Sel.Name)
			}
			return true
		})
	})
}

// eachCall visits every call of the form on.name(…) in the program.
func eachCall(t *testing.T, visit func(file, on, name string)) {
	eachFile(t, func(file string, tree *ast.File) {
		ast.Inspect(tree, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if s, ok := call.Fun.(*ast.SelectorExpr); ok {
					visit(file, nameOf(s.X), s.Sel.Name)
				}
			}
			return true
		})
	})
}

func nameOf(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// eachFile visits the program's own files, by their path in the module.
func eachFile(t *testing.T, visit func(file string, tree *ast.File)) {
	t.Helper()
	files := 0
	for _, top := range []string{"cmd", "engine", "providers", "schema"} {
		err := filepath.WalkDir("../"+top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			files++
			visit(strings.TrimPrefix(filepath.ToSlash(path), "../"), tree)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Fatalf("only %d files", files)
	}
}
