package docker

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"pgrepl/engine"
)

// TestAnEngineThatDoesNotAnswer listens and says nothing, as an engine that hangs does.
func TestAnEngineThatDoesNotAnswer(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/docker.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	endpoint := "unix://" + l.Addr().String()
	e, err := Connect(endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.patience = 50 * time.Millisecond
	var p engine.Problem
	if err := e.Check(context.Background()); !errors.As(err, &p) || p.Code != "PGR301" || !strings.Contains(p.Summary, endpoint+" within 50ms") {
		t.Errorf("%v", err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Check(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped meanwhile: %v", err)
	}
}

// TestAnEngineOverSSHIsCalledAsTheUserDoes: the client's own name for the connection says nothing to anybody.
func TestAnEngineOverSSHIsCalledAsTheUserDoes(t *testing.T) {
	const endpoint = "ssh://nobody@host.invalid:1"
	e, err := Connect(endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.host() != endpoint {
		t.Errorf("it is called %s", e.host())
	}
	var p engine.Problem
	err = e.unreachable(errors.New("Cannot connect to the Docker daemon at " + e.api.DaemonHost() + ". Is the docker daemon running?"))
	if !errors.As(err, &p) || strings.Contains(p.Summary+p.Detail, "docker.example.com") {
		t.Errorf("%+v", p)
	}
}
