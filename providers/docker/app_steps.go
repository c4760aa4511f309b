package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Steps brings the container of an app to what the file says. One that is replaced goes on until all is there that the new one
// needs, unless something of it is to be another's before.
func (k apps) Steps(c engine.Change) []engine.Step {
	name := c.ID.Name
	if c.Action == engine.Delete {
		return []engine.Step{k.remove(c)}
	}
	a := k.app(name)
	var recreate []string
	for _, f := range c.Fields {
		if f.Effect == engine.Recreate {
			recreate = append(recreate, f.Path)
		}
	}
	state, stateDiffers := c.Field("state")
	switch {
	case c.Action == engine.Create:
		return []engine.Step{k.create(a, c), k.watch(a, c)}
	case len(recreate) > 0:
		create := k.create(a, c)
		create.replaces = true
		if state.Before.Value != "created" { // that interrupts nobody
			create.why = strings.Join(recreate, ", ")
		}
		if !k.yields(a) {
			return []engine.Step{create, k.watch(a, c)}
		}
		remove := k.replace(a, c, create.why)
		create.again = true
		create.Behind = append(create.Behind, remove.Self)
		return []engine.Step{remove, create, k.watch(a, c)}
	}
	var steps []engine.Step
	if c.Changes("restart") {
		steps = append(steps, updateApp{Order: engine.Order{Self: engine.StepID{Do: "update", On: c.ID}, On: name}, site: k.Site, app: a, change: c})
	}
	if stateDiffers {
		start := startApp{Order: engine.Order{Self: engine.StepID{Do: "start", On: c.ID}, On: name, Behind: []engine.StepID{{Do: "update", On: c.ID}}},
			site: k.Site, wanted: c.New, was: state.Before.Value}
		steps = append(steps, start, k.watch(a, c))
	}
	return steps
}

func (k apps) create(a *schema.App, c engine.Change) createApp {
	behind := []engine.StepID{{Do: "pull", On: imageID(k.imageOf(a))}, {Do: "build", On: imageID(k.imageOf(a))}, {Do: "create", On: networkID(a.Network.Name)},
		{Do: "remove", On: nodeID(a.Name)}}
	for name := range k.seen.inspected { // whoever has its port goes first
		if k.hasPortOf(a, name) {
			behind = append(behind, engine.StepID{Do: "remove", On: nodeID(name)})
		}
	}
	for name, other := range k.seen.apps {
		if name != a.Name && (other.volume == secretsVolume(a.Name) || slices.ContainsFunc(a.Ports, func(p schema.AppPort) bool { return other.publishes(p.Port.Port) })) {
			behind = append(behind, engine.StepID{Do: "remove", On: appID(name)})
		}
	}
	return createApp{Order: engine.Order{Self: engine.StepID{Do: "create", On: c.ID}, On: a.Name, Behind: behind}, site: k.Site, app: a, image: k.imageOf(a), wanted: c.New}
}

func (k apps) remove(c engine.Change) removeApp {
	return removeApp{Order: engine.Order{Self: engine.StepID{Do: "remove", On: c.ID}, On: c.ID.Name}, site: k.Site, app: c.ID, addr: c.Addr, left: !k.seen.apps[c.ID.Name].there()}
}

// replace removes a container in place of which there is to be another, of an image that is there.
func (k apps) replace(a *schema.App, c engine.Change, why string) removeApp {
	s := k.remove(c)
	s.replaced, s.why = true, why
	if a != nil {
		s.Behind = []engine.StepID{{Do: "pull", On: imageID(k.imageOf(a))}, {Do: "build", On: imageID(k.imageOf(a))}}
	}
	return s
}

func (k apps) watch(a *schema.App, c engine.Change) watchApp {
	return watchApp{Order: engine.Order{Self: engine.StepID{Do: "watch", On: c.ID}, On: a.Name, Cancellable: true,
		Behind: []engine.StepID{{Do: "create", On: c.ID}, {Do: "start", On: c.ID}}}, site: k.Site, app: a}
}

