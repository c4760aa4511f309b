package catalogue

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ask finds out all there is to know of the settings of a server.
func ask(image string) (*Table, error) {
	s, err := Start(image)
	if err != nil {
		return nil, err
	}
	defer s.Remove()
	c, err := s.listed()
	if err != nil {
		return nil, err
	}
	for _, find := range []func(*Table) error{s.unlisted, s.places, s.lists, s.raised, s.spellings} {
		if err := find(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// listedSQL leaves out what initdb or the machine decides: boot values and bounds of internal settings.
const listedSQL = `SHOW server_version_num;
SELECT name, vartype, coalesce(unit, ''), context,
  CASE WHEN context <> 'internal' THEN coalesce(min_val, '') END, CASE WHEN context <> 'internal' THEN coalesce(max_val, '') END,
  CASE WHEN context <> 'internal' THEN coalesce(boot_val, '') END,
  concat_ws(',', CASE WHEN vartype = 'integer' AND setting ~ '^0[0-7]{3}$' THEN 'octal' END,
    CASE WHEN vartype = 'integer' AND context <> 'internal' AND boot_val IN ('0', '-1') AND reset_val <> boot_val
      AND source IN ('default', 'override') THEN 'computed' END),
  array_to_string(enumvals, '|')
FROM pg_settings WHERE name !~ '\.';
`

func (s *Server) listed() (*Table, error) {
	out, err := s.SQL(listedSQL)
	if err != nil {
		return nil, err
	}
	first, rest, _ := strings.Cut(out, "\n")
	c := &Table{Version: dotted(first), settings: map[string]*setting{}}
	for line := range strings.Lines(rest) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 9 {
			return nil, fmt.Errorf("pg_settings: cannot read %q", line)
		}
		row := &setting{vartype: f[1], unit: f[2], context: f[3], min: f[4], max: f[5], boot: f[6]}
		if f[7] != "" {
			row.flags = strings.Split(f[7], ",")
		}
		if row.vartype == "enum" {
			row.enum = strings.Split(f[8], "|")
		}
		c.settings[f[0]] = row
	}
	return c, nil
}

// dotted writes 160004 as 16.4.
func dotted(number string) string {
	var n int
	_, _ = fmt.Sscan(number, &n)
	return fmt.Sprintf("%d.%d", n/10000, n%10000)
}

// unseen are settings that pg_settings never shows (GUC_NO_SHOW_ALL in PostgreSQL's guc tables), without those that are
// there only for old dumps.
var unseen = map[string]setting{
	"is_superuser":          {vartype: "bool", context: "internal"},
	"role":                  {vartype: "string", context: "user", boot: "none"},
	"seed":                  {vartype: "real", context: "user", min: "-1", max: "1", boot: "0"},
	"session_authorization": {vartype: "string", context: "user"},
}

func (s *Server) unlisted(c *Table) error {
	for _, name := range slices.Sorted(maps.Keys(unseen)) {
		out, err := s.SQL(fmt.Sprintf("SELECT current_setting('%s', true) IS NOT NULL", name))
		if err != nil {
			return err
		}
		if strings.TrimSpace(out) == "t" {
			row := unseen[name]
			c.settings[name] = &row
		}
	}
	return nil
}

// try runs a statement for each of several things and hands over what the server said to each.
func (s *Server) try(statements map[string]string) (map[string]string, error) {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(statements)) {
		fmt.Fprintf(&b, "\\echo @ %s\n%s;\n", key, statements[key])
	}
	out, err := s.SQL(b.String())
	if err != nil {
		return nil, err
	}
	said := map[string]string{}
	for _, part := range strings.Split("\n"+out, "\n@ ")[1:] {
		key, answer, _ := strings.Cut(part, "\n")
		said[key] = answer
	}
	if len(said) != len(statements) {
		return nil, fmt.Errorf("%d statements and %d answers", len(statements), len(said))
	}
	return said, nil
}

var refused = regexp.MustCompile(`cannot be (changed|set)`)

// places finds where a setting cannot be set: in a server's files (flag nofile), or for a role (flag norole).
func (s *Server) places(c *Table) error {
	for _, place := range []struct{ before, statement, flag, after string }{
		{"", "ALTER SYSTEM SET %s = %s", "nofile", "ALTER SYSTEM RESET ALL"},
		{"CREATE ROLE tried", "ALTER ROLE tried SET %s = %s", "norole", "DROP ROLE tried"},
	} {
		statements := map[string]string{}
		for name, row := range c.settings {
			value := "nothing that it takes" // is refused only after the place was
			if row.vartype == "string" {
				value = row.boot
			}
			statements[name] = fmt.Sprintf(place.statement, name, literal(value))
		}
		if _, err := s.SQL(place.before); err != nil {
			return err
		}
		said, err := s.try(statements)
		if err != nil {
			return err
		}
		for name, answer := range said {
			if refused.MatchString(answer) {
				c.settings[name].flags = append(c.settings[name].flags, place.flag)
			}
		}
		if out, err := s.SQL(place.after); err != nil || out != "" {
			return fmt.Errorf("%s: %s: %w", place.after, out, err)
		}
	}
	return nil
}

// lists finds the settings that are lists (flag list), and those of them whose names the server quotes one by one when
// it writes them (flag quoted).
func (s *Server) lists(c *Table) error {
	statements := map[string]string{}
	for name, row := range c.settings {
		if row.vartype == "string" && row.context != "internal" {
			statements[name] = fmt.Sprintf("ALTER SYSTEM SET %s = 'a', 'B c'", name)
		}
	}
	said, err := s.try(statements)
	if err != nil {
		return err
	}
	for name, answer := range said {
		if !strings.Contains(answer, "takes only one argument") && !refused.MatchString(answer) {
			c.settings[name].flags = append(c.settings[name].flags, "list")
		}
	}
	out, err := s.SQL("SELECT name FROM pg_file_settings WHERE setting = 'a, \"B c\"'; ALTER SYSTEM RESET ALL")
	for name := range strings.FieldsSeq(out) {
		c.settings[strings.TrimSpace(name)].flags = append(c.settings[name].flags, "quoted")
	}
	return err
}

// words are tried as spellings of every enum, beside all words of all enums. Words of today that were other words once, or
// are known to be taken in silence, stand here.
const words = "true false yes no 1 0 t f y n on off debug archive hot_standby none all any default auto safe warn unix utf8 " +
	"hex tls ssl plain md5 scram password sha256 fsync_writethrough force best fast serial read_committed serializable"

func (s *Server) spellings(c *Table) error {
	candidates := strings.Fields(words)
	for _, row := range c.settings {
		candidates = append(candidates, row.enum...)
	}
	slices.Sort(candidates)
	candidates = slices.Compact(candidates)

	statements := map[string]string{}
	for name, row := range c.settings {
		for _, word := range candidates {
			listed := slices.ContainsFunc(row.enum, func(e string) bool { return strings.EqualFold(e, word) })
			if row.vartype == "enum" && row.context != "internal" && !listed {
				statements[name+" "+word] = fmt.Sprintf("ALTER SYSTEM SET %s = %s", name, literal(word))
			}
		}
	}
	said, err := s.try(statements)
	if err != nil {
		return err
	}
	var taken [][2]string
	for key, answer := range said {
		if !strings.Contains(answer, "ERROR") {
			name, word, _ := strings.Cut(key, " ")
			taken = append(taken, [2]string{name, word})
			for _, listed := range c.settings[name].enum { // one of them may mean another, too
				taken = append(taken, [2]string{name, listed})
			}
		}
	}
	slices.SortFunc(taken, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return s.meanings(c, slices.Compact(taken))
}

// meanings asks for the word that each spelling means; the listed ones mostly mean themselves.
func (s *Server) meanings(c *Table, taken [][2]string) error {
	answers, err := s.Printed(taken)
	for i, answer := range answers {
		row, word := c.settings[taken[i][0]], taken[i][1]
		if answer != word || !slices.Contains(row.enum, word) {
			row.hidden = append(row.hidden, spelling{word, answer})
		}
	}
	return err
}

// raised finds the settings that take -1 or a number, and a number that is too small as the smallest that is not (flag
// raised=N).
func (s *Server) raised(c *Table) error {
	var zeros [][2]string
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		row := c.settings[name]
		if row.vartype == "integer" && row.min == "-1" && !slices.Contains(row.flags, "nofile") {
			zeros = append(zeros, [2]string{name, "0"})
		}
	}
	answers, err := s.Printed(zeros)
	for i, answer := range answers {
		if row := c.settings[zeros[i][0]]; answer != "0" && answer != "ERROR" {
			row.flags = append(row.flags, "raised="+answer)
		}
	}
	return err
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
