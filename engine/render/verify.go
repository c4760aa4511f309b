package render

import (
	"fmt"
	"io"
	"time"

	"pgrepl/engine/health"
)

// Verify writes how probes came to the replicas: of one probe its times, of many their distribution.
func Verify(w io.Writer, v health.Verification, o Options) error {
	out := &text{color: o.Color}
	out.linef("VERIFY %s   %s", v.Cluster, out.level(v.Level, v.Level.Verdict()))
	if len(v.Modes) > 0 && v.Modes[0].Commit.Sent > 1 {
		out.linef("%d probes; times are the median, the 90th and 99th percentile, and the longest", v.Modes[0].Commit.Sent)
	}
	for _, m := range v.Modes {
		waits := "waits for nobody"
		if m.Mode == "synchronous" {
			waits = "waits as the users' commits do"
		}
		out.linef("%s commit, which %s: %s", m.Mode, waits, spread(m.Commit))
		rows := table{{"REPLICA", "RECEIVED", "FLUSHED", "REPLAYED", "READABLE", "HEALTH"}}
		for _, r := range m.Replicas {
			row := []string{r.Replica}
			for _, stage := range health.Stages {
				row = append(row, spread(r.Stage(stage)))
			}
			rows = append(rows, append(row, arrived(r)))
		}
		out.rows(rows)
	}
	for _, p := range v.Problems {
		out.linef("%s %s", out.level(health.Critical, "CRITICAL"), visible(p))
	}
	if v.Level != health.OK {
		out.linef("next: pgrepl status")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// spread is a distribution in a cell: one time, or the 50th, 90th and 99th percentile and the longest.
func spread(d health.Distribution) string {
	switch {
	case d.Arrived == 0:
		return "-"
	case d.Sent == 1:
		return short(*d.P50)
	}
	text := fmt.Sprintf("%s / %s / %s / %s", short(*d.P50), short(*d.P90), short(*d.P99), short(*d.Most))
	if d.Arrived < d.Sent {
		text += fmt.Sprintf(" (%d of %d)", d.Arrived, d.Sent)
	}
	return text
}

// short is a time of which milliseconds matter.
func short(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.1f ms", seconds*1000)
	}
	return health.Time(time.Duration(seconds * float64(time.Second)))
}

func arrived(r health.ReplicaVerification) string {
	last := r.Readable
	if r.Delay > 0 {
		last = r.Flushed
	}
	lost := ""
	if n := last.Sent - last.Arrived; n > 0 {
		lost = fmt.Sprintf(" %d of %d did not arrive", n, last.Sent)
	}
	switch {
	case r.Problem != "" && lost != "" && last.Arrived > 0:
		return string(r.Level) + lost + "; it could not always be asked: " + visible(r.Problem)
	case r.Problem != "":
		return string(r.Level) + " cannot be asked: " + visible(r.Problem)
	case lost != "":
		return string(r.Level) + lost
	case r.Level != health.OK:
		return string(r.Level) + " late"
	case r.Delay > 0:
		return "ok, delayed by " + health.Ago(&r.Delay)
	}
	return "ok"
}

// VerifyJSON writes it for programs.
func VerifyJSON(w io.Writer, v health.Verification, _ Options) error { return writeJSON(w, v) }
