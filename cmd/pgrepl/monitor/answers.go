package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pgrepl/engine/health"
)

// document is the status as the monitor tells it: that of `pgrepl status -o json`, and whether it is fresh.
type document struct {
	health.Report
	freshness
}

// freshness is what a monitor adds to a status.
type freshness struct {
	Stale bool    `json:"stale"`
	Error string  `json:"error,omitempty"` // why it is
	Age   float64 `json:"age_seconds"`     // of the sample
	Every float64 `json:"every_seconds"`   // a sample is to come
}

// none is the document where there was no sample yet.
type none struct {
	Format  string `json:"format"`
	Cluster string `json:"cluster"`
	freshness
}

func (s *server) document(now state) any {
	f := freshness{!now.fresh, now.trouble, now.age.Seconds(), s.watcher.every.Seconds()}
	if now.report == nil {
		if f.Error == "" {
			f.Error = "no sample yet"
		}
		return none{health.Format, s.watcher.cluster, f}
	}
	return document{*now.report, f}
}

// status is the report as JSON, or again and again where that is asked for. With 503 it is not fresh.
func (s *server) status(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		s.events(w, r)
		return
	}
	now := s.watcher.now()
	code := http.StatusOK
	if !now.fresh {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, s.document(now))
}

// spans are the times that history is told over.
var spans = map[string]time.Duration{"": 15 * time.Minute, "5m": 5 * time.Minute, "15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "24h": 24 * time.Hour}

func (s *server) history(w http.ResponseWriter, r *http.Request) {
	span, known := spans[r.URL.Query().Get("range")]
	if !known {
		http.Error(w, "range is 5m, 15m, 1h, 6h or 24h", http.StatusBadRequest)
		return
	}
	writeJSON(w, http.StatusOK, s.watcher.since(span))
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone
}

// healthz says that the process answers.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz says whether there is a fresh sample; why not, only those are told who may ask.
func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.watcher.now().fresh {
		http.Error(w, "no fresh sample", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
