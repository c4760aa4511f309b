package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pgrepl/engine/health"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

func newHistory(a *app) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "history", Short: "Show who applied what, and when", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text", "json"); err != nil {
				return err
			}
			if limit < 1 {
				return usageError{fmt.Errorf("--limit=%d: at least one has to be shown", limit)}
			}
			return a.withCluster(c.Context(), func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				return a.history(ctx, file, on, limit)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "how many applies to show, the latest first")
	return c
}

func (a *app) history(ctx context.Context, file *schema.Cluster, on *docker.Engine, limit int) error {
	cluster := providers.New(file, on, nil)
	defer cluster.Close()
	if err := cluster.Look(ctx); err != nil {
		return cause(ctx, err)
	}
	applies, err := cluster.History(ctx, limit)
	if err != nil {
		return err
	}
	if a.format == "json" {
		return a.historyJSON(file.Name, applies)
	}
	if len(applies) == 0 {
		fmt.Fprintf(a.out, "%s: nothing was applied yet\n", file.Name)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tWHO\tPLAN\tWRITES STOPPED\tSTEPS")
	for _, h := range applies {
		stopped := ""
		if h.Stopped > 0 {
			stopped = fmt.Sprintf("%.1f s", h.Stopped.Seconds())
		}
		for i, step := range h.Steps {
			row := []string{"", "", "", ""}
			if i == 0 {
				row = []string{h.At.UTC().Format("2006-01-02 15:04:05Z"), h.Who, health.Dash(h.Plan), health.Dash(stopped)}
			}
			fmt.Fprintln(w, strings.Join(append(row, step), "\t"))
		}
	}
	return w.Flush()
}

type recorded struct {
	postgres.Applied
	At      string  `json:"at"`
	Stopped float64 `json:"writes_stopped_seconds"`
}

func (a *app) historyJSON(cluster string, applies []postgres.Applied) error {
	doc := struct {
		Format  string     `json:"format"`
		Cluster string     `json:"cluster"`
		Applies []recorded `json:"applies"`
	}{"pgrepl.history/1", cluster, []recorded{}}
	for _, h := range applies {
		doc.Applies = append(doc.Applies, recorded{h, h.At.UTC().Format(time.RFC3339), h.Stopped.Seconds()})
	}
	return writeJSON(a.out, doc)
}
