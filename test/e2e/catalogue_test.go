package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgrepl/schema"
	"pgrepl/schema/catalogue"
	servers "pgrepl/test/catalogue"
)

// TestCatalogueIsWhatServersSay asks all of it again. A server of another minor release, or another build of it, may know
// more or other words and defaults, but nothing that would make a check wrong.
func TestCatalogueIsWhatServersSay(t *testing.T) {
	t.Parallel()
	images := map[int]string{}
	for _, v := range versions {
		if img, ok := image(t, v, "plain"); ok {
			images[v] = img
		}
	}
	tables, err := servers.Ask(images)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range slices.Sorted(maps.Keys(tables)) {
		path := fmt.Sprintf("../../schema/catalogue/pg%d.tsv", v)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		unlike := tables[v].Unlike(string(text))
		switch same := catalogue.Of(v).Source == tables[v].Version && len(images) == len(versions); {
		case len(unlike) > 0:
			t.Errorf("%s is not what the server %s says of %s; run make catalogue", path, tables[v].Version, strings.Join(unlike, ", "))
		case same && tables[v].String() != string(text):
			t.Errorf("%s is not what a server says; run make catalogue", path)
		}
	}
}

// TestValuesAreReadAsServersReadThem holds what schema takes for valid, and what it makes of it, against real servers.
func TestValuesAreReadAsServersReadThem(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			t.Parallel()
			if img, ok := image(t, v, "plain"); ok {
				holdValues(t, v, img)
			}
		})
	}
}

func holdValues(t *testing.T, version int, image string) {
	s, err := servers.Start(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	inSession, printed := values(version)
	printed = append(printed, knownRows(t, version)...)
	shown, err := trySession(s, inSession)
	if err != nil {
		t.Fatal(err)
	}
	said, err := s.Printed(printed)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("PostgreSQL %d: %d values in a session, %d with postgres -C", version, len(inSession), len(printed))
	if len(inSession) < 3000 || len(printed) < 300 {
		t.Errorf("too few values")
	}
	for i, one := range inSession {
		if want := expected(t, version, one, schema.Show); want != shown[i] {
			t.Errorf("%s = %q: SHOW says %s, we say %s", one[0], one[1], shown[i], want)
		}
	}
	for i, one := range printed {
		described, _ := catalogue.Of(version).Lookup(one[0])
		want := expected(t, version, one, func(_ catalogue.Setting, c string) string { return c })
		if described.List && one[0] != "DateStyle" && want != "ERROR" && said[i] != "ERROR" {
			continue // printed as it was written
		}
		if want != said[i] {
			t.Errorf("%s = %q: postgres -C prints %s, we say %s", one[0], one[1], said[i], want)
		}
	}
}

// expected is what schema makes of a value.
func expected(t *testing.T, version int, one [2]string, show func(catalogue.Setting, string) string) string {
	described, ok := catalogue.Of(version).Lookup(one[0])
	if !ok {
		t.Fatalf("PostgreSQL %d has no setting %s", version, one[0])
	}
	if schema.Takes(described, one[1]) != nil {
		return "ERROR"
	}
	c, err := schema.Canonical(described, one[1])
	if err != nil {
		t.Errorf("%s takes %q, and cannot read it: %v", one[0], one[1], err)
	}
	return show(described, c)
}

// trySession sets each value in a session, which is a thousand times as fast as postgres -C, and tells what SHOW says.
func trySession(s *servers.Server, values [][2]string) ([]string, error) {
	var b strings.Builder
	b.WriteString(`CREATE FUNCTION pg_temp.tried(name text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE shown text;
BEGIN
  PERFORM set_config(name, value, true);
  shown := current_setting(name);
  RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN RETURN shown; WHEN OTHERS THEN RETURN 'ERROR'; END$$;
SELECT '@' || pg_temp.tried(name, value) FROM (VALUES `)
	for i, one := range values {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "(%d, '%s', '%s')", i, one[0], strings.ReplaceAll(one[1], "'", "''"))
	}
	b.WriteString(") tried (number, name, value) ORDER BY number;\n")
	out, err := s.SQL(b.String())
	var answers []string
	for line := range strings.Lines(out) {
		if answer, ok := strings.CutPrefix(line, "@"); ok { // the others are warnings
			answers = append(answers, strings.TrimSuffix(answer, "\n"))
		}
	}
	if err == nil && len(answers) != len(values) {
		err = fmt.Errorf("%d values and %d answers: %.1000s", len(values), len(answers), out)
	}
	return answers, err
}

