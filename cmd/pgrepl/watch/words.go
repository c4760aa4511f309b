package watch

import (
	"cmp"
	"strings"
	"time"

	"pgrepl/engine/health"
)

// How figures are said. What is not known is a dash, never 0.

func size(n *int64) string {
	if n == nil {
		return "-"
	}
	return health.Bytes(*n)
}

func ago(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return health.Time(time.Duration(min(*seconds, 1e9) * float64(time.Second)))
}

func rate(n *float64) string {
	if n == nil {
		return "-"
	}
	return health.Bytes(int64(*n)) + "/s"
}

func lagOf(n health.NodeReport) string {
	if lag := n.Behind(); lag != nil {
		return lag.String()
	}
	return "-"
}

func dash(s string) string { return cmp.Or(s, "-") }

func dashed(s *string) string {
	if s == nil {
		return "-"
	}
	return dash(*s)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// broken is a finding with the limit that it broke.
func broken(f health.Finding) string {
	if f.Limit == "" {
		return f.Text
	}
	return f.Text + " (limit " + f.Limit + ")"
}

// said is all that was found on a row.
func said(found []health.Finding) string {
	var texts []string
	for _, f := range found {
		texts = append(texts, broken(f))
	}
	return strings.Join(texts, "; ")
}

func verdict(l health.Level) string {
	if l == health.OK {
		return "HEALTHY"
	}
	return string(l)
}

func subjectName(s health.Subject) string { return cmp.Or(s.String(), "cluster") }
