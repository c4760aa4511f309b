package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrepl/engine"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
	"pgrepl/test/transitions"
)

// TestKillsAreSeenAsSimulated takes a cluster through all that a synchronous block can come to, one step after the other,
// and rests after each: whether commits come back then is what the simulator says of the world after that step, and what status
// says of the living one. Then each standby that commits wait for is killed (every third time, and in make chaos always), and
// again all three agree; it comes back, and the plan goes on.
func TestKillsAreSeenAsSimulated(t *testing.T) {
	t.Parallel()
	walkThrough(t, (*walk).through)
}

// TestKilledHalfWay goes the same way. The run ends after a part of the steps, and there a standby that commits wait for is
// killed: a plain apply brings the cluster to where the file says, and no acknowledged row is lost.
func TestKilledHalfWay(t *testing.T) {
	t.Parallel()
	if !chaos() {
		return // minutes of it: make chaos
	}
	for _, share := range []float64{0.2, 0.5, 0.8} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			walkThrough(t, func(w *walk, tr transitions.Transition) { w.abandon(tr, share) })
		})
	}
}

// walkThrough takes a cluster through the chain of synchronous standbys: its first transitions, or in make chaos all.
func walkThrough(t *testing.T, walks func(*walk, transitions.Transition)) {
	all, err := transitions.Chains()
	if err != nil {
		t.Fatal(err)
	}
	chain := all[slices.IndexFunc(all, func(c transitions.Chain) bool { return c.Name == "synchronous" })]
	if !chaos() {
		chain.Transitions = chain.Transitions[:6]
	}
	w := &walk{lived: start(t, chain, usualImage(t))}
	var sum tally
	w.quicken("a", "b", "c")
	for _, tr := range chain.Transitions {
		ended := false
		w.sub(tr.Name, func(t *testing.T) {
			w.tally = tally{}
			args := w.prepare(tr)
			walks(w, tr)
			w.ends(tr, slices.DeleteFunc(args, func(a string) bool { return strings.HasPrefix(a, "--rebuild=") })) // which is done, or begun
			t.Log(w.tally)
			ended = true
		})
		sum = sum.and(w.tally)
		if !ended {
			t.Fatalf("the transitions after %q start from where it should have ended", tr.Name)
		}
	}
	t.Logf("in all: %s", sum)
}

// walk is a cluster whose steps are run one by one, with a rest after each.
type walk struct {
	*lived
	system *providers.Cluster
	points int // at which a standby could be killed
	tally  tally
}

// quicken has nodes, and those that are cloned of them, notice within a second what they otherwise notice within ten: that a
// standby is needed now which was not, and that a master is back. Until then commits wait, too.
func (w *walk) quicken(nodes ...string) {
	for _, node := range nodes {
		w.docker("exec", "-u", "postgres", w.name(node), "sh", "-c", "printf 'wal_receiver_status_interval = 1s\\nwal_retrieve_retry_interval = 1s\\n' >> "+w.sql(node, "SHOW config_file"))
		w.sql(node, "SELECT pg_reload_conf()")
	}
}

// tally counts how often the writer was asked, and how often what it saw was what was said.
type tally struct{ moments, killed, hung, simulated, status int }

// through runs a transition to its end, and kills each standby that commits wait for after each step, to bring it back then.
func (w *walk) through(tr transitions.Transition) {
	w.t.Helper()
	w.steps(tr, func(done, _ int, last engine.StepID, world engine.Snapshot) bool {
		w.compare(fmt.Sprintf("after step %d, %s", done, last), world)
		for _, node := range w.waitedFor(world) {
			if w.points++; w.points%stride(5) != 0 {
				continue
			}
			w.kill(done, last, node, world)
			w.docker("start", w.name(node))
			w.eventually(node+" streams again", func() bool { return w.streams(node) })
		}
		return true
	})
}

// abandon runs a share of the steps of a transition, kills a standby that commits wait for, and leaves it at that.
func (w *walk) abandon(tr transitions.Transition, share float64) {
	w.t.Helper()
	w.steps(tr, func(done, of int, last engine.StepID, world engine.Snapshot) bool {
		if float64(done) < share*float64(of) {
			return true
		}
		waited := w.waitedFor(world)
		if len(waited) > 0 {
			w.kill(done, last, waited[0], world)
		}
		return len(waited) == 0
	})
}

// starting reports whether a server is on its way up by itself.
func starting(world engine.Snapshot) bool {
	for _, r := range world {
		if r.ID.Kind == "server" && r.Attrs["server"].Reason == "starting" {
			return true
		}
	}
	return false
}

// ends holds that nothing is left to do, and that every acknowledged row is where it belongs.
func (w *walk) ends(tr transitions.Transition, args []string) {
	w.t.Helper()
	w.want(0, args...)
	w.settled()
	w.look()
	w.keeps()
	w.holds(tr)
}

// kill kills a standby, and compares.
func (w *walk) kill(done int, last engine.StepID, node string, world engine.Snapshot) {
	w.t.Helper()
	w.docker("kill", w.name(node))
	w.tally.killed++
	dead := world[engine.ID{Kind: "server", Name: w.becomes(node)}]
	dead.Attrs = map[string]engine.Attr{"server": {Value: "down"}}
	w.compare(fmt.Sprintf("after step %d, %s, with %s killed", done, last, node), world.With(dead))
}

// becomes is what the file calls a node.
func (w *walk) becomes(node string) string {
	for _, n := range w.file().Nodes {
		if n.RenamedFrom == w.name(node) {
			return n.Name
		}
	}
	return w.name(node)
}

