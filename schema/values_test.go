package schema

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pgrepl/schema/catalogue"
)

func of15(t *testing.T, name string) catalogue.Setting {
	t.Helper()
	s, ok := catalogue.Of(15).Lookup(name)
	if !ok {
		t.Fatalf("PostgreSQL 15 has no setting %s", name)
	}
	return s
}

func table(t testing.TB, file string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		}
	}
	if len(rows) < 20 {
		t.Fatalf("%s has only %d rows", file, len(rows))
	}
	return rows
}

func TestCanonicalIsWhatTheServerPrints(t *testing.T) {
	for _, row := range table(t, "testdata/canonical.tsv") {
		name, text, want := row[0], row[1], row[2]
		got, err := Canonical(of15(t, name), text)
		if err != nil {
			got = "ERROR"
		}
		if got != want {
			t.Errorf("%s = %q: %s, the server says %s", name, text, got, want)
		}
	}
}

func TestShowIsWhatTheServerPrints(t *testing.T) {
	for _, row := range table(t, "testdata/show.tsv") {
		if got := Show(of15(t, row[0]), row[1]); got != row[2] {
			t.Errorf("%s = %s: %s, the server shows %s", row[0], row[1], got, row[2])
		}
	}
}

func TestWhatShowPrintsMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := catalogue.Setting{Type: "integer", Unit: rapid.SampledFrom([]string{"", "B", "kB", "8kB", "MB", "ms", "s", "min"}).Draw(t, "unit")}
		want := strconv.Itoa(int(rapid.Int32().Draw(t, "value")))
		shown := Show(kind, want)
		if got, err := Canonical(kind, shown); err != nil || got != want {
			t.Fatalf("%s is shown as %s, which means %s (%v)", want, shown, got, err)
		}
	})
}

func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := catalogue.Setting{Type: rapid.SampledFrom([]string{"integer", "real", "bool"}).Draw(t, "type"), Unit: "MB"}
		text := rapid.StringMatching(`[-+ 0-9.xeEkMGTBobyntfrualse]{0,12}`).Draw(t, "text")
		once, err := Canonical(kind, text)
		if err != nil {
			return
		}
		if twice, err := Canonical(kind, once); err != nil || twice != once {
			t.Fatalf("%q is %q, which is %q (%v)", text, once, twice, err)
		}
	})
}

// Every setting that is a list in some version has a way to be read.
func TestEveryListHasARule(t *testing.T) {
	for version := catalogue.Oldest; version <= catalogue.Newest; version++ {
		known := catalogue.Of(version)
		for _, name := range known.Names() {
			s, _ := known.Lookup(name)
			_, ruled := lists[name]
			if special := name == "datestyle" || name == "synchronous_standby_names"; s.List && !ruled && !special {
				t.Errorf("nothing says how the list %s of PostgreSQL %d is read", name, version)
			}
		}
	}
	for name := range lists {
		if s, _ := catalogue.Of(catalogue.Newest).Lookup(name); !s.List {
			t.Errorf("%s is no list of PostgreSQL %d", name, catalogue.Newest)
		}
	}
}

func TestSameListsAreSameStrings(t *testing.T) {
	for _, one := range []struct {
		name, a, b string
		same       bool
	}{
		{"shared_preload_libraries", "a,b", " a , b ", true},
		{"shared_preload_libraries", "a,b", "b,a", false},
		{"shared_preload_libraries", "A", "a", false},
		{"shared_preload_libraries", `"a"`, "a", true},
		{"search_path", "A, b", `a,"b"`, true},
		{"search_path", `"A"`, "a", false},
		{"search_path", `"$user", public`, "$user,public", true},
		{"log_destination", "stderr,csvlog", "CSVLOG, stderr", true},
		{"synchronous_standby_names", "s1, s2", "FIRST 1 (S1, s2)", true},
		{"synchronous_standby_names", "s1, s2", "ANY 1 (s1, s2)", false},
		{"log_connections", "yes", "authorization, receipt, authentication", true},
		{"log_connections", "", "off", true},
		{"unix_socket_directories", "/tmp/", "/tmp", true},
		{"DateStyle", "iso", "MDY, ISO", true},
	} {
		s, _ := catalogue.Of(18).Lookup(one.name)
		a, errA := Canonical(s, one.a)
		b, errB := Canonical(s, one.b)
		if errA != nil || errB != nil || (a == b) != one.same {
			t.Errorf("%s: %q is %q, %q is %q (%v, %v)", one.name, one.a, a, one.b, b, errA, errB)
		}
	}
}
