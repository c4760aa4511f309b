package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"pgrepl/engine"
	"pgrepl/schema"
)

// ask asks for approval: "yes", or, where data is lost, the name of the cluster.
func (r *applying) ask(ctx context.Context, p engine.Plan) error {
	want := "yes"
	for _, risk := range p.Risks {
		if risk.Class == engine.ClassData {
			want = r.title.Cluster
		}
	}
	fmt.Fprintf(r.err, "\nCarry this out on cluster %q? Type %s: ", r.title.Cluster, want)
	answer := make(chan string, 1)
	go func() { // reading a terminal cannot be cut short, waiting for it can
		line, _ := bufio.NewReader(r.in).ReadString('\n') // no answer is not the right one
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		if line == want {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(r.err)
	}
	if r.changed {
		fmt.Fprintln(r.err, "not approved; what is done stays done")
		return exitWith(exitPartly)
	}
	fmt.Fprintln(r.err, "not approved; nothing was changed")
	return exitWith(exitNotApproved)
}

// password asks on the terminal, without an echo, for the password of a server's superuser: pgrepl needs it until it has a login
// of its own.
func (a *app) password(role string) (schema.Secret, error) {
	fmt.Fprintf(a.err, "The server was made without pgrepl. Password of its superuser %q, needed this once: ", role)
	text, err := term.ReadPassword(int(a.in.(*os.File).Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return schema.Secret{}, fmt.Errorf("read the password of %s: %w", role, err)
	}
	return schema.NewSecret(string(text), "typed"), nil
}
