package monitor

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgrepl/engine/health"
)

var update = flag.Bool("update", false, "write the expected outputs anew")

func ptr[T any](v T) *T { return &v }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// cluster is a sample with something of everything: a cascade, a delayed standby, one that is down, slots of all kinds, drift.
func cluster(at time.Time) health.Sample {
	ms := func(n int) *time.Duration { return ptr(time.Duration(n) * time.Millisecond) }
	enough := map[string]int{"max_connections": 100}
	standby := func(lsn health.LSN) *health.Live {
		return &health.Live{Asked: at, At: at.Add(5 * time.Millisecond), Version: "17.6", System: "71", Timeline: 1, Recovery: true, Up: time.Hour, Written: lsn, Replayed: lsn, LastCommit: ms(6000), Pause: "not paused", Enough: enough,
			Receiver: &health.Receiver{Status: "streaming", Host: "pg1", Slot: "a", Heard: ms(100)}, Segment: 16 << 20, WALFiles: 3, WALSize: 48 << 20, StatusEvery: 10 * time.Second}
	}
	primary := &health.Live{Asked: at, At: at, Version: "17.6", System: "71", Timeline: 1, Up: 2 * time.Hour, Written: 0x5000000, Enough: enough, Segment: 16 << 20, WALFiles: 5, WALSize: 80 << 20, WALRate: ptr(1000.0), Pending: []string{"max_connections"},
		Senders: []health.Sender{{Application: "a", Client: "172.20.0.3", Slot: "a", State: "streaming", Sync: "sync", Sent: ptr(health.LSN(0x5000000)), Flushed: ptr(health.LSN(0x5000000)), Replay: ptr(health.LSN(0x5000000)), Heard: ms(400)},
			{Application: "late", Client: "172.20.0.4", Slot: "late", State: "streaming", Sync: "async", Sent: ptr(health.LSN(0x5000000)), Flushed: ptr(health.LSN(0x5000000)), Replay: ptr(health.LSN(0x4000000)), Heard: ms(500)}},
		Slots: []health.Slot{{Name: "a", Type: "physical", Active: true, Status: "reserved", Restart: ptr(health.LSN(0x5000000)), Retained: ptr(int64(0))},
			{Name: "cdc", Type: "logical", Database: "shop", Status: "unreserved", Restart: ptr(health.LSN(0x1000000)), Confirmed: ptr(health.LSN(0x1000100)), Retained: ptr(int64(200 << 20)), Safe: ptr(int64(1 << 20)), Declared: true, Idle: ms(90000)},
			{Name: "gone", Type: "physical", Status: "lost", Reason: "wal_removed"},
			{Name: "late", Type: "physical", Active: true, Status: "reserved", Restart: ptr(health.LSN(0x5000000)), Retained: ptr(int64(0))}}}
	return health.Sample{At: at, Skew: 12 * time.Millisecond, Drift: &health.Drift{At: at.Add(-30 * time.Second), Changes: []string{"master.pg1"}},
		Apps: []health.App{{Name: "web", Address: "app.web", Container: health.Container{State: "running", Health: "healthy"}}, {Name: "jobs", Address: "app.jobs", Container: health.Container{State: "exited", ExitCode: 1}}},
		Nodes: []health.Node{
			{Name: "pg1", Address: "master.pg1", Docker: health.Container{State: "running"}, Up: true, Live: primary, Room: ptr(int64(10 << 30))},
			{Name: "a", Address: "replica.a", Standby: true, Upstream: "pg1", Application: "a", Slot: "a", Docker: health.Container{State: "running"}, Up: true, Live: standby(0x5000000), Room: ptr(int64(10 << 30))},
			{Name: "late", Address: "replica.late", Standby: true, Upstream: "pg1", Application: "late", Slot: "late", Delay: time.Hour, Docker: health.Container{State: "running"}, Up: true, Live: standby(0x4000000)},
			{Name: "below", Address: "replica.below", Standby: true, Upstream: "a", Application: "below", Slot: "below", Docker: health.Container{State: "exited", ExitCode: 137}, Why: "its container has ended with 137"},
		}}
}

func judged() health.Report {
	var m health.Memory
	m.Judge("shop", cluster(noon.Add(-2*time.Second)), health.DefaultLimits())
	return m.Judge("shop", cluster(noon), health.DefaultLimits())
}

// fake is a source that a test speaks for.
type fake struct {
	mu     sync.Mutex
	memory health.Memory
	next   func(at time.Time) (health.Sample, error)
	looks  int
}

func (f *fake) Look(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	return nil
}

func (f *fake) Report(context.Context) (health.Report, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.next(time.Now())
	if err != nil {
		return health.Report{}, err
	}
	return f.memory.Judge("shop", s, health.DefaultLimits()), nil
}

func (f *fake) say(next func(at time.Time) (health.Sample, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = next
}

func well(at time.Time) (health.Sample, error) { return cluster(at), nil }

func away(time.Time) (health.Sample, error) {
	return health.Sample{}, errors.New("docker: the engine does not answer")
}

// watching runs a monitor of a source, as fast as tests want it.
func watching(t *testing.T, f *fake, o Options) (*Watcher, *httptest.Server) {
	t.Helper()
	w := NewWatcher("shop", f, 20*time.Millisecond, 0)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		w.Run(ctx)
		close(done)
	}()
	srv := httptest.NewServer(Handler(w, o))
	t.Cleanup(func() {
		cancel()
		<-done
		srv.CloseClientConnections()
		srv.Close()
	})
	return w, srv
}

// eventually waits for a condition, with a limit.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func get(t *testing.T, url string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Body.Close() })
	return a
}

// golden holds a text to the one in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s differs (go test -update writes it):\n%s", path, text)
	}
}
