package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// typed is what a user types when the program has said something.
type typed struct{ after, text string }

// onTerminal runs the program with a terminal for its three streams, and types. What it said stands in out.
func (c *cluster) onTerminal(types []typed, args ...string) result {
	c.t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	defer user.Close()
	var locked, n int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &n} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, user.Fd(), request, uintptr(unsafe.Pointer(argument))); e != 0 {
			c.t.Fatal(e)
		}
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(int(n)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	cmd := c.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	terminal.Close()
	var said bytes.Buffer
	seen := 0
	for buf := make([]byte, 4096); ; {
		n, err := user.Read(buf)
		said.Write(buf[:n])
		if err != nil { // the other end is closed
			break
		}
		if len(types) > 0 && strings.Contains(said.String()[seen:], types[0].after) {
			seen = said.Len()
			<-time.After(100 * time.Millisecond) // a password is read once the echo is off
			if _, err := user.WriteString(types[0].text); err != nil {
				c.t.Fatal(err)
			}
			types = types[1:]
		}
	}
	r := result{out: said.String()}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else if err != nil {
		c.t.Fatal(err)
	}
	return r
}
