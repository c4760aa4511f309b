package docker

import (
	"bytes"
	"cmp"
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
	"pgrepl/schema"
)

// Container is what Docker says now of the container of a node, by the name that it had at the last look.
func (s *Site) Container(ctx context.Context, node string) (health.Container, error) {
	_, out, err := s.healthNow(ctx, s.container(node), func(c container.InspectResponse) bool { return s.takesPart(node, c) })
	return out, err
}

// AppContainer is the same of the container of an app; done is true of one that has ended as it should.
func (s *Site) AppContainer(ctx context.Context, a *schema.App) (out health.Container, done bool, err error) {
	c, out, err := s.healthNow(ctx, cmp.Or(s.seen.apps[a.Name].called, a.Name), func(c container.InspectResponse) bool {
		return s.ownsApp(seenApp{labels: c.Config.Labels})
	})
	if c == nil {
		return out, false, err
	}
	state := appState(c)
	if state == "restarting" {
		out.State = state
	}
	return out, state == "running" && !c.State.Running, nil
}

// healthNow looks at a container; c is nil of one that is missing, or somebody else's, in which nothing is run.
func (s *Site) healthNow(ctx context.Context, name string, ours func(container.InspectResponse) bool) (c *container.InspectResponse, out health.Container, err error) {
	got, err := s.engine.api.ContainerInspect(ctx, name)
	switch {
	case errdefs.IsNotFound(err):
		return nil, health.Container{State: "missing"}, nil
	case err != nil:
		return nil, out, fmt.Errorf("docker: inspect %s: %w", name, err)
	case !ours(got):
		return nil, health.Container{State: health.Foreign}, nil
	}
	return &got, healthOf(got), nil
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
	return s.engine.logs(ctx, s.container(name), lines)
}

// logs are the last lines that a container wrote; with an error, those that could be read.
func (e *Engine) logs(ctx context.Context, name string, lines int) (string, error) {
	stream, err := e.api.ContainerLogs(ctx, name, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if errdefs.IsNotFound(err) {
		return "", fmt.Errorf("there is no container %s", name)
	}
	if err != nil {
		return "", fmt.Errorf("docker: logs of %s: %w", name, err)
	}
	defer stream.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, io.LimitReader(stream, logsMost))
	said := strings.TrimSpace(out.String())
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return said, fmt.Errorf("docker: logs of %s: %w", name, err)
	}
	return said, nil
}

// logsMost bounds what is read of a log whose lines are long.
const logsMost = 4 << 20
