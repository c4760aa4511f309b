package postgres

import (
	"fmt"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// A server that does not start with its settings is found before it stops: a restart into them is an outage, and on a standby
// the end of its stream. What the file alone tells is a diagnostic of the language; here is what it takes a server to tell.

// libraryLists are the settings that name libraries which a server, or each of its sessions, cannot start without.
var libraryLists = []string{"shared_preload_libraries", "session_preload_libraries", "local_preload_libraries"}

// libraries are the names in those of the file's lists that the server does not have in force already.
func (s *server) libraries() []string {
	var out []string
	for _, list := range libraryLists {
		if v, declared := s.node.Settings[list]; declared && !v.Sensitive && !v.Unset {
			names, _ := schema.Names(catalogue.Setting{Name: list}, v.Value)
			out = append(out, names...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// startFacts are the reasons for which a server that is up would not come up again with what the file says.
func (s *server) startFacts(sameImage bool) []engine.Fact {
	if s.seen.reach != up {
		return nil
	}
	var out []engine.Fact
	add := func(code, setting, text, detail, next string) {
		at := origin(s.node.Origin)
		if v, declared := s.node.Settings[setting]; declared {
			at = origin(v.Origin)
		}
		out = append(out, engine.Fact{Code: code, On: settingsID(s.node.Name), Path: settingPath + setting, Addr: s.address(), Origin: at, Text: text, Detail: detail, Next: next})
	}
	var slots, logical []string
	for _, l := range s.seen.live.Slots {
		if s.site.dropsFirst(s, l) {
			continue
		}
		slots = append(slots, l.Name)
		if l.Type == "logical" {
			logical = append(logical, l.Name)
		}
	}
	if most, known := s.number("max_replication_slots"); known && most < len(slots) {
		add("PGR233", "max_replication_slots", fmt.Sprintf("%s would not start with max_replication_slots = %d: %s stand on it (%s)", s.address(), most, counted(len(slots), "slot"), strings.Join(slots, ", ")),
			"a server with more slots on its disk than it may have refuses to start", "drop what nobody needs first, by an apply that leaves the setting as it is")
	}
	if level := s.value("wal_level"); level != "logical" && len(logical) > 0 {
		add("PGR234", "wal_level", fmt.Sprintf("%s would not start with wal_level = %s: logical slots stand on it (%s)", s.address(), level, strings.Join(logical, ", ")),
			"a server with a logical slot on its disk refuses to start with a lower wal_level", "drop the slots first, by an apply that leaves the setting as it is")
	}
	for _, name := range s.seen.live.Missing {
		if !sameImage { // another one may have it
			break
		}
		list := libraryLists[slices.IndexFunc(libraryLists, func(list string) bool {
			names, _ := schema.Names(catalogue.Setting{Name: list}, s.node.Settings[list].Value)
			return slices.Contains(names, name)
		})]
		add("PGR235", list, fmt.Sprintf("%s names the library %q, which %s does not have", list, name, s.address()),
			"a server, or with the other lists each new session, refuses to start without a library that it is told to load",
			fmt.Sprintf("take it out, or use an image that has it; %s holds those that are there", s.seen.live.LibraryDir))
	}
	return out
}

// value is what a setting has once the file is applied.
func (s *server) value(name string) string {
	known := s.describe(name)
	v := known.Boot
	if set, declared := s.node.Settings[name]; declared {
		v = set.Value
	}
	canonical, err := schema.Canonical(known, v)
	if err != nil {
		return v
	}
	return canonical
}

func (s *server) number(name string) (int, bool) {
	var n int
	_, err := fmt.Sscanf(s.value(name), "%d", &n)
	return n, err == nil
}
