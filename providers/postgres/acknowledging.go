package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Who acknowledges commits, as the last look tells. A standby that is frozen (its container is paused, its walreceiver stopped,
// the network between them cut) looks connected and streaming until wal_sender_timeout, and FIRST goes on waiting for it
// meanwhile, although others are there.

// acknowledging counts the standbys that stand up for commits: of FIRST those that the server has chosen, which are the first of
// the list that stream; of ANY all.
func (s *server) acknowledging(n standbyNames) int {
	streaming := s.listedSenders(n)
	if !n.any && n.count > 0 && len(streaming) > n.count {
		frozen := slices.ContainsFunc(streaming[:n.count], s.frozen)
		if frozen {
			streaming = streaming[:n.count]
		}
	}
	return len(slices.DeleteFunc(streaming, s.frozen))
}

// listedSenders are the standbys of a list that stream, in its order.
func (s *server) listedSenders(n standbyNames) []sender {
	var out []sender
	for _, w := range s.seen.live.Senders {
		if w.State == "streaming" && n.has(w.Name) {
			out = append(out, w)
		}
	}
	slices.SortStableFunc(out, func(a, b sender) int { return cmp.Compare(n.place(a.Name), n.place(b.Name)) })
	return out
}

// frozen reports whether a standby streams and does not answer: its container is paused, it has been silent for longer than any
// standby is while a commit waits, or its replay is paused while commits wait for that (remote_apply).
func (s *server) frozen(w sender) bool {
	i := slices.IndexFunc(s.site.standbys(), func(d *server) bool { return d.isCalled(w.Name) })
	if i < 0 {
		return w.Silent
	}
	d := s.site.standbys()[i]
	return w.Silent || d.machine.State() == "paused" || d.seen.live.Paused && s.seen.live.Settings["synchronous_commit"].Reset == "remote_apply"
}

// withoutFrozen is a list without those that the server would go on waiting for.
func (s *server) withoutFrozen(n standbyNames) standbyNames {
	for _, w := range s.listedSenders(n) {
		if s.frozen(w) {
			n.members = slices.DeleteFunc(slices.Clone(n.members), func(m string) bool { return strings.EqualFold(m, w.Name) })
		}
	}
	return n.atMost(min(n.count, len(n.members)))
}

// whoAnswers says why n of a list are too few.
func (s *server) whoAnswers(list standbyNames, n int) string {
	text := fmt.Sprintf("only %d of them streams", n)
	if n == 0 {
		text = "none of them streams"
	}
	var frozen []string
	for _, w := range s.listedSenders(list) {
		if s.frozen(w) {
			frozen = append(frozen, strings.TrimPrefix(s.site.called(standbyNames{count: 1, members: []string{w.Name}}), "first 1 of "))
		}
	}
	if len(frozen) == 0 {
		return text
	}
	return strings.Join(frozen, ", ") + " streams and does not answer"
}
