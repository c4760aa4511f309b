package watch

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/term"

	"pgrepl/engine/health"
)

// TestMain is the program at the other end of a terminal where a test asks for it: with a cluster that does what stands in a file.
func TestMain(m *testing.M) {
	orders := os.Getenv("PGREPL_TEST_ORDERS")
	if orders == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := &cluster{world: newWorld(), orders: orders}
	c.world.at = time.Now()
	err := Run(ctx, os.Stdin, os.Stdout, c, Options{Cluster: "shop", Every: 100 * time.Millisecond, DriftEvery: time.Minute})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ended with:", err)
		os.Exit(1)
	}
}

// cluster is a Source without a cluster. A word in a file says what happens to it.
type cluster struct {
	world  *world
	orders string
}

func (c *cluster) Look(context.Context) error { return nil }

func (c *cluster) Report(ctx context.Context) (health.Report, error) {
	for {
		order, _ := os.ReadFile(c.orders)
		switch string(order) {
		case "hang":
			select {
			case <-time.After(10 * time.Millisecond):
				continue
			case <-ctx.Done():
				return health.Report{}, ctx.Err()
			}
		case "panic":
			panic("a sample that panics")
		case "away":
			return health.Report{}, errAway
		case "stop":
			c.world.stop(2)
		}
		c.world.write(1 << 20)
		return c.world.sample(time.Since(c.world.at)), nil
	}
}

func (c *cluster) Logs(context.Context, string, int) (string, error) { return "LOG:  ready", nil }

// terminal is one with an emulator at its other end, and the program in it.
type terminal struct {
	t       *testing.T
	user    *os.File // where keys go in and the screen comes out
	tty     *os.File
	before  *term.State
	program *exec.Cmd
	orders  string

	mu     sync.Mutex
	screen *vt.Emulator
	raw    strings.Builder
}

func newTerminal(t *testing.T, order string, width, height uint16) *terminal {
	t.Helper()
	user, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(user, &pty.Winsize{Cols: width, Rows: height}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, user: user, tty: tty, before: before, orders: filepath.Join(t.TempDir(), "orders"), screen: vt.NewEmulator(int(width), int(height))}
	x.order(order)
	x.program = exec.Command(os.Args[0])
	x.program.Env = append(os.Environ(), "TERM=xterm-256color", "PGREPL_TEST_ORDERS="+x.orders)
	x.program.Stdin, x.program.Stdout, x.program.Stderr = tty, tty, tty
	x.program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.program.Start(); err != nil {
		t.Fatal(err)
	}
	go x.show()
	go func() { _, _ = io.Copy(user, x.screen) }() // what a terminal answers when it is asked
	t.Cleanup(func() {
		_ = x.program.Process.Kill()
		user.Close()
		tty.Close()
		x.screen.Close()
	})
	return x
}

