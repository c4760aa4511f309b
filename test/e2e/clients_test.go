package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	dockerclient "github.com/docker/docker/client"
	"github.com/jackc/pgx/v5"
)

// client is somebody who uses the cluster from outside: it does one thing again and again, on a connection that it keeps
// for as long as it lives, and keeps a log of its own.
type client struct {
	name string
	node func() string // the name of the container that it wants
	dial func(ctx context.Context, container string) (*pgx.Conn, error)
	do   func(ctx context.Context, on *pgx.Conn) error
	rest time.Duration // between two times

	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	since    time.Time
	last     time.Time // that it worked
	worked   int
	gap      time.Duration // the longest without success
	troubles []trouble
}

// trouble is an error that a client saw, and for how long the same one came back.
type trouble struct {
	after time.Duration // since the log was begun
	text  string
	times int
}

const patience = 15 * time.Second // of one statement: an address that is gone answers nothing

func (c *client) start() *client {
	ctx, cancel := context.WithCancel(context.Background())
	c.stop, c.done = cancel, make(chan struct{})
	c.begin()
	go func() {
		defer close(c.done)
		var conn *pgx.Conn
		for ctx.Err() == nil {
			conn = c.once(ctx, conn)
		}
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	return c
}

// once connects where there is no connection, and does the one thing; it returns the connection as long as it is good.
func (c *client) once(ctx context.Context, conn *pgx.Conn) *pgx.Conn {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if conn == nil {
		conn, err = c.dial(limited, c.node())
	}
	if err == nil {
		err = c.do(limited, conn)
	}
	if ctx.Err() != nil {
		return conn
	}
	c.note(err)
	if err == nil {
		time.Sleep(c.rest)
		if conn.IsClosed() {
			return nil
		}
		return conn
	}
	if conn != nil {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = conn.Close(closing)
		cancel()
	}
	time.Sleep(20 * time.Millisecond)
	return nil
}

func (c *client) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if err == nil {
		c.gap = max(c.gap, now.Sub(c.last))
		c.last = now
		c.worked++
		return
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if n := len(c.troubles); n > 0 && c.troubles[n-1].text == text {
		c.troubles[n-1].times++
		return
	}
	c.troubles = append(c.troubles, trouble{now.Sub(c.since), text, 1})
}

// begin begins a new page of the log.
func (c *client) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since = time.Now()
	c.last, c.worked, c.gap, c.troubles = c.since, 0, 0, nil
}

// page is the log since it was begun.
func (c *client) page() (errors int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d times, longest gap %s", c.name, c.worked, max(c.gap, time.Since(c.last)).Round(time.Millisecond))
	for _, t := range c.troubles {
		errors += t.times
		fmt.Fprintf(&b, "\n    +%s %d times: %s", t.after.Round(time.Millisecond), t.times, t.text)
	}
	return errors, b.String()
}

// works waits until the client is served.
func (c *client) works() bool {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		n := c.worked
		c.mu.Unlock()
		if n > 0 {
			return true
		}
	}
	return false
}

func (c *client) end() {
	c.stop()
	<-c.done
}

// clients are all that use one cluster: a writer and a newcomer on its master, a reader on each standby.
type clients struct {
	docker   *dockerclient.Client
	master   string // container
	mu       sync.Mutex
	writer   *client
	newcomer *client
	readers  map[string]*client // by container
	written  rows
}

// rows are those whose commit was acknowledged.
type rows struct {
	mu    sync.Mutex
	next  int64
	acked []int64
}

func startClients(t *testing.T, master string) *clients {
	docker, err := dockerclient.NewClientWithOpts(dockerclient.FromEnv, dockerclient.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	c := &clients{docker: docker, readers: map[string]*client{}}
	c.follow(master)
	c.writer = (&client{name: "writer", node: c.where, dial: c.dial, do: c.written.write, rest: time.Millisecond}).start()
	c.newcomer = (&client{name: "newcomer", node: c.where, dial: c.dial, do: comeAndGo, rest: 20 * time.Millisecond}).start()
	t.Cleanup(c.end)
	return c
}

// follow tells those who write where the master is from now on.
func (c *clients) follow(master string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.master = master
}

func (c *clients) where() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.master
}

// dial connects to a container by its address in the cluster's network, which is another one in a new container.
func (c *clients) dial(ctx context.Context, container string) (*pgx.Conn, error) {
	in, err := c.docker.ContainerInspect(ctx, container)
	if err != nil {
		return nil, err
	}
	for _, n := range in.NetworkSettings.Networks {
		if n.IPAddress != "" {
			return pgx.Connect(ctx, fmt.Sprintf("host=%s port=5432 user=client password=secret dbname=postgres sslmode=disable connect_timeout=3", n.IPAddress))
		}
	}
	return nil, fmt.Errorf("container %s has no address", container)
}

// write commits one row. One whose commit failed may be there or not; its number is not used again.
func (r *rows) write(ctx context.Context, on *pgx.Conn) error {
	r.next++
	if _, err := on.Exec(ctx, "INSERT INTO written VALUES ($1)", r.next); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked = append(r.acked, r.next)
	return nil
}

func (r *rows) acknowledged() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int64(nil), r.acked...)
}

// comeAndGo is somebody who connects anew each time.
func comeAndGo(ctx context.Context, on *pgx.Conn) error {
	if _, err := on.Exec(ctx, "SELECT 1"); err != nil {
		return err
	}
	return on.Close(ctx)
}

// reading sees what a standby has, which never becomes less on one connection.
func reading() func(context.Context, *pgx.Conn) error {
	var had int64
	var of *pgx.Conn
	return func(ctx context.Context, on *pgx.Conn) error {
		var has int64
		if err := on.QueryRow(ctx, "SELECT coalesce(max(n), 0) FROM written").Scan(&has); err != nil {
			return err
		}
		if of == on && has < had {
			return fmt.Errorf("rows went away: there were %d, there are %d", had, has)
		}
		of, had = on, has
		return nil
	}
}

// read has one reader for each standby.
func (c *clients) read(containers []string) {
	want := map[string]bool{}
	for _, name := range containers {
		want[name] = true
		if c.readers[name] == nil {
			c.readers[name] = (&client{name: "reader of " + name, node: func() string { return name }, dial: c.dial, do: reading(), rest: 5 * time.Millisecond}).start()
		}
	}
	for name, r := range c.readers {
		if !want[name] {
			r.end()
			delete(c.readers, name)
		}
	}
}

func (c *clients) all() []*client {
	out := []*client{c.writer, c.newcomer}
	for _, r := range c.readers {
		out = append(out, r)
	}
	return out
}

func (c *clients) end() {
	for _, one := range c.all() {
		one.end()
	}
	_ = c.docker.Close()
}
