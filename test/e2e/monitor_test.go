package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const monitoredFile = `
variable "image" { default = "postgres:17" }
variable "secret" { sensitive = true }
cluster "%" { image = var.image }
master "%-a" {}
replica "%-b" {}
replica "%-c" { upstream = replica.%-b }
role "watcher" {
  login     = true
  password  = var.secret
  member_of = ["pg_monitor"]
}
monitor {
  role = role.watcher
}
`

// monitorOf is a running `pgrepl monitor`.
type monitorOf struct {
	*cluster
	url string
	end func() (code int, said string)
}

// monitor starts one, and ends it with the test.
func (c *cluster) monitor(args ...string) *monitorOf {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := c.command(ctx, append([]string{"monitor", "--listen", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	var said strings.Builder
	m, url, done := &monitorOf{cluster: c}, make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if _, rest, is := strings.Cut(lines.Text(), " on http"); is {
				url <- "http" + strings.TrimSuffix(strings.Fields(rest)[0], "/,")
			}
		}
	}()
	m.end = sync.OnceValues(func() (int, string) {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		_ = cmd.Wait()
		cancel()
		return cmd.ProcessState.ExitCode(), said.String()
	})
	c.t.Cleanup(func() { m.end() })
	select {
	case m.url = <-url:
	case <-done:
		c.t.Fatalf("the monitor has ended: %s", &said)
	case <-time.After(20 * time.Second):
		c.t.Fatal("the monitor does not listen")
	}
	return m
}

func (m *monitorOf) get(path string) (int, string) {
	m.t.Helper()
	a, err := http.Get(m.url + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// watchedStatus is what a test asks of /api/status.
type watchedStatus struct {
	At       time.Time
	Stale    bool
	Error    string
	Level    string
	Primary  string
	Nodes    []struct{ Name, State, Level string }
	Findings []struct{ Rule, Node, Text string }
}

func (m *monitorOf) status() (s watchedStatus) {
	m.t.Helper()
	_, text := m.get("/api/status")
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		m.t.Fatalf("%v: %s", err, text)
	}
	return s
}

func (s watchedStatus) found(rule, node string) bool {
	for _, f := range s.Findings {
		if f.Rule == rule && f.Node == node {
			return true
		}
	}
	return false
}

// scraping scrapes /metrics all the time, and says which scrape was not as it should be.
func (m *monitorOf) scraping() (end func() (scrapes int, wrong []string)) {
	stop, done := make(chan struct{}), make(chan struct{})
	var scrapes int
	var wrong []string
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			scrapes++
			a, err := http.Get(m.url + "/metrics")
			if err != nil {
				wrong = append(wrong, err.Error())
				continue
			}
			text, err := io.ReadAll(a.Body)
			a.Body.Close()
			if err != nil || a.StatusCode != 200 || !strings.Contains(string(text), `pgrepl_up{cluster="`+m.prefix+`"} 1`) {
				wrong = append(wrong, string(text)+a.Status)
			}
		}
	}()
	return func() (int, []string) {
		close(stop)
		<-done
		return scrapes, wrong
	}
}

// TestMonitor watches a cluster while each of its nodes is restarted, and one stopped: what it says stays right, it is scraped all
// the time, a fault comes and goes, and its sessions come back by themselves. Somebody's functions are not called meanwhile, and
// its sessions cannot write.
func TestMonitor(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), monitoredFile)
	c.env = append(c.env, "PGREPL_VAR_secret=correct-horse")
	c.apply()
	hostile(c)

	m := c.monitor("--every", "500ms", "--drift-every", "3s", "--compat")
	since := time.Now()
	healthy := func() bool { // by a sample that was taken after all that was done
		s := m.status()
		return s.At.After(since) && s.Level == "OK" && !s.Stale && len(s.Nodes) == 3 && s.Primary == c.name("a")
	}
	c.eventually("all is well", healthy)
	end := m.scraping()
	for _, node := range []string{"c", "b", "a"} {
		c.docker("restart", "-t", "60", c.name(node))
		since = time.Now()
		c.eventually("all is well after the restart of "+node, healthy)
	}
	c.docker("stop", c.name("c"))
	c.eventually("the stopped replica is found", func() bool { s := m.status(); return s.Level == "CRITICAL" && s.found("node", c.name("c")) && !s.Stale })
	_, text := m.get("/metrics")
	contains(t, text, `pgrepl_node_up{cluster="`+c.prefix+`",node="`+c.name("c")+`"} 0`, `pgrepl_replica_connected{cluster="`+c.prefix+`",node="`+c.name("c")+`"} 0`, `pgrepl_replica_lag_seconds{cluster="`+c.prefix+`",node="`+c.name("b")+`"}`,
		`pg_up{server="`+c.name("c")+`"} 0`, `pg_stat_replication_pg_wal_lsn_diff{application_name="`+c.name("b")+`"`, `slot_name="`)
	c.eventually("drift is found", func() bool { s := m.status(); return s.found("drift", "") })
	c.docker("start", c.name("c"))
	since = time.Now()
	c.eventually("the fault is gone", healthy)
	c.sql("a", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'watcher'")
	c.eventually("its sessions are back", func() bool {
		return healthy() && c.sql("a", "SELECT count(*) FROM pg_stat_activity WHERE usename = 'watcher'") == "1"
	})
	if n, wrong := end(); n < 50 || len(wrong) > 0 {
		t.Errorf("of %d scrapes these were wrong: %q", n, wrong)
	} else {
		t.Logf("%d scrapes, all of them whole", n)
	}
	if n := c.sql("a", "SELECT count(*) FROM public.loot"); n != "0" {
		t.Errorf("somebody's function was called: %s", c.sql("a", "SELECT who FROM public.loot"))
	}

	c.edit("master \"%-a\"", "role \"later\" {}\nmaster \"%-a\"") // the file is read again
	c.eventually("what is to be applied is drift", func() bool { return m.status().found("drift", "") })
	c.apply()
	since = time.Now()
	c.eventually("what was applied is none", healthy)
	c.edit("role \"later\" {}", "role \"later\" {")
	c.eventually("a file that is broken is told", func() bool {
		_, text := m.get("/api/status")
		return strings.Contains(text, "the file cannot be used as it is now: pgrepl.hcl:") && m.status().Level == "UNKNOWN"
	})
	c.edit("role \"later\" {", "role \"later\" {}")

	code, said := m.end()
	contains(t, said, "CRITICAL: "+c.name("c")+": its container has ended", "over: "+c.name("c")+": ")
	if code != 143 || strings.Contains(said, "correct-horse") {
		t.Errorf("ended with %d: %s", code, said)
	}
	for _, as := range []string{"role = role.watcher", ""} { // the role, then the management session
		c.edit("role = role.watcher", as)
		m = c.monitor("--every", "500ms", "--drift-every", "0")
		c.eventually("all is well", healthy)
		writing(c, m)
		m.end()
	}
	if n := c.sql("a", "SELECT count(*) FROM public.loot"); n != "0" {
		t.Errorf("somebody's function was called: %s", c.sql("a", "SELECT who FROM public.loot"))
	}
}

