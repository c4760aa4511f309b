package monitor

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"pgrepl/engine/health"
	"pgrepl/engine/render"
)

// exposed is what a scrape of metrics gives, without those of the process.
func exposed(t *testing.T, metrics []health.Metric, w health.Watched, only string) string {
	t.Helper()
	all := prometheus.NewPedanticRegistry()
	all.MustRegister(collector{metrics: metrics, watched: func() health.Watched { return w }, only: only})
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, _ := io.ReadAll(answer.Body)
	if answer.Code != 200 {
		t.Fatalf("scrape: %d: %s", answer.Code, text)
	}
	return string(text)
}

func watched(r *health.Report) health.Watched {
	return health.Watched{Cluster: "shop", Fresh: r, Last: noon, Taken: 2}
}

// TestMetrics: what is exposed, under pgrepl's own names and those of others; the compatible ones leave style to their owners.
func TestMetrics(t *testing.T) {
	r := judged()
	own := exposed(t, health.Metrics(), watched(&r), "")
	golden(t, "metrics.txt", own)
	problems, err := promlint.New(strings.NewReader(own)).Lint()
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "compat.txt", exposed(t, compatible(health.Exporters()), watched(&r), ""))
	one := exposed(t, compatible([]string{"postgres_exporter"}), watched(&r), "pg1")
	if strings.Contains(one, "server=") || !strings.Contains(one, `pg_stat_replication_pg_wal_lsn_diff{application_name="late",client_addr="172.20.0.4",slot_name="late",state="streaming"} 1.6777216e+07`) {
		t.Errorf("a probe of one server is not as its exporter would have it:\n%s", one)
	}
	if n, err := testutil.CollectAndLint(collector{metrics: health.Metrics(), watched: func() health.Watched { return watched(&r) }}); err != nil || len(n) > 0 {
		t.Errorf("lint: %v %v", n, err)
	}
}

// TestStatusIsTheSame: what `pgrepl status -o prometheus` prints is what is scraped, but for the count of samples.
func TestStatusIsTheSame(t *testing.T) {
	r := judged()
	w := watched(&r)
	w.Taken = 0
	var printed bytes.Buffer
	if err := render.StatusPrometheus(&printed, r, render.Options{}); err != nil {
		t.Fatal(err)
	}
	all := prometheus.NewRegistry()
	all.MustRegister(collector{metrics: health.Metrics(), watched: func() health.Watched { return w }})
	if err := testutil.GatherAndCompare(all, &printed); err != nil {
		t.Error(err)
	}
}

// TestNotFresh: without a fresh report nothing is told but that; and not 0 either.
func TestNotFresh(t *testing.T) {
	text := exposed(t, slices.Concat(health.Metrics(), compatible(health.Exporters())), health.Watched{Cluster: "shop", Last: noon, Taken: 5, Failed: 1}, "")
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "{")
		if !strings.HasPrefix(line, "#") && !slices.Contains([]string{"pgrepl_up", "pgrepl_last_sample_timestamp_seconds", "pgrepl_samples_total"}, name) {
			t.Errorf("told although nothing is known: %s", line)
		}
	}
	if !strings.Contains(text, `pgrepl_up{cluster="shop"} 0`) {
		t.Errorf("it does not say that it is blind:\n%s", text)
	}
}

// TestExporterBreakers are clusters that have broken exporters' scrapes.
func TestExporterBreakers(t *testing.T) {
	for name, change := range map[string]func(*health.Sample){
		"two standbys with one application_name": func(s *health.Sample) {
			l := s.Nodes[0].Live
			l.Senders = append(l.Senders, l.Senders[0], l.Senders[0])
			l.Senders[2].Replay = ptr(health.LSN(0x4f00000))
		},
		"two nodes under one name": func(s *health.Sample) { s.Nodes[2].Name, s.Nodes[2].Application = "a", "a" },
		"everything null": func(s *health.Sample) {
			for i := range s.Nodes {
				s.Nodes[i].Room = nil
				if l := s.Nodes[i].Live; l != nil {
					s.Nodes[i].Live = &health.Live{Asked: l.Asked, At: l.At, Recovery: l.Recovery, Senders: []health.Sender{{}, {}}, Slots: []health.Slot{{}, {}}, Receiver: &health.Receiver{}}
				}
			}
		},
		"no node answers": func(s *health.Sample) {
			for i := range s.Nodes {
				s.Nodes[i].Live = nil
			}
		},
		"no replica, no slot, no drift": func(s *health.Sample) {
			s.Nodes, s.Drift, s.Apps = s.Nodes[:1], nil, nil
			s.Nodes[0].Live.Senders, s.Nodes[0].Live.Slots = nil, nil
		},
		"a base backup beside the stream": func(s *health.Sample) {
			l := s.Nodes[0].Live
			l.Senders = append([]health.Sender{{Application: "a", State: "backup"}}, l.Senders...)
		},
		"names that are no text": func(s *health.Sample) {
			s.Nodes[0].Live.Senders[0].Application = "\xff\"\n\\"
			s.Nodes[0].Live.Slots[0].Name = "\"\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			var m health.Memory
			s := cluster(noon)
			change(&s)
			r := m.Judge("shop", s, health.DefaultLimits())
			text := exposed(t, slices.Concat(health.Metrics(), compatible(health.Exporters())), watched(&r), "")
			if name == "two standbys with one application_name" && !strings.Contains(text, fmt.Sprintf(`pg_stat_replication_pg_wal_lsn_diff{application_name="a",client_addr="172.20.0.3",server="pg1",slot_name="a",state="streaming"} %g`, float64(0x100000))) {
				t.Errorf("not the one that is further behind:\n%s", text)
			}
			var printed bytes.Buffer
			if err := render.StatusPrometheus(&printed, r, render.Options{}); err != nil {
				t.Fatal(err)
			}
			if _, err := promlint.New(&printed).Lint(); err != nil {
				t.Errorf("what status prints cannot be read: %v", err)
			}
		})
	}
}

// TestUnknownIsAbsent: a figure that is not known is not there.
func TestUnknownIsAbsent(t *testing.T) {
	r := judged()
	text := exposed(t, health.Metrics(), watched(&r), "")
	for _, line := range []string{`pgrepl_replica_lag_seconds{cluster="shop",node="below"}`, `pgrepl_node_timeline{cluster="shop",node="below"}`, `pgrepl_slot_retained_bytes{cluster="shop",node="pg1",slot="gone"}`, `pgrepl_node_disk_free_bytes{cluster="shop",node="late"}`} {
		if strings.Contains(text, line) {
			t.Errorf("%s is told and is not known", line)
		}
	}
	if !strings.Contains(text, `pgrepl_replica_connected{cluster="shop",node="below"} 0`) {
		t.Error("that below is not connected is known of its upstream")
	}
}
