package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgrepl/engine"
	"pgrepl/schema"
)

// TestWhatIsReadableHasArrived: on a busy primary the position behind the probe is behind other rows too, which the replica may not
// have when it has the probe.
func TestWhatIsReadableHasArrived(t *testing.T) {
	began := time.Now()
	w := &watch{server: &server{node: &schema.Node{}}, stop: make(chan struct{}), done: make(chan struct{}), looks: []glance{
		{at: began.Add(10 * time.Millisecond), received: 120, flushed: 90},
		{at: began.Add(20 * time.Millisecond), received: 130, flushed: 95, replayed: 95, readable: true},
	}}
	close(w.done)
	a := w.arrival(began, 100, began.Add(time.Second), false)
	for stage, got := range map[string]*time.Duration{"received": a.Received, "flushed": a.Flushed, "replayed": a.Replayed, "readable": a.Readable} {
		want := 20 * time.Millisecond
		if stage == "received" {
			want = 10 * time.Millisecond
		}
		if got == nil || *got != want {
			t.Errorf("%s: %v, wanted %s", stage, got, want)
		}
	}
}

// TestDelayedReplicaIsWaitedForForAMinute: flushed counts for every delayed replica, but only one that is far behind is not waited for
// until the row can be read.
func TestDelayedReplicaIsWaitedForForAMinute(t *testing.T) {
	for delay, waits := range map[string]bool{"30s": true, "1min": true, "2min": false} {
		began := time.Now()
		w := &watch{server: &server{node: &schema.Node{Delay: delay}}, stop: make(chan struct{}), done: make(chan struct{}), looks: []glance{
			{at: began.Add(10 * time.Millisecond), received: 120, flushed: 120},
		}}
		go func() {
			select {
			case <-w.stop:
			case <-time.After(100 * time.Millisecond):
				w.see(glance{at: began.Add(90 * time.Millisecond), received: 120, flushed: 120, replayed: 120, readable: true}, time.Time{})
			}
			close(w.done)
		}()
		a := w.arrival(began, 100, began.Add(time.Minute), false)
		if a.Flushed == nil || (a.Readable != nil) != waits {
			t.Errorf("%s: %+v", delay, a)
		}
	}
}

// TestFrozenReplicaHoldsNobodyUp: one that stops to answer in the middle of a run is said not to answer, the row comes to the others
// within the time that they have for it, and the connection that was given up is not used again.
func TestFrozenReplicaHoldsNobodyUp(t *testing.T) {
	site := seenAs(t, "cluster \"c\" {}\nmaster \"c-1\" {}\nreplica \"c-2\" {}\nreplica \"c-3\" {}\n", up)
	defer site.Close()
	site.primary().seen.live.Ledger = true
	var written atomic.Value
	written.Store("")
	var machines []*answering
	for _, s := range site.servers {
		m := &answering{written: &written}
		machines, s.session.machine = append(machines, m), m
	}
	const patience = 300 * time.Millisecond
	impatient(t, patience)
	probe := func(token string) []string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
		defer cancel()
		p := site.Probe(ctx, token, false, patience)
		if ctx.Err() != nil || p.Problem != "" || p.Commit == nil || len(p.Arrivals) != 2 {
			t.Fatalf("%v: %+v", ctx.Err(), p)
		}
		var out []string
		for _, a := range p.Arrivals {
			if (a.Readable != nil) != (a.Problem == "") {
				t.Errorf("%+v", a)
			}
			out = append(out, a.Problem)
		}
		return out
	}
	steps := []struct {
		about, want string
		frozen      bool
	}{{"well", "", false}, {"frozen", "its server does not answer within 0.3 s", true}, {"still frozen", "its server does not answer within 0.3 s", true}, {"thawed", "", false}}
	for _, step := range steps {
		machines[1].frozen.Store(step.frozen)
		if got := probe(step.about); got[0] != step.want || got[1] != "" {
			t.Errorf("%s: %q", step.about, got)
		}
	}
	if n := machines[1].opened.Load(); n != 3 {
		t.Errorf("%d connections to the one that was frozen", n)
	}
	machines[0].frozen.Store(true)
	if err := site.PrepareProbes(context.Background()); err == nil || !strings.HasSuffix(err.Error(), "does not answer within 0.3 s") {
		t.Errorf("a frozen primary: %v", err)
	}
	if p := site.Probe(context.Background(), "a token", false, patience); !strings.HasSuffix(p.Problem, "does not answer within 0.3 s") {
		t.Errorf("a frozen primary: %q", p.Problem)
	}
}

