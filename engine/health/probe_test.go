package health

import (
	"testing"
	"time"
)

func TestDistributionIsOfTimesThatWereMeasured(t *testing.T) {
	var times []*time.Duration
	for i := range 100 {
		times = append(times, pointer(time.Duration(100-i)*time.Second))
	}
	times = append(times, nil)
	d := Distribute(times)
	if d.Sent != 101 || d.Arrived != 100 || *d.P50 != 50 || *d.P90 != 90 || *d.P99 != 99 || *d.Most != 100 {
		t.Errorf("%+v", d)
	}
	if d := Distribute([]*time.Duration{nil}); d.P50 != nil || d.Arrived != 0 {
		t.Errorf("%+v", d)
	}
	if d := Distribute([]*time.Duration{pointer(time.Second)}); *d.P50 != 1 || *d.P99 != 1 {
		t.Errorf("%+v", d)
	}
}

func TestVerdictOfAProbe(t *testing.T) {
	quick, late, never := pointer(time.Millisecond), pointer(6*time.Second), (*time.Duration)(nil)
	for name, c := range map[string]struct {
		probe Probe
		want  Level
	}{
		"in time":             {Probe{Commit: quick, Arrivals: []Arrival{{Flushed: quick, Readable: quick}}}, OK},
		"late":                {Probe{Commit: quick, Arrivals: []Arrival{{Flushed: quick, Readable: late}}}, Warning},
		"never":               {Probe{Commit: quick, Arrivals: []Arrival{{Flushed: quick, Readable: never}}}, Critical},
		"delayed on purpose":  {Probe{Commit: quick, Arrivals: []Arrival{{Delay: time.Hour, Flushed: quick}}}, OK},
		"delayed by seconds":  {Probe{Commit: quick, Arrivals: []Arrival{{Delay: 10 * time.Second, Flushed: quick, Readable: pointer(10 * time.Second)}}}, OK},
		"delayed and away":    {Probe{Commit: quick, Arrivals: []Arrival{{Delay: time.Hour}}}, Critical},
		"cannot be asked":     {Probe{Commit: quick, Arrivals: []Arrival{{Problem: "down"}}}, Unknown},
		"one away, one asked": {Probe{Commit: quick, Arrivals: []Arrival{{Problem: "down"}, {}}}, Critical},
		"not written":         {Probe{Problem: "read only"}, Critical},
		"the commit was slow": {Probe{Commit: late, Arrivals: []Arrival{{Readable: quick}}}, Warning},
	} {
		if got := c.probe.Verdict(DefaultLimits()); got != c.want {
			t.Errorf("%s: %s, wanted %s", name, got, c.want)
		}
		c.probe.Mode = "local"
		if v := Verify("c", []Probe{c.probe}, DefaultLimits()); v.Level != c.want {
			t.Errorf("%s: the whole is %s", name, v.Level)
		}
	}
}
