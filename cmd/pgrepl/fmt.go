package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"pgrepl/schema"
)

func newFmt(a *app) *cobra.Command {
	var check, diff, write bool
	c := &cobra.Command{
		Use: "fmt [-|FILE|FOLDER]...", Short: "Write files in the canonical form", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			f := formatting{app: a, check: check, diff: diff, write: write && !check}
			if len(args) == 0 {
				args = []string{a.file}
			}
			return f.all(args)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; exit with 2 when a file is not in the canonical form")
	c.Flags().BoolVar(&diff, "diff", false, "show what changes; the files are written all the same, unless with --check or --write=false")
	c.Flags().BoolVar(&write, "write", true, "write the files; with =false only print the names of those that would change, or with --diff what changes")
	return c
}

type formatting struct {
	*app
	check, diff, write bool
	invalid            bool
	differ             bool
}

func (f *formatting) all(paths []string) error {
	for _, p := range paths {
		files, err := hclFiles(p)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := f.one(file); err != nil {
				return err
			}
		}
	}
	switch {
	case f.invalid:
		return exitWith(exitInvalid)
	case f.check && f.differ:
		return exitWith(exitChanges)
	}
	return nil
}

// hclFiles are the files that Load would read; a pipe or device, which cannot be written back, is none.
func hclFiles(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist", path)
	case err != nil:
		return nil, err
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file; - reads standard input", path)
	}
	return schema.Files(path), nil
}

func (f *formatting) one(path string) error {
	src, err := f.read(path)
	if err != nil {
		return err
	}
	formatted, diags := schema.Format(src, path)
	diags.WriteText(f.err)
	if diags.HasErrors() {
		f.invalid = true
		return nil
	}
	same := bytes.Equal(src, formatted)
	f.differ = f.differ || !same
	switch {
	case f.diff && !same:
		fmt.Fprint(f.out, udiff.Unified(path, path, string(src), string(formatted)))
	case path == "-" && !f.check:
		_, err := f.out.Write(formatted)
		return err
	case !same:
		fmt.Fprintln(f.out, path)
	}
	if same || !f.write || path == "-" {
		return nil
	}
	return replaceFile(path, formatted)
}

// read reads no more than it takes to know that a file is too large.
func (f *formatting) read(path string) ([]byte, error) {
	if path == "-" {
		return schema.ReadLimited(f.in)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return schema.ReadLimited(file)
}

// replaceFile writes a file whole or not at all, with the mode it had.
func replaceFile(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".pgrepl-fmt-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(info.Mode().Perm()), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
