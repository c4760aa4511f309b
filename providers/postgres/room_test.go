package postgres

import (
	"testing"
	"time"
)

// TestHowLongTheDiskLasts holds the figure of a slot that nobody reads: to the worse side, and nothing where it cannot be told.
func TestHowLongTheDiskLasts(t *testing.T) {
	const mib, gib = int64(1) << 20, int64(1) << 30
	few, none := 64*mib, int64(-1)
	for _, c := range []struct {
		name  string
		wrote *wrote
		room  int64
		safe  *int64
		want  string
	}{
		{"the disk", &wrote{Bytes: gib, Seconds: 3600}, 100 * gib, nil, "about 256 MiB, 1 GiB an hour more; the disk is full in about 3 days"},
		{"a limit that comes first", &wrote{Bytes: gib, Seconds: 3600}, 100 * gib, &few, "about 256 MiB, 1 GiB an hour more; it is lost in about 1 min"},
		{"a limit behind the disk", &wrote{Bytes: gib, Seconds: 3600}, 32 * mib, &few, "about 256 MiB, 1 GiB an hour more; the disk is full in about 1 min"},
		{"beyond its limit", &wrote{Bytes: gib, Seconds: 3600}, 100 * gib, &none, "about 256 MiB, 1 GiB an hour more; it is lost in less than 1 min"},
		{"hardly anything is written", &wrote{Bytes: 1, Seconds: 3600}, 100 * gib, nil, "about 256 MiB, 1 MiB an hour more; the disk is full in more than 30 days"},
		{"nothing is written", &wrote{Bytes: 0, Seconds: 3600}, 100 * gib, nil, "about 256 MiB"},
		{"the first minute", &wrote{Bytes: gib, Seconds: 59}, 100 * gib, nil, "about 256 MiB"},
		{"no file is finished yet", nil, 100 * gib, nil, "about 256 MiB"},
		{"a disk that cannot be told", &wrote{Bytes: gib, Seconds: 3600}, 0, nil, "about 256 MiB"},
		{"only the limit is known", &wrote{Bytes: gib, Seconds: 3600}, 0, &few, "about 256 MiB, 1 GiB an hour more; it is lost in about 1 min"},
	} {
		s := &server{seen: look{room: c.room, live: live{Wrote: c.wrote}}}
		if got := (unreadSlot{s, liveSlot{Retained: 200 * mib, Safe: c.safe}}).fillsUp(); got != c.want {
			t.Errorf("%s: %s, wanted %s", c.name, got, c.want)
		}
	}
}

func TestTimesAreRoundedToTheWorseSide(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0:                           {"in less than 1 min", "less than 1 min"},
		59 * time.Second:            {"in less than 1 min", "less than 1 min"},
		61 * time.Second:            {"in about 1 min", "about 5 min"},
		59 * time.Minute:            {"in about 30 min", "about 1 h"},
		25 * time.Hour:              {"in about 1 day", "about 3 days"},
		400 * 24 * time.Hour:        {"in more than 30 days", "more than 30 days"},
		29*24*time.Hour + time.Hour: {"in about 7 days", "about 30 days"},
	} {
		if got := [2]string{within(d), forAbout(d)}; got != want {
			t.Errorf("%s: %q, wanted %q", d, got, want)
		}
	}
}

func TestSizesAreRounded(t *testing.T) {
	for n, want := range map[int64][2]string{
		1:         {"1 MiB", "less than 1 MiB"},
		1 << 20:   {"1 MiB", "about 1 MiB"},
		3 << 20:   {"4 MiB", "about 2 MiB"},
		500 << 30: {"512 GiB", "about 256 GiB"},
	} {
		if got := [2]string{coarse(n), atLeast(n)}; got != want {
			t.Errorf("%d: %q, wanted %q", n, got, want)
		}
	}
}

func TestRoomLeft(t *testing.T) {
	for told, want := range map[string]int64{"100 4096": 409600, "": 0, "100": 0, "a b": 0, "- -": 0} {
		if got := roomLeft(told); (got == nil) != (want == 0) || got != nil && *got != want {
			t.Errorf("%q: %v, wanted %d", told, got, want)
		}
	}
}

func TestAFullDiskIsNotAnUnknownOne(t *testing.T) {
	if got := roomLeft("0 4096"); got == nil || *got != 0 {
		t.Errorf("%v, wanted 0", got)
	}
}
