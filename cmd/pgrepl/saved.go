package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/schema"
)

// A saved plan is a promise, not a program: apply plans again, and refuses when what it would do is not what was approved.

// saving is where a plan is written beside what is printed.
type saving struct{ out, json string }

// save writes a plan to the files that the flags name. Both hold the same document; --out is for apply.
func (s saving) save(d render.Document) error {
	for _, path := range []string{s.out, s.json} {
		if path == "" {
			continue
		}
		if err := writeWhole(path, func(w io.Writer) error { return render.JSON(w, d) }); err != nil {
			return fmt.Errorf("save the plan: %w", err)
		}
	}
	return nil
}

// writeWhole writes a file that is either all there or as before.
func writeWhole(path string, write func(io.Writer) error) error {
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if err := errors.Join(write(part), part.Chmod(0o644), part.Close()); err != nil { // nothing in it is a secret
		return err
	}
	return os.Rename(part.Name(), path)
}

// maxPlan is more than any plan has.
const maxPlan = 64 << 20

// readPlan reads a saved plan; "-" is standard input.
func (a *app) readPlan(path string) (render.Document, error) {
	in := a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return render.Document{}, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPlan+1))
	if err != nil {
		return render.Document{}, err
	}
	if len(text) > maxPlan {
		return render.Document{}, fmt.Errorf("%s: it is no saved plan: it is larger than %d MiB", path, maxPlan>>20)
	}
	d, err := render.Read(text)
	if err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// takeInputs has the file read as the plan read it: its path and its variables. Those that are sensitive are given anew.
func (a *app) takeInputs(d render.Document, fileGiven bool) error {
	if !fileGiven {
		a.file = d.File.Path
	}
	vars := []string{}
	for _, name := range slices.Sorted(maps.Keys(d.Vars)) {
		vars = append(vars, name+"="+d.Vars[name])
	}
	for _, v := range a.vars {
		name, value, _ := strings.Cut(v, "=")
		if fixed, is := d.Vars[name]; is && fixed != value {
			return usageError{fmt.Errorf("--var %s: the plan was made with another value of it", name)}
		}
	}
	a.vars = append(vars, a.vars...)
	return nil
}

// sameInputs refuses a plan whose file or variables are no longer those that it was made from.
func (a *app) sameInputs(d render.Document, file *schema.Cluster) error {
	in := file.Inputs()
	var moved []string
	if in.SHA256 != d.File.SHA256 {
		moved = append(moved, fmt.Sprintf("%s is not the file that the plan was made from (sha256 %.12s…, was %.12s…)", in.Path, in.SHA256, d.File.SHA256))
	}
	for _, name := range slices.Sorted(maps.Keys(in.Vars)) {
		if _, had := d.Vars[name]; !had {
			moved = append(moved, fmt.Sprintf("variable %q is given now, and was not when the plan was made", name))
		}
	}
	return a.stale(moved)
}

// stale ends the command with what moved since a plan was saved; nil where nothing did.
func (a *app) stale(moved []string) error {
	if len(moved) == 0 {
		return nil
	}
	for _, m := range moved {
		fmt.Fprintf(a.err, "stale: %s\n", m)
	}
	a.sayProblem(engine.Problem{Code: "PGR312", Summary: "the saved plan is stale: what it would do is not what was approved", Detail: "nothing was changed", Next: "make and approve a new one with pgrepl plan --out"})
	return exitWith(exitStale)
}

// moved says which of the facts moved that a saved plan rests on, of one that is now another.
func moved(saved, now render.Document) []string {
	if moved := engine.Moved(saved.Basis, now.Basis); len(moved) > 0 {
		return moved
	}
	return []string{"the same facts now take other steps: " + difference(saved, now)}
}

// difference names the first step that one of two plans does not have.
func difference(saved, now render.Document) string {
	text := func(s render.Step) string { return s.Where() + ": " + s.Do }
	for i, s := range now.Steps {
		if i >= len(saved.Steps) || text(s) != text(saved.Steps[i]) {
			return text(s)
		}
	}
	return fmt.Sprintf("pgrepl %s made it", saved.Tool)
}