// harmful settings end or stop the session that tries them; the others depend on the machine, on how the server was built
// or which minor release it is of, on the session's connection, or on each other.
var harmful = []string{"exit_on_error", "transaction_timeout", "max_stack_depth", "bonjour", "default_toast_compression", "wal_compression",
	"log_parser_stats", "log_planner_stats", "log_executor_stats", "log_statement_stats", "zero_damaged_pages", "debug_deadlocks",
	"max_connections", "max_wal_senders", "max_worker_processes", "autovacuum_max_workers", "autovacuum_worker_slots", "composite_type_mismatch",
	"tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout"}

// values are settings with good and bad values: all kinds for those that a session may set, a part of them for the others.
func values(version int) (inSession, printed [][2]string) {
	known := catalogue.Of(version)
	for i, name := range known.Names() {
		s, _ := known.Lookup(name)
		if s.Context == "internal" || s.NoFile || slices.Contains(harmful, name) {
			continue
		}
		session := !s.List && (s.Context == "user" || s.Context == "superuser")
		for j, text := range candidates(s) {
			switch {
			case session:
				inSession = append(inSession, [2]string{s.Name, text})
			case s.List || (i+j)%50 == 0:
				printed = append(printed, [2]string{s.Name, text})
			}
		}
	}
	return inSession, printed
}

// knownRows are the rows of the table that the schema's own tests use.
func knownRows(t *testing.T, version int) (rows [][2]string) {
	text, err := os.ReadFile("../../schema/testdata/canonical.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if s, ok := catalogue.Of(version).Lookup(f[0]); ok && s.Name != "wal_compression" {
			rows = append(rows, [2]string{f[0], f[1]})
		}
	}
	return rows
}

func candidates(s catalogue.Setting) []string {
	switch s.Type {
	case "bool":
		return []string{"on", "OFF", "tRu", "f", "of", "o", "yes", "nO", "n", "1", "0", "2", "00", "", "true ", " on", "yess", "t", "y", "TRUE", "fals", "-1", "1.0"}
	case "enum":
		return enumCandidates(s)
	case "integer", "real":
		return numberCandidates(s)
	}
	return listCandidates[s.Name]
}

func enumCandidates(s catalogue.Setting) []string {
	out := []string{"", "on", "Yes", "TRUE", "1", "0", "t", "f", "y", "n", "of", "2", "debug", "Archive", "hot_standby", "none", "nonsense", "on "}
	for _, word := range s.Enum {
		out = append(out, word, strings.ToUpper(word), strings.TrimSuffix(word, word[max(0, len(word)-1):]), " "+word)
	}
	return out
}

// numberCandidates are bounds and numbers around them, in all spellings and units.
func numberCandidates(s catalogue.Setting) []string {
	out := []string{"", " ", "-", "+", "x", "0x", "1e", "08", "1,5", "1 2", "0x1g", "1e5e", "nan", "1.5.2", ".", "99999999999", "1e400", "-99999999999", "2147483648"}
	least, most := number(s.Least), number(s.Most)
	for _, n := range []float64{least, least + 1, least - 1, most, most - 1, most + 1, 0, 1, 7, 16, 100, 1000, 1024, 8192, 65536, 1000000} {
		text := strconv.FormatFloat(n, 'f', -1, 64)
		if len(text) > 30 {
			text = strconv.FormatFloat(n, 'g', 6, 64)
		}
		out = append(out, text, " "+text+" ", "+"+text, text+".4", text+".5", text+".6", text+"e0")
		if n >= 0 && n < math.MaxInt32 {
			out = append(out, fmt.Sprintf("0x%X", int64(n)), fmt.Sprintf("0%o", int64(n)))
		}
	}
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB", "us", "ms", "s", "min", "h", "d", "kb", "M", "m", "sec", "8kB"} {
		for _, n := range []string{"1", "-1", "0", "64", "0.5", "1.5", " 3 ", "1e1", "0x10", "010", "2500", "0.0003"} {
			out = append(out, n+unit, n+" "+unit)
		}
	}
	return out
}

func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return cmp.Or(n, 0) // no -0
}

