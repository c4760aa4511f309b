//go:build !linux

package docker

import (
	"context"
	"net"
	"time"
)

// There is no short way: containers run in a machine of their own.

func (m *Machine) openInside(context.Context, string, time.Duration) (net.Conn, map[string]string, error) {
	return nil, nil, errOutside
}

func (m *Machine) wakeInside(context.Context) error { return errOutside }
