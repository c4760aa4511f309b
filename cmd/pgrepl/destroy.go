package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

func newDestroy(a *app) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use: "destroy", Short: "Remove what Docker holds of the cluster; volumes stay unless --allow=data[:ADDRESS]", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(f.checkApply(), a.offers("text")); err != nil {
				return usageError{err}
			}
			return a.withApproval(c.Context(), f, func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				cluster := f.removal(file, on)
				defer cluster.Close()
				return a.carryOut(ctx, cluster, f, file, "destroy")
			})
		},
	}
	f.add(c)
	a.addPolicy(c)
	return c
}

// removal is the file's cluster, to be removed.
func (f applyFlags) removal(file *schema.Cluster, on *docker.Engine) *providers.Cluster {
	return providers.Destroy(file, on, func(node engine.Address) bool {
		return f.asksFor(engine.ClassData, node)
	})
}
