package health

import (
	"cmp"
	"slices"
	"time"
)

// Level is a verdict, in the words of the monitoring plugins' convention.
type Level string

// The levels.
const (
	OK       Level = "OK"
	Warning  Level = "WARNING"
	Critical Level = "CRITICAL"
	Unknown  Level = "UNKNOWN" // it could not be told
)

// Code is the exit code of a monitoring plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
func (l Level) Code() int { return slices.Index([]Level{OK, Warning, Critical, Unknown}, l) }

// weight orders levels by what they ask of whoever is called: what is known to be wrong comes before what is not known.
func (l Level) weight() int { return slices.Index([]Level{OK, Unknown, Warning, Critical}, l) }

// Worse reports whether l is worse than other.
func (l Level) Worse(other Level) bool { return l.weight() > other.weight() }

// Compare orders levels, the worst first.
func (l Level) Compare(other Level) int { return cmp.Compare(other.weight(), l.weight()) }

// Subject is what a finding is about; the zero value is the cluster.
type Subject struct {
	Node string `json:"node,omitempty"`
	Slot string `json:"slot,omitempty"` // of that node
	App  string `json:"app,omitempty"`
}

// String names it as a line of text does.
func (s Subject) String() string {
	switch {
	case s.Slot != "":
		return "slot " + s.Slot + " on " + s.Node
	case s.App != "":
		return "app " + s.App
	}
	return s.Node
}

// Head begins a line of text about it; a line about the cluster needs no beginning.
func (s Subject) Head() string {
	if s == (Subject{}) {
		return ""
	}
	return s.String() + ": "
}

// Finding is one limit that is broken.
type Finding struct {
	Level Level  `json:"level"`
	Rule  string `json:"rule"` // name of the rule, stable
	Subject
	Text  string    `json:"text"`            // what is so, with the figure
	Limit string    `json:"limit,omitempty"` // that it broke
	Next  string    `json:"next"`            // the next command
	Since time.Time `json:"since"`           // when it was seen first
}

// Report is the health of a cluster at one moment. Durations are in seconds, sizes in bytes; what is not known is null.
type Report struct {
	Format   string       `json:"format"` // Format
	Cluster  string       `json:"cluster"`
	Level    Level        `json:"level"`
	At       time.Time    `json:"at"`
	Skew     float64      `json:"skew_seconds"`
	Primary  string       `json:"primary"` // the node that takes writes; "" where none does, or more than one
	Replicas Count        `json:"replicas"`
	Nodes    []NodeReport `json:"nodes"`
	Slots    []SlotReport `json:"slots"`
	Apps     []AppReport  `json:"apps"`
	Drift    *DriftReport `json:"drift"` // null: not looked at
	Findings []Finding    `json:"findings"`
	Limits   LimitsReport `json:"limits"`

	sample Sample        // that it was made of, and
	waited time.Duration // for how long the oldest commit has waited for standbys, both for the metrics
}

// Format names the document that a Report is as JSON.
const Format = "pgrepl.status/1"

// Count says how many of the declared replicas are well.
type Count struct {
	Declared  int `json:"declared"`
	Streaming int `json:"streaming"`
	Healthy   int `json:"healthy"`
}

// NodeReport is one node.
type NodeReport struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Part      string   `json:"part"`  // as declared: primary, standby
	State     string   `json:"state"` // accepting connections, streaming, catchup, not streaming, or why it is not up
	Recovery  *bool    `json:"in_recovery"`
	Container string   `json:"container"`
	Version   string   `json:"version,omitempty"`
	Timeline  *int     `json:"timeline"`
	LSN       *LSN     `json:"-"`
	Position  *string  `json:"lsn"` // written, or as a standby replayed
	Upstream  string   `json:"upstream,omitempty"`
	Depth     int      `json:"depth"` // upstreams above it
	Sync      string   `json:"sync,omitempty"`
	Send      *int64   `json:"send_lag_bytes"`   // not yet sent by its upstream
	Flush     *int64   `json:"flush_lag_bytes"`  // not yet on its disk
	Replay    *int64   `json:"replay_lag_bytes"` // not yet readable
	LagLow    *float64 `json:"lag_seconds"`      // true lag: at least so long,
	LagHigh   *float64 `json:"lag_seconds_at_most"`
	Delay     float64  `json:"delay_seconds,omitempty"` // as declared; it is part of the lag
	Heard     *float64 `json:"heard_seconds"`           // since it last replied to its upstream
	Rate      *float64 `json:"wal_bytes_per_second"`    // written, or as a standby replayed
	CatchUp   *float64 `json:"catch_up_seconds"`        // at these rates; null: level, or never
	Paused    *bool    `json:"replay_paused"`
	Slot      string   `json:"slot,omitempty"`
	Retained  *int64   `json:"slot_retained_bytes"`
	Room      *int64   `json:"disk_free_bytes"`
	Pending   []string `json:"pending_restart"`
	Level     Level    `json:"level"`
}

