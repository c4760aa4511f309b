package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgrepl/schema"
)

// bench is where base backups are taken in these tests: it answers as sharedScript would.
type bench struct {
	mu     sync.Mutex
	log    []string
	reach  func(*schema.Node) bool   // a container beside a node can have its volume
	taking func()                    // while a base backup is taken
	copies map[string]string         // what the script says of a copy, where that is not that it was made
	script func(io.Reader) io.Reader // instead of the usual answers
}

func (b *bench) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, fmt.Sprintf(format, args...))
}

type benchMachine struct {
	still
	bench *bench
	node  *schema.Node
}

func (m benchMachine) Write(context.Context, map[string][]byte) error { return nil }
func (m benchMachine) WakeScript() string                             { return "" }
func (m benchMachine) Wake(context.Context) error                     { m.bench.note("wake %s", m.node.Name); return nil }

func (m benchMachine) Run(context.Context, string, string, string, ...string) (string, error) {
	m.bench.note("%s alone", m.node.Name)
	return "", nil
}

func (m benchMachine) Neighbours(_ context.Context, nodes []*schema.Node) ([]*schema.Node, error) {
	return slices.DeleteFunc(nodes, func(n *schema.Node) bool { return m.bench.reach != nil && !m.bench.reach(n) }), nil
}

func (m benchMachine) Beside(context.Context, string, []*schema.Node, string, []string) (Beside, error) {
	return benchBeside{m}, nil
}

type benchBeside struct{ of benchMachine }

func (b benchBeside) Close(context.Context) error { b.of.bench.note("gone"); return nil }

func (b benchBeside) Write(_ context.Context, files map[string]map[string][]byte) error {
	for name, f := range files {
		if len(f) == 0 {
			return errors.New(name + " has no files")
		}
	}
	return nil
}

func (b benchBeside) Run(_ context.Context, talk func(io.Writer, io.Reader) error) error {
	told, in := io.Pipe()
	out, say := io.Pipe()
	go func() {
		defer say.Close()
		if b.of.bench.script != nil {
			_, _ = io.Copy(say, b.of.bench.script(told))
			return
		}
		b.of.bench.note("%s for all", b.of.node.Name)
		if b.of.bench.taking != nil {
			b.of.bench.taking()
		}
		fmt.Fprintln(say, backupTaken)
		var names []string
		for line := bufio.NewScanner(told); len(names) == 0 || names[len(names)-1] != itself; names = append(names, line.Text()) {
			if !line.Scan() {
				return
			}
		}
		for _, name := range names {
			said := b.of.bench.copies[name]
			if said == "" {
				said = copyMade + " " + name
			}
			fmt.Fprintln(say, said)
		}
	}()
	return talk(in, out)
}

// share has standbys take their data at the same time and returns what came of each.
func (b *bench) share(t *testing.T, ctx context.Context, text string, begin func(name string)) map[string]string {
	t.Helper()
	site := seenAs(t, text, absent)
	var all sync.WaitGroup
	var mu sync.Mutex
	out := map[string]string{}
	for _, s := range site.servers {
		s.machine = benchMachine{bench: b, node: s.node}
	}
	for _, s := range site.standbys() {
		all.Go(func() {
			if begin != nil {
				begin(s.node.Name)
			}
			err := s.upstream().backups.take(ctx, &share{clone: serverKind{site}.clone(s), dir: "/data", files: map[string][]byte{"conf": nil}})
			mu.Lock()
			defer mu.Unlock()
			out[s.node.Name] = fmt.Sprint(err)
		})
	}
	all.Wait()
	return out
}

const threeStandbys = "cluster \"cl\" { image = \"postgres:17\" }\nmaster \"mm\" {}\nreplica \"aa\" {}\nreplica \"bb\" {}\nreplica \"cc\" {}\n"

func TestNewStandbysShareABaseBackup(t *testing.T) {
	b := &bench{}
	got := b.share(t, t.Context(), threeStandbys, nil)
	if fmt.Sprint(got) != "map[aa:<nil> bb:<nil> cc:<nil>]" {
		t.Errorf("they end with %v", got)
	}
	all, woken := 0, 0
	for _, line := range b.log {
		all += strings.Count(line, "for all")
		woken += strings.Count(line, "wake")
	}
	if all != 1 || woken != 3 || b.log[len(b.log)-1] != "gone" {
		t.Errorf("base backups and what follows: %q", b.log)
	}
}

// TestWhoArrivesMeanwhileGetsACopy: until the base backup has been taken, it is not too late.
func TestWhoArrivesMeanwhileGetsACopy(t *testing.T) {
	taking := make(chan struct{})
	b := &bench{taking: sync.OnceFunc(func() { close(taking) })}
	got := b.share(t, t.Context(), threeStandbys, func(name string) {
		if name == "cc" {
			<-taking
		}
	})
	if fmt.Sprint(got) != "map[aa:<nil> bb:<nil> cc:<nil>]" || slices.Contains(b.log, "cc alone") || slices.Contains(b.log, "cc for all") {
		t.Errorf("they end with %v, after %q", got, b.log)
	}
}

