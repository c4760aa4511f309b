package postgres

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema/hba"
)

// Whatever a plan does, pgrepl gets into every server after each of its steps: otherwise it could neither go on nor go back.

// shutsOut says why pgrepl could not log in to a server any more. The rules count as they stand in the file, read or not: a
// server that crashes comes up with them.
func (s state) shutsOut(srv *server) []string {
	rules, known := s.world[hbaID(srv.node.Name)].Attrs["hba"]
	if !known {
		return nil
	}
	entered := s.world[serverID(srv.node.Name)].Attrs[loginPath].Value
	d := s.site.door(rules.List)
	switch {
	case entered != "" && entered != managementRole: // who made it by hand lets pgrepl in as somebody else, by rules of the old file
		if d.own {
			return []string{fmt.Sprintf("%s has pgrepl's rules in pg_hba.conf, and no role %s that may come by them", srv.address(), managementRole)}
		}
	case d.closed != "":
		return []string{fmt.Sprintf("pg_hba.conf of %s %s", srv.address(), d.closed)}
	}
	return nil
}

// door is what rules mean to pgrepl.
type door struct {
	own    bool   // its line is the first
	closed string // why it does not get in
}

// door goes through rules as a server does. They are mostly the same on all nodes and after all steps, so each text is read once.
func (s *Site) door(list []string) door {
	text := strings.Join(list, "\n")
	if d, known := s.doors[text]; known {
		return d
	}
	rules, _ := hba.Parse(text, s.file.Version)
	own, _ := hba.Parse(managementLine, s.file.Version)
	d := door{own: len(rules) > 0 && rules[0].Key() == own[0].Key()}
	switch first, sure := hba.First(rules, hba.Client{Role: managementRole, Database: maintenance, From: netip.AddrFrom4([4]byte{127, 0, 0, 1})}); {
	case sure && first < 0:
		d.closed = "has no rule that lets pgrepl in"
	case sure && !slices.Contains(byPassword, string(rules[first].Method)):
		d.closed = fmt.Sprintf("turns pgrepl away by the rule %q", rules[first])
	}
	if s.doors == nil {
		s.doors = map[string]door{}
	}
	s.doors[text] = d
	return d
}

// byPassword are the methods that the credential of the management role is good for.
var byPassword = []string{"scram-sha-256", "md5", "password", "trust"}

// Unfinished says which slots would go on keeping WAL, after the last step of a plan, for a standby that does not read them. In
// between one may be free for a while: it is made before its standby is, and goes after that has turned to another. Those that
// nobody of the file is noted for are left to others (PGR201).
func (s *Site) Unfinished(w engine.Snapshot) []string {
	state := state{site: s, world: w}
	if !state.alive(s.primary()) {
		return nil
	}
	var out []string
	for _, r := range w.OfKind("slot") {
		if r.Unknown != "" || s.file.Released("slot", r.ID.Name) {
			continue
		}
		on, reader := s.server(r.ID.On), s.server(r.Attrs["consumer"].Value)
		if on != nil && reader != nil && state.alive(on) && !state.reads(reader, on, r.ID.Name) {
			out = append(out, fmt.Sprintf("slot %s on %s keeps WAL for %s, which does not read it", r.ID.Name, on.address(), reader.address()))
		}
	}
	return out
}

// reads reports whether a standby streams through a slot. What cannot be looked at is taken to be as it should be.
func (s state) reads(d, upstream *server, slot string) bool {
	if r := s.world[replicaID(d.node.Name)]; r.Unknown != "" || s.world[serverID(d.node.Name)].Unknown != "" {
		return true
	}
	return s.alive(d) && s.streams(d) && s.upstream(d) == upstream && inForce(s.link(d)["slot"].Value) == slot
}
