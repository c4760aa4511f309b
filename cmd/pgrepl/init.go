package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

//go:embed starter.hcl
var starter []byte

func newInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "init [FOLDER]", Short: "Write a commented pgrepl.hcl that plans and applies as it is",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("init takes one folder")}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			folder := "."
			if len(args) == 1 {
				folder = args[0]
			}
			return a.init(folder)
		},
	}
}

// init never overwrites: the file that is there may be somebody's cluster.
func (a *app) init(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	path := filepath.Join(folder, "pgrepl.hcl")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; it was not touched", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(starter)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	next := "pgrepl plan"
	if folder != "." {
		next += " -f " + path
	}
	fmt.Fprintf(a.out, "wrote %s; next: %s\n", path, next)
	return nil
}