type createApp struct {
	engine.Order
	site     *Site
	app      *schema.App
	image    string
	wanted   engine.Resource
	replaces bool   // the container that is there
	again    bool   // it was removed by a step of its own
	why      string // that takes a new one
}

func (s createApp) String() string {
	if s.replaces {
		return "new container"
	}
	return "container"
}

func (s createApp) After(w engine.Snapshot) engine.Snapshot { return w.With(s.wanted) }

func (s createApp) Effects() []engine.Effected {
	if !s.replaces || s.again || s.why == "" {
		return nil
	}
	return renewal(s.wanted.ID, s.wanted.Addr, s.why)
}

func renewal(id engine.ID, addr engine.Address, why string) []engine.Effected {
	return []engine.Effected{{Class: engine.ClassRecreate, On: id, Addr: addr, Why: why, Text: "new container"}}
}

// Run makes the container with its volume of secrets, fills that, and starts it. One that was killed on the way leaves a
// container that was never started, which the next plan replaces.
func (s createApp) Run(ctx context.Context) error {
	e, name := s.site.engine, s.app.Name
	if s.replaces && !s.again {
		if err := s.site.removeApp(ctx, name); err != nil {
			return err
		}
	}
	if left := secretsVolume(name); s.site.seen.apps[name].volume == left { // of a container that somebody removed
		if err := e.dropSecrets(ctx, left); err != nil {
			return err
		}
	}
	info, found, err := e.image(ctx, s.image)
	if err == nil && !found {
		err = fmt.Errorf("create container %s: image %s is not there", name, s.image)
	}
	if err != nil {
		return err
	}
	kept, err := s.site.keep(ctx, s.app, info)
	if err != nil {
		return err
	}
	config, host, nets := s.site.appRecipe(s.app, s.image)
	host.Mounts = append(host.Mounts, kept...)
	err = e.effect.Around("create container "+name, func() error {
		_, err := e.api.ContainerCreate(ctx, config, host, nets, nil, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("create container %s: %w", name, err)
	}
	if len(s.app.Secrets) > 0 {
		if err := e.writeSecrets(ctx, name, info.User, s.app.Secrets); err != nil {
			return err
		}
	}
	return e.start(ctx, name)
}

// appRecipe is how the container of an app is made.
func (s *Site) appRecipe(a *schema.App, image string) (*container.Config, *container.HostConfig, *network.NetworkingConfig) {
	init := true // or a program that knows nothing of being the first one takes no signal to stop
	config := &container.Config{Image: image, Cmd: a.Command, Env: environment(a.Env), Labels: ownLabels(s.file.Name, "app", a.Name, a.Labels), ExposedPorts: nat.PortSet{}}
	if text := uses(a); text != "" {
		config.Labels[labelUses] = text
	}
	host := &container.HostConfig{Init: &init, RestartPolicy: parseRestart(a.Restart), NetworkMode: container.NetworkMode(a.Network.Name), PortBindings: nat.PortMap{}}
	for _, p := range a.Ports {
		inside := nat.Port(strconv.Itoa(p.Inside) + "/tcp")
		config.ExposedPorts[inside] = struct{}{}
		host.PortBindings[inside] = append(host.PortBindings[inside], nat.PortBinding{HostIP: p.Address, HostPort: strconv.Itoa(p.Port.Port)})
	}
	for _, v := range a.Volumes {
		host.Binds = append(host.Binds, v.String())
	}
	if len(a.Secrets) > 0 {
		volume := secretsVolume(a.Name)
		labels := ownLabels(s.file.Name, "volume", volume, withCluster(s.file.Labels, map[string]string{labelSecrets: a.Name}))
		host.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: volume, Target: schema.SecretsFolder,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: labels}}}
	}
	return config, host, &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{a.Network.Name: {}}}
}

type removeApp struct {
	engine.Order
	site     *Site
	app      engine.ID
	addr     engine.Address
	replaced bool
	why      string
	left     bool // there is no container any more, only its secrets
}

func (s removeApp) String() string {
	switch {
	case s.replaced:
		return "stop and remove the old container"
	case s.left:
		return "remove what is left of it"
	}
	return "stop, remove container"
}

