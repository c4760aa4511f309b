package monitor

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pgrepl/engine/health"
)

// collector tells Prometheus what is known at the moment of a scrape.
type collector struct {
	metrics []health.Metric
	watched func() health.Watched
	only    string // the one server that is asked for, whose figures then have no label for it; "": all
}

func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		to <- c.describe(m)
	}
}

// describe is a metric as the client library has it. Those of other exporters have a server's name instead of the cluster's.
func (c collector) describe(m health.Metric) *prometheus.Desc {
	labels, fixed := m.Labels, prometheus.Labels{"cluster": c.watched().Cluster}
	if ofServer(m) {
		fixed = nil
		if c.only != "" {
			labels = labels[1:]
		}
	}
	return prometheus.NewDesc(m.Name, m.Help, labels, fixed)
}

func ofServer(m health.Metric) bool { return len(m.Labels) > 0 && m.Labels[0] == health.Server }

func (c collector) Collect(to chan<- prometheus.Metric) {
	w := c.watched()
	for _, m := range c.metrics {
		kind := prometheus.GaugeValue
		if m.Type == health.Counter {
			kind = prometheus.CounterValue
		}
		for _, v := range m.Values(w) {
			labels := v.Labels
			if c.only != "" {
				if labels[0] != c.only {
					continue
				}
				labels = labels[1:]
			}
			to <- prometheus.MustNewConstMetric(c.describe(m), kind, v.Value, labels...)
		}
	}
}

// compatible are the metrics under the names of other exporters.
func compatible(exporters []string) []health.Metric {
	var out []health.Metric
	for _, name := range exporters {
		m, _ := health.Compatible(name)
		out = append(out, m...)
	}
	return out
}

// metrics answers a scrape: the cluster as a whole, and the monitor's own process.
func (s *server) metrics() http.Handler {
	all := prometheus.NewRegistry()
	all.MustRegister(collector{metrics: slices.Concat(health.Metrics(), compatible(s.options.Compat)), watched: s.watched},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// probe answers a scrape of one server, under the very labels that the exporters of one server use.
func (s *server) probe(w http.ResponseWriter, r *http.Request) {
	node := r.URL.Query().Get("target")
	if report := s.watcher.now().report; report == nil || report.Node(node) == nil {
		http.Error(w, "target is the name of a node of the cluster", http.StatusNotFound)
		return
	}
	one := prometheus.NewRegistry()
	one.MustRegister(collector{metrics: compatible(s.options.Compat), watched: s.watched, only: node})
	promhttp.HandlerFor(one, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
}

func (s *server) watched() health.Watched { return s.watcher.now().watched }