// order says what happens to the cluster.
func (x *terminal) order(word string) {
	x.t.Helper()
	if err := os.WriteFile(x.orders, []byte(word), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) show() {
	buf := make([]byte, 4096)
	for {
		n, err := x.user.Read(buf)
		x.mu.Lock()
		x.raw.Write(buf[:n])
		_, _ = x.screen.Write(buf[:n])
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// shows waits until the screen contains a text.
func (x *terminal) shows(text string) {
	x.t.Helper()
	x.eventually("the screen shows "+text, func() bool { return strings.Contains(x.text(), text) })
}

func (x *terminal) eventually(what string, ok func() bool) {
	x.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			x.t.Fatalf("never came true: %s\n%s", what, x.text())
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := x.user.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the program, and returns its exit code.
func (x *terminal) ends() int {
	x.t.Helper()
	ended := make(chan struct{})
	go func() {
		_ = x.program.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		x.t.Fatalf("it does not end:\n%s", x.text())
	}
	return x.program.ProcessState.ExitCode()
}

// givenBack waits for the end, and fails unless the terminal is as it was before.
func (x *terminal) givenBack(code int) {
	x.t.Helper()
	if got := x.ends(); got != code {
		x.t.Errorf("it ends with %d", got)
	}
	now, stateErr := term.GetState(int(x.tty.Fd()))
	if stateErr != nil || *now != *x.before {
		x.t.Errorf("the terminal's modes are %v (%v), and were %v", now, stateErr, x.before)
	}
	x.eventually("the other screen is left, and the cursor is back", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return !x.screen.IsAltScreen() && strings.LastIndex(x.raw.String(), "\x1b[?25h") > strings.LastIndex(x.raw.String(), "\x1b[?25l")
	})
}

// TestTerminal goes through a day at a real terminal, with real key presses.
func TestTerminal(t *testing.T) {
	x := newTerminal(t, "", 100, 30)
	x.shows("└ shop-b")
	x.order("stop")
	x.shows("CRITICAL shop-c: its container has ended with 137")
	x.shows("next: pgrepl apply")
	x.types("\x1b[B\x1b[B\x1b[B\r") // three down, enter
	x.shows("NODE shop-c")
	x.types("\x1b")
	x.shows("EVENTS")
	x.types("\x1a") // ctrl-z
	x.shows("ONLY FAULTS")
	x.types("zl")
	x.shows("LOG:  ready")
	x.types("q")
	x.givenBack(0)
}

// TestTerminalResized: at any moment, to any size.
func TestTerminalResized(t *testing.T) {
	x := newTerminal(t, "", 80, 24)
	x.shows("└ shop-b")
	for _, size := range []pty.Winsize{{Rows: 5, Cols: 20}, {Rows: 1, Cols: 1}, {Rows: 100, Cols: 300}, {Rows: 12, Cols: 40}} {
		x.mu.Lock()
		x.screen.Resize(int(size.Cols), int(size.Rows))
		x.mu.Unlock()
		if err := pty.Setsize(x.user, &size); err != nil {
			t.Fatal(err)
		}
		if size.Rows > 1 {
			x.shows("shop WARNING")
		}
	}
	x.shows("? help")
	x.types("\x03")
	x.givenBack(0)
}

// TestKeysWhileASampleHangs: nothing waits for a sample but the next one.
func TestKeysWhileASampleHangs(t *testing.T) {
	x := newTerminal(t, "hang", 80, 24)
	x.shows("looking at Docker")
	x.types("?")
	x.shows("KEYS")
	x.order("")
	x.types("?")
	x.shows("└ shop-b")
	x.order("away")
	x.shows("STALE")
	x.order("")
	x.shows("over UNKNOWN cluster: docker: inspect")
	x.order("hang")
	x.types("q")
	x.givenBack(0)
}

// TestWaysOut: the terminal is given back however it ends.
func TestWaysOut(t *testing.T) {
	for name, end := range map[string]func(*terminal){
		"a signal": func(x *terminal) { _ = x.program.Process.Signal(syscall.SIGTERM) },
		"a signal, on a page": func(x *terminal) {
			x.types("?")
			x.shows("KEYS")
			_ = x.program.Process.Signal(syscall.SIGTERM)
		},
		"a panic": func(x *terminal) { x.order("panic") },
	} {
		t.Run(name, func(t *testing.T) {
			x := newTerminal(t, "", 80, 24)
			x.shows("└ shop-b")
			end(x)
			x.givenBack(1)
			x.shows("ended with: ")
		})
	}
}

// TestTerminalGone: it ends when there is nobody at the other end any more, also where no signal says so.
func TestTerminalGone(t *testing.T) {
	user, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	t.Setenv("TERM", "xterm-256color")
	ended := make(chan error, 1)
	go func() {
		c := &cluster{world: newWorld()}
		c.world.at = time.Now()
		ended <- Run(t.Context(), tty, tty, c, Options{Cluster: "shop", Every: 100 * time.Millisecond, DriftEvery: time.Minute})
	}()
	if _, err := io.ReadFull(user, make([]byte, 200)); err != nil {
		t.Fatal(err)
	}
	user.Close()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "the terminal is gone") {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on without a terminal")
	}
}
