package render

import (
	"cmp"
	"time"

	"pgrepl/engine/health"
)

// How a status says its figures. What is not known is a dash.

func lagOf(n health.NodeReport) string {
	if lag := n.Behind(); lag != nil {
		return lag.String()
	}
	return "-"
}

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
	return perSecond(*n)
}

func perSecond(n float64) string { return health.Bytes(int64(n)) + "/s" }

func dash(s string) string { return cmp.Or(s, "-") }

func dashed(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
