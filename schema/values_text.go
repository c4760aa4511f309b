package schema

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"

	"pgrepl/schema/catalogue"
)

// lower and equalFold know ASCII only, as the server's comparisons of words do.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

func equalFold(a, b string) bool { return lower(a) == lower(b) }

// list is how the server reads one of its lists.
type list struct {
	unquoted func(string) (name, rest string) // takes a name without quotes from the front
	fold     bool                             // names without quotes are folded to lower case and cut, as SQL's are
	anyCase  bool                             // names are compared in any case, quoted or not
	paths    bool                             // names are paths
	set      bool                             // order and repetition say nothing
	words    []string                         // what may be in it; nil: anything
}

var (
	identifiers = list{unquoted: toBlank, fold: true}
	folders     = list{unquoted: toComma, paths: true}
	addresses   = list{unquoted: toBlank}
)

// lists say for each list setting how it is read: that is in the code that uses the setting, not in what servers tell
// about it. (SplitIdentifierString, SplitDirectoriesString and SplitGUCList of PostgreSQL's varlena.c.)
var lists = map[string]list{
	"createrole_self_grant":            {unquoted: toBlank, fold: true, anyCase: true, set: true, words: []string{"set", "inherit"}},
	"debug_io_direct":                  {unquoted: toBlank, anyCase: true, set: true, words: []string{"data", "wal", "wal_init"}},
	"listen_addresses":                 addresses,
	"local_preload_libraries":          folders,
	"log_connections":                  {unquoted: toBlank, fold: true, anyCase: true, set: true, words: []string{"receipt", "authentication", "authorization", "setup_durations", "all"}},
	"log_destination":                  {unquoted: toBlank, fold: true, anyCase: true, set: true, words: []string{"stderr", "csvlog", "jsonlog", "syslog"}},
	"oauth_validator_libraries":        folders,
	"output_plugin_libraries":          folders,
	"restrict_nonsystem_relation_kind": {unquoted: toBlank, fold: true, anyCase: true, set: true, words: []string{"view", "foreign-table"}},
	"search_path":                      identifiers,
	"session_preload_libraries":        folders,
	"shared_preload_libraries":         folders,
	"synchronized_standby_slots":       {unquoted: toBlank, fold: true, set: true},
	"temp_tablespaces":                 identifiers,
	"unix_socket_directories":          folders,
	"wal_consistency_checking": {unquoted: toBlank, fold: true, anyCase: true, set: true,
		words: []string{"all", "heap", "heap2", "btree", "hash", "gin", "gist", "sequence", "spgist", "brin", "generic"}},
}

const blanks = " \t\n\r\f\v"

func toBlank(s string) (name, rest string) {
	end := strings.IndexAny(s, blanks+",")
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

func toComma(s string) (name, rest string) {
	name, _, _ = strings.Cut(s, ",")
	return strings.TrimRight(name, blanks), s[len(name):]
}

// canonicalText is a string that the server reads as something else than itself.
func canonicalText(s catalogue.Setting, text string) (string, error) {
	switch name := lower(s.Name); name {
	case "datestyle":
		return dateStyle(text)
	case "synchronous_standby_names":
		return standbyNames(text)
	case "client_encoding":
		return clientEncoding(text), nil
	case "log_connections":
		if s.List {
			return logConnections(text)
		}
	default:
		if l, ok := lists[name]; ok && s.List {
			return l.canonical(text)
		}
	}
	return text, nil
}

// canonical writes a list one way: names in quotes where they need them, with ", " between.
func (l list) canonical(text string) (string, error) {
	names, err := l.names(text)
	if err != nil {
		return "", err
	}
	return l.join(names), nil
}

// names are what the server finds in a list.
func (l list) names(text string) ([]string, error) {
	names, ok := l.split(text)
	if !ok {
		return nil, errors.New(`must be a list such as "a, b"`)
	}
	for _, name := range names {
		if l.words != nil && !slices.Contains(l.words, name) {
			return nil, errors.New("must be a list of " + strings.Join(l.words, ", "))
		}
	}
	if l.set {
		slices.Sort(names)
		names = slices.Compact(names)
	}
	return names, nil
}

// split is SplitIdentifierString and its likes.
func (l list) split(text string) (names []string, ok bool) {
	rest := strings.TrimLeft(text, blanks)
	if rest == "" {
		return nil, true
	}
	for {
		name, after, ok := l.first(rest)
		if !ok {
			return nil, false
		}
		names = append(names, l.read(name))
		after = strings.TrimLeft(after, blanks)
		if after == "" {
			return names, true
		}
		if after[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(after[1:], blanks)
	}
}

// first takes one name from the front, without its quotes.
func (l list) first(s string) (name, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		name, rest = l.unquoted(s)
		if l.fold {
			name = lower(name)
		}
		return name, rest, name != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case strings.HasPrefix(s[i:], `""`):
			b.WriteByte('"')
			i++
		default:
			return b.String(), s[i+1:], true
		}
	}
	return "", "", false
}

