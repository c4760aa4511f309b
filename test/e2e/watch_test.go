package e2e

import (
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// watching is pgrepl watch in a terminal.
type watching struct {
	c    *cluster
	user *os.File
	end  func() int

	mu     sync.Mutex
	screen *vt.Emulator
}

func (c *cluster) watch(args ...string) *watching {
	c.t.Helper()
	cmd := c.command(c.t.Context(), append([]string{"watch"}, args...)...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	user, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		c.t.Fatal(err)
	}
	w := &watching{c: c, user: user, screen: vt.NewEmulator(120, 40)}
	go w.show()
	go func() { _, _ = io.Copy(user, w.screen) }() // what a terminal answers when it is asked
	w.end = sync.OnceValue(func() int {
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	})
	c.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		w.end()
		user.Close()
	})
	return w
}

func (w *watching) show() {
	for buf := make([]byte, 4096); ; {
		n, err := w.user.Read(buf)
		w.mu.Lock()
		_, _ = w.screen.Write(buf[:n])
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (w *watching) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.screen.String()
}

// shows waits until a line of the screen contains all the parts.
func (w *watching) shows(parts ...string) {
	w.c.t.Helper()
	defer func() {
		if w.c.t.Failed() {
			w.c.t.Logf("the screen was\n%s", w.text())
		}
	}()
	w.c.eventually("a line shows "+strings.Join(parts, " and "), func() bool {
		for line := range strings.Lines(w.text()) {
			all := true
			for _, p := range parts {
				all = all && strings.Contains(line, p)
			}
			if all {
				return true
			}
		}
		return false
	})
}

func (w *watching) types(keys string) {
	w.c.t.Helper()
	if _, err := w.user.WriteString(keys); err != nil {
		w.c.t.Fatal(err)
	}
}

// TestWatch: a replica stops and is named with its limit and the next command; it starts again, and the event says so.
func TestWatch(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	w := c.watch("--every", "500ms")
	w.shows("HEALTHY", "1 of 1 replicas healthy")
	w.shows("└ "+c.name("b"), "streaming", "ok")

	c.docker("stop", "-t", "5", c.name("b"))
	w.shows("CRITICAL "+c.name("b")+":", "its container has ended with 0", "next: ")
	w.shows("slot "+strings.ReplaceAll(c.name("b"), "-", "_"), "(limit 60 s)")
	w.shows("next: pgrepl apply")
	w.shows(c.name("b"), "figures STALE")

	w.types("\x1b[B\r") // down, enter
	w.shows("NODE " + c.name("b"))
	w.shows("its figures are", "old")
	w.types("l")
	w.shows("LOG of " + c.name("b"))
	w.shows("database system is shut down")
	w.types("q")
	if code := w.end(); code != 0 {
		t.Errorf("it ends with %d", code)
	}

	w = c.watch("--every", "500ms")
	w.shows("CRITICAL " + c.name("b") + ":")
	c.docker("start", c.name("b"))
	w.shows(" over ", c.name("b"))
	w.shows("HEALTHY", "1 of 1 replicas healthy")
	w.user.Close() // the terminal goes
	if code := w.end(); code != 129 && code != 1 {
		t.Errorf("without a terminal it ends with %d", code)
	}
	c.settled()
}

// TestWatchWithoutATerminal refuses, and says what to use instead.
func TestWatchWithoutATerminal(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	contains(t, c.want(64, "watch").err, "needs a terminal", "pgrepl status --watch")
}
