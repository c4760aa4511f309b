package docker

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"pgrepl/schema"
)

// isApp reports whether a container is an app of this cluster's.
func (s *Site) isApp(c container.Summary) bool {
	return s.labelled(c.Labels) && strings.HasPrefix(c.Labels[labelObject], "app/")
}

// lookAtApps looks at the containers of apps, at those that stand where one should, and at secrets of which the container is
// gone.
func (s *Site) lookAtApps(ctx context.Context, look *survey, secrets map[string]bool) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for _, c := range look.containers {
		name := containerName(c)
		if !s.isApp(c) && (s.app(name) == nil || s.labelled(c.Labels)) { // a node's goes by the node's own steps
			continue
		}
		g.Go(func() error {
			seen, err := s.inspectApp(gctx, c.ID)
			if errdefs.IsNotFound(err) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			look.apps[name] = seen
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("docker: look at apps: %w", err)
	}
	for name := range secrets {
		if _, there := look.apps[name]; !there {
			look.apps[name] = seenApp{called: name, volume: secretsVolume(name), labels: ownLabels(s.file.Name, "app", name, nil)}
		}
	}
	s.renamedApps(look)
	return nil
}

func (s *Site) inspectApp(ctx context.Context, id string) (seenApp, error) {
	c, err := s.engine.api.ContainerInspect(ctx, id)
	if err != nil {
		return seenApp{}, err
	}
	a := readApp(c, imageInfo{}, nil)
	if !s.ownsApp(a) {
		return a, nil
	}
	made, _, err := s.engine.image(ctx, c.Image)
	if err != nil {
		return seenApp{}, err
	}
	if a.volume == "" { // what lies there is the image's
		return readApp(c, made, nil), nil
	}
	secrets, err := s.engine.readSecrets(ctx, id)
	return readApp(c, made, secrets), err
}

// renamedApps gives the container of a renamed app the name that the file has for it.
func (s *Site) renamedApps(look *survey) {
	for _, a := range s.file.Apps {
		old, there := look.apps[a.RenamedFrom]
		now := look.apps[a.Name]
		if a.RenamedFrom != "" && there && old.there() && s.ownsApp(old) && !now.there() {
			delete(look.apps, a.RenamedFrom)
			look.apps[a.Name] = old
		}
	}
}

// imageOf is the reference of the image that an app's container is made of.
func (s *Site) imageOf(a *schema.App) string {
	if a.Build == nil {
		return a.Image
	}
	return builtName(s.file.Name, a.Name) + ":" + s.digestOf(a).sum
}