// read is what the server makes of a name.
func (l list) read(name string) string {
	switch {
	case l.anyCase:
		return lower(name)
	case l.paths && strings.Contains(name, "/"):
		return path.Clean(name)
	}
	return name
}

// join is the inverse of split.
func (l list) join(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name
		if again, ok := l.split(name); !ok || len(again) != 1 || again[0] != name {
			out[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	return strings.Join(out, ", ")
}

// Names are the names in the value of a setting that is a list.
func Names(s catalogue.Setting, text string) ([]string, error) {
	l, ok := lists[lower(s.Name)]
	if !ok {
		l = addresses
	}
	return l.names(text)
}

// logConnections knows the words that were the values when it was a bool, alone.
func logConnections(text string) (string, error) {
	l := lists["log_connections"]
	bools := map[string]string{"on": "on", "true": "on", "yes": "on", "1": "on", "off": "off", "false": "off", "no": "off", "0": "off"}
	if names, ok := l.split(text); ok && len(names) == 1 && bools[names[0]] != "" {
		return bools[names[0]], nil
	}
	names, err := l.names(text)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "off", nil
	case slices.Contains(names, "all"), len(names) == 4:
		return "all", nil
	case slices.Equal(names, []string{"authentication", "authorization", "receipt"}):
		return "on", nil
	}
	return l.join(names), nil
}

// clientEncoding writes the encodings that clients use one way; another is left as it is.
func clientEncoding(text string) string {
	word := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, lower(text))
	switch {
	case word == "utf8" || word == "unicode":
		return "UTF8"
	case word == "sqlascii":
		return "SQL_ASCII"
	case strings.HasPrefix(word, "latin") && len(word) < 8:
		return strings.ToUpper(word)
	}
	return text
}

// dateStyle is the output style and the order of day, month and year, of which either may be left out (check_datestyle of
// PostgreSQL's variable.c).
func dateStyle(text string) (string, error) {
	names, ok := list{unquoted: toBlank, fold: true, anyCase: true}.split(text)
	bad := errors.New("must be one of ISO, Postgres, SQL, German, and one of DMY, MDY, YMD")
	style, order := "", ""               // that a word asked for
	freeStyle, freeOrder := "ISO", "MDY" // where none did
	for _, name := range names {
		nextStyle, nextOrder := dateWord(name)
		switch {
		case name == "default":
			freeStyle, freeOrder = "ISO", "MDY"
			continue
		case name == "german":
			freeOrder = "DMY"
		}
		if nextStyle+nextOrder == "" || clash(style, nextStyle) || clash(order, nextOrder) {
			return "", bad
		}
		style, order = cmp.Or(style, nextStyle), cmp.Or(order, nextOrder)
	}
	if !ok {
		return "", bad
	}
	return cmp.Or(style, freeStyle) + ", " + cmp.Or(order, freeOrder), nil
}

func clash(a, b string) bool { return a != "" && b != "" && a != b }

func dateWord(word string) (style, order string) {
	switch {
	case word == "iso":
		return "ISO", ""
	case word == "sql":
		return "SQL", ""
	case strings.HasPrefix(word, "postgres"):
		return "Postgres", ""
	case word == "german":
		return "German", ""
	case word == "ymd":
		return "", "YMD"
	case word == "dmy", strings.HasPrefix(word, "euro"):
		return "", "DMY"
	case word == "mdy", word == "us", strings.HasPrefix(word, "noneuro"):
		return "", "MDY"
	}
	return "", ""
}
