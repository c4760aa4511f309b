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
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"

	"pgrepl/schema"
)

// Machine is the way into one node: its files in any state of its container, and commands and connections while it runs.
// It is what the postgres provider sees of Docker.
type Machine struct {
	site *Site
	node *schema.Node
}

// Machine returns the way into a node of the file.
func (s *Site) Machine(n *schema.Node) *Machine { return &Machine{s, n} }

func (m *Machine) container() string { return m.site.container(m.node.Name) }

// Renamed reports whether the node's container still has the name that the node had before.
func (m *Machine) Renamed() bool { return m.container() != m.node.Name }

// Moves reports whether the container is to be made anew together with others: under another name or on another network, where
// it reaches nobody until they have moved, too; or with a port that one of them gives up for it. One that is missing is made
// anew in any case.
func (m *Machine) Moves() bool {
	c, ok := m.site.seen.inspected[m.node.Name]
	if !ok || strings.TrimPrefix(c.Name, "/") != m.node.Name || (nodes{m.site}).seenNetwork(m.node.Name, c) != m.node.Network.Name {
		return true
	}
	held, wanted := seenPort(c.HostConfig), m.node.Port.String()
	return held != wanted && slices.ContainsFunc(m.site.file.Nodes, func(n *schema.Node) bool {
		other, there := m.site.seen.inspected[n.Name]
		return n != m.node && (held != "" && n.Port.String() == held || wanted != "" && there && seenPort(other.HostConfig) == wanted)
	})
}

// Running reports whether the container ran at the last look.
func (m *Machine) Running() bool {
	c, ok := m.site.seen.inspected[m.node.Name]
	return ok && m.ours(c) && c.State.Running && !c.State.Paused && !c.State.Restarting
}

// State is the container's state at the last look as Docker names it, or "missing".
func (m *Machine) State() string {
	c, ok := m.site.seen.inspected[m.node.Name]
	if !ok || !m.ours(c) {
		return "missing"
	}
	return seenState(c.State)
}

// Failed reports, of a server that did not answer at the last look, whether it cannot start: its container starts again and
// again, or it ended with 1, which is how a server ends that cannot use its files (killed or stopped, it ends otherwise).
func (m *Machine) Failed() bool {
	c, ok := m.site.seen.inspected[m.node.Name]
	return ok && m.ours(c) && (c.State.Restarting || c.State.Running && c.RestartCount > 0 || !c.State.Running && c.State.ExitCode == 1)
}

// HasVolume reports whether there is anything to read: a container, or a volume left of one.
func (m *Machine) HasVolume() bool {
	if m.State() != "missing" || isPath(m.node.Volume) {
		return true
	}
	v := m.site.seen.volume(m.node.Volume)
	return v != nil && m.site.takesPartVolume(v)
}

// Readable reports whether the volume can be read now: with no container left, that takes the node's image.
func (m *Machine) Readable() bool {
	_, here := m.site.seen.images[m.node.Image]
	return m.State() != "missing" || here
}

func (m *Machine) ours(c container.InspectResponse) bool { return m.site.takesPart(m.node.Name, c) }

// ByHand reports whether the node's container was made by somebody else.
func (m *Machine) ByHand() bool {
	c, there := m.site.seen.inspected[m.node.Name]
	return there && m.ours(c) && !m.site.labelled(c.Config.Labels)
}

// Arguments names the settings that the container's command gives.
func (m *Machine) Arguments() []string {
	c, there := m.site.seen.inspected[m.node.Name]
	if !there || !m.ours(c) {
		return nil
	}
	return settingArguments(slices.Concat(c.Config.Entrypoint, c.Config.Cmd))
}

// Mark is the text of the file pgrepl/cluster, which says whose an adopted volume is.
func (m *Machine) Mark() string { return m.site.layoutOf(m.node).mark(m.site.file.Name) }

