package render

import (
	"bytes"
	"testing"
	"time"

	"pgrepl/engine/health"
	"pgrepl/test/outputs"
)

func TestVerifyFormats(t *testing.T) {
	ms := func(n int) *time.Duration { d := time.Duration(n) * time.Millisecond; return &d }
	probe := func(mode string, n int) health.Probe {
		return health.Probe{Mode: mode, Commit: ms(n), Arrivals: []health.Arrival{
			{Replica: "pg-b", Received: ms(n + 1), Flushed: ms(n + 2), Replayed: ms(n + 2), Readable: ms(n + 3), Step: 2 * time.Millisecond},
			{Replica: "pg-c", Received: ms(n + 1), Flushed: ms(n + 2), Delay: time.Hour},
			{Replica: "pg-d", Problem: "its container is paused"},
		}}
	}
	stuck := probe("synchronous", 20)
	stuck.Commit, stuck.Problem = nil, "master.pg-a: a commit waited in vain"
	for name, probes := range map[string][]health.Probe{
		"one":  {probe("local", 1)},
		"many": {probe("local", 1), probe("synchronous", 4), probe("local", 900), probe("synchronous", 2500), stuck},
	} {
		v := health.Verify("shop", probes, health.DefaultLimits())
		var text, document bytes.Buffer
		if err := Verify(&text, v, Options{}); err != nil {
			t.Fatal(err)
		}
		golden(t, "verify/"+name, text.String())
		if err := VerifyJSON(&document, v, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := outputs.Held("verify", document.Bytes()); err != nil {
			t.Error(err)
		}
	}
}
