package postgres

import (
	"strings"
	"testing"
)

// TestWhoAcknowledges holds how many standbys of a list stand up for commits, what is said where they are too few, and what is
// left of the list when those are let go that do not answer.
func TestWhoAcknowledges(t *testing.T) {
	const file = "cluster \"c\" {}\nmaster \"aa\" {}\nreplica \"bb\" {}\nreplica \"dd\" {}\nreplica \"ee\" {}\n"
	for _, c := range []struct {
		names, senders string // of senders, bb is one that streams, bb! a silent one, bb? one that catches up, bb= one that does not replay
		acknowledge    int
		says, left     string
	}{
		{`FIRST 1 ("bb")`, "bb", 1, "", `FIRST 1 ("bb")`},
		{`FIRST 1 ("bb")`, "", 0, "none of them streams", `FIRST 1 ("bb")`},
		{`FIRST 1 ("bb")`, "bb?", 0, "none of them streams", `FIRST 1 ("bb")`},
		{`FIRST 1 ("bb")`, "dd", 0, "none of them streams", `FIRST 1 ("bb")`},
		{`FIRST 2 ("bb", "dd")`, "dd", 1, "only 1 of them streams", `FIRST 2 ("bb", "dd")`},
		{`FIRST 1 ("bb")`, "bb!", 0, "replica.bb streams and does not answer", ""},
		{`FIRST 1 ("bb", "dd")`, "dd", 1, "", `FIRST 1 ("bb", "dd")`},
		{`FIRST 1 ("bb", "dd")`, "dd bb!", 0, "replica.bb streams and does not answer", `FIRST 1 ("dd")`},
		{`FIRST 1 ("bb", "dd")`, "dd! bb", 1, "", `FIRST 1 ("bb")`},
		{`FIRST 2 ("bb", "dd", "ee")`, "bb dd! ee", 1, "replica.dd streams and does not answer", `FIRST 2 ("bb", "ee")`},
		{`ANY 1 ("bb", "dd")`, "dd bb!", 1, "", `ANY 1 ("dd")`},
		{`ANY 2 ("bb", "dd", "ee")`, "bb dd! ee", 2, "", `ANY 2 ("bb", "ee")`},
		{`FIRST 1 ("bb", "dd")`, "bb= dd", 2, "", `FIRST 1 ("bb", "dd")`},
		{`remote_apply FIRST 1 ("bb", "dd")`, "bb= dd", 0, "replica.bb streams and does not answer", `FIRST 1 ("dd")`},
		{`ANY 1 (*)`, "dd", 1, "", `ANY 1 ("*")`},
	} {
		site := seenAs(t, file, up)
		p := site.primary()
		for _, word := range strings.Fields(c.senders) {
			w := sender{Name: strings.TrimRight(word, "!?="), State: "streaming", Silent: strings.HasSuffix(word, "!")}
			if strings.HasSuffix(word, "?") {
				w.State = "catchup"
			}
			site.server(w.Name).seen.live.Paused = strings.HasSuffix(word, "=")
			p.seen.live.Senders = append(p.seen.live.Senders, w)
		}
		names, applied := strings.CutPrefix(c.names, "remote_apply ")
		p.seen.live.Settings = map[string]liveSetting{synchronousNames: {Reset: names}, "synchronous_commit": {Reset: map[bool]string{true: "remote_apply"}[applied]}}
		n := parseStandbyNames(names)
		if got := p.acknowledging(n); got != c.acknowledge {
			t.Errorf("of %s, with %q there, %d acknowledge, wanted %d", c.names, c.senders, got, c.acknowledge)
		}
		if got := site.Hangs(); (got == "") != (c.says == "") || !strings.HasSuffix(got, c.says) {
			t.Errorf("%s, with %q there: %q, wanted %q", c.names, c.senders, got, c.says)
		}
		if got := p.withoutFrozen(n).String(); got != c.left {
			t.Errorf("of %s, with %q there, %s is left, wanted %s", c.names, c.senders, got, c.left)
		}
	}
}
