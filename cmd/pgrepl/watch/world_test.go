package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgrepl/engine/health"
)

// noon is when the tests begin.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// world is a cluster as samples show it: a master, two replicas, one below the second, an application and a slot of somebody
// else's. Tests break it and take samples.
type world struct {
	at     time.Time
	memory health.Memory
	nodes  []health.Node
	apps   []health.App
	drift  *health.Drift
}

func newWorld() *world {
	w := &world{at: noon, drift: &health.Drift{At: noon}}
	room := int64(70 << 30)
	rate := 1.5 * (1 << 20)
	running := health.Container{State: "running"}
	for i, name := range []string{"shop-a", "shop-b", "shop-c", "shop-d"} {
		n := health.Node{Name: name, Address: "replica." + name, Docker: running, Up: true, Room: &room,
			Live: &health.Live{Version: "17.6", System: "7", Timeline: 1, Recovery: i > 0, Up: time.Hour, Written: 1 << 30, Replayed: 1 << 30, Pause: "not paused", Segment: 16 << 20, StatusEvery: 10 * time.Second, WALRate: &rate}}
		if i > 0 {
			n.Standby, n.Upstream, n.Application, n.Slot = true, "shop-a", name, "shop_"+name[5:]
			heard, commit := 400*time.Millisecond, 2*time.Second
			n.Live.Receiver, n.Live.LastCommit = &health.Receiver{Status: "streaming", Heard: &heard}, &commit
		}
		w.nodes = append(w.nodes, n)
	}
	w.nodes[0].Address, w.nodes[3].Upstream = "master.shop-a", "shop-b"
	w.apps = []health.App{{Name: "shop-web", Address: "app.shop-web", Container: running}}
	return w
}

// sample looks at the world, after it has gone on for a while.
func (w *world) sample(later time.Duration) health.Report {
	w.at = w.at.Add(later)
	s := health.Sample{At: w.at, Skew: 12 * time.Millisecond, Apps: w.apps, Drift: w.drift}
	for _, n := range w.nodes {
		if n.Live != nil {
			live := *n.Live
			live.At, live.Senders, live.Slots = w.at, nil, nil
			for _, below := range w.nodes {
				if below.Upstream == n.Name {
					w.serve(&live, below)
				}
			}
			if n.Name == "shop-a" {
				live.Slots = append(live.Slots, slot("cdc", live.Written-40<<20, live.Written, false))
			}
			n.Live = &live
		}
		s.Nodes = append(s.Nodes, n)
	}
	return w.memory.Judge("shop", s, health.DefaultLimits())
}

// serve is a standby as its upstream has it.
func (w *world) serve(up *health.Live, below health.Node) {
	heard, replayed := 400*time.Millisecond, up.Written
	if below.Live != nil {
		replayed = below.Live.Replayed
		up.Senders = append(up.Senders, health.Sender{Application: below.Application, State: "streaming", Sync: "async", Sent: &up.Written, Flushed: &up.Written, Replay: &replayed, Heard: &heard})
	}
	up.Slots = append(up.Slots, slot(below.Slot, replayed, up.Written, below.Live != nil))
}

func slot(name string, restart, written health.LSN, active bool) health.Slot {
	retained := restart.Behind(written)
	return health.Slot{Name: name, Type: "physical", Active: active, Status: "reserved", Restart: &restart, Retained: &retained, Declared: true}
}

// write moves the master on, and of the standbys those that are up and not paused.
func (w *world) write(bytes health.LSN) {
	for _, n := range w.nodes {
		if n.Live != nil {
			n.Live.Written += bytes
			if n.Live.Pause == "not paused" {
				n.Live.Replayed = n.Live.Written
			}
		}
	}
}

func (w *world) stop(i int) {
	w.nodes[i].Live, w.nodes[i].Docker = nil, health.Container{State: "exited", ExitCode: 137}
}

// scenario is a world in which much has gone wrong, as a model of a size has seen it.
func scenario(width, height int) model {
	w := newWorld()
	m := newModel(context.Background(), nil, Options{Cluster: "shop", Every: 2 * time.Second, DriftEvery: time.Minute})
	m.width, m.height, m.sampling, m.now = width, height, true, noon
	take := func(n int) {
		for range n {
			w.write(3 << 20)
			m = sent(m, sampled{report: w.sample(2 * time.Second)})
		}
	}
	take(10)
	w.nodes[2].Live.Pause = "paused"
	take(5)
	w.stop(3)
	w.apps[0].Container = health.Container{State: "exited", ExitCode: 1}
	w.drift = &health.Drift{At: w.at, Changes: []string{"settings on shop-a"}}
	take(4)
	return m
}

// well is a world in which nothing is wrong, but a slot that nobody reads.
func well(width, height int) model {
	w := newWorld()
	m := newModel(context.Background(), nil, Options{Cluster: "shop", Every: 2 * time.Second, DriftEvery: time.Minute})
	m.width, m.height, m.sampling = width, height, true
	for range 6 {
		w.write(64 << 10)
		m = sent(m, sampled{report: w.sample(2 * time.Second)})
	}
	return m
}

var errAway = errors.New("docker: inspect shop-a: Cannot connect to the Docker daemon")

// away is the same after the engine has gone.
func away(width, height int) model {
	m := scenario(width, height)
	m = sent(m, tick{m.now.Add(time.Second)})
	m = sent(m, sampled{err: errAway})
	return sent(m, tick{m.now.Add(13 * time.Second)})
}

func (m model) text() string {
	var out string
	for _, l := range m.lines() {
		out += fmt.Sprintln(l.String())
	}
	return out
}