// TestCommitThatHangsIsOverBeforeItsConnection: who gives a commit up closes its connection only when nobody is on it any more. Where
// the server cannot even be told to stop it, it is not the commit that hangs.
func TestCommitThatHangsIsOverBeforeItsConnection(t *testing.T) {
	var written atomic.Value
	var running atomic.Int32
	m := &answering{written: &written}
	m.hangs.Store(true)
	impatient(t, 200*time.Millisecond)
	s := &Session{machine: m, effect: func(when engine.When, _ string) {
		if running.Add(1); when == engine.After {
			running.Add(-2)
		}
	}}
	defer s.close()
	_, _, err := s.commit(context.Background(), "INSERT", 100*time.Millisecond)
	if !errors.Is(err, errHangs) || running.Load() != 0 {
		t.Errorf("%v, and %d still on the connection", err, running.Load())
	}
	time.AfterFunc(50*time.Millisecond, func() { m.frozen.Store(true) })
	_, _, err = s.commit(context.Background(), "INSERT", 200*time.Millisecond)
	if err == nil || err.Error() != "its server does not answer within 0.2 s" || running.Load() != 0 {
		t.Errorf("%v, and %d still on the connection", err, running.Load())
	}
}

// impatient gives servers less time to answer for the length of a test.
func impatient(t *testing.T, answer time.Duration) {
	before := probeAnswer
	probeAnswer = answer
	t.Cleanup(func() { probeAnswer = before })
}

// answering is a machine with a server that has every probe at once, and says nothing while it is frozen.
type answering struct {
	still
	written *atomic.Value // the statement of the last probe
	frozen  atomic.Bool
	hangs   atomic.Bool // its commits do
	opened  atomic.Int32
}

func (m *answering) Open(context.Context, time.Duration) (net.Conn, map[string]string, error) {
	near, far := net.Pipe()
	m.opened.Add(1)
	go m.serve(far)
	return near, map[string]string{"credential": "x"}, nil
}

func (m *answering) serve(conn net.Conn) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	for {
		if !m.frozen.Load() {
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			if b.Flush() != nil {
				return
			}
		}
		msg, err := b.Receive()
		q, is := msg.(*pgproto3.Query)
		if err != nil || !is {
			return
		}
		var row []string
		switch {
		case strings.Contains(q.String, "pg_current_wal_lsn"):
			row = []string{"0/100"}
		case strings.Contains(q.String, "INSERT"):
			m.written.Store(q.String)
			if m.hangs.Load() {
				_, _ = io.Copy(io.Discard, conn)
				return
			}
		case strings.Contains(q.String, "pg_last_wal_replay_lsn"):
			_, token, _ := strings.Cut(q.String, "token = ")
			token, _, _ = strings.Cut(token, ")")
			row = []string{"0/200", "0/200", "0/200", "f"}
			if strings.Contains(m.written.Load().(string), token) {
				row[3] = "t"
			}
		}
		if row != nil {
			fields, values := make([]pgproto3.FieldDescription, len(row)), make([][]byte, len(row))
			for i, v := range row {
				fields[i].Name, values[i] = []byte("x"), []byte(v)
			}
			b.Send(&pgproto3.RowDescription{Fields: fields})
			b.Send(&pgproto3.DataRow{Values: values})
		}
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("OK")})
	}
}
