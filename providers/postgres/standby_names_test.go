package postgres

import (
	"slices"
	"testing"
)

// TestStandbyNamesAreReadAsTheServerDoes has the forms that PostgreSQL accepts (domain of syncrep_gram.y); each was held against
// a server.
func TestStandbyNamesAreReadAsTheServerDoes(t *testing.T) {
	for _, c := range []struct {
		value   string
		any     bool
		count   int
		members []string
		written string
	}{
		{"", false, 0, nil, ""},
		{"  ", false, 0, nil, ""},
		{"s1", false, 1, []string{"s1"}, `FIRST 1 ("s1")`},
		{"s1, s2", false, 1, []string{"s1", "s2"}, `FIRST 1 ("s1", "s2")`},
		{"2 (s1,s2)", false, 2, []string{"s1", "s2"}, `FIRST 2 ("s1", "s2")`},
		{"first 2(s1 , s2)", false, 2, []string{"s1", "s2"}, `FIRST 2 ("s1", "s2")`},
		{`ANY 1 ("node-1", "a ""b"", (c)")`, true, 1, []string{"node-1", `a "b", (c)`}, `ANY 1 ("node-1", "a ""b"", (c)")`},
		{"*", false, 1, []string{"*"}, `FIRST 1 ("*")`},
	} {
		n := parseStandbyNames(c.value)
		if n.any != c.any || n.count != c.count || !slices.Equal(n.members, c.members) || n.String() != c.written {
			t.Errorf("%q is %+v, written %q", c.value, n, n)
		}
		if again := parseStandbyNames(n.String()); !again.equal(n) {
			t.Errorf("%q is read back as %+v", n, again)
		}
	}
}

func TestStandbyNamesAreComparedAsTheServerDoes(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"", "", true},
		{"s1", `FIRST 1 ("S1")`, true},
		{"s1, s2", "s2, s1", false},
		{"ANY 1 (s1, s2)", "ANY 1 (s2, s1)", true},
		{"ANY 1 (s1, s2)", "FIRST 1 (s1, s2)", false},
		{"2 (s1, s2)", "1 (s1, s2)", false},
		{"s1", "", false},
	} {
		if parseStandbyNames(c.a).equal(parseStandbyNames(c.b)) != c.same {
			t.Errorf("%q and %q", c.a, c.b)
		}
	}
}

func TestStandbyNamesShrink(t *testing.T) {
	for _, c := range []struct{ from, to, left string }{
		{"", "a", ""},
		{"a", "", ""},
		{"2 (a, b, c)", "2 (c, a, d)", `FIRST 2 ("a", "c")`},
		{"2 (a, b)", "1 (a, c)", `FIRST 1 ("a")`},
		{"ANY 1 (a, b)", "3 (a, b, c)", `ANY 1 ("a", "b")`},
		{"*", "a", ""},
		{"nobody", "a", ""},
	} {
		if left := parseStandbyNames(c.from).within(parseStandbyNames(c.to)).String(); left != c.left {
			t.Errorf("%s on the way to %s: %s", c.from, c.to, left)
		}
	}
}
