package health

import (
	"fmt"
	"time"
)

// Bytes puts a size into words, in units of 1024.
func Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// Time puts a duration into words: 0.4 s, 12 s, 3 min, 5 h, 2 d.
func Time(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 7200:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 172800:
		return fmt.Sprintf("%.0f h", s/3600)
	default:
		return fmt.Sprintf("%.0f d", s/86400)
	}
}

// String is the lag in words: 5.9 s; ≤ 16 s where the samples are too young to say more.
func (l Lag) String() string {
	switch {
	case l.High == nil:
		return "≥ " + Time(l.Low)
	case l.exact():
		return Time(l.Low)
	}
	return "≤ " + Time(*l.High)
}

// exact reports whether the lag is known about as well as samples can tell it.
func (l Lag) exact() bool {
	return l.High != nil && (*l.High-l.Low <= 3*time.Second || *l.High <= l.Low*5/4)
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}

func pointer[T any](v T) *T { return &v }