func (s removeApp) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.app) }

func (s removeApp) Effects() []engine.Effected {
	if !s.replaced || s.why == "" {
		return nil
	}
	return renewal(s.app, s.addr, s.why)
}

func (s removeApp) Run(ctx context.Context) error { return s.site.removeApp(ctx, s.app.Name) }

// removeApp takes away the container of an app and its secrets. Volumes stay, also those without a name.
func (s *Site) removeApp(ctx context.Context, name string) error {
	seen := s.seen.apps[name]
	if err := s.engine.remove(ctx, cmp.Or(seen.called, name), container.StopOptions{}, false); err != nil || seen.volume == "" {
		return err
	}
	return s.engine.dropSecrets(ctx, seen.volume)
}

type startApp struct {
	engine.Order
	site   *Site
	wanted engine.Resource
	was    string
}

func (s startApp) String() string                          { return "start" }
func (s startApp) After(w engine.Snapshot) engine.Snapshot { return w.With(s.wanted) }

func (s startApp) Run(ctx context.Context) error {
	name := s.wanted.ID.Name
	if s.was == "paused" || s.was == "restarting" {
		err := s.site.engine.effect.Around("stop container "+name, func() error { return s.site.engine.api.ContainerStop(ctx, name, container.StopOptions{}) })
		if err != nil {
			return fmt.Errorf("stop container %s: %w", name, err)
		}
	}
	return s.site.engine.start(ctx, name)
}

type updateApp struct {
	engine.Order
	site   *Site
	app    *schema.App
	change engine.Change
}

func (s updateApp) String() string { return "set restart" }

func (s updateApp) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.change.ID]
	r.Attrs = maps.Clone(r.Attrs)
	r.Attrs["restart"] = s.change.New.Attrs["restart"]
	return w.With(r)
}

func (s updateApp) Run(ctx context.Context) error {
	err := s.site.engine.effect.Around("update container "+s.app.Name, func() error {
		_, err := s.site.engine.api.ContainerUpdate(ctx, s.app.Name, container.UpdateConfig{RestartPolicy: parseRestart(s.app.Restart)})
		return err
	})
	if err != nil {
		return fmt.Errorf("update container %s: %w", s.app.Name, err)
	}
	return nil
}

// watchApp sees that an app does not end at once: what it misses it mostly finds out in its first moments.
type watchApp struct {
	engine.Order
	site *Site
	app  *schema.App
}

const (
	watched    = 3 * time.Second
	watchEvery = 100 * time.Millisecond
	lastLines  = 20
)

func (s watchApp) String() string                          { return "see that it stays up" }
func (s watchApp) After(w engine.Snapshot) engine.Snapshot { return w }

func (s watchApp) Run(ctx context.Context) error {
	name := s.app.Name
	for left := watched; left > 0; left -= watchEvery {
		c, err := s.site.engine.api.ContainerInspect(ctx, name)
		if errdefs.IsNotFound(err) {
			return fmt.Errorf("%s: its container is gone", s.app.Address)
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		if state := appState(&c); state != "running" || c.RestartCount > 0 {
			return s.ended(ctx, c)
		}
		if c.State.Status == "exited" { // with its work done
			return nil
		}
		if err := engine.Pause(ctx, watchEvery); err != nil {
			return err
		}
	}
	return nil
}

// ended is what there is to say of an app that did not stay up.
func (s watchApp) ended(ctx context.Context, c container.InspectResponse) error {
	text := fmt.Sprintf("%s does not stay up: its container ended with %d right after its start", s.app.Address, c.State.ExitCode)
	if c.State.OOMKilled {
		text += " (out of memory)"
	}
	lines, _ := s.site.engine.logs(ctx, s.app.Name, lastLines)
	said := strings.TrimSpace(masked(lines, s.app))
	if said == "" {
		return errors.New(text + "; it wrote nothing")
	}
	return errors.New(text + "; its last lines:\n  " + strings.ReplaceAll(said, "\n", "\n  "))
}
