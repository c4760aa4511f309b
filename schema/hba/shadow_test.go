package hba

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestShadowed(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[int][]int
	}{
		{"host all all all md5\nhost shop app 10.0.0.0/8 trust", map[int][]int{1: {0}}},
		{"host all all all md5\nhost replication repl all md5\nlocal all all peer", nil},
		{"host replication all all md5\nhost replication repl samenet md5", map[int][]int{1: {0}}},
		{"hostssl all all all md5\nhost all all all md5\nhostnossl all all all md5", map[int][]int{2: {1}}},
		{"host all all 10.0.0.0/8 reject\nhost all all 10.1.0.0 255.255.0.0 md5\nhost all all 11.0.0.0/8 md5", map[int][]int{1: {0}}},
		{"host all +staff all md5\nhost all staff all md5\nhost all +staff samenet md5", map[int][]int{2: {0}}},
		{"host all a,b all md5\nhost all b all md5\nhost all b,c all md5", map[int][]int{1: {0}}},
		{"host /^s all all md5\nhost shop,stock all all md5\nhost app all all md5", map[int][]int{1: {0}}},
		{"host all all samenet md5\nhost all all samehost md5\nhost all all 10.0.0.0/8 md5", map[int][]int{1: {0}}},
		{"host all @names all md5\nhost all @names all md5\nhost @x all all md5", nil},
		{"host all all all md5\nhost @x all all md5\nhost all all office.example md5", map[int][]int{2: {0}}},
		{"host all all 0.0.0.0/1 md5\nhost all all 128.0.0.0/1 reject\nhost all all 0.0.0.0/0 md5", map[int][]int{2: {0, 1}}},
		{"host all all 0.0.0.0/1 md5\nhost all all 128.0.0.0/1 reject\nhost all all all md5", nil},
		{"host all all 0.0.0.0/1 md5\nhost all all 128.0.0.0/1 reject\nhost all all ::/0 reject\nhost all all all md5", map[int][]int{3: {0, 1, 2}}},
		{"hostssl all all all md5\nhostnossl all all all md5\nhost shop app all md5", map[int][]int{2: {0, 1}}},
		{"hostssl all all all md5\nhostnogssenc all all all md5\nhost shop app all md5", nil},
		{"hostgssenc all all all md5\nhostnogssenc all all all md5\nhost shop app all md5", map[int][]int{2: {0, 1}}},
		{"host all a all md5\nhost all b all md5\nhost all a,b samenet md5", map[int][]int{2: {0, 1}}},
		{"local shop a peer\nlocal stock a,b md5\nlocal shop b md5\nlocal shop,stock a,b peer", map[int][]int{3: {0, 1, 2}}},
		{"host shop a 10.0.0.0/9 md5\nhost shop b 10.128.0.0/9 md5\nhost shop a,b 10.0.0.0/8 md5", nil},
		{"host all all 10.0.0.0/9 md5\nhost all all 10.128.0.0/9 md5\nhost all all 10.200.0.0/16 md5\nhost all all 10.0.0.0/8 md5", map[int][]int{2: {1}, 3: {0, 1}}},
		{"host all all all md5\nhost all all all md5\nhost all all all md5", map[int][]int{1: {0}, 2: {0}}},
	} {
		rules, _ := Parse(c.text, 18)
		if got := Shadowed(rules); fmt.Sprint(got) != fmt.Sprint(c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%s\n got %v\nwant %v", c.text, got, c.want)
		}
	}
}

// TestShadowedOfTenThousandRules holds a long list to a time.
func TestShadowedOfTenThousandRules(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "host db%d u%d 10.%d.%d.0/24 md5\n", i%100, i, i/256, i%256)
	}
	rules, _ := Parse(b.String(), 18)
	start := time.Now()
	if got := Shadowed(rules); len(got) > 0 || time.Since(start) > time.Minute {
		t.Errorf("%d in %s", len(got), time.Since(start))
	}
}

func TestWide(t *testing.T) {
	for text, want := range map[string][2]bool{
		"host all all all md5": {true, false}, "host all all 0.0.0.0/0 trust": {true, true}, "host all all 10.0.0.0/8 trust": {false, true},
		"host all all 10.0.0.0/8 md5": {false, false}, "host all all samenet trust": {false, false}, "host all all 10.5.0.0/24 trust": {false, false},
		"host all all 127.0.0.1/32 trust": {false, false}, "local all all trust": {false, false}, "host all all all reject": {false, false},
		"host all all office.example trust": {false, true}, "host all all ::/0 md5": {true, false},
	} {
		rules, _ := Parse(text, 18)
		if world, trust := rules[0].Wide(shopWorld); [2]bool{world, trust} != want {
			t.Errorf("%s: world %t, trust %t", text, world, trust)
		}
	}
}
