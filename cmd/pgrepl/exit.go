package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgrepl/engine"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

// The exit codes, a contract with every script that runs pgrepl.
const (
	exitFailed      = 1 // nothing was changed
	exitChanges     = 2
	exitRefused     = 3
	exitStale       = 4
	exitLocked      = 5
	exitPartly      = 6 // running again goes on from there
	exitNotApproved = 7
	exitUsage       = 64
	exitInvalid     = 65
	exitPipe        = 141 // as of a command that SIGPIPE ends
)

// exitError ends the command with a code; what had to be said was said, unless cause is set.
type exitError struct {
	code  int
	cause error
}

func (e exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e exitError) Unwrap() error { return e.cause }

func exitWith(code int) error { return exitError{code: code} }

// usageError marks an error of the command line itself.
type usageError struct{ error }

// exit says what went wrong, once, and chooses the code.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	if code, caught := a.signalled(); caught {
		var said exitError
		if !errors.Is(err, context.Canceled) && !(errors.As(err, &said) && said.cause == nil) {
			a.say(err)
		}
		return code
	}
	var e exitError
	var u usageError
	switch {
	case errors.Is(err, syscall.EPIPE) && !errors.As(err, &e): // plan | head: there is nobody to tell
		return exitPipe
	case errors.As(err, &e):
		if e.cause != nil {
			a.say(e.cause)
		}
		return e.code
	case errors.As(err, &u):
		fmt.Fprintf(a.err, "error: %v\n", u.error)
		return exitUsage
	case errors.Is(err, docker.ErrLocked):
		fmt.Fprintln(a.err, "error: another apply of this cluster is running [PGR305]")
		fmt.Fprintln(a.err, "  next: wait for it, or let this one wait longer with --lock-timeout")
		return exitLocked
	}
	a.say(err)
	return exitFailed
}

// say writes a run-time error in the shape of a diagnostic.
func (a *app) say(err error) {
	var p engine.Problem
	if errors.As(err, &p) {
		a.sayProblem(p)
		return
	}
	fmt.Fprintf(a.err, "error: %v\n", err)
}

func (a *app) sayProblem(p engine.Problem) {
	if p.Origin.File != "" {
		fmt.Fprintf(a.err, "%s:%d:%d: ", p.Origin.File, p.Origin.Line, p.Origin.Column)
	}
	fmt.Fprintf(a.err, "error: %s", p.Summary)
	if p.Code != "" {
		fmt.Fprintf(a.err, " [%s]", p.Code)
	}
	fmt.Fprintln(a.err)
	if a.excerpt != nil {
		fmt.Fprint(a.err, a.excerpt(p.Origin))
	}
	for line := range strings.Lines(p.Detail) {
		fmt.Fprintf(a.err, "  %s\n", strings.TrimRight(line, "\n"))
	}
	if p.Next != "" {
		fmt.Fprintf(a.err, "  next: %s\n", p.Next)
	}
}

// usage wraps what cobra finds wrong with a command line.
func usage(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err}
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	return usageError{fmt.Errorf("%w%s", err, didYouMean(unknown.GetSpecifiedName(), known, "--"))}
}

// didYouMean is the end of a message about a word that is not known; "" where none is near.
func didYouMean(word string, known []string, before string) string {
	if near := schema.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", before+near)
	}
	return ""
}
