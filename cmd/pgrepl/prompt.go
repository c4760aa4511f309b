package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"pgrepl/engine"
)

// ask asks for approval: "yes", or, where data is lost, the name of the cluster.
func (r *applying) ask(p engine.Plan) error {
	want := "yes"
	for _, risk := range p.Risks {
		if risk.Class == engine.ClassData {
			want = r.title.Cluster
		}
	}
	fmt.Fprintf(r.err, "\nCarry this out on cluster %q? Type %s: ", r.title.Cluster, want)
	line, err := bufio.NewReader(r.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if strings.TrimSpace(line) == want {
		return nil
	}
	fmt.Fprintln(r.err, "not approved; nothing was changed")
	if r.changed {
		return exitWith(exitPartly)
	}
	return exitWith(exitNotApproved)
}
