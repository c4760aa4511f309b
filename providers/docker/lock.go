package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"pgrepl/engine"
)

// Lock is held by one apply of a cluster at a time, before there is a master and across its restarts. It is a container
// under a fixed name: creation is atomic in the name, and it runs `cat` on a stream of ours, so that it ends, and
// removes itself, with the process that made it, also over ssh.
type Lock struct {
	engine  *Engine
	id      string
	stream  types.HijackedResponse
	running chan error
}

// ErrLocked is somebody else's apply.
var ErrLocked = errors.New("another apply of this cluster is running")

// abandoned is how old a lock container that never started must be to count as left by a killed client.
const abandoned = 5 * time.Second

// Lock takes the cluster's lock, waiting for it up to wait (0: not at all; then ErrLocked). It rests on the last look for
// an image that is on the engine.
func (s *Site) Lock(ctx context.Context, wait time.Duration) (*Lock, error) {
	name := "pgrepl-lock-" + s.file.Name
	image, err := s.lockImage(ctx)
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		made, err := s.engine.api.ContainerCreate(ctx, &container.Config{Image: image, Entrypoint: []string{"cat"}, Labels: map[string]string{labelLock: s.file.Name},
			OpenStdin: true, StdinOnce: true, AttachStdin: true}, &container.HostConfig{AutoRemove: true, NetworkMode: "none"}, nil, nil, name)
		if err == nil {
			if err := s.sweep(ctx); err != nil {
				return nil, errors.Join(err, s.engine.api.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true}))
			}
			return s.engine.hold(ctx, made.ID)
		}
		if !errdefs.IsConflict(err) {
			return nil, fmt.Errorf("take the lock of cluster %s: %w", s.file.Name, err)
		}
		held, err := s.engine.lockHeld(ctx, name)
		if err != nil {
			return nil, err
		}
		if waited := time.Since(began); held && waited >= wait || waited > max(wait, abandoned) {
			return nil, ErrLocked
		}
		if err := engine.Pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// lockImage is the image of the cluster, pulled where it is missing; where none can be had, that of any node.
func (s *Site) lockImage(ctx context.Context) (string, error) {
	ref := s.file.Primary().Image
	if _, here := s.seen.images[ref]; here {
		return ref, nil
	}
	for _, c := range s.seen.inspected {
		return c.Image, nil
	}
	if s.removal.Containers {
		return "", nil // nothing to remove, nothing to lock
	}
	return ref, s.engine.pull(ctx, ref)
}

func (e *Engine) hold(ctx context.Context, id string) (*Lock, error) {
	stream, err := e.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true})
	if err != nil {
		return nil, fmt.Errorf("hold the lock: %w", err)
	}
	l := &Lock{engine: e, id: id, stream: stream, running: make(chan error, 1)}
	go func() { l.running <- e.api.ContainerStart(context.WithoutCancel(ctx), id, container.StartOptions{}) }()
	return l, nil
}

// Held waits until the lock is tied to this process. Creating it already keeps others out, for as long as a container
// may be young and not started; so looking and planning go on while it starts.
func (l *Lock) Held() error {
	err := <-l.running
	l.running <- err
	if err != nil {
		return fmt.Errorf("hold the lock: %w", err)
	}
	return nil
}

// lockHeld reports whether somebody has the lock whose name was taken. Nobody does where its container is on its way out: Docker
// gives the name back a moment after it says that there is none. One that was created and never started, as its client was
// killed in between, is removed.
func (e *Engine) lockHeld(ctx context.Context, name string) (bool, error) {
	c, err := e.api.ContainerInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock: %w", err)
	}
	made, _ := time.Parse(time.RFC3339Nano, c.Created)
	switch {
	case c.Config.Labels[labelLock] == "":
		return true, nil
	case c.State.Status != "created":
		return c.State.Running, nil
	case time.Since(made) < abandoned:
		return true, nil
	}
	err = e.api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		return false, fmt.Errorf("remove an abandoned lock: %w", err)
	}
	return false, nil
}

// Release gives the lock back and waits until it is gone.
func (l *Lock) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	<-l.running
	l.stream.Close()
	// The container ends by itself now; removing it by force makes sure that it is gone before the command is.
	_ = l.engine.api.ContainerRemove(ctx, l.id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	for {
		if _, err := l.engine.api.ContainerInspect(ctx, l.id); err != nil {
			return
		}
		if engine.Pause(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}
