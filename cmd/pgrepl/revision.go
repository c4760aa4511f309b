package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// revision says where a side of a diff is read from: a file or folder, standard input, or a revision of git's.
func (a *app) revision(ctx context.Context, name string) (schema.Options, error) {
	if name == "-" {
		text, err := schema.ReadLimited(a.in)
		return schema.Options{Path: name, ReadDir: noFolder, ReadFile: func(path string) ([]byte, error) {
			if path == name {
				return text, nil
			}
			return os.ReadFile(path)
		}}, err
	}
	of, is := strings.CutPrefix(name, "git:")
	if !is {
		return schema.Options{Path: name}, nil
	}
	rev, path, given := strings.Cut(of, ":")
	if !given {
		path = a.file
	}
	if rev == "" || strings.HasPrefix(rev, "-") || path == "" {
		return schema.Options{}, usageError{fmt.Errorf("%q names no revision: write git:REV or git:REV:PATH, as in git:origin/main", name)}
	}
	g := git{ctx, rev}
	if _, err := g.run("rev-parse", "--verify", "--quiet", rev+"^{commit}"); err != nil {
		return schema.Options{}, g.problem(err)
	}
	return schema.Options{Path: path, ReadFile: g.file, ReadDir: g.folder}, nil
}

func noFolder(path string) ([]string, error) {
	return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no folder")}
}

// git reads a commit as if it were checked out in the present folder.
type git struct {
	ctx context.Context
	rev string
}

func (g git) run(args ...string) ([]byte, error) {
	c := exec.CommandContext(g.ctx, "git", args...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return out, err
}

// problem is why there is nothing to read at all.
func (g git) problem(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return engine.Problem{Summary: "git cannot be run: " + err.Error(), Next: "install git, or give the two sides as files"}
	}
	if _, outside := g.run("rev-parse", "--git-dir"); outside != nil {
		return engine.Problem{Summary: "this folder is in no git repository", Next: "run it in the repository that holds the file"}
	}
	return engine.Problem{Summary: fmt.Sprintf("git knows no revision %q", g.rev),
		Next: "a CI job mostly has the last commit only: fetch the other one too (fetch-depth: 0), or name another"}
}

// object is how git calls a path of the commit, seen from the present folder.
func (g git) object(path string) string {
	path = filepath.ToSlash(filepath.Clean(path))
	if filepath.IsAbs(path) {
		if top, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(top, path); err == nil {
				path = filepath.ToSlash(rel)
			}
		}
	}
	if path == "." {
		return g.rev + ":./"
	}
	if !strings.HasPrefix(path, "../") {
		path = "./" + path
	}
	return g.rev + ":" + path
}

func (g git) file(path string) ([]byte, error) {
	text, err := g.run("cat-file", "blob", g.object(path))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	return text, nil
}

// folder lists the files of a folder; an error says that it is none.
func (g git) folder(path string) ([]string, error) {
	out, err := g.run("cat-file", "-p", g.object(path)+"^{tree}")
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no folder")}
	}
	var names []string
	for line := range strings.Lines(string(out)) { // 100644 blob 5f1c…	pgrepl.hcl
		about, name, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if strings.Contains(about, " blob ") {
			names = append(names, name)
		}
	}
	return names, nil
}
