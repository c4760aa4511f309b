package docker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// greeting is the first line of a tunnel that connected. An exec that cannot start speaks on standard output, and
// without it pgx would read that as protocol.
const greeting = "pgrepl connected"

// tunnelScript joins its standard streams to port 5432 of the host $1 (after up to $2 more tries), and ends when either side does: the obvious
// "cat <&3 & exec cat >&3" leaves the backend and its locks behind when the client is killed. Without bash (busybox) nc
// does the same.
//
// Whatever it starts, it waits for: in a container that was made by hand postgres itself may be the process that adopts
// orphans, and takes the end of one by a signal for a crashed backend.
//
// A server that has only just begun to listen turns the first connection away (57P03, the database system is starting
// up); a tenth of a second more costs less than another exec.
//
// With a third argument, the node's own folder, it first hands over the files there that logging in takes, a line each
// (name, blank, text): reading them in the same exec spares an archive call, which costs the engine as much as the exec does. With
// them comes how much room the volume has left, in blocks and the size of one; where stat cannot tell, it is not said.
const tunnelScript = `for f in credential passfile; do
[ -n "$3" ] && IFS= read -r line < "$3/pgrepl/$f" && printf '%s %s\n' "$f" "$line"
done 2>/dev/null
[ -n "$3" ] && stat -f -c "room %a %S" "$3" 2>/dev/null
if command -v bash >/dev/null 2>&1; then exec bash -c '
i=0
until exec 3<>/dev/tcp/$0/5432; do i=$((i + 1)); [ $i -le $1 ] || exit 7; sleep 0.02; done 2>&1
[ $i -eq 0 ] || sleep 0.1
echo "` + greeting + `"
cat <&3 & r=$!
cat <&0 >&3 2>/dev/null & w=$!
wait -n 2>/dev/null; kill $r $w 2>/dev/null; wait; exit 0' "$1" "$2"
fi
command -v nc >/dev/null 2>&1 || { echo "neither bash nor nc in this image" >&2; exit 8; }
echo "` + greeting + `"
exec nc "$1" 5432`

var (
	errRefused = errors.New("connection refused") // nobody listens at the other end
	errOutside = errors.New("the network of the container cannot be entered from here")
)

// onlyExec is the environment variable that has the tunnel be the only way in, also for root on the engine's machine.
const onlyExec = "PGREPL_EXEC"

// Open connects to the node's own server from inside, and returns the lines of the files that logging in takes (credential,
// passfile) and the room that its volume has left ("BLOCKS SIZE"), also where nobody listens and err says so.
func (m *Machine) Open(ctx context.Context, patience time.Duration) (conn net.Conn, files map[string]string, err error) {
	dir, err := m.Dir(ctx)
	if err != nil {
		return nil, nil, err
	}
	if conn, files, err = m.openInside(ctx, dir, patience); !errors.Is(err, errOutside) {
		return conn, files, err
	}
	return m.tunnel(ctx, "127.0.0.1", patience, dir)
}

// Dial connects from inside the container to port 5432 of host (127.0.0.1, or the name of another node). It works with
// no port published, and wherever the Docker engine is. While nobody listens it tries again for as long as patience
// says, which is cheaper than another exec.
func (m *Machine) Dial(ctx context.Context, host string, patience time.Duration) (net.Conn, error) {
	conn, _, err := m.tunnel(ctx, host, patience, "")
	return conn, err
}

func (m *Machine) tunnel(ctx context.Context, host string, patience time.Duration, dir string) (net.Conn, map[string]string, error) {
	created, err := m.site.engine.api.ContainerExecCreate(ctx, m.container(), container.ExecOptions{User: "postgres", AttachStdin: true, AttachStdout: true,
		AttachStderr: true, Cmd: []string{"sh", "-c", tunnelScript, "pgrepl", host, strconv.Itoa(int(patience / (20 * time.Millisecond))), dir}})
	if err != nil {
		return nil, nil, fmt.Errorf("reach %s: %w", m.node.Name, err)
	}
	stream, err := m.site.engine.api.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("reach %s: %w", m.node.Name, err)
	}
	t := newTunnel(stream.Conn, stream.Reader)
	stop := context.AfterFunc(ctx, func() { t.Close() })
	defer stop()
	files, line, err := t.greeted()
	if err != nil {
		t.Close()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, files, fmt.Errorf("reach %s: %w", m.node.Name, m.refusal(line, t.stderr.String()))
	}
	return t, files, nil
}

func (m *Machine) refusal(line, stderr string) error {
	text := strings.TrimSpace(line + " " + stderr)
	if strings.Contains(text, "refused") || text == "" {
		return fmt.Errorf("%w %s", errRefused, text)
	}
	return errors.New(text)
}

// tunnel is the connection: what is written goes to the exec's stdin; its stdout, taken out of Docker's multiplexed
// stream, comes through a pipe, which gives it the deadlines that pgx needs over any transport (ssh has none).
type tunnel struct {
	net.Conn // our end of the pipe
	far      net.Conn
	exec     net.Conn
	reader   *bufio.Reader // of Conn, so that nothing behind the greeting is lost
	stderr   lockedBuffer
}

func newTunnel(exec net.Conn, stream io.Reader) *tunnel {
	near, far := net.Pipe()
	t := &tunnel{Conn: near, far: far, exec: exec, reader: bufio.NewReader(near)}
	go func() { // from the server
		_, _ = stdcopy.StdCopy(far, &t.stderr, stream) // its end is the connection's end, whatever the reason
		far.Close()
	}()
	go func() { // to the server
		_, _ = io.Copy(exec, far)
		exec.Close()
	}()
	return t
}

// greeted reads up to the greeting: lines of files and of the room, then either the greeting or whatever was said instead of it.
func (t *tunnel) greeted() (files map[string]string, line string, err error) {
	files = map[string]string{}
	for {
		line, err = t.reader.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		name, text, _ := strings.Cut(line, " ")
		switch {
		case line == greeting:
			return files, line, nil
		case err == nil && (name == "credential" || name == "passfile" || name == "room"):
			files[name] = text
		case err == nil:
			return files, line, errors.New("no greeting")
		default:
			return files, line, err
		}
	}
}

func (t *tunnel) Read(p []byte) (int, error) { return t.reader.Read(p) }

func (t *tunnel) Close() error {
	t.far.Close()
	t.exec.Close()
	return t.Conn.Close()
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
