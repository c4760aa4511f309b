package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sys/unix"

	"pgrepl/engine"
)

// The short way into a node. Whoever is root on the engine's own machine can step into the network of a container, which takes a
// millisecond, where an exec takes the engine 45 ms of processor; the files that the tunnel reads inside lie in the volume's
// folder. Everybody else (another user, another machine, Docker Desktop) takes the tunnel, and sees no difference.

// sandbox is the network of a running container.
type sandbox struct {
	node   string
	file   *os.File
	volume string // the folder on this machine that the node's volume is
	pid    int    // of the container's first process, as the engine's machine counts
}

// enter opens the network of the node's container. Its file is named after a random id, so it is there on the engine's own
// machine only.
func (m *Machine) enter(ctx context.Context, dir string) (sandbox, error) {
	if os.Geteuid() != 0 || os.Getenv(onlyExec) != "" || !strings.HasPrefix(m.site.engine.api.DaemonHost(), "unix:") {
		return sandbox{}, errOutside
	}
	c, err := m.site.engine.api.ContainerInspect(ctx, m.container())
	if err != nil || !c.State.Running || c.State.Paused || c.State.Restarting || c.NetworkSettings == nil {
		return sandbox{}, errOutside // the tunnel says what is the matter
	}
	if !slices.Contains([]string{"", "runc", "crun"}, c.HostConfig.Runtime) { // others have a network of their own making
		return sandbox{}, errOutside
	}
	key, id := c.NetworkSettings.SandboxKey, c.NetworkSettings.SandboxID
	if id == "" || !strings.HasPrefix(id, path.Base(key)) { // the machine's own network has the same name everywhere
		return sandbox{}, errOutside
	}
	file, err := os.Open(key)
	if err != nil {
		return sandbox{}, errOutside
	}
	s := sandbox{node: m.node.Name, file: file, pid: c.State.Pid}
	if i := slices.IndexFunc(c.Mounts, func(at container.MountPoint) bool { return at.Destination == dir }); i >= 0 {
		s.volume = c.Mounts[i].Source
	}
	return s, nil
}

// openInside is Open by the short way; errOutside where there is none.
func (m *Machine) openInside(ctx context.Context, dir string, patience time.Duration) (net.Conn, map[string]string, error) {
	s, err := m.enter(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	defer s.file.Close()
	told, err := s.tell()
	if err != nil || told["credential"] == "" { // or what is here is not what the container has there
		return nil, nil, errOutside
	}
	conn, err := s.patiently(ctx, patience)
	return conn, told, err
}

// tell returns what the tunnel tells: the first lines of the files that logging in takes, and the room left. The folder belongs to
// whoever is postgres inside; a link in it leads nowhere else.
func (s sandbox) tell() (map[string]string, error) {
	root, err := os.OpenRoot(s.volume)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	told := map[string]string{}
	for _, name := range []string{"credential", "passfile"} {
		file, err := root.OpenFile("pgrepl/"+name, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if is, err := file.Stat(); err == nil && is.Mode().IsRegular() {
			if line, err := bufio.NewReader(io.LimitReader(file, 64<<10)).ReadString('\n'); err == nil {
				told[name] = strings.TrimSuffix(line, "\n")
			}
		}
		file.Close()
	}
	var room unix.Statfs_t
	if unix.Statfs(s.volume, &room) == nil {
		told["room"] = fmt.Sprintf("%d %d", room.Bavail, room.Frsize)
	}
	return told, nil
}

// wakeInside is Wake by the short way; errOutside where there is none. `docker kill` takes the engine two processes.
func (m *Machine) wakeInside(ctx context.Context) error {
	s, err := m.enter(ctx, "")
	if err != nil {
		return err
	}
	defer s.file.Close()
	return s.signal(unix.SIGWINCH)
}

// signal sends a signal to the container's first process. Seen from within another container the number is that of another
// process, which is not in this network.
func (s sandbox) signal(what unix.Signal) error {
	pid, err := unix.PidfdOpen(s.pid, 0)
	if err != nil {
		return errOutside
	}
	defer unix.Close(pid)
	var own, its unix.Stat_t
	if unix.Fstat(int(s.file.Fd()), &own) != nil || unix.Stat(fmt.Sprintf("/proc/%d/ns/net", s.pid), &its) != nil || own.Dev != its.Dev || own.Ino != its.Ino {
		return errOutside
	}
	if unix.PidfdSendSignal(pid, what, nil, 0) != nil {
		return errOutside
	}
	return nil
}

// patiently connects to the server, trying again for as long as patience says while nobody listens.
func (s sandbox) patiently(ctx context.Context, patience time.Duration) (net.Conn, error) {
	for end := time.Now().Add(patience); ; {
		conn, err := s.dial(ctx, "127.0.0.1:5432")
		switch {
		case err == nil || errors.Is(err, errOutside):
			return conn, err
		case !errors.Is(err, syscall.ECONNREFUSED):
			return nil, fmt.Errorf("reach %s: %w", s.node, err)
		case time.Now().After(end):
			return nil, fmt.Errorf("reach %s: %w", s.node, errRefused)
		}
		if err := engine.Pause(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// dial connects from inside to an address. The thread that steps into the network is given up with its goroutine, so nothing else
// of the program is ever in there; and a connection that was not begun on that thread is never made: it would lead to a server of
// this machine's.
func (s sandbox) dial(ctx context.Context, address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET) != nil {
			err = errOutside
			return
		}
		inside := unix.Gettid()
		d := net.Dialer{Control: func(string, string, syscall.RawConn) error {
			if unix.Gettid() != inside {
				return errOutside
			}
			return nil
		}}
		conn, err = d.DialContext(ctx, "tcp", address)
	}()
	<-done
	return conn, err
}
