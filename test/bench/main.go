// Command bench measures pgrepl as its user does, by whole processes, beside the same done by hand, and prints the tables
// of docs/benchmarks.md. Run it from the project's folder, when nothing else runs on the machine.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	pairs := flag.Int("pairs", 5, "how often each cold apply is measured, by hand and with pgrepl in turn")
	runs := flag.Int("runs", 10, "how often each plan is measured")
	version := flag.String("version", "17", "major version of PostgreSQL")
	offline := flag.Bool("offline", false, "only what needs no Docker: validate on large files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx, *version, *pairs, *runs, *offline)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run: where the clusters live and what they are made of.
type bench struct {
	dir     string
	program string
	image   string
	prefix  string
	// clusters counts those that were made, for their names
	clusters int
}

func measure(ctx context.Context, version string, pairs, runs int, offline bool) (err error) {
	b := &bench{prefix: fmt.Sprintf("pgrbench%d", os.Getpid())}
	if b.dir, err = os.MkdirTemp("", "pgrepl-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.program, err = filepath.Abs("bin/pgrepl"); err != nil {
		return err
	}
	if _, err := os.Stat(b.program); err != nil {
		return errors.New("bin/pgrepl is missing: run make bench")
	}
	if err := b.shapes(ctx, runs); err != nil || offline {
		return err
	}
	if b.image, err = lastLine(ctx, "test/image/build", version, "official"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.clean()) }()
	b.machine(ctx)
	for _, n := range []int{2, 9} {
		took, err := b.containers(ctx, n)
		if err != nil {
			return err
		}
		fmt.Printf("%d empty containers, each with a volume, on one network: %.2f s\n", n, took.Seconds())
	}
	cold, plans, err := b.all(ctx, pairs, runs)
	if err != nil {
		return err
	}
	printCold(cold)
	printPlans(plans)
	return nil
}

// machine says what the figures were measured on.
func (b *bench) machine(ctx context.Context) {
	engine, err := lastLine(ctx, "docker", "version", "--format", "{{.Server.Version}}")
	if err != nil {
		engine = "unknown"
	}
	fmt.Printf("%d cores, Docker Engine %s, image %s, load before: %s\n", runtime.NumCPU(), engine, b.image, load())
}

// containers takes as long as the engine alone needs for a cluster of n nodes, where none has a server: no way of making
// one is faster.
func (b *bench) containers(ctx context.Context, n int) (time.Duration, error) {
	var took []time.Duration
	for range 3 {
		settle()
		up, err := run(ctx, ".", []string{"IMAGE=" + b.image, "PREFIX=" + b.name("c"), fmt.Sprintf("N=%d", n)}, "sh", "-ec", `
			docker network create $PREFIX
			seq $N | xargs -P 2 -I{} docker run --detach --init --name $PREFIX-{} --network $PREFIX --volume $PREFIX-{}:/data --entrypoint sleep $IMAGE 1000`)
		if err != nil {
			return 0, err
		}
		took = append(took, up.took)
		if err := b.clean(); err != nil {
			return 0, err
		}
	}
	return middle(took), nil
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:1], "")
}

// pair is one cold apply by hand and one with pgrepl, back to back.
type pair struct {
	replicas     int
	byHand, ours time.Duration
	memory       int64  // of pgrepl, in KiB
	load         string // before it
}

// figure is a command that changes nothing, measured several times.
type figure struct {
	name   string
	took   []time.Duration
	memory int64 // the most, in KiB
}

func (b *bench) all(ctx context.Context, pairs, runs int) (cold []pair, plans []figure, err error) {
	for i := range pairs {
		for _, replicas := range []int{1, 8} {
			last := i == pairs-1
			p, plan, err := b.pair(ctx, replicas, i%2 == 0, last, runs)
			if err != nil {
				return nil, nil, err
			}
			cold = append(cold, p)
			plans = append(plans, plan...)
		}
	}
	c, err := b.cluster(16)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintln(os.Stderr, "bench: 1+16")
	if _, err := b.pgrepl(ctx, c, "apply", "--auto-approve"); err != nil {
		return nil, nil, err
	}
	more, err := b.readers(ctx, c, 16, runs)
	if err != nil {
		return nil, nil, err
	}
	_, err = b.pgrepl(ctx, c, "destroy", "--auto-approve", "--allow=data")
	return cold, append(plans, more...), err
}

