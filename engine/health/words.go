package health

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes puts a size into words, in units of 1024.
func Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for math.Abs(f) >= 1024 && i < len(units)-1 {
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

// How figures of a report are said where they may be unknown: then they are a dash, never 0.

// Size is a size in words.
func Size(n *int64) string {
	if n == nil {
		return "-"
	}
	return Bytes(*n)
}

// Ago is a time in seconds in words.
func Ago(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return Time(time.Duration(min(*seconds, 1e9) * float64(time.Second)))
}

// Rate is a rate in bytes a second in words.
func Rate(n *float64) string {
	if n == nil {
		return "-"
	}
	return Bytes(int64(*n)) + "/s"
}

// Dash is a text, or a dash where there is none.
func Dash(s string) string { return cmp.Or(s, "-") }

// Dashed is Dash of what may not be known.
func Dashed(s *string) string {
	if s == nil {
		return "-"
	}
	return Dash(*s)
}

// Lag is a replica's true lag in words.
func (n NodeReport) Lag() string {
	if lag := n.Behind(); lag != nil {
		return lag.String()
	}
	return "-"
}

// DelayText is a replica's declared delay in words.
func (n NodeReport) DelayText() string {
	if n.Delay == 0 {
		return "-"
	}
	return Ago(&n.Delay)
}

// TimelineText is the timeline that a node is on in words.
func (n NodeReport) TimelineText() string {
	if n.Timeline == nil {
		return "-"
	}
	return strconv.Itoa(*n.Timeline)
}

// YesNo is an answer in words.
func YesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// Verdict is a level as a headline has it.
func (l Level) Verdict() string {
	if l == OK {
		return "HEALTHY"
	}
	return string(l)
}

// String is what was found with the limit that it broke.
func (f Finding) String() string {
	if f.Limit == "" {
		return f.Text
	}
	return f.Text + " (limit " + f.Limit + ")"
}

// InWords is all of what was found.
func InWords(found []Finding) string {
	var texts []string
	for _, f := range found {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, "; ")
}