// Dir is the folder inside the container that the node's volume is mounted at.
func (m *Machine) Dir(ctx context.Context) (string, error) {
	if at := m.site.layoutOf(m.node); at.mount != "" {
		return at.mount, nil
	}
	if info, ok := m.site.seen.images[m.node.Image]; ok {
		return info.Mount, nil
	}
	info, found, err := m.site.engine.image(ctx, m.node.Image)
	if err == nil && !found {
		err = fmt.Errorf("image %s is not there", m.node.Image)
	}
	return info.Mount, err
}

// Read returns the files below a folder of the volume, by path relative to the volume; none where it does not exist.
// It needs no running container, and where there is none at all, reads through a never-started one.
func (m *Machine) Read(ctx context.Context, folder string) (map[string][]byte, error) {
	stream, err := m.archive(ctx, folder)
	if err != nil || stream == nil {
		return map[string][]byte{}, err
	}
	defer stream.Close()
	files, err := untar(stream, path.Dir(folder))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", folder, m.node.Name, err)
	}
	return files, nil
}

// Holds reports whether a folder of the volume is there, and whether there is anything in it. It reads no further than to the
// first entry.
func (m *Machine) Holds(ctx context.Context, folder string) (there, filled bool, err error) {
	stream, err := m.archive(ctx, folder)
	if err != nil || stream == nil {
		return false, false, err
	}
	defer stream.Close()
	entries := tar.NewReader(stream)
	if _, err := entries.Next(); errors.Is(err, io.EOF) { // the folder itself, renamed since the engine saw it
		return false, false, nil
	} else if err != nil {
		return false, false, fmt.Errorf("read %s of %s: %w", folder, m.node.Name, err)
	}
	_, err = entries.Next()
	if errors.Is(err, io.EOF) {
		return true, false, nil
	}
	return true, err == nil, err
}

// archive is a folder of the volume as the engine packs it; nil where there is none.
func (m *Machine) archive(ctx context.Context, folder string) (io.ReadCloser, error) {
	dir, err := m.Dir(ctx)
	if err != nil {
		return nil, err
	}
	id := m.container()
	if m.State() == "missing" {
		if id, err = m.site.reader(ctx, m.node, dir); errors.Is(err, errNoPath) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	stream, _, err := m.site.engine.api.CopyFromContainer(ctx, id, path.Join(dir, folder))
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", folder, m.node.Name, err)
	}
	return stream, nil
}

func untar(stream io.Reader, under string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[path.Join(under, h.Name)] = text
	}
}

// errNoPath is a host path that is not there yet.
var errNoPath = errors.New("the path does not exist")

// reader returns a helper with the node's volume that lasts as long as this look.
func (s *Site) reader(ctx context.Context, n *schema.Node, dir string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := s.helpers[n.Volume]; ok {
		return id, nil
	}
	id, err := s.engine.helper(ctx, s.file.Name, n, dir)
	if err == nil {
		s.helpers[n.Volume] = id
	}
	return id, err
}

// helper makes a container with the node's volume, which is never started: the engine reads and writes in it all the same.
func (e *Engine) helper(ctx context.Context, cluster string, n *schema.Node, dir string) (string, error) {
	labels := ownLabels(cluster, "helper", n.Name, nil)
	labels[labelHelper] = n.Name
	host := &container.HostConfig{NetworkMode: "none", Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: n.Volume, Target: dir, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}}}
	if isPath(n.Volume) { // as a mount, which unlike a bind does not make a path that is missing
		host.Mounts[0] = mount.Mount{Type: mount.TypeBind, Source: n.Volume, Target: dir}
	}
	made, err := e.api.ContainerCreate(ctx, &container.Config{Image: n.Image, Labels: labels, Entrypoint: []string{"true"}}, host, nil, nil, "")
	if err != nil && strings.Contains(err.Error(), "bind source path does not exist") {
		return "", errNoPath
	}
	if err != nil {
		return "", fmt.Errorf("mount volume %s: %w", n.Volume, err)
	}
	return made.ID, nil
}

// DropHelpers removes the containers that Read made; it is the end of a look.
func (s *Site) DropHelpers(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for v, id := range s.helpers {
		errs = append(errs, s.engine.dropHelper(ctx, id))
		delete(s.helpers, v)
	}
	return errors.Join(errs...)
}

