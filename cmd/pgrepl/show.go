package main

import (
	"github.com/spf13/cobra"

	"pgrepl/engine/render"
)

func newShow(a *app) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use: "show PLANFILE", Short: "Print a saved plan, in any format", Args: exactly("PLANFILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.offers(planFormats...); err != nil {
				return err
			}
			d, err := a.readPlan(args[0])
			if err != nil {
				return err
			}
			return a.write(d, full)
		},
	}
	c.Flags().BoolVar(&full, "full", false, "show attributes that have their default too")
	return c
}

// planFormats are those that a plan can be written in.
var planFormats = []string{"text", "json"}

// write writes a plan in the format that was asked for.
func (a *app) write(d render.Document, full bool) error {
	if a.format == "json" {
		return render.JSON(a.out, d)
	}
	return render.Text(a.out, d, render.Options{Full: full, Color: a.colored(a.out)})
}