// pair measures both ways; which goes first changes from pair to pair. readers: the plans too, on pgrepl's cluster.
func (b *bench) pair(ctx context.Context, replicas int, handFirst, readers bool, runs int) (p pair, plans []figure, err error) {
	p = pair{replicas: replicas, load: load()}
	fmt.Fprintf(os.Stderr, "bench: 1+%d, load %s\n", replicas, p.load)
	ways := []func() error{
		func() error {
			p.byHand, err = b.byHand(ctx, replicas)
			return err
		},
		func() error {
			p.ours, p.memory, plans, err = b.cold(ctx, replicas, readers, runs)
			return err
		},
	}
	if !handFirst {
		slices.Reverse(ways)
	}
	for _, way := range ways {
		if err := way(); err != nil {
			return p, nil, err
		}
	}
	return p, plans, nil
}

// name is a new one for every cluster, because the volumes of the ones before are still there: ext4 does not give an inode
// out again for minutes after its file was removed, and steps over each of them at every file that is made meanwhile. After
// a cluster's data was removed, the next initdb takes up to four times as long, whoever runs it. So data goes at the end.
func (b *bench) name(way string) string {
	b.clusters++
	return fmt.Sprintf("%s%s%d", b.prefix, way, b.clusters)
}

// settle lets the machine finish what the run before has left it to do.
func settle() {
	syscall.Sync()
	time.Sleep(2 * time.Second)
}

func (b *bench) byHand(ctx context.Context, replicas int) (time.Duration, error) {
	settle()
	env := []string{"IMAGE=" + b.image, "PREFIX=" + b.name("h"), fmt.Sprintf("REPLICAS=%d", replicas), fmt.Sprintf("SENDERS=%d", senders(replicas))}
	up, err := run(ctx, ".", env, "test/bench/by-hand.sh", "up")
	if err != nil {
		return 0, err
	}
	_, err = run(ctx, ".", env, "test/bench/by-hand.sh", "down")
	return up.took, err
}

func (b *bench) cold(ctx context.Context, replicas int, readers bool, runs int) (took time.Duration, memory int64, plans []figure, err error) {
	c, err := b.cluster(replicas)
	if err != nil {
		return 0, 0, nil, err
	}
	settle()
	r, err := b.pgrepl(ctx, c, "apply", "--auto-approve")
	if err != nil {
		return 0, 0, nil, err
	}
	if readers {
		if plans, err = b.readers(ctx, c, replicas, runs); err != nil {
			return 0, 0, nil, err
		}
	}
	_, err = b.pgrepl(ctx, c, "destroy", "--auto-approve")
	return r.took, r.memory, plans, err
}

// readers measures what only reads: a plan with nothing to do, and validate.
func (b *bench) readers(ctx context.Context, c string, replicas, runs int) ([]figure, error) {
	var out []figure
	for _, command := range []string{"plan", "validate"} {
		f := figure{name: fmt.Sprintf("`%s`, 1+%d", command, replicas)}
		for range runs {
			r, err := b.pgrepl(ctx, c, command)
			if err != nil {
				return nil, err
			}
			if command == "plan" && !strings.Contains(r.out, " matches ") {
				return nil, fmt.Errorf("the plan is not empty:\n%s", r.out)
			}
			f.took, f.memory = append(f.took, r.took), max(f.memory, r.memory)
		}
		out = append(out, f)
	}
	return out, nil
}

// senders is max_wal_senders: ten as in the proof of concept where that is enough, otherwise two a replica while it is cloned.
func senders(replicas int) int { return max(10, 2*replicas+4) }

