package schema

import (
	"testing"

	"pgrepl/schema/catalogue"
)

// FuzzValues: whatever stands in a file, nothing panics, the canonical form is its own canonical form, and what is shown
// means the same as long as a server would take it.
func FuzzValues(f *testing.F) {
	var known []catalogue.Setting
	places := map[string]int{}
	for version := catalogue.Oldest; version <= catalogue.Newest; version++ {
		c := catalogue.Of(version)
		for _, name := range c.Names() {
			s, _ := c.Lookup(name)
			places[s.Name] = len(known)
			known = append(known, s)
		}
	}
	for _, row := range table(f, "testdata/canonical.tsv") {
		f.Add(places[row[0]], row[1])
	}
	f.Fuzz(func(t *testing.T, which int, text string) {
		s := known[int(uint(which)%uint(len(known)))]
		wrong := Takes(s, text)
		if wrong != nil {
			_ = suggestion(s, text)
		}
		once, err := Canonical(s, text)
		if err != nil {
			return
		}
		if twice, err := Canonical(s, once); err != nil || twice != once {
			t.Errorf("%s = %q is %q, which is %q (%v)", s.Name, text, once, twice, err)
		}
		if back, err := Canonical(s, Show(s, once)); wrong == nil && (err != nil || back != once) {
			t.Errorf("%s = %q is %q, shown as %q, which is %q (%v)", s.Name, text, once, Show(s, once), back, err)
		}
	})
}
