package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

func TestApplyKeepsTheOrderTheNodesAndTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := graphs(t)
		parallel := rapid.IntRange(1, 5).Draw(t, "parallel")
		w := watch{done: map[StepID]bool{}, busy: map[string]bool{}}
		for i := range steps {
			s := steps[i].(task)
			s.run = func(context.Context) error { return w.run(s, steps) }
			steps[i] = s
		}
		sorted, err := order(steps, tie(false))
		if err != nil {
			t.Fatal(err)
		}
		res := Apply(context.Background(), Plan{Steps: sorted}, parallel, func(Event) {})
		if res.Err != nil || len(res.Done) != len(steps) || w.most > parallel {
			t.Fatalf("%v; %d of %d done; %d side by side, %d allowed", res.Err, len(res.Done), len(steps), w.most, parallel)
		}
	})
}

// watch is what steps find while they run.
type watch struct {
	mu        sync.Mutex
	done      map[StepID]bool
	busy      map[string]bool
	now, most int
}

func (w *watch) run(s task, all []Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.On != "" && w.busy[s.On] {
		return errors.New("two steps of one node at once")
	}
	for _, n := range s.Behind {
		there := slices.ContainsFunc(all, func(o Step) bool { return o.ID() == n })
		if there && !w.done[n] {
			return errors.New("it needs " + n.String())
		}
	}
	w.busy[s.On], w.now = true, w.now+1
	w.most = max(w.most, w.now)
	w.mu.Unlock()
	w.mu.Lock()
	w.busy[s.On], w.now, w.done[s.Self] = false, w.now-1, true
	return nil
}

func TestApplyStopsAtTheFirstError(t *testing.T) {
	broken, sibling := do("broken", "a"), do("sibling", "b")
	failed := make(chan bool)
	broken.run = func(context.Context) error { defer close(failed); return errors.New("no space left") }
	sibling.run = func(context.Context) error { <-failed; return nil }
	res := Apply(context.Background(), Plan{Steps: []Step{broken, sibling, do("later", "a", "broken"), do("free", "a")}}, 4, func(Event) {})
	if res.Err == nil || res.Err.Error() != "no space left" || names(res.Done) != "sibling" || names(res.Failed) != "broken" || names(res.NotStarted) != "later free" {
		t.Errorf("%v; done %s; failed %s; not started %s", res.Err, names(res.Done), names(res.Failed), names(res.NotStarted))
	}
}

func TestAnInterruptEndsWaitsAndLetsTheOthersFinish(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var begun sync.WaitGroup
	begun.Add(2)
	wait, change := do("wait", "a"), do("change", "b")
	wait.Cancellable = true
	wait.run = func(ctx context.Context) error { begun.Done(); <-ctx.Done(); return ctx.Err() }
	change.run = func(ctx context.Context) error {
		begun.Done()
		begun.Wait()
		cancel()
		return ctx.Err() // its context has not ended
	}
	res := Apply(ctx, Plan{Steps: []Step{wait, change, do("later", "c", "change")}}, 4, func(Event) {})
	if !errors.Is(res.Err, context.Canceled) || names(res.Done) != "change" || names(res.Failed) != "wait" || names(res.NotStarted) != "later" {
		t.Errorf("%v; done %s; failed %s; not started %s", res.Err, names(res.Done), names(res.Failed), names(res.NotStarted))
	}
}

func TestAnInterruptBeforeTheStartStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	res := Apply(ctx, Plan{Steps: []Step{do("a", "")}}, 1, func(Event) {})
	if !errors.Is(res.Err, context.Canceled) || names(res.NotStarted) != "a" {
		t.Errorf("%v, not started %s", res.Err, names(res.NotStarted))
	}
}

func TestWhatIsUsedUpIsSaid(t *testing.T) {
	clone := func(name string) task {
		s := do(name, name)
		s.Claim = Claim{Pool: "walsenders", Take: 2, Keep: 1, Capacity: 3, AlreadyUsed: 1}
		return s
	}
	res := Apply(context.Background(), Plan{Steps: []Step{clone("a"), clone("b")}}, 5, func(Event) {})
	if res.Err == nil || !strings.Contains(res.Err.Error(), "needs 2 walsenders: of 3, 2 are taken") || names(res.Done) != "a" || names(res.NotStarted) != "b" {
		t.Errorf("%v; done %s; not started %s", res.Err, names(res.Done), names(res.NotStarted))
	}
}

func TestClaimsShareWhatIsScarce(t *testing.T) {
	var now, most atomic.Int32
	clone := func(name string) task {
		s := do(name, name)
		s.Claim = Claim{Pool: "walsenders", Take: 2, Keep: 1, Capacity: 5, AlreadyUsed: 1}
		s.run = func(context.Context) error {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			now.Add(-1)
			return nil
		}
		return s
	}
	res := Apply(context.Background(), Plan{Steps: []Step{clone("a"), clone("b"), clone("c")}}, 3, func(Event) {})
	if res.Err != nil || len(res.Done) != 3 || most.Load() > 2 {
		t.Errorf("%v; %d done, %d at once", res.Err, len(res.Done), most.Load())
	}
}

func TestAClaimThatCanNeverBeMetIsTriedAlone(t *testing.T) {
	s := do("clone", "a")
	s.Claim = Claim{Pool: "walsenders", Take: 2, Keep: 1, Capacity: 1}
	if res := Apply(context.Background(), Plan{Steps: []Step{s}}, 1, func(Event) {}); len(res.Done) != 1 {
		t.Error("it was not tried; the server has the last word")
	}
}

func TestEveryStepIsReported(t *testing.T) {
	s := do("clone", "a")
	s.run = func(ctx context.Context) error { Report(ctx, "61%"); return nil }
	var got []EventKind
	Apply(context.Background(), Plan{Steps: []Step{s}}, 1, func(e Event) { got = append(got, e.What) })
	if !slices.Equal(got, []EventKind{Started, Progress, Done}) {
		t.Error(got)
	}
	Report(context.Background(), "nobody listens")
}

func TestSideEffectsAreToldOnBothSides(t *testing.T) {
	var told []string
	effect := SideEffect(func(when When, what string) { told = append(told, string(when)+" "+what) })
	boom := errors.New("boom")
	if err := effect.Around("create", func() error { told = append(told, "now"); return boom }); err != boom {
		t.Error(err)
	}
	if !slices.Equal(told, []string{"before create", "now", "after create"}) {
		t.Error(told)
	}
	if err := SideEffect(nil).Around("create", func() error { return boom }); err != boom {
		t.Error(err)
	}
}
