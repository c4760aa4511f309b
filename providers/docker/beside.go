package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/pkg/stdcopy"

	"pgrepl/schema"
)

// Neighbours returns those of the nodes whose volumes a container of this node's engine can mount: volumes by name that are there.
func (m *Machine) Neighbours(ctx context.Context, nodes []*schema.Node) ([]*schema.Node, error) {
	list, err := m.site.engine.api.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelCluster+"="+m.site.file.Name))})
	if err != nil {
		return nil, fmt.Errorf("docker: list volumes: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(n *schema.Node) bool {
		return !slices.ContainsFunc(list.Volumes, func(v *volume.Volume) bool { return v.Name == n.Volume })
	}), nil
}

// besideFolder is where a container beside a node has the volumes of others, each under the node's name.
const besideFolder = "/volumes"

// Beside is a container beside that of a running node, for a while: of its image, in its network, and with its volume at the same
// place. The volumes of others are at /volumes/NAME.
type Beside struct {
	machine *Machine
	what    string
	id      string
	at      map[string]string // where the volumes are, by node
}

// Beside makes a container that will run a shell script as the user postgres. One whose client is killed sees the end of its
// input, and is removed by the next apply at the latest.
func (m *Machine) Beside(ctx context.Context, what string, others []*schema.Node, script string, args []string) (*Beside, error) {
	dir, err := m.Dir(ctx)
	if err != nil {
		return nil, err
	}
	b := &Beside{machine: m, what: what + " of " + m.node.Name, at: map[string]string{m.node.Name: dir}}
	init := true
	host := &container.HostConfig{AutoRemove: true, Init: &init, Resources: container.Resources{Memory: m.node.Memory, NanoCPUs: nanoCPUs(m.node.CPUs)},
		NetworkMode: container.NetworkMode("container:" + m.container()), Mounts: []mount.Mount{besideMount(m.node, dir)}}
	for _, n := range others {
		b.at[n.Name] = path.Join(besideFolder, n.Name)
		host.Mounts = append(host.Mounts, besideMount(n, b.at[n.Name]))
	}
	config := &container.Config{Image: m.node.Image, User: "postgres", Env: environment(m.node.Env), Labels: ownLabels(m.site.file.Name, "helper", m.node.Name, nil), OpenStdin: true, StdinOnce: true,
		AttachStdin: true, AttachStdout: true, AttachStderr: true, Entrypoint: append([]string{"sh", "-c", script, "pgrepl"}, args...)}
	config.Labels[labelHelper], config.Labels[labelBeside] = m.node.Name, m.node.Name
	err = m.site.engine.effect.Around("create container for the "+b.what, func() error {
		made, err := m.site.engine.api.ContainerCreate(ctx, config, host, nil, nil, "")
		b.id = made.ID
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create container: %w", err)
	}
	return b, nil
}

func besideMount(n *schema.Node, target string) mount.Mount {
	return mount.Mount{Type: mount.TypeVolume, Source: n.Volume, Target: target, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}
}

// Write puts files into pgrepl/ of several volumes at once, as Machine.Write does: each call costs the engine a process.
func (b *Beside) Write(ctx context.Context, files map[string]map[string][]byte) error {
	owner, err := b.machine.account(ctx, b.id, b.machine.node.Image)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, node := range slices.Sorted(maps.Keys(files)) {
		if err := addFiles(w, strings.TrimPrefix(b.at[node], "/"), true, owner, files[node]); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	err = b.machine.site.engine.effect.Around("write files for the "+b.what, func() error {
		return b.machine.site.engine.api.CopyToContainer(ctx, b.id, "/", &archive, container.CopyToContainerOptions{})
	})
	if err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	return nil
}

// Run starts the script; talk is given its standard input and output. What it wrote to standard error is in the error.
func (b *Beside) Run(ctx context.Context, talk func(in io.Writer, out io.Reader) error) error {
	api := b.machine.site.engine.api
	stream, err := api.ContainerAttach(ctx, b.id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attach container: %w", err)
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, stream.Close)()
	out, in := io.Pipe()
	var stderr bytes.Buffer
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, err := stdcopy.StdCopy(in, &stderr, stream.Reader)
		in.CloseWithError(err)
	}()
	err = b.machine.site.engine.effect.Around("start container for the "+b.what, func() error { return api.ContainerStart(ctx, b.id, container.StartOptions{}) })
	if err == nil {
		err = talk(stream.Conn, out)
	}
	out.CloseWithError(io.ErrClosedPipe)
	stream.Close()
	<-heard
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if said := strings.TrimSpace(stderr.String()); err != nil && said != "" {
		return fmt.Errorf("%s: %w", said, err)
	}
	return err
}

// Close removes the container with whatever still runs in it.
func (b *Beside) Close(ctx context.Context) error { return b.machine.site.engine.dropHelper(ctx, b.id) }

// Wake tells a container that waits for its data that it is there.
func (m *Machine) Wake(ctx context.Context) error {
	if !errors.Is(m.wakeInside(ctx), errOutside) {
		return nil
	}
	// Not by a signal through the engine, which takes any signal for a stop by hand: restart = "unless-stopped" no more holds then.
	if _, err := m.run(ctx, m.WakeScript(), "", nil); ctx.Err() != nil {
		return err
	}
	return nil // else it looks by itself: every few seconds, and when it starts
}
