package schema

import (
	"testing"
)

// TestRules: a text and its canonical form, "" where the rule refuses it.
func TestRules(t *testing.T) {
	for name, one := range map[string]struct {
		check rule
		want  map[string]string
	}{
		"docker name": {dockerName, map[string]string{"db-1": "db-1", "a": "", "-a": "", "a b": "", "ü1": ""}},
		"slot name":   {slotName, map[string]string{"a_1": "a_1", "A": "", "a-b": "", "": ""}},
		"image": {image, map[string]string{"postgres": "postgres", "postgres:16.4-alpine": "postgres:16.4-alpine",
			"localhost:5000/a/b:17": "localhost:5000/a/b:17", "a b": "", ":16": "", "": ""}},
		"restart": {restartPolicy, map[string]string{"no": "no", "on-failure:3": "on-failure:3", "always:3": ""}},
		"role":    {roleName, map[string]string{"App User": "App User", "pg_x": "", "public": "", "none": "", "pgrepl": "", "": ""}},
		"volume":  {volume, map[string]string{"v-1": "v-1", "/srv/a/": "/srv/a", "/": "", "./a": "", "/a:b": ""}},
		"subnet": {subnet, map[string]string{"10.0.0.1/24": "10.0.0.0/24", "fd00::1/64": "fd00::/64", "10.0.0.0": "",
			"10.0.0.0/33": ""}},
		"cpus": {cpus, map[string]string{"1.50": "1.5", "2": "2", ".5": "0.5", "0": "", "-1": "", "1e3": "", "NaN": ""}},
		"size": {size(1), map[string]string{"512m": "536870912", "1g": "1073741824", "256MB": "268435456",
			"1GiB": "1073741824", "1.5k": "1536", "4096": "4096", "1 GB": "1073741824", "1x": "", "-1": "", "0": "",
			"99999999999t": ""}},
		"memory": {size(leastMemory), map[string]string{"6m": "6291456", "5m": ""}},
		"delay":  {timeValue, map[string]string{"1h": "1h", "500": "500", "1.5s": "1.5s", "1 hour": "", "-1": "", "1H": ""}},
		"moment": {moment, map[string]string{"2030-01-31": "2030-01-31", "2030-01-31T10:00:00Z": "2030-01-31T10:00:00Z",
			"2030-01-31 10:00:00+02": "2030-01-31 10:00:00+02", "2030-01-31 10:00:00.5+02:00": "2030-01-31 10:00:00.5+02:00",
			"Infinity": "infinity", "2030-13-01": "", "soon": ""}},
		"application name": {applicationName, map[string]string{"a b": "a b", "": "", "ü": ""}},
	} {
		for text, want := range one.want {
			got, err := one.check(text)
			if (err != nil) != (want == "") || err == nil && got != want {
				t.Errorf("%s %q: %q, %v; want %q", name, text, got, err, want)
			}
		}
	}
}

func TestImageMajor(t *testing.T) {
	for image, want := range map[string]int{
		"postgres:16": 16, "postgres:16.4-alpine": 16, "pgtest:17": 17, "registry:5000/x:17": 17, "registry:5000/x": 0,
		"postgres": 0, "postgres:latest": 0, "postgres:18@sha256:00": 18, "a:pg16": 0,
	} {
		if got := imageMajor(image); got != want {
			t.Errorf("%s: %d, want %d", image, got, want)
		}
	}
}

func TestHostPort(t *testing.T) {
	for text, want := range map[string]string{
		"5432": "127.0.0.1:5432", "0.0.0.0:6000": "0.0.0.0:6000", "localhost:1": "", "0": "", "65536": "", "a": "", "1.2.3.4:": "",
	} {
		if p, err := hostPort(text); p.String() != want || (err != nil) != (want == "") {
			t.Errorf("%s: %s, %v", text, p, err)
		}
	}
}

func TestImplicitSlot(t *testing.T) {
	for replica, want := range map[string]string{"pg2": "pg2", "DB-Replica.1": "db_replica_1", "ü": "_"} {
		if got := implicitSlot(replica); got != want {
			t.Errorf("%s: %s, want %s", replica, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"settings", "hba", "image", "max_wal_senders", "max_wal_size"}
	for word, want := range map[string]string{
		"settngs": "settings", "setings": "settings", "hab": "hba", "imgae": "image", "max_wal_sender": "max_wal_senders",
		"Image": "image", "zzz": "", "x": "", "network": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
