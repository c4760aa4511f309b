// Command pgrepl is Terraform's plan/apply for PostgreSQL streaming replication in Docker. This package is the door: one
// file per command; flags, prompts, exit codes and what is shown on a terminal.
package main

import (
	"context"
	"io"
	"os"
	"strings"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are the three standard ones, so that a test can run the whole command in process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, s streams) int {
	forgetLibpq()
	a := &app{streams: s, effect: crashAt(os.Getenv("PGREPL_CRASH_AT"))}
	ctx, stop := a.catchSignals(ctx)
	defer stop()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	return a.exit(root.ExecuteContext(ctx))
}

// forgetLibpq drops libpq's environment variables: they are meant for other programs, and a PGSERVICE that does not exist
// would fail every connection.
func forgetLibpq() {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "PG") && !strings.HasPrefix(name, "PGREPL") {
			os.Unsetenv(name)
		}
	}
}
