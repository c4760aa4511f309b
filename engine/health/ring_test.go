package health

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// TestLagIsTrue: whatever is written when, and wherever a standby is, the lag that is told holds the truth, which is the age of the
// oldest byte that it lacks; and once the samples are as old as that, its bounds are no further apart than two samples.
func TestLagIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		type wrote struct {
			ms  int
			lsn LSN
		}
		var all []wrote
		lsn, now := LSN(1000), 0
		samples := rapid.IntRange(1, 60).Draw(t, "samples")
		for i := range samples {
			for now < i*1000 {
				now += rapid.IntRange(1, 1500).Draw(t, "pause")
				lsn += LSN(rapid.IntRange(0, 100).Draw(t, "bytes"))
				all = append(all, wrote{now, lsn})
			}
			now = max(now, i*1000)
			r.see("a", at(now), at(now), lsn)
			now++
		}
		replayed := LSN(rapid.IntRange(900, int(lsn)).Draw(t, "replayed"))
		lag, known := r.lag(replayed, at(now), at(now), nil)
		if !known {
			t.Fatal("not known")
		}
		truth := time.Duration(0)
		for _, w := range all {
			if w.lsn > replayed {
				truth = at(now).Sub(at(w.ms))
				break
			}
		}
		if replayed < 1000 { // older than all samples
			if lag.High != nil {
				t.Fatalf("bounded by %s", *lag.High)
			}
			return
		}
		if lag.Low > truth || lag.High == nil || *lag.High < truth {
			t.Fatalf("%v, and it is %s", lag, truth)
		}
		if apart := *lag.High - lag.Low; apart > 3*time.Second {
			t.Fatalf("the bounds are %s apart", apart)
		}
	})
}

func TestTheFirstSampleKnowsNoMoreThanTheLastCommit(t *testing.T) {
	var r ring
	r.see("a", at(0), at(0), 5000)
	sixteen := 16 * time.Second
	if lag, _ := r.lag(4000, at(0), at(0), &sixteen); lag.Low != 0 || *lag.High != sixteen || lag.String() != "≤ 16 s" {
		t.Errorf("%v", lag)
	}
	if lag, _ := r.lag(4000, at(0), at(0), nil); lag.High != nil || lag.String() != "≥ 0.0 s" {
		t.Errorf("%v", lag)
	}
	if lag, _ := r.lag(5000, at(0), at(0), nil); lag.Low != 0 || *lag.High != 0 || lag.String() != "0.0 s" {
		t.Errorf("%v", lag)
	}
	if _, known := (&ring{}).lag(1, at(0), at(0), nil); known {
		t.Error("the lag behind a primary that nobody has seen")
	}
}

// TestAnotherHistoryStartsAnew: positions of another primary, or of another timeline, do not compare.
func TestAnotherHistoryStartsAnew(t *testing.T) {
	var r ring
	r.see("a/1", at(0), at(0), 5000)
	r.see("b/2", at(1000), at(1000), 4000)
	if len(r.entries) != 1 || r.newest() != 4000 {
		t.Errorf("%+v", r.entries)
	}
	r.see("b/2", at(2000), at(2000), 3000) // its data was put back
	if len(r.entries) != 1 || r.newest() != 3000 {
		t.Errorf("%+v", r.entries)
	}
}

func TestThinningSaysNothingWrong(t *testing.T) {
	var r ring
	for i := range ringSize + 10 {
		r.see("a", at(i*1000), at(i*1000), LSN(i))
	}
	if len(r.entries) > ringSize {
		t.Fatalf("%d entries", len(r.entries))
	}
	now := at((ringSize + 10) * 1000)
	for _, replayed := range []LSN{0, 1, 2, 100, 101, ringSize / 2, ringSize - 1} {
		lag, _ := r.lag(replayed, now, now, nil)
		truth := now.Sub(at(int(replayed+1) * 1000))
		if lag.Low > truth || lag.High == nil || *lag.High < truth || *lag.High-lag.Low > 3*time.Second {
			t.Errorf("of %d: %v, and it is %s", replayed, lag, truth)
		}
	}
}
