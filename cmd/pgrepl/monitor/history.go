package monitor

import (
	"slices"
	"time"

	"pgrepl/engine/health"
)

// point is what is drawn of one moment. What is not known has no entry.
type point struct {
	at                    time.Time
	lag, behind, retained map[string]float64 // by replica; by slot and node
	wal                   map[string]float64 // by the node that takes writes
}

func pointOf(r health.Report) point {
	p := point{r.At, map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}}
	for _, n := range r.Standbys() {
		if late := n.Late(); late != nil {
			p.lag[n.Name] = *late
		}
		if lag, _ := n.LagBytes(); lag != nil {
			p.behind[n.Name] = float64(*lag)
		}
	}
	if n := r.Node(r.Primary); n != nil && n.Rate != nil {
		p.wal[n.Name] = *n.Rate
	}
	for _, s := range r.Slots {
		if s.Retained != nil {
			p.retained[s.Name+" on "+s.Node] = float64(*s.Retained)
		}
	}
	return p
}

// history keeps points: the last minutes as they came, a day by the minute.
type history []*tier

// tier keeps one point for each width of time, with the peaks in it: what is averaged away is what was looked for.
type tier struct {
	width, keep time.Duration
	points      []point
}

func newHistory(every time.Duration) history {
	return history{{width: max(every, 2*time.Second), keep: 15 * time.Minute}, {width: time.Minute, keep: 24 * time.Hour}}
}

func (h history) add(p point) {
	for _, t := range h {
		t.add(p)
	}
}

func (t *tier) add(p point) {
	if n := len(t.points); n > 0 && p.at.Truncate(t.width).Equal(t.points[n-1].at.Truncate(t.width)) {
		last := &t.points[n-1]
		last.lag, last.behind, last.retained, last.wal = peaks(last.lag, p.lag), peaks(last.behind, p.behind), peaks(last.retained, p.retained), peaks(last.wal, p.wal)
		return
	}
	t.points = append(t.points, p)
	if old := slices.IndexFunc(t.points, func(o point) bool { return p.at.Sub(o.at) <= t.keep }); old > 0 {
		t.points = slices.Delete(t.points, 0, old)
	}
}

// peaks is a new map: the old one may be in another tier.
func peaks(a, b map[string]float64) map[string]float64 {
	out := make(map[string]float64, len(b))
	for _, m := range []map[string]float64{a, b} {
		for k, v := range m {
			if have, is := out[k]; !is || v > have {
				out[k] = v
			}
		}
	}
	return out
}

// columns are points for the page: a list of times, and for each series as many figures; null is not known.
type columns struct {
	Width    float64               `json:"width_seconds"` // of one point
	At       []float64             `json:"at"`            // seconds since 1970
	Lag      map[string][]*float64 `json:"late_seconds"`
	Behind   map[string][]*float64 `json:"lag_bytes"`
	Retained map[string][]*float64 `json:"retained_bytes"`
	WAL      map[string][]*float64 `json:"wal_bytes_per_second"`
}

// over returns the points of a time until now, from the finest tier that reaches so far.
func (h history) over(span time.Duration) columns {
	t := h[len(h)-1]
	for _, finer := range h {
		if span <= finer.keep {
			t = finer
			break
		}
	}
	points := t.points
	if n := len(points); n > 0 {
		from := points[n-1].at.Add(-span)
		points = points[slices.IndexFunc(points, func(p point) bool { return !p.at.Before(from) }):]
	}
	return columnsOf(points, t.width)
}

func columnsOf(points []point, width time.Duration) columns {
	c := columns{Width: width.Seconds(), At: []float64{}}
	for _, p := range points {
		c.At = append(c.At, float64(p.at.UnixMilli())/1000)
	}
	c.Lag = column(points, func(p point) map[string]float64 { return p.lag })
	c.Behind = column(points, func(p point) map[string]float64 { return p.behind })
	c.Retained = column(points, func(p point) map[string]float64 { return p.retained })
	c.WAL = column(points, func(p point) map[string]float64 { return p.wal })
	return c
}

func column(points []point, of func(point) map[string]float64) map[string][]*float64 {
	out := map[string][]*float64{}
	for i, p := range points {
		for name, v := range of(p) {
			if out[name] == nil {
				out[name] = make([]*float64, len(points))
			}
			out[name][i] = &v
		}
	}
	return out
}