// steps runs the steps of a transition in this process until rest says false, or all is done. rest is told how many of the plan's
// are.
func (w *walk) steps(tr transitions.Transition, rest func(done, of int, last engine.StepID, world engine.Snapshot) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	on, err := docker.Connect("", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer on.Close()
	w.system = providers.New(w.file(), on, nil)
	defer w.system.Close()
	w.system.Rebuild(strings.Split(strings.ReplaceAll(strings.Join(tr.Rebuild, " "), "%", w.prefix), " "))
	for {
		if err := w.system.Look(ctx); err != nil {
			w.t.Fatal(err)
		}
		p, problems, err := engine.Make(w.system, engine.Options{})
		if err != nil || len(problems) > 0 {
			w.t.Fatalf("plan: %v %+v", err, problems)
		}
		if p.Empty() {
			return
		}
		world := p.Seen
		for done, s := range p.Steps {
			if err := s.Run(ctx); err != nil {
				w.t.Fatalf("%s: %v", s.ID(), err)
			}
			world = s.After(world)
			if !rest(done+1, len(p.Steps), s.ID(), world) {
				return
			}
		}
	}
}

// file is the cluster's file as this process reads it.
func (w *walk) file() *schema.Cluster {
	w.t.Helper()
	var vars []string
	for _, e := range w.env {
		if v, ok := strings.CutPrefix(e, "PGREPL_VAR_"); ok {
			vars = append(vars, v)
		}
	}
	file, diags := schema.Load(schema.Options{Path: filepath.Join(w.dir, "pgrepl.hcl"), Vars: vars, ReadFile: os.ReadFile,
		ReadDir: func(string) ([]string, error) { return nil, fmt.Errorf("not a folder") }})
	if diags.HasErrors() {
		var b strings.Builder
		diags.WriteText(&b)
		w.t.Fatal(b.String())
	}
	return file
}

// What becomes of commits.
const (
	complete = "come back"
	hang     = "hang"
)

// compare asks the simulator, status and the writer whether commits come back. While the master is down there are none.
func (w *walk) compare(moment string, world engine.Snapshot) {
	w.t.Helper()
	if world[w.master()].Attrs["server"].Value != "accepting connections" {
		return
	}
	saw := w.writes()
	simulated := complete
	if slices.ContainsFunc(w.system.Broken(world), func(b string) bool { return strings.HasPrefix(b, "every commit waits") }) {
		simulated = hang
	}
	first, _, _ := strings.Cut(w.want(0, "status").out, "\n")
	status := complete
	if strings.HasPrefix(first, "CRITICAL: every commit on ") {
		status = hang
	}
	n := &w.tally
	n.moments++
	if saw == hang {
		n.hung++
	}
	if simulated == saw {
		n.simulated++
	} else {
		w.t.Errorf("%s: commits %s, and the simulator says that they %s; the server has %s", moment, saw, simulated, w.names())
	}
	if status == saw {
		n.status++
	} else {
		w.t.Errorf("%s: commits %s, and status says that they %s: %s", moment, saw, status, first)
	}
}

// writes is what the writer sees now: its commits come back, or the server has them wait for standbys.
func (w *walk) writes() string {
	w.t.Helper()
	before := len(w.clients.written.acknowledged())
	begun := time.Now()
	for time.Since(begun) < 30*time.Second {
		if len(w.clients.written.acknowledged()) > before+2 {
			return complete
		}
		if time.Since(begun) > 2500*time.Millisecond && w.onMaster("SELECT count(*) FROM pg_stat_activity WHERE usename = 'client' AND wait_event = 'SyncRep' AND clock_timestamp() - query_start > '2.5 s'") != "0" {
			return hang
		}
		time.Sleep(5 * time.Millisecond)
	}
	_, page := w.clients.writer.page()
	w.t.Fatalf("the writer neither commits nor waits for a standby: %s", page)
	return ""
}

func (w *walk) master() engine.ID { return engine.ID{Kind: "server", Name: w.clients.where()} }

// onMaster asks the master, whatever it is called.
func (w *walk) onMaster(query string) string {
	w.t.Helper()
	return w.sql(strings.TrimPrefix(w.clients.where(), w.prefix+"-"), query)
}

func (w *walk) streams(node string) bool {
	return w.onMaster("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '"+w.applicationName(node)+"'") == "1"
}

// applicationName is the name under which a standby is known to its upstream.
func (w *walk) applicationName(node string) string {
	for _, n := range w.file().Nodes {
		if n.Name == w.name(node) {
			return n.ApplicationName
		}
	}
	return w.name(node)
}

// waitedFor are the standbys that the master has in its list, and that stream; none while a server is on its way up, as nothing
// rests then.
func (w *walk) waitedFor(world engine.Snapshot) []string {
	w.t.Helper()
	if starting(world) || world[w.master()].Attrs["server"].Value != "accepting connections" {
		return nil
	}
	var out []string
	for _, container := range strings.Fields(w.docker("ps", "--filter", "label=io.pgrepl.cluster="+w.prefix, "--format", "{{.Names}}")) {
		node := strings.TrimPrefix(container, w.prefix+"-")
		if strings.Contains(w.names(), `"`+strings.TrimPrefix(w.applicationName(node), w.prefix+"-")+`"`) && w.streams(node) {
			out = append(out, node)
		}
	}
	slices.Sort(out)
	return out
}

func (n tally) String() string {
	return fmt.Sprintf("%d moments, %d of them with a standby killed; commits hung in %d; the simulator agrees with the writer in %d, status in %d", n.moments, n.killed, n.hung, n.simulated, n.status)
}

func (n tally) and(o tally) tally {
	return tally{n.moments + o.moments, n.killed + o.killed, n.hung + o.hung, n.simulated + o.simulated, n.status + o.status}
}