// listCandidates are for the lists that a server itself checks when it reads them.
var listCandidates = map[string][]string{
	"DateStyle": {"", "iso", "ISO, MDY", "sql,dmy", "german", "German, ymd", "ymd,german", "postgres", "POSTGRESQL, european", "us", "iso, german", "ymd, dmy",
		"iso mdy", "iso,", "french", "default", "noneuropean", "\"iso\"", "sql, default", "default, sql", "dmy, default", "german, default", "default, german"},
	"createrole_self_grant":            {"", "set", "SET, inherit", "set,,inherit", "inherit, other", "\"Set\"", "set inherit", "set, set"},
	"debug_io_direct":                  {"", "data", "DATA, wal", "wal_init,data", "all", "data wal", "\"data\"", ",", "data,"},
	"log_connections":                  {"", "on", "OFF", "yes", "0", "t", "receipt", "Receipt, all", "receipt, on", "on, receipt", "none", "\"all\"", "receipt receipt", "all,setup_durations"},
	"log_destination":                  {"", "stderr", "CSVLOG, stderr", "stderr,,syslog", "jsonlog", "eventlog", "stdout", "\"stderr\"", "\"STDERR\"", "stderr stderr", "a b", " syslog "},
	"restrict_nonsystem_relation_kind": {"", "view", "foreign-table,VIEW", "table", "view foreign-table", "view,"},
	"search_path":                      {"", "a", "a,b", "a , \"B c\"", "a,,b", "a b", "\"a", "\"\"", "$user, public", "a,", ",a", "\"a\"\"b\"", "a\"b"},
	"synchronized_standby_slots":       {"", "a", "a, B_1", "a,,b", "\"a\", b"},
	"synchronous_standby_names": {"", "s1", "s1, s2", "2 (s1, s2)", "FIRST 1 (s1)", "any 2 (S1,\"s2\")", "*", "FIRST 1 (*)", "ANY 0 (s1)", "a b", "a,,b", "first", "\"first\"",
		"first 2 ()", "FIRST 2 (s1", "2", "2, 3", "2 s1", "node-1", "\"node-1\"", "FIRST (s1)", "any", "a, any", "1 (any)", "FIRST 1 (a), b", "ANY 1 (a,)", "ANY 01 (a)", "s1 ,s2",
		"\"a\"\"b\"", "\"\"", "-1 (a)", "ANY 1.5 (a)", "(a)", "s$1", "_s", "1a"},
	"temp_tablespaces":         {"", "a", "a, b", "a,,b", "\"a"},
	"wal_consistency_checking": {"", "all", "heap, BTREE", "heap,,btree", "\"heap\"", "a b"},
}

// spelled are settings whose values a server writes in another way, works out by itself, or lifts.
const spelled = `
variable "image" { default = "postgres:16" }
variable "key" {
  sensitive = true
  default   = "hunter2"
}
cluster "%" {
  image = var.image
  settings = {
    DateStyle                = "german"
    client_encoding          = "utf-8"
    log_destination          = "csvlog,stderr"
    timezone                 = "utc"
    wal_buffers              = -1
    transaction_buffers      = 0
    autovacuum_work_mem      = 1
    shared_preload_libraries = "auto_explain,pg_stat_statements"
    unix_socket_permissions  = "0770"
    wal_compression          = true
    max_slot_wal_keep_size   = "0x1000"
    random_page_cost         = "1.10"
    "app.key"                = var.key
  }
}
role "app" {
  settings = {
    datestyle   = "ISO"
    work_mem    = "65536kB"
    search_path = "a,\"B c\""
    "app.key"   = var.key
  }
}
master "%-a" {}
`

func TestSpellingsOfAValueAreOneValue(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), spelled)
	plan := c.want(0, "plan")
	contains(t, plan.out, "German, DMY", "csvlog, stderr", "auto_explain, pg_stat_statements", "0770", "pglz", "4GB", "64MB", `a, "B c"`)
	if strings.Contains(plan.String(), "hunter2") {
		t.Errorf("the plan shows a sensitive value:\n%s", plan)
	}
	c.apply()
	for old, new := range map[string]string{`"german"`: `"DMY,German"`, `"utf-8"`: `"UTF8"`, `"csvlog,stderr"`: `"stderr, CSVLOG"`, `"auto_explain,pg`: `" auto_explain , pg`,
		`"0770"`: `"0x1f8"`, "wal_compression          = true": `wal_compression          = "pglz"`, `"0x1000"`: `"4GB"`, `"1.10"`: "1.1", `"65536kB"`: `"64MB"`, `"a,\"B c\""`: `"A , \"B c\""`, `"ISO"`: `"iso, mdy"`} {
		c.edit(old, new)
	}
	c.settled()
	c.edit(`"64MB"`, `"32MB"`)
	c.edit("wal_buffers              = -1", "wal_buffers              = \"1MB\"")
	contains(t, c.want(0, "plan").out, "64MB -> 32MB", "1MB", "restart")
	c.apply()
	c.edit("wal_buffers              = \"1MB\"", "wal_buffers              = -1")
	c.apply()
}
