package schema

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// settingTypes are what pg_settings says about the settings of the tables in testdata.
func settingTypes() map[string]SettingType {
	types := map[string]SettingType{"hot_standby": {VarType: "bool"}}
	for name, unit := range map[string]string{
		"max_wal_size": "MB", "checkpoint_timeout": "s", "archive_timeout": "s", "max_connections": "",
		"shared_buffers": "8kB", "wal_keep_size": "MB", "max_slot_wal_keep_size": "MB", "recovery_min_apply_delay": "ms",
		"work_mem": "kB", "autovacuum_naptime": "s", "bgwriter_delay": "ms", "unix_socket_permissions": "",
		"log_rotation_age": "min", "log_rotation_size": "kB", "track_activity_query_size": "B", "temp_file_limit": "kB",
	} {
		types[name] = SettingType{VarType: "integer", Unit: unit}
	}
	for name, unit := range map[string]string{"random_page_cost": "", "seq_page_cost": "", "vacuum_cost_delay": "ms"} {
		types[name] = SettingType{VarType: "real", Unit: unit}
	}
	levels := "debug5 debug4 debug3 debug2 debug1 info notice warning error log fatal panic"
	for name, words := range map[string]string{
		"wal_level": "minimal replica logical", "synchronous_commit": "local remote_write remote_apply on off",
		"archive_mode": "always on off", "wal_compression": "pglz lz4 zstd on off",
		"ssl_min_protocol_version": "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", "huge_pages": "off on try",
		"log_min_messages": levels, "client_min_messages": levels, "compute_query_id": "auto regress on off",
		"constraint_exclusion": "partition on off", "recovery_prefetch": "off on try",
	} {
		types[name] = SettingType{VarType: "enum", Enum: strings.Fields(words)}
	}
	return types
}

func table(t *testing.T, file string) [][]string {
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
	types := settingTypes()
	for _, row := range table(t, "testdata/canonical.tsv") {
		name, text, want := row[0], row[1], row[2]
		got, err := Canonical(name, types[name], text)
		if err != nil {
			got = "ERROR"
		}
		if got != want {
			t.Errorf("%s = %q: %s, the server says %s", name, text, got, want)
		}
	}
}

func TestShowIsWhatTheServerPrints(t *testing.T) {
	types := settingTypes()
	for _, row := range table(t, "testdata/show.tsv") {
		if got := Show(types[row[0]], row[1]); got != row[2] {
			t.Errorf("%s = %s: %s, the server shows %s", row[0], row[1], got, row[2])
		}
	}
}

func TestWhatShowPrintsMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := SettingType{VarType: "integer", Unit: rapid.SampledFrom([]string{"", "B", "kB", "8kB", "MB", "ms", "s", "min"}).Draw(t, "unit")}
		want := strconv.Itoa(int(rapid.Int32().Draw(t, "value")))
		shown := Show(kind, want)
		if got, err := Canonical("x", kind, shown); err != nil || got != want {
			t.Fatalf("%s is shown as %s, which means %s (%v)", want, shown, got, err)
		}
	})
}

func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := SettingType{VarType: rapid.SampledFrom([]string{"integer", "real", "bool"}).Draw(t, "type"), Unit: "MB"}
		text := rapid.StringMatching(`[-+ 0-9.xeEkMGTBobyntfrualse]{0,12}`).Draw(t, "text")
		once, err := Canonical("x", kind, text)
		if err != nil {
			return
		}
		if twice, err := Canonical("x", kind, once); err != nil || twice != once {
			t.Fatalf("%q is %q, which is %q (%v)", text, once, twice, err)
		}
	})
}
