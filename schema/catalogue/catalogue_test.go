package catalogue

import (
	"slices"
	"strings"
	"testing"
)

func TestTables(t *testing.T) {
	for version := Oldest; version <= Newest; version++ {
		c := Of(version)
		if len(c.Names()) < 350 || !strings.HasPrefix(c.Source, strings.Split(c.Source, ".")[0]+".") {
			t.Errorf("PostgreSQL %d has %d settings, of server %q", version, len(c.Names()), c.Source)
		}
		for _, name := range c.Names() {
			s, _ := c.Lookup(name)
			if !slices.Contains([]string{"bool", "integer", "real", "enum", "string"}, s.Type) || s.Context == "" {
				t.Errorf("PostgreSQL %d: %+v", version, s)
			}
			if isNumber := s.Type == "integer" || s.Type == "real"; s.Context != "internal" && isNumber != (s.Least != "" && s.Most != "") {
				t.Errorf("PostgreSQL %d: bounds of %+v", version, s)
			}
			if (s.Type == "enum") != (s.Enum != nil) || s.Type != "enum" && s.Hidden != nil || s.List && s.Type != "string" || s.Quoted && !s.List {
				t.Errorf("PostgreSQL %d: %+v", version, s)
			}
			if s.Context == "internal" && !(s.NoFile && s.NoRole) || s.Restarts() && !s.NoRole {
				t.Errorf("PostgreSQL %d: places of %+v", version, s)
			}
		}
	}
	if Of(Oldest-1) != nil || Of(Newest+1) != nil {
		t.Error("there is a table of a version that is not supported")
	}
}

func TestSettingsThatTheRestRestsOn(t *testing.T) {
	c := Of(16)
	find := func(name string) Setting {
		s, ok := c.Lookup(name)
		if !ok {
			t.Fatalf("PostgreSQL 16 has no setting %s", name)
		}
		return s
	}
	for _, one := range []struct {
		is   bool
		what string
	}{
		{find("WAL_LEVEL").Hidden["hot_standby"] == "replica", "hot_standby is a wal_level"},
		{find("wal_compression").Hidden["on"] == "pglz", "wal_compression = on means pglz"},
		{slices.Contains(find("wal_compression").Enum, "zstd"), "wal_compression has zstd, also where the server at hand lacks it"},
		{find("max_connections").Restarts() && !find("max_wal_size").Restarts(), "what restarts"},
		{find("search_path").Quoted && find("listen_addresses").List && !find("listen_addresses").Quoted, "lists"},
		{find("unix_socket_permissions").Octal && find("wal_buffers").Computed, "how values are shown"},
		{find("data_checksums").NoFile && !find("work_mem").NoRole && find("log_connections").NoRole, "places"},
		{find("shared_buffers").Unit == "8kB" && find("shared_buffers").Boot == "16384", "units"},
		{find("datestyle").Name == "DateStyle", "the server's own spelling of a name"},
	} {
		if !one.is {
			t.Errorf("not so: %s", one.what)
		}
	}
}

func TestToday(t *testing.T) {
	for _, one := range []struct {
		version    int
		name, want string
	}{{17, "sort_mem", "work_mem"}, {15, "Vacuum_Mem", "maintenance_work_mem"}, {17, "ssl_ecdh_curve", ""}, {18, "ssl_ecdh_curve", "ssl_groups"},
		{18, "work_mem", ""}, {18, "force_parallel_mode", ""}} {
		if got := Of(one.version).Today(one.name); got != one.want {
			t.Errorf("%s in %d: %q, want %q", one.name, one.version, got, one.want)
		}
	}
}

func TestElsewhere(t *testing.T) {
	for _, one := range []struct {
		version    int
		name, fate string
	}{
		{16, "wal_keep_segments", "it became wal_keep_size in 13"},
		{18, "Checkpoint_Segments", "it became max_wal_size in 9.5"},
		{16, "transaction_timeout", "it is new in 17"},
		{15, "io_method", "it is new in 18"},
		{17, "old_snapshot_threshold", "it is gone since 17"},
		{18, "force_parallel_mode", "it became debug_parallel_query in 16"},
		{16, "no_such_thing", ""},
	} {
		if fate, _ := Of(one.version).Elsewhere(one.name); fate != one.fate {
			t.Errorf("%s in %d: %q, want %q", one.name, one.version, fate, one.fate)
		}
	}
}

// What a version has is not called gone in it, and what takes the place of a gone one is there.
func TestPastsAreHeldByTheTables(t *testing.T) {
	for name, old := range pasts {
		major, small := old.since[:strings.IndexByte(old.since+".", '.')], strings.Contains(old.since, ".") || len(old.since) == 1
		for version := Oldest; version <= Newest; version++ {
			_, has := Of(version).Lookup(name)
			gone := small || major <= string(rune('0'+version/10))+string(rune('0'+version%10))
			if has && gone {
				t.Errorf("PostgreSQL %d has %s, which should be gone since %s", version, name, old.since)
			}
			if _, there := Of(version).Lookup(old.became); gone && old.became != "" && !there {
				t.Errorf("PostgreSQL %d has no %s, which %s should have become", version, old.became, name)
			}
		}
	}
}
