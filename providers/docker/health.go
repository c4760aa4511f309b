package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"pgrepl/engine/health"
)

// Container is what Docker says now of the container of a node, by the name that it had at the last look.
func (s *Site) Container(ctx context.Context, node string) (health.Container, error) {
	c, err := s.engine.api.ContainerInspect(ctx, s.container(node))
	if errdefs.IsNotFound(err) {
		return health.Container{State: "missing"}, nil
	}
	if err != nil {
		return health.Container{}, fmt.Errorf("docker: inspect %s: %w", node, err)
	}
	out := health.Container{State: seenState(c.State), ExitCode: c.State.ExitCode, OOM: c.State.OOMKilled && !c.State.Running}
	if c.State.Health != nil {
		out.Health = c.State.Health.Status
	}
	return out, nil
}
