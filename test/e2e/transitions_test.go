package e2e

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrepl/test/transitions"
)

// TestTransitions takes clusters through the catalogue of test/transitions, with clients connected that write and read
// without pause. In CI it is the chains for every change, on two versions.
func TestTransitions(t *testing.T) {
	t.Parallel()
	on := []int{versions[0], usual}
	if all() {
		on = versions
	}
	for _, version := range on {
		chains, err := transitions.ChainsOn(strconv.Itoa(5500 + version))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range chains {
			if c.CI || all() {
				t.Run(fmt.Sprintf("%s/%d", c.Name, version), func(t *testing.T) {
					t.Parallel()
					if img, ok := image(t, version, "plain"); ok {
						live(t, c, img)
					}
				})
			}
		}
	}
}

// TestTransitionsKilled takes the clusters through the same, and kills every apply: after its first side effect, then the next
// one after its second, and so on until one ends. Nothing that was acknowledged is lost, and the cluster is then as declared.
func TestTransitionsKilled(t *testing.T) {
	t.Parallel()
	if !chaos() {
		return // minutes of it: make chaos
	}
	chains, err := transitions.Chains()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chains {
		if !c.CI {
			continue
		}
		l := start(t, c, usualImage(t))
		for _, tr := range c.Transitions {
			l.sub(tr.Name, func(t *testing.T) { l.killed(tr) })
		}
	}
}

func live(t *testing.T, chain transitions.Chain, img string) {
	l := start(t, chain, img)
	for _, tr := range chain.Transitions {
		ended := false
		l.sub(tr.Name, func(t *testing.T) { l.transition(tr); ended = true })
		if !ended {
			t.Fatalf("the transitions after %q start from where it should have ended", tr.Name)
		}
	}
}

// start makes the cluster of a chain and connects its clients.
func start(t *testing.T, chain transitions.Chain, img string) *lived {
	c := newCluster(t, img, chain.Start)
	c.env = append(c.env, "PGREPL_VAR_patched="+patched(t, img))
	c.apply()
	c.sql("a", "CREATE TABLE public.written (n bigint PRIMARY KEY)")
	c.sql("a", "GRANT SELECT, INSERT ON public.written TO client")
	l := &lived{cluster: c, clients: startClients(t, c.name("a"))}
	l.look()
	return l
}

// patched is another image of the same major version, as a minor release is.
func patched(t *testing.T, img string) string {
	name := img + "-patched"
	if exec.Command("docker", "image", "inspect", name).Run() == nil {
		return name
	}
	cmd := exec.Command("docker", "build", "-q", "-t", name, "-")
	cmd.Stdin = strings.NewReader("FROM " + img + "\nLABEL pgrepl-test.patched=1\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, out)
	}
	return name
}

// lived is a cluster with its clients, as it was when it was last looked at.
type lived struct {
	*cluster
	clients *clients
	nodes   map[string]seenNode
}

// seenNode is what tells a server from the one that was there before.
type seenNode struct {
	container string
	started   string
	standby   bool
	delayed   bool
}

// look looks at every node, and gives each standby its reader.
func (l *lived) look() {
	l.t.Helper()
	l.nodes = map[string]seenNode{}
	var standbys []string
	for _, name := range strings.Fields(l.docker("ps", "-a", "--filter", "label=io.pgrepl.cluster="+l.prefix, "--format", "{{.Names}}")) {
		n := seenNode{container: l.docker("inspect", "-f", "{{.Id}}", name)}
		err := l.ask(name, "SELECT pg_postmaster_start_time()::text, pg_is_in_recovery(), current_setting('recovery_min_apply_delay') <> '0'", &n.started, &n.standby, &n.delayed)
		if err != nil {
			l.t.Fatalf("look at %s: %v", name, err)
		}
		l.nodes[strings.TrimPrefix(name, l.prefix+"-")] = n
		if n.standby {
			standbys = append(standbys, name)
		} else {
			l.clients.follow(name)
		}
	}
	l.clients.read(standbys)
}

// ask asks a node as a client does.
func (l *lived) ask(container, query string, into ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := l.clients.dial(ctx, container)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	return conn.QueryRow(ctx, query).Scan(into...)
}

func (l *lived) transition(tr transitions.Transition) {
	l.t.Helper()
	for _, one := range l.clients.all() {
		one.begin()
		if !one.works() {
			_, page := one.page()
			l.t.Fatalf("before anything happens: %s", page)
		}
		one.begin()
	}
	before := l.nodes
	r := l.run(l.prepare(tr)...)
	if tr.Open != "" {
		l.open(tr, r)
		return
	}
	l.refusedOrDone(tr, r)
	l.says(tr, r.out)
	l.noticed(tr)
	l.look()
	l.changed(tr, before)
	l.keeps()
	l.holds(tr)
}

