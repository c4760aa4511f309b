package docker

import (
	"context"
	"errors"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// named is an engine on which the lock's name is taken: by a container in a state, or for a moment longer than there is one.
type named struct {
	API
	state *container.State
}

func (n named) ContainerInspect(context.Context, string) (container.InspectResponse, error) {
	if n.state == nil {
		return container.InspectResponse{}, errdefs.ErrNotFound
	}
	return container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{State: n.state}, Config: &container.Config{Labels: map[string]string{labelLock: "shop"}}}, nil
}

func (n named) ContainerRemove(context.Context, string, container.RemoveOptions) error {
	if n.state.Running {
		return errors.New("the lock of a running apply would be removed")
	}
	return nil
}

// TestALockOnItsWayOutIsNobodys: the next apply does not refuse for the name of one that has just ended.
func TestALockOnItsWayOutIsNobodys(t *testing.T) {
	for what, c := range map[string]struct {
		state *container.State
		held  bool
	}{
		"it is gone, and its name is not free yet":          {nil, false},
		"its apply has ended":                               {&container.State{Status: "exited"}, false},
		"it is being removed":                               {&container.State{Status: "removing"}, false},
		"its apply runs":                                    {&container.State{Status: "running", Running: true}, true},
		"it was created long ago, and nobody ever began it": {&container.State{Status: "created"}, false},
	} {
		e := &Engine{api: named{state: c.state}}
		if held, err := e.lockHeld(t.Context(), "pgrepl-lock-shop"); err != nil || held != c.held {
			t.Errorf("%s: held is %t, %v", what, held, err)
		}
	}
}
