package main

import (
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"pgrepl/engine"
)

// crashAt serves the crash tests of pgrepl's developers: PGREPL_CRASH_AT=N makes the process kill itself just before its
// N-th side effect, N+ just after it. Nothing is unwound, as in a power cut.
func crashAt(point string) engine.SideEffect {
	number, after := strings.CutSuffix(point, "+")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 {
		return nil
	}
	var begun, ended atomic.Int64
	return func(when engine.When, _ string) {
		if (when == engine.Before && begun.Add(1) == n && !after) || (when == engine.After && ended.Add(1) == n && after) {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {} // until it arrives
		}
	}
}
