package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the health of the cluster now", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text"); err != nil {
				return err
			}
			return a.withCluster(c.Context(), a.status)
		},
	}
}

func (a *app) status(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
	cluster := providers.New(file, on, nil)
	defer cluster.Close()
	if err := cluster.Look(ctx); err != nil {
		return cause(ctx, err)
	}
	if hangs := cluster.Hangs(); hangs != "" {
		fmt.Fprintln(a.out, "CRITICAL: "+hangs)
	}
	a.statusTable(file.Name, cluster.Status())
	for _, slot := range cluster.Unread() {
		fmt.Fprintln(a.out, slot)
	}
	return nil
}

func (a *app) statusTable(cluster string, nodes []postgres.NodeStatus) {
	healthy := 0
	for _, n := range nodes {
		if n.OK {
			healthy++
		}
	}
	word := "healthy"
	if healthy < len(nodes) {
		word = "NOT HEALTHY"
	}
	fmt.Fprintf(a.out, "cluster %q: %s, %d of %s well\n", cluster, word, healthy, plural(len(nodes), "node"))
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tPART\tSTATE\tUPSTREAM\tREPLICATION\tSYNC\tLAG\tSLOT\tRETAINED\tHEALTH")
	for _, n := range nodes {
		health := "ok"
		if n.Why != "" {
			health = n.Why
		}
		if len(n.Pending) > 0 {
			health += "; waits for a restart: " + strings.Join(n.Pending, ", ")
		}
		lag := n.Lag
		if n.Upstream == "" {
			lag = ""
		}
		fmt.Fprintln(w, strings.Join([]string{n.Node, n.Part, n.State, dash(n.Upstream), dash(n.Streaming), dash(n.Sync), dash(lag), dash(n.Slot), dash(n.Retained), health}, "\t"))
	}
	w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
