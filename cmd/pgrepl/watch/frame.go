package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrepl/engine/health"
)

// head tells of the cluster as a whole.
func (m model) head() []line {
	s := m.shown()
	title := line{{m.options.Cluster + " ", strong}}
	switch old, stale := m.stale(); {
	case stale:
		title = append(title, span{"STALE " + health.Time(old), bad}, span{" (was " + s.report.Level.Verdict() + ")", of(s.report.Level)})
	case s.known:
		title = append(title, span{s.report.Level.Verdict(), of(s.report.Level)})
	}
	if m.frozen != nil {
		title = append(title, span{" PAUSED", warn})
	}
	if s.known {
		r := s.report
		if r.Replicas.Declared > 0 {
			title = append(title, span{fmt.Sprintf("  %d of %d replicas healthy", r.Replicas.Healthy, r.Replicas.Declared), plain})
		}
		title = append(title, m.primary()...)
	}
	if m.height < 8 {
		return []line{title}
	}
	return []line{title, m.second()}
}

// primary tells of the node that takes writes.
func (m model) primary() line {
	r := m.shown().report
	p := r.Node(r.Primary)
	if p == nil {
		return line{{"  no primary", bad}}
	}
	text := fmt.Sprintf("  primary %s (PG %s, TL %s)", p.Name, p.Version, p.TimelineText())
	if p.Rate != nil {
		text += "  writes " + health.Rate(p.Rate)
	}
	return line{{text, plain}}
}

// second is the line of what is shown, and how.
func (m model) second() line {
	s := m.shown()
	out := line{}
	if s.known {
		out = append(out, span{fmt.Sprintf("sampled %s, skew %.0f ms, every %s", s.report.At.Format(time.TimeOnly), s.report.Skew*1000, m.options.Every), faint})
	}
	if d := s.report.Drift; d != nil && d.Unsaid == "" && len(d.Changes) == 0 {
		out = append(out, span{"  as in the file " + health.Ago(&d.Age) + " ago", faint})
	}
	out = append(out, span{"  sorted " + m.howSorted(), faint})
	if m.faults {
		out = append(out, span{"  ONLY FAULTS", warn})
	}
	if m.wide {
		out = append(out, span{"  wide", faint})
	}
	if m.filter != "" && !m.typing {
		out = append(out, span{"  filter " + m.filter, warn})
	}
	return out
}

func (m model) howSorted() string {
	if m.order == byItself && m.short(m.unsorted()) {
		return byLevel.String()
	}
	return m.order.String()
}

// staleLeast is how old a report may always be.
const staleLeast = 10 * time.Second

// stale is how old the report is, and whether that is too old: because none came any more, or it takes too long.
func (m model) stale() (time.Duration, bool) {
	s := m.shown()
	if !s.known || m.frozen != nil {
		return 0, false
	}
	old := m.now.Sub(s.report.At)
	return old, s.trouble != "" || old > max(3*m.options.Every, staleLeast)
}

// foot is the line of the keys, or of the filter that is typed.
func (m model) foot() []line {
	if m.typing {
		return []line{{{"/" + m.filter, strong}, {"█", plain}, {"  enter keeps it, esc ends it", faint}}}
	}
	if m.height < 8 {
		return nil
	}
	var out line
	if m.page.kind != "" {
		out = line{{"esc", strong}, {" back  ", faint}}
	}
	all := keys()
	slices.SortStableFunc(all, func(a, b key) int { return cmp.Compare(a.rank, b.rank) })
	for _, k := range all {
		if k.short == "" {
			continue
		}
		name, word, _ := strings.Cut(k.short, " ")
		next := line{{name, strong}, {" " + word + "  ", faint}}
		if out.width()+next.width() > m.width+2 {
			break
		}
		out = append(out, next...)
	}
	return []line{out}
}
