package docker

import "testing"

func TestWhatAnImageIsBuiltOn(t *testing.T) {
	for version, want := range map[string]string{
		"17.2-1.pgdg120+1": "Debian 12",
		"18.0-1.pgdg13+3":  "Debian 13",
		"16.4":             "Alpine, or another system that is not Debian",
	} {
		if got := base([]string{"PG_MAJOR=17", "PG_VERSION=" + version}); got != want {
			t.Errorf("%s: %s, wanted %s", version, got, want)
		}
	}
	if got := base([]string{"PG_MAJOR=17"}); got != "" {
		t.Errorf("an image that does not say is built on %s", got)
	}
}
