package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"pgrepl/engine/health"
)

// lsn is a position in the WAL.
type lsn = health.LSN

func parseLSN(text string) (lsn, bool) { return health.ParseLSN(text) }

// past is the way that the data of a server has come: the timelines that it left, each with the position at which it did,
// and where it is now.
type past struct {
	left     []fork
	timeline int
	at       lsn
}

// fork is the end of a timeline.
type fork struct {
	timeline int
	at       lsn
}

// newPast reads a timeline history file (lines of timeline, position, reason), which a first timeline does not have.
func newPast(history string, timeline int, at lsn) past {
	p := past{timeline: timeline, at: at}
	for line := range strings.Lines(history) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		number, err := strconv.Atoi(f[0])
		end, ok := parseLSN(f[1])
		if err == nil && ok {
			p.left = append(p.left, fork{number, end})
		}
	}
	return p
}

func (p past) whole() []fork { return append(append([]fork{}, p.left...), fork{p.timeline, p.at}) }

// parts is the last position that both have in common; timeline 0 where there is none. Two servers that became primaries of
// their own may have given the same number to different timelines, so what counts is where they left the ones before.
func (p past) parts(other past) fork {
	var common fork
	a, b := p.whole(), other.whole()
	for i := range min(len(a), len(b)) {
		if a[i].timeline != b[i].timeline {
			return common
		}
		common = fork{a[i].timeline, min(a[i].at, b[i].at)}
		if a[i].at != b[i].at {
			return common
		}
	}
	return common
}

// holds reports whether the other's data is all on this one's way.
func (p past) holds(other past) bool { return p.parts(other) == fork{other.timeline, other.at} }

// since says where the timeline began.
func (p past) since() string {
	if len(p.left) == 0 {
		return fmt.Sprintf("timeline %d", p.timeline)
	}
	return fmt.Sprintf("timeline %d since %s", p.timeline, p.left[len(p.left)-1].at)
}
