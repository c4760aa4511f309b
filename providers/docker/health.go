package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

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
	if !s.takesPart(node, c) { // nothing is run in somebody else's
		return health.Container{State: health.Foreign}, nil
	}
	return healthOf(c), nil
}

// healthOf is what an inspection tells of a container's health.
func healthOf(c container.InspectResponse) health.Container {
	out := health.Container{State: seenState(c.State), ExitCode: c.State.ExitCode, OOM: c.State.OOMKilled && !c.State.Running}
	if c.State.Health != nil {
		out.Health = c.State.Health.Status
	}
	return out
}

// Logs returns the last lines that a container of the cluster wrote, of a node by the name that it had at the last look.
func (s *Site) Logs(ctx context.Context, name string, lines int) (string, error) {
	stream, err := s.engine.api.ContainerLogs(ctx, s.container(name), container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if errdefs.IsNotFound(err) {
		return "", fmt.Errorf("there is no container %s", name)
	}
	if err != nil {
		return "", fmt.Errorf("docker: logs of %s: %w", name, err)
	}
	defer stream.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, io.LimitReader(stream, logsMost))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", fmt.Errorf("docker: logs of %s: %w", name, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// logsMost bounds what is read of a log whose lines are long.
const logsMost = 4 << 20
