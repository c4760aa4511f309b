package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// A standby may never run with less of a hot-standby parameter than its primary does, nor start with less than the WAL says
// that it still has to replay (chapter "Hot Standby", "Administrator's Overview"). Raised, a value goes to the standbys first;
// lowered, to the primary first. A standby of which one rises and another falls has its turn twice, and runs in between with
// the higher of each.

// numbers are values of schema.HotStandby, by name.
type numbers map[string]int

// short names, sorted, what n has less of than o.
func (n numbers) short(o numbers) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(o)), func(name string) bool { return n[name] >= o[name] })
}

// declared are the values that the file gives the server.
func (s *server) declared() numbers {
	out := numbers{}
	for _, name := range schema.HotStandby {
		known := s.describe(name)
		value := known.Boot
		if set, ok := s.node.Settings[name]; ok {
			value = set.Value
		}
		if canonical, err := schema.Canonical(known, value); err == nil {
			out[name], _ = strconv.Atoi(canonical)
		}
	}
	return out
}

// inForce are the values that the server was seen to run with; none where it could not be asked.
func (s *server) inForce() numbers {
	out := numbers{}
	if s.seen.reach != up {
		return out
	}
	for _, name := range schema.HotStandby {
		value := s.describe(name).Boot
		if live, ok := s.seen.live.Settings[name]; ok {
			value = live.Reset
		}
		out[name], _ = strconv.Atoi(value)
	}
	return out
}

// standsStill names the values that a standby has too little of to replay what its primary writes. It looks healthy: it streams,
// and answers with data that grows old.
func (s *server) standsStill() []string {
	if s.isPrimary() || s.seen.reach != up || s.site.primary().seen.reach != up {
		return nil
	}
	return s.inForce().short(s.site.primary().inForce())
}

// inForceNow asks the server itself; none where it cannot be asked.
func (s *server) inForceNow(ctx context.Context) numbers {
	rows, err := s.session.query(ctx, "SELECT name, setting FROM pg_settings WHERE name = ANY ("+nameArray(schema.HotStandby)+")")
	out := numbers{}
	if err != nil {
		return out
	}
	for _, r := range rows {
		out[r[0]], _ = strconv.Atoi(r[1])
	}
	return out
}

// when tells whether a server has a turn before its primary, after it, or both. The primary's own is between them. One that
// leaves together with others cannot wait for what its primary does meanwhile.
func (s *server) when() (early, late bool) {
	if s.isPrimary() || s.seen.reach != up {
		return true, false
	}
	primary := s.site.primary()
	late = len(s.declared().short(s.inForce()))+len(s.declared().short(primary.inForce())) > 0
	short := s.inForce().short(primary.declared())
	if primary.seen.reach == up { // replay stands still already
		short = append(short, s.inForce().short(primary.inForce())...)
	}
	return !late || len(short) > 0 || s.machine.Moves(), late
}

// relinksFirst reports whether what a standby follows is changed before its only turn, not after: what it has to replay until
// then comes from there, and what it followed before may be gone. A role's new password comes after all turns.
func (s *server) relinksFirst() bool {
	early, late := s.when()
	return late && !early && s.rebuild() == nil && !s.site.rotates(s.node.Role)
}

// interim are the values that a server runs with for now, where the file's come later: one with two turns between them, as much
// as it has, its primary has, and the file says; one that could not start with less than it has to replay, until it has.
func (s *server) interim() numbers {
	out := numbers{}
	if s.seen.failed != nil && !s.isPrimary() && s.rebuild() == nil {
		want, replays := s.declared(), s.floor()
		for _, name := range want.short(replays) {
			out[name] = replays[name]
		}
		return out
	}
	if early, late := s.when(); !early || !late || s.rebuild() != nil {
		return out
	}
	want, have, primary := s.declared(), s.inForce(), s.site.primary().inForce()
	for name, n := range want {
		if v := max(n, have[name], primary[name]); v != n {
			out[name] = v
		}
	}
	return out
}

// checkOthers makes sure that a primary would not come up with more than a standby has, however far below it that follows, nor a
// standby with less than its primary has. The order of a plan sees to that, unless a part of it was left out.
func (s *server) checkOthers(ctx context.Context, own numbers) error {
	if !s.isPrimary() {
		primary := s.site.primary()
		above := primary.inForceNow(ctx)
		for _, name := range own.short(above) {
			return fmt.Errorf("restart %s: %s runs with %s = %d, and a standby with %d could not start below it; it has to restart before",
				s.node.Name, primary.address(), name, above[name], own[name])
		}
		return nil
	}
	for _, d := range s.site.standbys() {
		have := d.inForceNow(ctx)
		for _, name := range have.short(own) {
			if n, known := have[name]; known {
				return fmt.Errorf("restart %s: %s runs with %s = %d, and would stop replaying below a server with %d; it has to restart before",
					s.node.Name, d.address(), name, n, own[name])
			}
		}
	}
	return nil
}

// floor is the least of each that a standby which is down can start with.
func (s *server) floor() numbers {
	out := maps.Clone(s.seen.directory.Replays)
	for name, n := range s.site.primary().inForce() {
		out[name] = max(out[name], n)
	}
	return out
}

// firstValues is postgresql.auto.conf as it is for now.
func (s *server) firstValues(dir string) map[string]string {
	out := s.fileValues(dir)
	for name, n := range s.interim() {
		out[name] = strconv.Itoa(n)
	}
	if s.isNew() && !s.isPrimary() {
		out["primary_slot_name"] = s.firstSlot()
	}
	return out
}

// whyBroken says what is wrong with the files of a server that could not start.
func (s *server) whyBroken() string {
	var low []string
	for name, n := range s.interim() {
		low = append(low, fmt.Sprintf("%s is %d and has to be %d to replay what is there", name, s.declared()[name], n))
	}
	if len(low) == 0 {
		return "not as declared"
	}
	slices.Sort(low)
	return strings.Join(low, ", ")
}

// inBetween is what is true of the settings of a server with two turns after the first.
func (s *server) inBetween(w engine.Snapshot) engine.Snapshot {
	r := w[settingsID(s.node.Name)]
	r.Attrs = copied(r.Attrs)
	for name, n := range s.interim() {
		a := r.Attrs[settingPath+name]
		a.Value = strconv.Itoa(n)
		r.Attrs[settingPath+name] = a
	}
	return w.With(r)
}

// planned are the values that the server has after its first turn.
func (s *server) planned() numbers {
	out := s.declared()
	maps.Copy(out, s.interim())
	return out
}