func (e *Engine) dropHelper(ctx context.Context, id string) error {
	err := e.api.ContainerRemove(context.WithoutCancel(ctx), id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // it may be removing itself
		return fmt.Errorf("remove helper container: %w", err)
	}
	return nil
}

// Write puts files into the folder pgrepl/ of the volume, 0600 and the server's own, in whatever state the container is, and
// where there is none. The volume's root and the folder become the server's too: a volume mounted without copy-up belongs to
// root. That is why the archive is unpacked from the folder above: the engine leaves the owner of the target folder itself alone.
func (m *Machine) Write(ctx context.Context, files map[string][]byte) error {
	dir, err := m.Dir(ctx)
	if err != nil {
		return err
	}
	c, err := m.site.engine.api.ContainerInspect(ctx, m.container())
	switch {
	case err == nil:
		return m.write(ctx, c.ID, c.Config.Image, dir, files)
	case !errdefs.IsNotFound(err) || m.State() != "missing":
		return fmt.Errorf("write files of %s: %w", m.node.Name, err)
	}
	id, err := m.site.engine.helper(ctx, m.site.file.Name, m.node, dir)
	if err != nil {
		return err
	}
	return errors.Join(m.write(ctx, id, m.node.Image, dir, files), m.site.engine.dropHelper(ctx, id))
}

// write is Write through one container.
func (m *Machine) write(ctx context.Context, id, image, dir string, files map[string][]byte) error {
	owner, err := m.account(ctx, id, image)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := errors.Join(addFiles(w, path.Base(dir), m.Data() == ownData, owner, files), w.Close()); err != nil {
		return err
	}
	err = m.site.engine.effect.Around("write files of "+m.node.Name, func() error {
		return m.site.engine.api.CopyToContainer(ctx, id, path.Dir(dir), &archive, container.CopyToContainerOptions{})
	})
	if err != nil {
		return fmt.Errorf("write files of %s: %w", m.node.Name, err)
	}
	return nil
}

// addFiles writes pgrepl/ with files into an archive, for the volume that is at root. The root becomes the owner's too where the
// data is in a folder of it: that of another volume has an owner and a mode that suit what is in it.
func addFiles(w *tar.Writer, root string, own bool, owner account, files map[string][]byte) error {
	folder := root + "/pgrepl/"
	entries := []*tar.Header{{Typeflag: tar.TypeDir, Name: folder, Mode: 0o700}}
	if own {
		entries = slices.Insert(entries, 0, &tar.Header{Typeflag: tar.TypeDir, Name: root + "/", Mode: 0o700})
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		entries = append(entries, &tar.Header{Typeflag: tar.TypeReg, Name: folder + name, Mode: 0o600, Size: int64(len(files[name]))})
	}
	for _, h := range entries {
		h.Uid, h.Gid = owner.uid, owner.gid
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(files[strings.TrimPrefix(h.Name, folder)]); err != nil {
			return err
		}
	}
	return nil
}

// account finds the numbers of the user postgres in a container's image. It asks once per image: reading a file out of a
// container costs the engine as much as an exec.
func (m *Machine) account(ctx context.Context, id, image string) (account, error) {
	e := m.site.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if a, known := e.accounts[image]; known {
		return a, nil
	}
	stream, _, err := e.api.CopyFromContainer(ctx, id, "/etc/passwd")
	if err != nil {
		return account{}, fmt.Errorf("read /etc/passwd of %s: %w", m.node.Name, err)
	}
	defer stream.Close()
	files, err := untar(stream, "")
	if err != nil {
		return account{}, fmt.Errorf("read /etc/passwd of %s: %w", m.node.Name, err)
	}
	a, err := postgresAccount(string(files["passwd"]))
	if err != nil {
		return a, fmt.Errorf("image %s: %w", image, err)
	}
	e.accounts[image] = a
	return a, nil
}

