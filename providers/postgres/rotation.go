package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// A replication role's password changes without losing a standby: the new verifier, at once the passfiles, then one standby
// after the other logs in with it and catches up. PostgreSQL keeps one verifier a role, so between the first two a standby
// could not come back; where one does not, the old verifier and the old passfiles are put back. The ledger keeps the old
// verifier until all have logged in, so that a run which is killed in between is gone on with, and still knows the way back.

func rotationID(role string) engine.ID { return engine.ID{Kind: "rotation", Name: role} }

const (
	proved   = "proved"
	unproved = "not proved with the new password"
)

// rotates reports whether the file gives a role that standbys log in with another password than the server has.
func (s *Site) rotates(r *schema.Role) bool {
	stored := s.verifier(r.Name)
	if stored == "" || len(s.users(r)) == 0 || r.Password.IsUnset() {
		return false
	}
	if r.Password.IsSet() {
		return !accepts(stored, r.Password)
	}
	_, known := s.known(r)
	return s.generated(r) && !known
}

// users are the standbys that log in as a role.
func (s *Site) users(r *schema.Role) []*server {
	var out []*server
	for _, d := range byName(append([]*server{}, s.standbys()...)) {
		if d.node.Role.Name == r.Name {
			out = append(out, d)
		}
	}
	return out
}

// keepVerifierSQL notes the verifier that a role has before it gets another one. Where one is noted already, that is still the
// last that every standby has logged in with.
func keepVerifierSQL(role string) string {
	return fmt.Sprintf(`INSERT INTO pgrepl.object (kind, node, name, consumer) SELECT 'rotation', '', rolname, coalesce(rolpassword, '') FROM pg_authid WHERE rolname = %s
ON CONFLICT (kind, node, name) DO NOTHING`, literal(role))
}

// seenLogin is whether the standby's connection is younger than its role's password, as far as the ledger knows of a change.
func (s *server) seenLogin() string {
	since, rotating := s.site.rotating[s.node.Role.Name]
	if !rotating {
		return proved
	}
	for _, w := range s.upstream().seen.live.Senders {
		if began, err := time.Parse(time.RFC3339Nano, w.Began); w.Name == s.node.ApplicationName && err == nil && began.After(since) {
			return proved
		}
	}
	return unproved
}

// login is the step in which a standby proves that it can log in with what it holds now.
func login(node string) engine.StepID { return engine.StepID{Do: "login", On: replicaID(node)} }

// logsIn cuts the connection of a standby and waits until it is back, with nothing left to catch up.
type logsIn struct {
	engine.Order
	server *server
}

// logsIn comes after all the passfiles, one standby after the other: as many are away as a synchronous list can spare.
func (k replicationKind) logsIn(s *server) logsIn {
	l := logsIn{Order: engine.Order{Self: login(s.node.Name), On: s.node.Name, Cancellable: true,
		Behind: []engine.StepID{accepting(s.node.Name), accepting(s.upstream().node.Name), {Do: "reload", On: replicaID(s.node.Name)}, {Do: "put", On: roleID(s.node.Role.Name)}}}, server: s}
	for _, d := range k.users(s.node.Role) {
		l.Behind = append(l.Behind, engine.StepID{Do: "passfile", On: replicaID(d.node.Name)})
	}
	for _, other := range k.servers { // a server that is away for its turn is no reason to go back
		l.Behind = append(l.Behind, k.back(other.node.Name)...)
	}
	for _, d := range k.users(s.node.Role) {
		if d == s {
			break
		}
		l.Behind = append(l.Behind, login(d.node.Name))
	}
	return l
}

func (s logsIn) String() string { return "log in with the new password" }

func (s logsIn) After(w engine.Snapshot) engine.Snapshot {
	id := replicaID(s.server.node.Name)
	r := w[id]
	r.Attrs = with(r.Attrs, "login", engine.Attr{Value: proved})
	r.Attrs = with(r.Attrs, "replication", replicationKind{s.server.site}.want(s.server).Attrs["replication"])
	return w.With(r)
}

// Run goes back where the standby does not come back. What is tried is a login beside the stream that stands, so that one which
// is refused costs nothing; then the stream itself.
func (s logsIn) Run(ctx context.Context) error {
	srv := s.server
	err := srv.freshLogin(ctx)
	if err == nil {
		sql := "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_replication WHERE state <> 'backup' AND application_name = " + literal(srv.node.ApplicationName)
		if err = srv.upstream().session.change(ctx, "cut the connection of "+srv.node.Name, sql); err == nil {
			err = srv.catchesUp(ctx)
		}
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	back := context.WithoutCancel(ctx)
	if cause := srv.site.keepOldPassword(back, srv.node.Role); cause != nil {
		return fmt.Errorf("%s does not come back with the new password of role %s: %w; and going back to the old one: %w", srv.node.Name, srv.node.Role.Name, err, cause)
	}
	return fmt.Errorf("%s does not come back with the new password of role %s: %w; the old password is in force again, and in every passfile", srv.node.Name, srv.node.Role.Name, err)
}

// keepOldPassword puts the verifier back that every standby has logged in with, and the passfiles as they were seen.
func (s *Site) keepOldPassword(ctx context.Context, r *schema.Role) error {
	noted := fmt.Sprintf("(SELECT consumer FROM pgrepl.object WHERE (kind, node, name) = ('rotation', '', %s))", literal(r.Name))
	rows, err := s.primary().session.query(ctx, "SELECT coalesce("+noted+", '')")
	if err != nil {
		return err
	}
	old := rows[0][0]
	if old == "" {
		return errors.New("the ledger does not know it")
	}
	sql := fmt.Sprintf("ALTER ROLE %s PASSWORD %s; %s", ident(r.Name), literal(old), unmarkSQL(rotationID(r.Name)))
	if err := s.primary().session.change(ctx, "put the old password of role "+r.Name+" back", sql); err != nil {
		return err
	}
	var errs []error
	for _, d := range s.users(r) {
		if had, ok := parsePassfile(d.seen.passfile, r.Name); ok && accepts(old, had) {
			errs = append(errs, d.putPassfile(ctx, had))
		}
	}
	return errors.Join(errs...)
}

// forgetOld is the end of a change of password: every standby has logged in with the new one.
type forgetOld struct {
	engine.Order
	site *Site
	role *schema.Role
}

func (k roleKind) forgetOld(r *schema.Role) forgetOld {
	p := k.primary().node.Name
	f := forgetOld{Order: engine.Order{Self: engine.StepID{Do: "forget", On: roleID(r.Name)}, On: p, Behind: []engine.StepID{accepting(p), {Do: "put", On: roleID(r.Name)}}}, site: k.Site, role: r}
	for _, d := range k.users(r) {
		f.Behind = append(f.Behind, login(d.node.Name), streaming(d.node.Name))
	}
	return f
}

func (s forgetOld) String() string { return "forget the old password of role " + s.role.Name }

func (s forgetOld) After(w engine.Snapshot) engine.Snapshot {
	r := w[roleID(s.role.Name)]
	r.Attrs = with(r.Attrs, "rotation", rotationDone)
	return w.With(r)
}

func (s forgetOld) Run(ctx context.Context) error {
	return s.site.primary().session.change(ctx, s.String(), unmarkSQL(rotationID(s.role.Name)))
}

// Whether every standby has logged in with a role's password.
const rotationUnderWay = "not every standby has logged in with the new password"

var rotationDone = engine.Attr{Value: "done", Default: true, Effect: engine.Live}