// prepare lets happen what comes before a transition, writes its file, and returns how pgrepl is called then.
func (l *lived) prepare(tr transitions.Transition) []string {
	l.t.Helper()
	for _, e := range tr.Events {
		l.happen(e)
	}
	l.write(tr.After)
	if m := master.FindStringSubmatch(tr.After); m != nil {
		l.clients.follow(l.name(m[1]))
	}
	args := []string{"apply", "--auto-approve"}
	for _, a := range tr.Allow {
		args = append(args, "--allow="+strings.ReplaceAll(a, "%", l.prefix))
	}
	for _, r := range tr.Rebuild {
		args = append(args, "--rebuild="+strings.ReplaceAll(r, "%", l.prefix))
	}
	return args
}

// killed is a transition of which apply dies again and again.
func (l *lived) killed(tr transitions.Transition) {
	l.t.Helper()
	args, env := l.prepare(tr), l.env
	for n := 1; ; n++ {
		l.env = append(slices.Clone(env), fmt.Sprintf("PGREPL_CRASH_AT=%d+", n))
		r := l.run(args...)
		l.env = env
		if r.code == 0 {
			l.t.Logf("killed %d times", n-1)
			break
		}
		if r.code != 128+int(syscall.SIGKILL) {
			l.t.Fatalf("killed after side effects 1 to %d: %s", n-1, r)
		}
	}
	l.settled()
	l.look()
	l.keeps()
	l.holds(tr)
}

// holds asks the servers what they are said to answer.
func (l *lived) holds(tr transitions.Transition) {
	l.t.Helper()
	for _, f := range tr.Holds {
		got, err := l.trySQL(f.Node, "postgres", strings.ReplaceAll(f.Query, "%", l.prefix))
		if want := strings.ReplaceAll(f.Answer, "%", l.prefix); err != nil || got != want {
			l.t.Errorf("on %s: %s is %q, wanted %q", f.Node, f.Query, got, want)
		}
	}
}

var master = regexp.MustCompile(`(?m)^master +"%-([a-z0-9-]+)"`)

func (l *lived) refusedOrDone(tr transitions.Transition, r result) {
	l.t.Helper()
	if tr.Refused == "" {
		if r.code != 0 {
			l.t.Fatalf("apply: %s", r)
		}
		l.settled()
		return
	}
	if r.code == 0 || r.code == 6 {
		l.t.Fatalf("apply was not refused: %s", r)
	}
	contains(l.t, oneBlank(r.err+r.out), oneBlank(strings.ReplaceAll(tr.Refused, "%", l.prefix)))
}

// open holds that what is still wrong is still wrong, and goes back.
func (l *lived) open(tr transitions.Transition, r result) {
	l.t.Helper()
	if r.code == 0 || !strings.Contains(oneBlank(r.err+r.out), tr.Open) {
		l.t.Errorf("this was wrong, and seems not to be any more: take the line \"open\" out: %s", r)
	}
	l.write(tr.Before)
	l.apply()
	l.look()
}

// says holds the plan against what the catalogue expects, the net result first.
func (l *lived) says(tr transitions.Transition, plan string) {
	l.t.Helper()
	for _, want := range tr.Plan {
		if !strings.Contains(oneBlank(plan), oneBlank(strings.ReplaceAll(want, "%", l.prefix))) {
			l.t.Errorf("the plan has no %q:\n%s", want, plan)
		}
	}
	if stops := strings.Contains(plan, "Writes stop"); tr.Refused == "" && tr.Writes != transitions.StoppedByHand && stops != (tr.Writes == transitions.Stop) {
		l.t.Errorf("writes should %s, the plan says:\n%s", tr.Writes, plan)
	}
}

func oneBlank(s string) string { return strings.Join(strings.Fields(s), " ") }

// noticed reads the clients' logs: who had no reason to be interrupted saw no error.
func (l *lived) noticed(tr transitions.Transition) {
	l.t.Helper()
	away := slices.Concat(tr.Restarted, tr.Recreated, tr.Removed)
	for _, one := range []*client{l.clients.writer, l.clients.newcomer} {
		n, page := one.page()
		l.t.Log(page)
		if n > 0 && tr.Writes == transitions.GoOn {
			l.t.Errorf("the %s should have gone on, and saw %d errors", one.name, n)
		}
		if n == 0 && tr.Writes != transitions.GoOn && one == l.clients.writer {
			l.t.Errorf("writes: %s, and the writer noticed nothing", tr.Writes)
		}
	}
	for _, container := range slices.Sorted(maps.Keys(l.clients.readers)) {
		n, page := l.clients.readers[container].page()
		l.t.Log(page)
		if n > 0 && !slices.Contains(away, strings.TrimPrefix(container, l.prefix+"-")) {
			l.t.Errorf("%s was not to restart, and its reader saw %d errors", container, n)
		}
	}
}