// Behind is the true lag of a standby; nil where it is not known.
func (n NodeReport) Behind() *Lag {
	if n.LagLow == nil {
		return nil
	}
	lag := Lag{Low: time.Duration(*n.LagLow * float64(time.Second))}
	if n.LagHigh != nil {
		high := time.Duration(*n.LagHigh * float64(time.Second))
		lag.High = &high
	}
	return &lag
}

// Late is how far behind a standby is in seconds beyond its declared delay, which is what is judged; nil where it is not known.
func (n NodeReport) Late() *float64 {
	if n.LagLow == nil {
		return nil
	}
	return pointer(max(*n.LagLow-n.Delay, 0))
}

// LagBytes is how far behind a standby is in bytes, as that is judged, and at what: one with a declared delay has on its disk what
// it holds back on purpose.
func (n NodeReport) LagBytes() (lag *int64, what string) {
	if n.Delay > 0 {
		return n.Flush, "flush"
	}
	return n.Replay, "replay"
}

// SlotReport is one replication slot.
type SlotReport struct {
	Name     string   `json:"name"`
	Node     string   `json:"node"`
	Type     string   `json:"type"`
	Active   bool     `json:"active"`
	Status   string   `json:"wal_status,omitempty"`
	Retained *int64   `json:"retained_bytes"`
	Growth   *float64 `json:"growth_bytes_per_second"`
	Safe     *int64   `json:"safe_bytes"`      // may still be written before it is lost; null: no limit
	Full     *float64 `json:"seconds_to_full"` // until the disk is full
	Lost     *float64 `json:"seconds_to_lost"` // until it is lost
	Declared bool     `json:"declared"`
	Reader   string   `json:"reader,omitempty"` // the declared replica that it is for
	Level    Level    `json:"level"`
}

// AppReport is a container beside the cluster.
type AppReport struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	Container string `json:"container"`
	Level     Level  `json:"level"`
}

// DriftReport is what a plan would change.
type DriftReport struct {
	Changes []string `json:"changes"`
	Unsaid  string   `json:"unsaid,omitempty"` // why it could not be told
	Age     float64  `json:"age_seconds"`
}

// LimitsReport are the limits of the verdicts.
type LimitsReport struct {
	LagWarning      int64   `json:"lag_warning_bytes"`
	LagCritical     int64   `json:"lag_critical_bytes"`
	LagTimeWarning  float64 `json:"lag_time_warning_seconds"`
	LagTimeCritical float64 `json:"lag_time_critical_seconds"`
	SlotWarning     int64   `json:"slot_warning_bytes"`
	SlotCritical    int64   `json:"slot_critical_bytes"`
}

// On returns the findings on one object, the worst first.
func (r Report) On(object Subject) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Subject == object {
			out = append(out, f)
		}
	}
	return out
}

// Node returns a node by its name; nil where there is none.
func (r Report) Node(name string) *NodeReport {
	i := slices.IndexFunc(r.Nodes, func(n NodeReport) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Nodes[i]
}

// Standbys are the declared replicas.
func (r Report) Standbys() []NodeReport {
	return slices.DeleteFunc(slices.Clone(r.Nodes), func(n NodeReport) bool { return n.Part != "standby" })
}

// Tree are the nodes, each below the one that it follows.
func (r Report) Tree() []NodeReport {
	var out []NodeReport
	var add func(n NodeReport)
	add = func(n NodeReport) {
		if slices.ContainsFunc(out, func(o NodeReport) bool { return o.Name == n.Name }) {
			return
		}
		out = append(out, n)
		for _, below := range r.Nodes {
			if below.Upstream == n.Name {
				add(below)
			}
		}
	}
	for _, n := range r.Nodes {
		if n.Upstream == "" {
			add(n)
		}
	}
	for _, n := range r.Nodes { // whatever it follows
		add(n)
	}
	return out
}

func byWeight(a, b Finding) int {
	return cmp.Or(a.Level.Compare(b.Level), cmp.Compare(a.Subject.String(), b.Subject.String()), cmp.Compare(a.Rule, b.Rule))
}

func worst(found []Finding) Level {
	level := OK
	for _, f := range found {
		if f.Level.Worse(level) {
			level = f.Level
		}
	}
	return level
}

// Subject is the slot as a finding names it.
func (s SlotReport) Subject() Subject { return Subject{Node: s.Node, Slot: s.Name} }

// Of returns all that was found on a node, with what was found on the slot that it reads.
func (r Report) Of(node string) []Finding {
	found := r.On(Subject{Node: node})
	for _, slot := range r.Slots {
		if slot.Reader == node {
			found = append(found, r.On(slot.Subject())...)
		}
	}
	slices.SortStableFunc(found, byWeight)
	return found
}

// Faults is the report with only the rows that are not well.
func (r Report) Faults() Report {
	r.Nodes = slices.DeleteFunc(slices.Clone(r.Nodes), func(n NodeReport) bool { return n.Level == OK && n.Name != r.Primary })
	r.Slots = slices.DeleteFunc(slices.Clone(r.Slots), func(s SlotReport) bool { return s.Level == OK })
	r.Apps = slices.DeleteFunc(slices.Clone(r.Apps), func(a AppReport) bool { return a.Level == OK })
	return r
}
