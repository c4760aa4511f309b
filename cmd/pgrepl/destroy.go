package main

import (
	"context"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

func newDestroy(a *app) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use: "destroy", Short: "Remove what Docker holds of the cluster; volumes stay unless --allow=data[:ADDRESS]", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.checkApply(); err != nil {
				return err
			}
			return a.withApproval(c.Context(), f, func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				cluster := providers.Destroy(file, on, func(node engine.Address) bool {
					return engine.Allows(f.allow, engine.ClassData, node)
				})
				defer cluster.Close()
				return a.carryOut(ctx, cluster, f, render.Title{Command: "destroy", Cluster: file.Name, File: file.File})
			})
		},
	}
	f.add(c)
	return c
}
