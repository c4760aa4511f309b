package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pgrepl/test/outputs"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pgrepl": main})
}

// TestScripts runs testdata/*.txtar: one command line after the other, with what it prints and the exit code it ends with.
// They need no Docker engine: where a command would look for one, there is none.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "holds": holds},
	})
}

// exits CODE COMMAND ARGUMENT... runs a command that must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, wanted %d", got, want)
	}
}

// holds OUTPUT FILE fails unless a file (or stdout) is as the JSON Schema of the output says.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: holds OUTPUT FILE")
	}
	ts.Check(outputs.Held(args[0], []byte(ts.ReadFile(args[1]))))
}
