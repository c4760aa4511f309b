package render

import (
	"strings"
	"testing"

	"pgrepl/engine"
)

// TestTwoNumbersOfOneName: slots of the same name on two servers have one address where no block declares them, and each
// its own number all the same.
func TestTwoNumbersOfOneName(t *testing.T) {
	slot := []engine.Address{{Block: "slot", Label: "x"}}
	risk := func(on, figure string) engine.Risk {
		return engine.Risk{Code: "PGR201", Severity: engine.Warns, Addrs: slot, Text: "slot x on " + on + " holds WAL", Figure: figure}
	}
	p := engine.Plan{Standing: []engine.Risk{risk("a", "about 1 GiB"), risk("b", "about 9 GiB")}}
	var b strings.Builder
	if err := Text(&b, Tell(Title{Command: "plan", Cluster: "shop"}, p), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"on a holds WAL (about 1 GiB)", "on b holds WAL (about 9 GiB)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &b)
		}
	}
}
