package postgres

import "testing"

func TestPasts(t *testing.T) {
	at := func(text string) lsn {
		l, ok := parseLSN(text)
		if !ok {
			t.Fatal(text)
		}
		return l
	}
	first := newPast("", 1, at("0/5000000"))
	second := newPast("1\t0/3000148\tno recovery target specified\n", 2, at("0/4000000"))
	third := newPast("1\t0/3000148\tx\n\n2\t0/3500000\tx\n", 3, at("1/0"))
	twin := newPast("1\t0/3000200\tx\n", 2, at("0/4000000")) // another timeline 2
	for _, c := range []struct {
		name             string
		primary, standby past
		holds            bool
		parts            string
	}{
		{"behind on the same timeline", first, newPast("", 1, at("0/4FFFFFF")), true, "1 0/4FFFFFF"},
		{"as far", first, first, true, "1 0/5000000"},
		{"ahead on the same timeline", first, newPast("", 1, at("0/5000001")), false, "1 0/5000000"},
		{"left before the fork", second, newPast("", 1, at("0/3000148")), true, "1 0/3000148"},
		{"stayed on the timeline that the primary left", second, first, false, "1 0/3000148"},
		{"a later timeline", first, second, false, "1 0/3000148"},
		{"two timelines back", third, newPast("", 1, at("0/3000000")), true, "1 0/3000000"},
		{"one timeline back", third, newPast("1\t0/3000148\tx\n", 2, at("0/3400000")), true, "2 0/3400000"},
		{"one timeline back, beyond its end", third, second, false, "2 0/3500000"},
		{"a number given twice", third, twin, false, "1 0/3000148"},
		{"another number from the same place", newPast("1\t0/3000148\tx\n", 4, at("0/9000000")), second, false, "1 0/3000148"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.primary.holds(c.standby); got != c.holds {
				t.Errorf("holds: %t", got)
			}
			p := c.primary.parts(c.standby)
			want := fork{int(c.parts[0] - '0'), at(c.parts[2:])}
			if p != want {
				t.Errorf("they part at %v of %d, want %s", p.at, p.timeline, c.parts)
			}
		})
	}
	if got := at("1A/2B000000").String(); got != "1A/2B000000" {
		t.Error(got)
	}
}
