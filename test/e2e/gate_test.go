package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	dockerclient "github.com/docker/docker/client"
)

// gate is a Docker endpoint that hands everything on, but holds one kind of request back until it is opened: what another
// process does in just that moment can then be made to happen.
type gate struct {
	endpoint string
	request  string        // method and a part of the path
	reached  chan struct{} // closed when the first such request is there
	open     chan struct{}
	once     sync.Once
	ended    sync.Once
}

// newGate holds back requests of a method whose path has part in it.
func newGate(t *testing.T, method, part string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{endpoint: "tcp://" + l.Addr().String(), request: part, reached: make(chan struct{}), open: make(chan struct{})}
	t.Cleanup(func() {
		l.Close()
		g.release()
	})
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go g.serve(c.(*net.TCPConn), method)
			}
		}
	}()
	return g
}

// await waits until a command has made the request.
func (g *gate) await(t *testing.T, by *background) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(time.Minute):
		t.Fatalf("there was no request for %s: %s", g.request, by.err)
	}
}

func (g *gate) release() { g.ended.Do(func() { close(g.open) }) }

func (g *gate) serve(near *net.TCPConn, method string) {
	defer near.Close()
	far, err := net.Dial("unix", strings.TrimPrefix(dockerclient.DefaultDockerHost, "unix://"))
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := near.Read(buf)
			line, _, _ := bytes.Cut(buf[:n], []byte("\r\n"))
			if bytes.HasPrefix(line, []byte(method+" ")) && bytes.Contains(line, []byte(g.request)) && bytes.Contains(line, []byte(" HTTP/")) {
				g.once.Do(func() { close(g.reached) })
				<-g.open
			}
			if _, werr := far.Write(buf[:n]); err != nil || werr != nil {
				_ = far.(*net.UnixConn).CloseWrite()
				return
			}
		}
	}()
	_, _ = io.Copy(near, far)
	_ = near.CloseWrite()
}
