package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pgrepl/engine/health"
)

// watched is a cluster whose limits are so low that a test need not wait for them: time in seconds, not minutes.
const watched = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image    = var.image
  settings = { wal_receiver_status_interval = "1s", max_wal_size = "1GB", wal_sender_timeout = "1h" }
}
master "%-a" {}
replica "%-b" {}
replica "%-c" { upstream = replica.%-b }
monitor {
  lag_warning       = "4MB"
  lag_critical      = "12MB"
  lag_time_warning  = "3s"
  lag_time_critical = "9s"
  slot_warning      = "6MB"
  slot_critical     = "18MB"
}
`

const (
	every     = 500 * time.Millisecond
	observing = 90 * time.Second // how long a verdict is waited for
)

// observer is pgrepl status --watch, whose reports are kept.
type observer struct {
	c       *cluster
	mu      sync.Mutex
	reports []health.Report
	rules   map[string]health.Level // the worst that each rule has found
	stderr  lockedBuffer
}

func (c *cluster) observe() *observer {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := c.command(ctx, "status", "-o", "json", "--watch="+every.String())
	o := &observer{c: c, rules: map[string]health.Level{}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stderr = &o.stderr
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for d := json.NewDecoder(out); ; {
			var r health.Report
			if d.Decode(&r) != nil {
				return
			}
			o.take(r)
		}
	}()
	c.t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait()
	})
	return o
}

func (o *observer) take(r health.Report) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, r)
	for _, f := range r.Findings {
		if f.Level.Worse(o.rules[f.Rule]) {
			o.rules[f.Rule] = f.Level
		}
	}
}

// since returns the reports of samples after a moment.
func (o *observer) since(at time.Time) []health.Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.reports, func(r health.Report) bool { return r.At.After(at) })
	if i < 0 {
		return nil
	}
	return slices.Clone(o.reports[i:])
}

// until waits for a report in which something is so, of those that are taken from now on.
func (o *observer) until(what string, so func(health.Report) bool) health.Report {
	o.c.t.Helper()
	began := time.Now()
	var last []health.Report
	for time.Since(began) < observing {
		last = o.since(began)
		if i := slices.IndexFunc(last, so); i >= 0 {
			return last[i]
		}
		<-time.After(every / 5)
	}
	text := "none came: " + o.stderr.String()
	if len(last) > 0 {
		shown, _ := json.MarshalIndent(last[len(last)-1].Findings, "", " ")
		text = string(shown)
	}
	o.c.t.Fatalf("never reported: %s; the last report: %s", what, text)
	return health.Report{}
}

// finds waits for a finding of a rule on a node (or a slot on it), at a level.
func (o *observer) finds(level health.Level, rule string, on health.Subject) health.Finding {
	o.c.t.Helper()
	var found health.Finding
	o.until(fmt.Sprintf("%s %s on %q", level, rule, on), func(r health.Report) bool {
		for _, f := range r.On(on) {
			if f.Rule == rule && f.Level == level {
				found = f
				return true
			}
		}
		return false
	})
	if found.Next == "" || found.Text == "" {
		o.c.t.Errorf("%s says neither what is so nor what to do: %+v", rule, found)
	}
	return found
}

// well waits until nothing is found.
func (o *observer) well() {
	o.c.t.Helper()
	o.until("nothing is wrong", func(r health.Report) bool { return r.Level == health.OK })
}

func (o *observer) node(name string) health.Subject { return health.Subject{Node: o.c.name(name)} }

func (o *observer) slot(node, name string) health.Subject {
	return health.Subject{Node: o.c.name(node), Slot: name}
}

// commit is a change on the primary: made between two moments of its clock, which is also the test's.
type commit struct {
	before, after time.Time
	lsn           health.LSN // just behind it
}

// truth is a session that writes to the primary and notes when: what a standby lacks, and since when, is known from it alone.
type truth struct {
	c    *cluster
	in   io.WriteCloser
	out  *bufio.Scanner
	mu   sync.Mutex
	made []commit
}

func (c *cluster) writing(node string) *truth {
	c.t.Helper()
	c.sql(node, "CREATE TABLE IF NOT EXISTS public.truth (n bigint, filler text); ALTER TABLE public.truth ALTER filler SET STORAGE EXTERNAL")
	cmd := exec.Command("docker", "exec", "-i", "-u", "postgres", c.name(node), "sh", "-c", strings.Replace(strings.Replace(psqlScript, `-d "$1" -c "$2"`, "-d postgres", 1), "-v ON_ERROR_STOP=1", "", 1))
	in, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &truth{c: c, in: in, out: bufio.NewScanner(out)}
}

// write commits so many bytes of WAL.
func (w *truth) write(bytes int) {
	w.c.t.Helper()
	const clock = "SELECT extract(epoch FROM clock_timestamp()), pg_current_wal_lsn();\n"
	fmt.Fprintf(w.in, clock+"INSERT INTO public.truth VALUES (1, repeat('x', %d));\n"+clock, bytes)
	before, _ := w.read()
	after, lsn := w.read()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made = append(w.made, commit{before, after, lsn})
}

func (w *truth) read() (time.Time, health.LSN) {
	w.c.t.Helper()
	if !w.out.Scan() {
		w.c.t.Fatalf("the writer has ended: %v", w.out.Err())
	}
	epoch, position, _ := strings.Cut(w.out.Text(), "|")
	seconds, err := strconv.ParseFloat(epoch, 64)
	lsn, ok := health.ParseLSN(position)
	if err != nil || !ok {
		w.c.t.Fatalf("the writer answers %q", w.out.Text())
	}
	return time.UnixMicro(int64(seconds * 1e6)), lsn
}

// steadily writes a little again and again until it is told to stop.
func (w *truth) steadily() (stop func()) { return w.again(2000, 50*time.Millisecond) }

func (w *truth) again(bytes int, pause time.Duration) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(pause):
				w.write(bytes)
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(end)
		<-ended
	})
}

// first is the oldest commit that a standby lacks which has replayed up to lsn; false where it has all that was made before at.
func (w *truth) first(lsn health.LSN, at time.Time) (commit, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.made {
		if c.lsn > lsn && c.after.Before(at) {
			return c, true
		}
	}
	return commit{}, false
}

// lagTally is how well the lag that was reported agrees with the truth.
type lagTally struct {
	samples, behind int
	widest          time.Duration // between the two bounds
}

// compare holds every report's lag of the standbys against the truth, which lies between the two bounds that were reported.
func (o *observer) compare(w *truth, since time.Time) lagTally {
	o.c.t.Helper()
	var sum lagTally
	reports := o.since(since)
	for i, r := range reports {
		skew := time.Duration(r.Skew*float64(time.Second)) + 10*time.Millisecond
		for _, n := range r.Standbys() {
			lag := n.Behind()
			if n.Position == nil || lag == nil {
				continue
			}
			at, _ := health.ParseLSN(*n.Position)
			sum.samples++
			lacks, is := w.first(at, r.At)
			if !is {
				continue
			}
			sum.behind++
			least, most := r.At.Sub(lacks.after)-skew, r.At.Sub(lacks.before)+skew
			if lag.Low > most || lag.High != nil && *lag.High < least {
				o.c.t.Errorf("%s is behind by %s to %s, and %s to %s was reported", n.Name, least, most, lag.Low, lag)
			}
			if lag.High == nil || i == 0 {
				continue
			}
			sum.widest = max(sum.widest, *lag.High-lag.Low)
		}
	}
	return sum
}

// monitoringSQL runs the proof of concept's monitoring query on a node: what it says of each subject.
func (c *cluster) monitoringSQL(node string) map[string]string {
	c.t.Helper()
	query, err := os.ReadFile(filepath.Join("testdata", "monitoring.sql"))
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(c.sql(node, string(query))) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) == 9 {
			out[strings.TrimSpace(cells[0]+" "+cells[1])] = cells[7]
		}
	}
	return out
}
