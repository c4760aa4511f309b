package postgres

import (
	"fmt"
	"slices"
	"strings"

	"pgrepl/engine"
)

// standing reports files that a server would not start with again, and standbys that do not replay. Where the plan would have
// the server read such a file, and does not write it itself, nothing may begin.
func (k serverKind) standing(want, seen engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, s := range k.servers {
		if !s.isPrimary() {
			out = append(out, k.belowFacts(s)...)
		}
		if s.seen.reach != up {
			continue
		}
		for _, e := range s.seen.live.fileErrors() {
			f := engine.Fact{Code: "PGR227", On: settingsID(s.node.Name), Addr: s.address(), Origin: origin(s.node.Origin),
				Text: fmt.Sprintf("%s would not start again: %s", s.address(), e), Next: "mend the file; pgrepl rewrites postgresql.auto.conf and pg_hba.conf"}
			if !ours(e) && s.rereads(want, seen) {
				f.Code, f.Text = "PGR262", fmt.Sprintf("%s would not take its files: %s", s.address(), e)
				f.Detail, f.Next = "this plan has it read them", "mend the file, then plan again"
			}
			out = append(out, f)
		}
		if s.seen.live.Paused {
			out = append(out, s.pausedFact())
		}
	}
	return out
}

// ours reports whether an error is in a file that pgrepl writes.
func ours(fileError string) bool {
	file, _, _ := strings.Cut(fileError, " line ")
	return strings.HasSuffix(file, autoConfFile) || file == "pg_hba.conf"
}

// rereads reports whether the plan reloads the server, or brings it down and up again.
func (s *server) rereads(want, seen engine.Snapshot) bool {
	node := s.node.Name
	for _, id := range []engine.ID{settingsID(node), hbaID(node), replicaID(node), synchronousID(node), nodeID(node)} {
		w, have := want[id].Attrs, seen[id].Attrs
		for path, a := range w {
			b, there := have[path]
			live := path == "passfile" || path == "replay" || path == "replication"
			if !live && (!there || a.Value != b.Value || !slices.Equal(a.List, b.List)) {
				return true
			}
		}
		for path := range have {
			if _, wanted := w[path]; !wanted && id.Kind == "settings" {
				return true
			}
		}
	}
	return false
}