// hostile puts functions and views of the names that a monitor uses where a session finds them that does not say where to look, and
// lets everybody write; for the role it also sets a search path in which they come first, and that it writes.
func hostile(c *cluster) {
	c.t.Helper()
	c.sql("a", `CREATE TABLE public.loot (who text); GRANT INSERT ON public.loot TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC;
		CREATE FUNCTION public.stolen() RETURNS text LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.loot VALUES (current_user); RETURN NULL; END';
		CREATE FUNCTION public.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT public.stolen() IS NULL';
		CREATE FUNCTION public.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE sql AS 'SELECT public.stolen()::pg_lsn';
		CREATE FUNCTION public.pg_wal_lsn_diff(pg_lsn, pg_lsn) RETURNS numeric LANGUAGE sql AS 'SELECT public.stolen()::numeric';
		CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT public.stolen()';
		CREATE FUNCTION public.coalesce_json(text) RETURNS text LANGUAGE sql AS 'SELECT public.stolen()';
		CREATE VIEW public.pg_stat_replication AS SELECT public.stolen() AS application_name;
		CREATE VIEW public.pg_replication_slots AS SELECT public.stolen() AS slot_name;`)
	for _, of := range []string{"ROLE watcher IN DATABASE postgres", "ROLE pgrepl IN DATABASE postgres", "DATABASE postgres"} {
		c.sql("a", "ALTER "+of+" SET search_path = public, pg_catalog")
		c.sql("a", "ALTER "+of+" SET default_transaction_read_only = off")
	}
}

// writing makes a view of PostgreSQL's own write, which every sample reads: the sessions of the monitor are not let. Then the
// sample fails, and the monitor says why.
func writing(c *cluster, m *monitorOf) {
	c.t.Helper()
	replace := func(more string) {
		c.sql("a", `SET search_path = pg_catalog; SET allow_system_table_mods = on; CREATE TABLE IF NOT EXISTS public.kept AS SELECT rtrim(pg_get_viewdef('pg_catalog.pg_stat_replication'::regclass), ';') AS was;
			DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW pg_catalog.pg_stat_replication AS ' || (SELECT was FROM public.kept) || '`+more+`'; END $$`)
	}
	replace(" WHERE public.stolen() IS NULL")
	c.eventually("it is not let write", func() bool {
		for _, f := range m.status().Findings {
			if f.Rule == "node" && f.Node == c.name("a") && strings.Contains(f.Text, "read-only transaction") {
				return true
			}
		}
		return false
	})
	replace("")
	c.eventually("all is well again", func() bool { return m.status().Level != "CRITICAL" })
}

// TestMonitorWithoutTheEngine: a Docker engine that is away is said, at the start and later; what was seen last is old then, and
// --once is UNKNOWN. Who listens for others needs a token.
func TestMonitorWithoutTheEngine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, refused := range [][]string{{"--listen", "0.0.0.0:0"}, {"--listen", ":0"}, {"--token-file", path}, {"--tls-cert", path}, {"--every", "1ms"}, {"--compat=zabbix"}, {"--listen", "nowhere"}} {
		c.want(64, append([]string{"monitor"}, refused...)...)
	}
	r := c.want(3, "monitor", "--once", "--docker", "tcp://127.0.0.1:1")
	contains(t, r.err, "127.0.0.1:1")
	c.want(2, "monitor", "--once") // nothing is there, which is known

	m := c.monitor("--every", "300ms", "--docker", "tcp://127.0.0.1:1")
	c.eventually("it says that it sees nothing", func() bool { s := m.status(); return s.Stale && strings.Contains(s.Error, "127.0.0.1:1") })
	if code, _ := m.get("/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
	if code, _ := m.get("/readyz"); code != 503 {
		t.Errorf("readyz: %d", code)
	}
	_, text := m.get("/metrics")
	contains(t, text, `pgrepl_up{cluster="`+c.prefix+`"} 0`)
	if code, said := m.end(); code != 143 {
		t.Errorf("ended with %d: %s", code, said)
	}
}
