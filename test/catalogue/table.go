// Package catalogue writes the catalogue of settings, schema/catalogue/pg*.tsv, from real servers: `make catalogue`. What
// a server does not list (other spellings of an enum's words, which settings are lists, where one may be set) is found by
// trying it.
package catalogue

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Ask asks a server of each version, side by side. The images are by version.
func Ask(images map[int]string) (map[int]*Table, error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	tables, failed := map[int]*Table{}, map[int]error{}
	for version, image := range images {
		wg.Go(func() {
			t, err := ask(image)
			mu.Lock()
			defer mu.Unlock()
			tables[version], failed[version] = t, err
		})
	}
	wg.Wait()
	for _, version := range slices.Sorted(maps.Keys(failed)) {
		if failed[version] != nil {
			return nil, fmt.Errorf("PostgreSQL %d: %w", version, failed[version])
		}
	}
	for version, t := range tables {
		if before, after := tables[version-1], tables[version+1]; before != nil && after != nil {
			t.complete(before, after)
		}
	}
	return tables, nil
}

// Table is what a server says of its settings.
type Table struct {
	Version  string // 16.4
	settings map[string]*setting
}

// setting is a row: the columns of the file that come after its name.
type setting struct {
	vartype, unit, context, min, max, boot string
	flags                                  []string
	enum                                   []string
	hidden                                 []spelling
}

// spelling is a word that an enum takes, and the other word that it means.
type spelling struct{ word, means string }

// complete adds what the versions before and after both have: the server at hand is then an older minor release or was
// built without a library, and others of its version have it.
func (t *Table) complete(before, after *Table) {
	for name, older := range before.settings {
		newer := after.settings[name]
		if newer == nil {
			continue
		}
		if t.settings[name] == nil {
			both := *older
			t.settings[name] = &both
		}
		s := t.settings[name]
		if older.boot == newer.boot {
			s.boot = older.boot
		}
		if slices.Equal(older.enum, newer.enum) {
			s.enum, s.hidden = older.enum, older.hidden
		}
	}
}

const header = `# Settings of PostgreSQL %s. Written by make catalogue.
# name	type	unit	context	least	most	boot value	flags	enum	other spellings
`

// String is the file: one line for each setting, by name.
func (t *Table) String() string {
	var lines []string
	for name, s := range t.settings {
		var hidden []string
		for _, h := range s.hidden {
			hidden = append(hidden, h.word+"="+h.means)
		}
		slices.Sort(s.flags)
		lines = append(lines, strings.Join([]string{name, s.vartype, s.unit, s.context, s.min, s.max, s.boot,
			strings.Join(s.flags, ","), strings.Join(s.enum, "|"), strings.Join(hidden, "|")}, "\t")+"\n")
	}
	slices.Sort(lines)
	return fmt.Sprintf(header, t.Version) + strings.Join(lines, "")
}

// Unlike compares with another table, as text, and returns the names of the settings that a file could be checked wrongly
// by. What only another build has, or sets otherwise from the start, is no difference.
func (t *Table) Unlike(other string) []string {
	const columns, flags = 6, 7
	rows := map[string][]string{}
	for line := range strings.Lines(other) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		rows[f[0]] = f
	}
	var out []string
	for line := range strings.Lines(t.String()) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if r := rows[f[0]]; r == nil || !slices.Equal(f[:columns], r[:columns]) || f[flags] != r[flags] {
			out = append(out, f[0])
		}
	}
	return out
}