func postgresAccount(passwd string) (account, error) {
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[0] != "postgres" {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		return account{uid, gid}, errors.Join(err1, err2)
	}
	return account{}, errors.New("it has no user postgres")
}

// ExecError is a command that ended with a code other than 0 inside a node.
type ExecError struct {
	Code   int
	Stderr string
}

func (e *ExecError) Error() string {
	return fmt.Sprintf("%s (exit code %d)", strings.TrimSpace(e.Stderr), e.Code)
}

// Run runs a shell script as the user postgres in the running container, with stdin, and returns what it wrote to
// standard output. Secrets may go in through stdin only: arguments are visible to everybody.
func (m *Machine) Run(ctx context.Context, what, script string, stdin string, args ...string) (string, error) {
	var out string
	err := m.site.engine.effect.Around(what+" in "+m.node.Name, func() (err error) {
		out, err = m.run(ctx, script, stdin, args)
		return err
	})
	return out, err
}

// Ask is Run for a script that changes nothing.
func (m *Machine) Ask(ctx context.Context, script string, stdin string, args ...string) (string, error) {
	return m.run(ctx, script, stdin, args)
}

func (m *Machine) run(ctx context.Context, script, stdin string, args []string) (string, error) {
	created, err := m.site.engine.api.ContainerExecCreate(ctx, m.container(), container.ExecOptions{User: "postgres", AttachStdin: true, AttachStdout: true,
		AttachStderr: true, Cmd: append([]string{"sh", "-c", script, "pgrepl"}, args...)})
	if err != nil {
		return "", fmt.Errorf("exec in %s: %w", m.node.Name, err)
	}
	stream, err := m.site.engine.api.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return "", fmt.Errorf("exec in %s: %w", m.node.Name, err)
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close) // the command goes on in there; Fresh ends it
	defer stop()
	if _, err := io.WriteString(stream.Conn, stdin); err != nil {
		return "", fmt.Errorf("exec in %s: %w", m.node.Name, err)
	}
	if err := stream.CloseWrite(); err != nil {
		return "", fmt.Errorf("exec in %s: %w", m.node.Name, err)
	}
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, stream.Reader); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("exec in %s: %w", m.node.Name, err)
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	ended, err := m.site.engine.api.ContainerExecInspect(ctx, created.ID)
	if err != nil {
		return "", fmt.Errorf("exec in %s: %w", m.node.Name, err)
	}
	if ended.ExitCode != 0 {
		return stdout.String(), &ExecError{Code: ended.ExitCode, Stderr: strings.TrimSpace(stderr.String() + "\n" + stdout.String())}
	}
	return stdout.String(), nil
}

// Fresh ends whatever a killed client left running in the container (an exec outlives its client) by restarting it. Only
// a container that still waits for its data may be asked for that.
func (m *Machine) Fresh(ctx context.Context) error {
	c, err := m.site.engine.api.ContainerInspect(ctx, m.container())
	if err != nil {
		return fmt.Errorf("inspect %s: %w", m.node.Name, err)
	}
	if len(c.ExecIDs) == 0 {
		return nil
	}
	return m.Restart(ctx)
}

// Restart restarts the container; the server in it does a fast shutdown.
func (m *Machine) Restart(ctx context.Context) error {
	err := m.site.engine.effect.Around("restart container "+m.node.Name, func() error {
		return m.site.engine.api.ContainerRestart(ctx, m.container(), fastShutdown(m.node.StopTimeout))
	})
	if err != nil {
		return fmt.Errorf("restart container %s: %w", m.node.Name, err)
	}
	return nil
}

// Logs returns the last lines that the container wrote, for messages.
func (m *Machine) Logs(ctx context.Context, lines int) string {
	said, _ := m.site.engine.logs(ctx, m.container(), lines) // what there is of it will do
	return said
}

// fastShutdown stops a server as its own container would; one that was made by hand may know neither signal nor patience.
func fastShutdown(seconds int) container.StopOptions {
	return container.StopOptions{Signal: "SIGINT", Timeout: &seconds}
}
