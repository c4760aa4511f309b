package health

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Metric is one figure for a monitoring system. The tables of metrics are the one place that says what there is: what is
// exposed, the documentation, the alerts and the dashboard come of them.
type Metric struct {
	Name, Help string
	Type       MetricType
	Labels     []string // beside those that tell the cluster
	of         func(Watched) []Value
}

// MetricType is how a figure moves.
type MetricType string

// The types.
const (
	Gauge   MetricType = "gauge"
	Counter MetricType = "counter"
)

// Value is one figure of a metric, with its labels in the order of the metric's.
type Value struct {
	Labels []string
	Value  float64
}

// Watched is a cluster as whoever watches it has it.
type Watched struct {
	Cluster       string
	Fresh         *Report   // nil: the last sample could not be taken, or it is old. Old figures are never told as if they were new
	Last          time.Time // of the last sample that could be taken; zero: there was none
	Taken, Failed uint64    // samples; both 0 where nobody counts
}

// Metrics lists pgrepl's own metrics, in order.
func Metrics() []Metric {
	return slices.Concat(monitorMetrics, clusterMetrics, nodeMetrics, replicaMetrics, slotMetrics, appMetrics)
}

// Values are the figures that are known. What is not known is absent, and not 0. Where two figures have the same labels, the
// larger is told: two of them would make the whole answer unreadable.
func (m Metric) Values(w Watched) []Value {
	distinct := map[string]Value{}
	for _, v := range m.of(w) {
		for i, l := range v.Labels {
			v.Labels[i] = strings.ToValidUTF8(l, "�")
		}
		key := strings.Join(v.Labels, "\x00")
		if other, twice := distinct[key]; !twice || v.Value > other.Value {
			distinct[key] = v
		}
	}
	return slices.SortedFunc(maps.Values(distinct), func(a, b Value) int { return slices.CompareFunc(a.Labels, b.Labels, cmp.Compare[string]) })
}

// one is a figure without labels of its own, where it is known.
func one(n *float64) []Value {
	if n == nil {
		return nil
	}
	return []Value{{Value: *n}}
}

// ofReport is a figure of the cluster as a whole.
func ofReport(f func(Report) *float64) func(Watched) []Value {
	return func(w Watched) []Value {
		if w.Fresh == nil {
			return nil
		}
		return one(f(*w.Fresh))
	}
}

// ofNodes is a figure of each node, with what live says where its server answered; more are the labels beside its name.
func ofNodes(f func(n NodeReport, l *Live) *float64, more ...func(NodeReport) string) func(Watched) []Value {
	return func(w Watched) []Value {
		if w.Fresh == nil {
			return nil
		}
		var out []Value
		for _, n := range w.Fresh.Nodes {
			known := f(n, w.Fresh.live(n.Name))
			if known == nil {
				continue
			}
			v := Value{Labels: []string{n.Name}, Value: *known}
			for _, label := range more {
				v.Labels = append(v.Labels, label(n))
			}
			out = append(out, v)
		}
		return out
	}
}

// ofReplicas is a figure of each declared replica.
func ofReplicas(f func(NodeReport) *float64) func(Watched) []Value {
	return ofNodes(func(n NodeReport, _ *Live) *float64 {
		if n.Part != "standby" {
			return nil
		}
		return f(n)
	})
}

// ofSlots is a figure of each slot; more are the labels beside its node and name.
func ofSlots(f func(SlotReport) *float64, more ...func(SlotReport) string) func(Watched) []Value {
	return func(w Watched) []Value {
		if w.Fresh == nil {
			return nil
		}
		var out []Value
		for _, s := range w.Fresh.Slots {
			known := f(s)
			if known == nil {
				continue
			}
			v := Value{Labels: []string{s.Node, s.Name}, Value: *known}
			for _, label := range more {
				v.Labels = append(v.Labels, label(s))
			}
			out = append(out, v)
		}
		return out
	}
}

// live is what a server said of itself; nil where it did not answer.
func (r Report) live(node string) *Live {
	if n := r.sample.node(node); n != nil {
		return n.Live
	}
	return nil
}

func count(n int) *float64 { return pointer(float64(n)) }

func bytesOf(n *int64) *float64 {
	if n == nil {
		return nil
	}
	return pointer(float64(*n))
}

func yes(is bool) *float64 {
	if is {
		return count(1)
	}
	return count(0)
}

func whether(is *bool) *float64 {
	if is == nil {
		return nil
	}
	return yes(*is)
}

func unix(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	return pointer(float64(t.UnixMilli()) / 1000)
}