// TestACopyThatFailsIsItsOwn: the others have theirs.
func TestACopyThatFailsIsItsOwn(t *testing.T) {
	b := &bench{copies: map[string]string{"aa": "failed aa no space left", "bb": "failed bb no space left", "cc": "failed cc no space left"}}
	got := b.share(t, t.Context(), threeStandbys, nil)
	fine := 0
	for name, said := range got {
		switch {
		case said == "<nil>":
			fine++
		case !strings.Contains(said, "no space left") || !strings.HasPrefix(said, "copy that of"):
			t.Errorf("%s: %s", name, said)
		}
	}
	if fine != 1 {
		t.Errorf("all but the one whose base backup it was fail: %v", got)
	}
}

// TestAScriptThatEndsEarlyFailsAllThatShare: none of them waits for ever.
func TestAScriptThatEndsEarlyFailsAllThatShare(t *testing.T) {
	b := &bench{script: func(io.Reader) io.Reader { return strings.NewReader("") }}
	for name, said := range b.share(t, t.Context(), threeStandbys, nil) {
		if said != errHalfWay.Error() {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// TestDataThatWasMadeBeforeIsNoSourceOfCopies: a killed run's command may have come to its end after the look. Its server may run,
// so the others take a base backup of their own.
func TestDataThatWasMadeBeforeIsNoSourceOfCopies(t *testing.T) {
	b := &bench{}
	b.script = func(io.Reader) io.Reader { b.script = nil; return strings.NewReader(madeBefore + "\n") }
	got := b.share(t, t.Context(), threeStandbys, nil)
	if fmt.Sprint(got) != "map[aa:<nil> bb:<nil> cc:<nil>]" {
		t.Errorf("they end with %v, after %q", got, b.log)
	}
}

// TestWhoWaitsForABaseBackupCanBeCancelled: at any moment, and the turn is not lost.
func TestWhoWaitsForABaseBackupCanBeCancelled(t *testing.T) {
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		b := &bench{reach: func(*schema.Node) bool { return false }}
		go cancel()
		for name, said := range b.share(t, ctx, threeStandbys, nil) {
			if said != "<nil>" && said != context.Canceled.Error() {
				t.Fatalf("%s: %s", name, said)
			}
		}
	}
}

func TestWhoSharesWithWhom(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		see  func(*Site)
		with string
	}{
		"all":                          {threeStandbys, nil, "bb cc"},
		"of another image":             {strings.Replace(threeStandbys, `"bb" {}`, `"bb" { image = "postgres:17-alpine" }`, 1), nil, "cc"},
		"in a folder":                  {strings.Replace(threeStandbys, `"bb" {}`, `"bb" { volume = "/srv/b" }`, 1), nil, "cc"},
		"itself in a folder":           {strings.Replace(threeStandbys, `"aa" {}`, `"aa" { volume = "/srv/a" }`, 1), nil, ""},
		"below another":                {strings.Replace(threeStandbys, `"bb" {}`, `"bb" { upstream = replica.cc }`, 1), nil, "cc"},
		"that has data":                {threeStandbys, func(s *Site) { s.server("bb").seen.reach = down }, "cc"},
		"and has data":                 {threeStandbys, func(s *Site) { s.server("aa").seen.reach = up }, ""},
		"with a delay, and other ways": {strings.Replace(threeStandbys, `"bb" {}`, `"bb" { delay = "1h" }`, 1), nil, "bb cc"},
	} {
		site := seenAs(t, c.text, absent)
		if c.see != nil {
			c.see(site)
		}
		var with []string
		for _, n := range site.server("aa").sharers() {
			with = append(with, n.Name)
		}
		if got := strings.Join(with, " "); got != c.with {
			t.Errorf("%s: a shares with %q, not %q", name, got, c.with)
		}
	}
}

// TestWalsendersOfASharedBaseBackup: one is kept free for the base backup's own second connection, and each standby takes one.
func TestWalsendersOfASharedBaseBackup(t *testing.T) {
	site := seenAs(t, strings.Replace(threeStandbys, `"cc" {}`, `"cc" { volume = "/srv/c" }`, 1), absent)
	for name, want := range map[string]string{"aa": "1 1 1", "bb": "1 1 1", "cc": "2 1 0"} {
		claim := site.server(name).backupClaim()
		if got := fmt.Sprint(claim.Take, claim.Keep, claim.AlreadyUsed); got != want {
			t.Errorf("%s claims %s, not %s", name, got, want)
		}
	}
}