// changed holds what became of the nodes against what the catalogue says.
func (l *lived) changed(tr transitions.Transition, before map[string]seenNode) {
	l.t.Helper()
	var restarted, recreated, added, removed []string
	for _, name := range slices.Sorted(maps.Keys(l.nodes)) {
		was, there := before[name]
		switch now := l.nodes[name]; {
		case !there:
			added = append(added, name)
		case was.container != now.container:
			recreated = append(recreated, name)
		case was.started != now.started:
			restarted = append(restarted, name)
		}
	}
	for name := range before {
		if _, still := l.nodes[name]; !still {
			removed = append(removed, name)
		}
	}
	for _, set := range []struct {
		what      string
		got, want []string
	}{{"restarted", restarted, tr.Restarted}, {"recreated", recreated, tr.Recreated}, {"added", added, tr.Added}, {"removed", removed, tr.Removed}} {
		slices.Sort(set.got)
		if !slices.Equal(set.got, slices.Sorted(slices.Values(set.want))) {
			l.t.Errorf("%s: %v, wanted %v", set.what, set.got, set.want)
		}
	}
}

// keeps holds that every acknowledged row is there: on the master now, and on every standby that does not lag on purpose.
func (l *lived) keeps() {
	l.t.Helper()
	acked := l.clients.written.acknowledged()
	for name, n := range l.nodes {
		if n.delayed {
			continue
		}
		var lost int
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			err := l.ask(l.name(name), "SELECT count(*) FROM unnest(ARRAY["+numbers(acked)+"]::bigint[]) AS a (n) WHERE NOT EXISTS (SELECT FROM written w WHERE w.n = a.n)", &lost)
			if err != nil && err != pgx.ErrNoRows {
				l.t.Fatalf("look for the rows on %s: %v", name, err)
			}
			if lost == 0 || !n.standby || time.Now().After(deadline) {
				break
			}
		}
		if lost > 0 {
			l.t.Errorf("of %d acknowledged rows, %d are not on %s", len(acked), lost, name)
		}
	}
}

func numbers(list []int64) string {
	var b strings.Builder
	for i, n := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

// happen does to the cluster what somebody does by hand.
func (l *lived) happen(event string) {
	l.t.Helper()
	event = strings.ReplaceAll(event, "%", l.prefix)
	word, rest, _ := strings.Cut(event, " ")
	f := strings.Fields(rest)
	short := func(name string) string { return strings.TrimPrefix(name, l.prefix+"-") }
	switch {
	case word == "docker" && f[0] == "rm":
		l.docker("rm", "-f", f[1])
	case word == "docker":
		l.docker(f...)
	case word == "sql":
		node, statement, _ := strings.Cut(rest, ": ")
		l.sql(node, statement)
	case word == "hba":
		node, rule, _ := strings.Cut(strings.TrimPrefix(rest, "of "), ": ")
		l.docker("exec", "-u", "postgres", node, "sh", "-c", "for d in /var/lib/postgresql/pgdata /var/lib/postgresql/data/pgdata; do [ ! -d $d ] || echo '"+rule+"' >> $d/pg_hba.conf; done")
		l.sql(short(node), "SELECT pg_reload_conf()")
	case word == "set":
		name, value, _ := strings.Cut(f[0], "=")
		l.sql(short(f[2]), "ALTER SYSTEM SET "+name+" = '"+value+"'")
		l.sql(short(f[2]), "SELECT pg_reload_conf()")
	case word == "unset":
		l.sql(short(f[2]), "ALTER SYSTEM RESET "+f[0])
		l.sql(short(f[2]), "SELECT pg_reload_conf()")
	case word == "drop" && f[0] == "slot":
		l.sql(short(f[3]), "SELECT pg_drop_replication_slot('"+f[1]+"')")
	case word == "create" && f[0] == "slot":
		l.sql(short(f[3]), "SELECT pg_create_physical_replication_slot('"+f[1]+"', true)")
	case word == "drop" && f[0] == "role":
		l.sql(short(cmp.Or(l.clients.where())), "DROP ROLE \""+f[1]+"\"")
	case word == "create" && f[0] == "role":
		l.sql(short(l.clients.where()), "CREATE ROLE \""+f[1]+"\"")
	case word == "alter" && f[0] == "role":
		name, value, _ := strings.Cut(f[2], "=")
		l.sql(short(l.clients.where()), "ALTER ROLE \""+f[1]+"\" "+strings.ToUpper(strings.ReplaceAll(name, "_", " "))+" "+value)
	default:
		l.t.Fatalf("nobody knows how to %s", event)
	}
}
