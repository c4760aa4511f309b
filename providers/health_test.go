package providers

import (
	"strings"
	"sync"
	"testing"
)

// TestCrash: a panic beside its caller is raised where the caller stands, with where it came from; without one nothing is.
func TestCrash(t *testing.T) {
	var none, one crash
	none.raise()
	var g sync.WaitGroup
	g.Go(func() {
		defer one.note()
		panic("a node that nobody thought of")
	})
	g.Wait()
	defer func() {
		text, _ := recover().(string)
		if !strings.HasPrefix(text, "a node that nobody thought of\n") || !strings.Contains(text, "health_test.go") {
			t.Errorf("raised is %q", text)
		}
	}()
	one.raise()
	t.Error("nothing was raised")
}
