package health

import (
	"math"
	"slices"
	"time"
)

// Probe is one row that was written on the primary, and its way to the replicas. Times are counted from the moment before the
// statement was sent; each is no more than Step too long, the time between two looks at a replica.
type Probe struct {
	At       time.Time
	Mode     string         // local: committed on the primary alone; synchronous: as synchronous_commit and the block ask
	Commit   *time.Duration // until the commit came back; nil: it did not
	Arrivals []Arrival      // by replica
	Problem  string         // why it could not be written
}

// Arrival is when a replica had the row.
type Arrival struct {
	Replica                               string
	Received, Flushed, Replayed, Readable *time.Duration // nil: not in time
	Step                                  time.Duration  // between two looks at it, at most
	Delay                                 time.Duration  // declared: what is flushed counts
	Problem                               string         // why it could not be asked
}

// Stages are what a row goes through on a replica: written to its disk's cache by the walreceiver, flushed, replayed, seen by a
// query.
var Stages = []string{"received", "flushed", "replayed", "readable"}

// stage returns the time of one of the Stages.
func (a Arrival) stage(name string) *time.Duration {
	return map[string]*time.Duration{"received": a.Received, "flushed": a.Flushed, "replayed": a.Replayed, "readable": a.Readable}[name]
}

// last is the stage that counts: a delayed replica holds back on purpose what it has flushed.
func (a Arrival) last() *time.Duration {
	if a.Delay > 0 {
		return a.Flushed
	}
	return a.Readable
}

// Verdict judges a probe by the limits of true lag: what arrives later than those was lag.
func (p Probe) Verdict(by Limits) Level {
	if p.Problem != "" || p.Commit == nil {
		return Critical
	}
	level := lateness(*p.Commit, by)
	for _, a := range p.Arrivals {
		if v := a.Verdict(by); v.Worse(level) {
			level = v
		}
	}
	return level
}

// Verdict judges one arrival.
func (a Arrival) Verdict(by Limits) Level {
	switch last := a.last(); {
	case a.Problem != "":
		return Unknown
	case last == nil:
		return Critical
	default:
		return lateness(*last, by)
	}
}

func lateness(d time.Duration, by Limits) Level {
	switch {
	case d > by.LagTimeCritical:
		return Critical
	case d > by.LagTimeWarning:
		return Warning
	}
	return OK
}

// Distribution is a set of times in a few figures, in seconds. A time that never came counts as sent and not as arrived.
type Distribution struct {
	Sent    int      `json:"sent"`
	Arrived int      `json:"arrived"`
	P50     *float64 `json:"p50_seconds"` // of those that arrived; null: none did
	P90     *float64 `json:"p90_seconds"`
	P99     *float64 `json:"p99_seconds"`
	Most    *float64 `json:"max_seconds"`
}

// Distribute is the distribution of times, nil for those that never came.
func Distribute(times []*time.Duration) Distribution {
	d := Distribution{Sent: len(times)}
	var came []float64
	for _, t := range times {
		if t != nil {
			came = append(came, t.Seconds())
		}
	}
	if d.Arrived = len(came); d.Arrived == 0 {
		return d
	}
	slices.Sort(came)
	at := func(share float64) *float64 { // the nearest rank: a time that was measured
		return &came[max(int(math.Ceil(share*float64(len(came))))-1, 0)]
	}
	d.P50, d.P90, d.P99, d.Most = at(0.5), at(0.9), at(0.99), at(1)
	return d
}

// Verification is what a number of probes have shown.
type Verification struct {
	Format   string             `json:"format"` // VerifyFormat
	Cluster  string             `json:"cluster"`
	Level    Level              `json:"level"`
	Modes    []ModeVerification `json:"modes"`
	Problems []string           `json:"problems"` // each once
}

// VerifyFormat names the document that a Verification is as JSON.
const VerifyFormat = "pgrepl.verify/1"

// ModeVerification are the probes of one mode.
type ModeVerification struct {
	Mode     string                `json:"mode"`
	Commit   Distribution          `json:"commit"`
	Replicas []ReplicaVerification `json:"replicas"`
}

// ReplicaVerification is how probes came to one replica.
type ReplicaVerification struct {
	Replica  string       `json:"replica"`
	Level    Level        `json:"level"`
	Delay    float64      `json:"delay_seconds"` // declared
	Step     float64      `json:"step_seconds"`  // the most between two looks: by so much a time may be too long
	Received Distribution `json:"received"`
	Flushed  Distribution `json:"flushed"`
	Replayed Distribution `json:"replayed"`
	Readable Distribution `json:"readable"`
	Problem  string       `json:"problem,omitempty"`
}

// Stage returns the distribution of one of the Stages.
func (r ReplicaVerification) Stage(name string) Distribution {
	return map[string]Distribution{"received": r.Received, "flushed": r.Flushed, "replayed": r.Replayed, "readable": r.Readable}[name]
}

// Verify sums probes up; one that failed makes the whole as bad as that one.
func Verify(cluster string, probes []Probe, by Limits) Verification {
	v := Verification{Format: VerifyFormat, Cluster: cluster, Level: OK, Modes: []ModeVerification{}, Problems: []string{}}
	for _, mode := range []string{"local", "synchronous"} {
		var of []Probe
		for _, p := range probes {
			if p.Mode == mode {
				of = append(of, p)
			}
		}
		if len(of) > 0 {
			v.Modes = append(v.Modes, verifyMode(mode, of, by))
		}
	}
	for _, p := range probes {
		if level := p.Verdict(by); level.Worse(v.Level) {
			v.Level = level
		}
		if p.Problem != "" && !slices.Contains(v.Problems, p.Problem) {
			v.Problems = append(v.Problems, p.Problem)
		}
	}
	return v
}

func verifyMode(mode string, probes []Probe, by Limits) ModeVerification {
	m := ModeVerification{Mode: mode, Replicas: []ReplicaVerification{}}
	var commits []*time.Duration
	arrivals := map[string][]Arrival{}
	var names []string
	for _, p := range probes {
		commits = append(commits, p.Commit)
		for _, a := range p.Arrivals {
			if !slices.Contains(names, a.Replica) {
				names = append(names, a.Replica)
			}
			arrivals[a.Replica] = append(arrivals[a.Replica], a)
		}
	}
	m.Commit = Distribute(commits)
	for _, name := range names {
		m.Replicas = append(m.Replicas, verifyReplica(name, arrivals[name], by))
	}
	return m
}

func verifyReplica(name string, arrivals []Arrival, by Limits) ReplicaVerification {
	r := ReplicaVerification{Replica: name, Level: OK, Delay: arrivals[0].Delay.Seconds()}
	times := map[string][]*time.Duration{}
	for _, a := range arrivals {
		for _, stage := range Stages {
			times[stage] = append(times[stage], a.stage(stage))
		}
		r.Step = max(r.Step, a.Step.Seconds())
		if level := a.Verdict(by); level.Worse(r.Level) {
			r.Level = level
		}
		if a.Problem != "" {
			r.Problem = a.Problem
		}
	}
	r.Received, r.Flushed, r.Replayed, r.Readable = Distribute(times["received"]), Distribute(times["flushed"]), Distribute(times["replayed"]), Distribute(times["readable"])
	return r
}
