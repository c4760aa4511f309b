package watch

import "strings"

// bars are the heights of a sparkline, lowest first.
var bars = [...]rune{'▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'}

// spark draws the last values, newest on the right; a dot is one that is not known. top is what fills a bar at least: what is
// far below a limit is to look calm.
func spark(values []*float64, width int, top float64) string {
	values = values[max(len(values)-width, 0):]
	for _, v := range values {
		if v != nil {
			top = max(top, *v)
		}
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", max(width-len(values), 0)))
	for _, v := range values {
		switch {
		case v == nil:
			b.WriteRune('·')
		case top <= 0:
			b.WriteRune(bars[0])
		default:
			b.WriteRune(bars[min(int(*v/top*float64(len(bars))), len(bars)-1)])
		}
	}
	return b.String()
}

func lags(past []point) []*float64 {
	out := make([]*float64, len(past))
	for i, p := range past {
		out[i] = p.lag
	}
	return out
}

func sizes(past []point) []*float64 {
	out := make([]*float64, len(past))
	for i, p := range past {
		out[i] = p.bytes
	}
	return out
}

// highest is the greatest of the values; nil where none is known.
func highest(values []*float64) *float64 {
	var out *float64
	for _, v := range values {
		if v != nil && (out == nil || *v > *out) {
			out = v
		}
	}
	return out
}
