// Package catalogue knows the settings of PostgreSQL 15 to 18 without a server: what each is, what it may hold and where it
// may be set. The tables are written by real servers (`make catalogue`) and compiled in.
package catalogue

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Oldest and Newest are the major versions that there are tables of, with all between them.
const (
	Oldest = 15
	Newest = 18
)

// Setting is what a server says of one setting. The words are those of the view pg_settings.
type Setting struct {
	Name        string
	Type        string            // bool, integer, real, enum, string
	Unit        string            // of a bare number: "", B, kB, 8kB, MB, ms, s, min
	Context     string            // internal, postmaster, sighup, superuser-backend, backend, superuser, user
	Least, Most string            // bounds of a number, in its unit
	Boot        string            // the built-in default, in its unit
	Enum        []string          // the words of an enum, as the server spells them
	Hidden      map[string]string // other spellings that it takes, in lower case, and the word each means
	List        bool              // the value is a list
	Quoted      bool              // a list whose names ALTER SYSTEM and ALTER ROLE want one by one
	Octal       bool              // SHOW writes it as a file mode
	Computed    bool              // with the boot value, the server works the value out from others when it starts
	Raised      int               // a number from 0 on that is smaller is taken as this one
	NoFile      bool              // ALTER SYSTEM refuses it: it cannot stand in a server's files, or only in the first of them
	NoRole      bool              // ALTER ROLE SET refuses it
}

// Restarts reports whether a changed value takes effect only when the server starts.
func (s Setting) Restarts() bool { return s.Context == "postmaster" }

// Catalogue is the settings of one major version.
type Catalogue struct {
	Version  int
	Source   string // the server that the table was written by: 16.4
	settings map[string]Setting
}

// Of returns the catalogue of a major version, nil where there is none.
func Of(version int) *Catalogue {
	if version < Oldest || version > Newest {
		return nil
	}
	return tables[version-Oldest]()
}

// Lookup finds a setting by its name, in any case.
func (c *Catalogue) Lookup(name string) (Setting, bool) {
	s, ok := c.settings[strings.ToLower(name)]
	return s, ok
}

// Names are the names of all settings in lower case, sorted.
func (c *Catalogue) Names() []string { return slices.Sorted(maps.Keys(c.settings)) }

//go:embed pg*.tsv
var files embed.FS

// tables read the files, each when it is first asked for.
var tables = func() (out [Newest - Oldest + 1]func() *Catalogue) {
	for i := range out {
		out[i] = sync.OnceValue(func() *Catalogue { return read(Oldest + i) })
	}
	return out
}()

func read(version int) *Catalogue {
	text, err := files.ReadFile(fmt.Sprintf("pg%d.tsv", version))
	if err != nil {
		panic(err)
	}
	c := &Catalogue{Version: version, settings: map[string]Setting{}}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case c.Source == "":
			c.Source, _, _ = strings.Cut(strings.TrimPrefix(line, "# Settings of PostgreSQL "), ". ")
		case !strings.HasPrefix(line, "#"):
			s := parse(line)
			c.settings[strings.ToLower(s.Name)] = s
		}
	}
	return c
}

// parse reads one line of a table.
func parse(line string) Setting {
	f := strings.Split(line, "\t")
	if len(f) != 10 {
		panic(fmt.Sprintf("catalogue: %d columns in %q", len(f), line))
	}
	flags := strings.Split(f[7], ",")
	s := Setting{
		Name: f[0], Type: f[1], Unit: f[2], Context: f[3], Least: f[4], Most: f[5], Boot: f[6],
		List:     slices.Contains(flags, "list"),
		Quoted:   slices.Contains(flags, "quoted"),
		Octal:    slices.Contains(flags, "octal"),
		Computed: slices.Contains(flags, "computed"),
		NoFile:   slices.Contains(flags, "nofile"),
		NoRole:   slices.Contains(flags, "norole"),
	}
	for _, flag := range flags {
		if n, ok := strings.CutPrefix(flag, "raised="); ok {
			s.Raised, _ = strconv.Atoi(n)
		}
	}
	if s.Type == "enum" {
		s.Enum = strings.Split(f[8], "|")
	}
	if f[9] != "" {
		s.Hidden = map[string]string{}
		for pair := range strings.SplitSeq(f[9], "|") {
			word, means, _ := strings.Cut(pair, "=")
			s.Hidden[word] = means
		}
	}
	return s
}