// cluster writes the file that says what by-hand.sh does, and returns its folder.
func (b *bench) cluster(replicas int) (string, error) {
	name := b.name("p")
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, `cluster "%[1]s" {
  image   = "%[2]s"
  version = %[3]s
  settings = {
    wal_level             = "replica"
    max_wal_senders       = %[4]d
    max_wal_size          = "2GB"
    min_wal_size          = "512MB"
    wal_keep_size         = 64
    max_replication_slots = 20
    wal_compression       = true
    full_page_writes      = true
  }
}
master "%[1]s-master" {}
`, name, b.image, strings.SplitN(b.image[strings.LastIndex(b.image, ":")+1:], "-", 2)[0], senders(replicas))
	for i := range replicas {
		fmt.Fprintf(&text, "replica \"%s-replica%d\" {}\n", name, i+1)
	}
	return dir, os.WriteFile(filepath.Join(dir, "pgrepl.hcl"), []byte(text.String()), 0o644)
}

func (b *bench) pgrepl(ctx context.Context, dir string, args ...string) (result, error) {
	return run(ctx, dir, nil, b.program, args...)
}

// result is one finished process.
type result struct {
	took   time.Duration
	memory int64 // peak, in KiB
	out    string
}

func run(ctx context.Context, dir string, env []string, program string, args ...string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	r := result{took: time.Since(begun), out: stdout.String()}
	if err != nil {
		return r, fmt.Errorf("%s: %w\n%s%s", cmd, err, &stdout, &stderr)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.memory = usage.Maxrss
	}
	return r, nil
}

func lastLine(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], err
}

// clean removes what a run that failed left behind: whatever has its prefix in its name.
func (b *bench) clean() error {
	var errs []error
	for _, kind := range []struct{ list, remove []string }{
		{[]string{"ps", "--all", "--format", "{{.Names}}"}, []string{"rm", "--force", "--volumes"}},
		{[]string{"volume", "ls", "--format", "{{.Name}}"}, []string{"volume", "rm"}},
		{[]string{"network", "ls", "--format", "{{.Name}}"}, []string{"network", "rm"}},
	} {
		out, err := exec.Command("docker", kind.list...).Output()
		errs = append(errs, err)
		for _, name := range strings.Fields(string(out)) {
			if strings.Contains(name, b.prefix) {
				errs = append(errs, exec.Command("docker", append(kind.remove, name)...).Run())
			}
		}
	}
	return errors.Join(errs...)
}

func printCold(pairs []pair) {
	w := io.Writer(os.Stdout)
	fmt.Fprint(w, "\n| cold apply | by hand | pgrepl | ratio | pgrepl's memory | load |\n|---|---|---|---|---|---|\n")
	median := map[int]time.Duration{}
	for _, replicas := range []int{1, 8} {
		var ratios []float64
		var ours, byHand []time.Duration
		for _, p := range pairs {
			if p.replicas != replicas {
				continue
			}
			ratio := p.ours.Seconds() / p.byHand.Seconds()
			ratios, ours, byHand = append(ratios, ratio), append(ours, p.ours), append(byHand, p.byHand)
			fmt.Fprintf(w, "| 1+%d | %.2f s | %.2f s | %.2f | %d MB | %s |\n", replicas, p.byHand.Seconds(), p.ours.Seconds(), ratio, p.memory>>10, p.load)
		}
		median[replicas] = middle(ours)
		fmt.Fprintf(w, "| **1+%d, median** | %.2f s | %.2f s | **%.2f** | | |\n", replicas, middle(byHand).Seconds(), middle(ours).Seconds(), middle(ratios))
	}
	fmt.Fprintf(w, "\n1+8 takes %.2f times as long as 1+1.\n", median[8].Seconds()/median[1].Seconds())
}

func printPlans(figures []figure) {
	fmt.Print("\n| nothing to do | median | least | most | memory |\n|---|---|---|---|---|\n")
	for _, f := range figures {
		fmt.Printf("| %s | %d ms | %d ms | %d ms | %d MB |\n", f.name, middle(f.took).Milliseconds(), slices.Min(f.took).Milliseconds(), slices.Max(f.took).Milliseconds(), f.memory>>10)
	}
}

func middle[T float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
