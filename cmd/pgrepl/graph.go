package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

func newGraph(a *app) *cobra.Command {
	var plan bool
	c := &cobra.Command{
		Use: "graph", Short: "Draw the topology that the file declares", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text", "mermaid", "svg", "dot"); err != nil {
				return err
			}
			if plan {
				return a.withCluster(c.Context(), a.graphPlan)
			}
			file, err := a.load(c.Context())
			if err != nil {
				return err
			}
			return a.draw(file, render.Nodes(providers.Drawn(file)))
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "look at the cluster, and mark what apply would change")
	return c
}

// graphPlan draws what a plan leaves, and what it removes.
func (a *app) graphPlan(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
	cluster := providers.New(file, on, nil)
	defer cluster.Close()
	s := session{app: a, system: cluster, title: planFlags{}.title("plan", file), wants: file}
	p, err := s.look(ctx)
	if err != nil {
		return err
	}
	return a.draw(file, render.Tell(s.title, p).Drawn())
}

func (a *app) draw(file *schema.Cluster, nodes []render.Node) error {
	title := fmt.Sprintf("%s (PostgreSQL %d)", file.Name, file.Version)
	switch a.format {
	case "mermaid":
		return render.Mermaid(a.out, nodes)
	case "svg":
		return render.SVG(a.out, title, nodes)
	case "dot":
		return render.DOT(a.out, title, nodes)
	}
	return render.Tree(a.out, title, nodes)
}
