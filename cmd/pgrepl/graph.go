package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pgrepl/engine/render"
	"pgrepl/providers"
)

func newGraph(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "graph", Short: "Draw the topology that the file declares", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text", "mermaid", "svg", "dot"); err != nil {
				return err
			}
			file, err := a.load(c.Context())
			if err != nil {
				return err
			}
			title, nodes := fmt.Sprintf("%s (PostgreSQL %d)", file.Name, file.Version), providers.Drawn(file)
			switch a.format {
			case "mermaid":
				return render.Mermaid(a.out, nodes)
			case "svg":
				return render.SVG(a.out, title, nodes)
			case "dot":
				return render.DOT(a.out, title, nodes)
			}
			return render.Tree(a.out, title, nodes)
		},
	}
}
