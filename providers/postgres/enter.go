package postgres

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/hba"
)

// A server that was made by hand does not know the role pgrepl. It is looked at, and the role is made, as its superuser:
// by whichever way lets that in, over 127.0.0.1 or the local socket, with its password only where neither goes without. From
// then on pgrepl has a login of its own, and nobody needs the superuser's password again.

// found reports whether the server's container was made by hand, and the server could be looked at.
func (s *server) found() bool { return s.seen.reach == up && s.seen.byHand }

// enters reports whether pgrepl is still to get its login in the server.
func (s *server) enters() bool { return s.found() && s.seen.live.User != managementRole }

// elsewhere names a file of the server that lies outside its data directory, or a data directory that is not where the
// container's layout has it.
func (s *server) elsewhere() string {
	l := s.seen.live
	for _, file := range []string{l.ConfFile, l.HBAFile} {
		if file != "" && !strings.HasPrefix(file, l.Data+"/") {
			return file
		}
	}
	dir, err := s.machine.Dir(context.Background())
	if err == nil && l.Data != path.Join(dir, s.machine.Data()) {
		return l.Data
	}
	return ""
}

func (s *Site) verifierOf(role string) bool {
	for _, r := range s.primary().seen.live.Roles {
		if r.Name == role {
			return true
		}
	}
	return false
}

// loginPath is the attribute of a server by which that shows in a plan.
const loginPath = "management login"

// entering is the step after which pgrepl has its login in a server.
func entering(node string) engine.StepID { return engine.StepID{Do: "enter", On: serverID(node)} }

func (k serverKind) enter(s *server, c engine.Change) []engine.Step {
	e := enter{Order: engine.Order{Self: entering(s.node.Name), On: s.node.Name, Cancellable: true}, server: s, attr: c.New.Attrs[loginPath]}
	if !s.isPrimary() {
		e.Behind = append(e.Behind, entering(k.primary().node.Name))
	}
	return []engine.Step{e}
}

// enter gives pgrepl its login: a credential in the volume, the role, and the first line of pg_hba.conf. The credential comes
// first, so that whatever dies in between is gone on with, and never a second password made.
type enter struct {
	engine.Order
	server *server
	attr   engine.Attr
}

func (s enter) String() string {
	return "role pgrepl, its credential and its line in pg_hba.conf, reload"
}

func (s enter) After(w engine.Snapshot) engine.Snapshot {
	r := w[serverID(s.server.node.Name)]
	r.Attrs = with(r.Attrs, loginPath, s.attr)
	w = w.With(r)
	rules, known := w[hbaID(s.server.node.Name)]
	if a := rules.Attrs["hba"]; known && rules.Unknown == "" && !s.server.site.door(a.List).own {
		a.List = append([]string{managementLine}, a.List...)
		rules.Attrs = with(rules.Attrs, "hba", a)
		w = w.With(rules)
	}
	return w
}

func (s enter) Run(ctx context.Context) error {
	if err := s.server.enter(ctx); err != nil {
		return fmt.Errorf("adopt %s: %w", s.server.node.Name, err)
	}
	return nil
}

func (s *server) enter(ctx context.Context) error {
	password, err := s.site.credentialFor(ctx, s)
	if err != nil {
		return err
	}
	files := map[string][]byte{"cluster": []byte(s.machine.Mark()), "credential": credentialFile(password)}
	if !s.isPrimary() { // what its link was made with by hand stands in a file that is going to be written anew
		if p, known := s.site.known(s.node.Role); known {
			files["passfile"] = passfile(s.node.Role.Name, p)
		}
	}
	if err := s.machine.Write(ctx, files); err != nil {
		return err
	}
	if s.isPrimary() {
		stored, err := verifier(password)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf(`DO $pgrepl$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN CREATE ROLE %[1]s; END IF; END$pgrepl$;
ALTER ROLE %[1]s SUPERUSER LOGIN PASSWORD %[2]s`, managementRole, literal(stored))
		if _, err := s.asSuperuser(ctx, "role "+managementRole, sql); err != nil {
			return err
		}
	}
	if err := s.letIn(ctx); err != nil {
		return err
	}
	return s.takeOver(ctx)
}

// credentialFor is the management role's password: the one that a killed run has left in the primary's volume, otherwise a
// new one.
func (s *Site) credentialFor(ctx context.Context, srv *server) (schema.Secret, error) {
	p, err := s.managementPassword(ctx)
	if err == nil || !srv.isPrimary() {
		return p, err
	}
	if p, err = randomPassword("credential"); err == nil {
		s.setManagementPassword(p)
	}
	return p, err
}

// letIn puts the management role's line before all others of pg_hba.conf, and makes the server read it.
func (s *server) letIn(ctx context.Context) error {
	out, err := s.asSuperuser(ctx, "", "SELECT pg_read_file(current_setting('hba_file'))")
	if err != nil {
		return err
	}
	rules, _ := hba.Parse(out, s.site.file.Version)
	own, _ := hba.Parse(managementLine, s.site.file.Version)
	if len(rules) == 0 || rules[0].Key() != own[0].Key() {
		if err := s.replaceHBA(ctx, managementLine+"\n"+strings.TrimSuffix(out, "\n")+"\n"); err != nil {
			return err
		}
	}
	_, err = s.asSuperuser(ctx, "reload", "SELECT pg_reload_conf()")
	return err
}

// takeOver opens the session anew until it is the management role's own. A standby has the role when its primary has sent it.
func (s *server) takeOver(ctx context.Context) error {
	s.session.close()
	s.session.keepOut()
	for deadline := time.Now().Add(replayDeadline + s.delay()); ; {
		_, err := s.session.query(ctx, "SELECT 1")
		switch {
		case err == nil:
			return nil
		case !refusal(err) || time.Now().After(deadline):
			if !s.isPrimary() && refusal(err) {
				return fmt.Errorf("the role %s has not arrived from the master, or is not let in: %s", managementRole, why(err))
			}
			return errors.New(why(err))
		}
		if err := engine.Pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// keepOut ends the time of logging in as somebody else.
func (s *Session) keepOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guest = nil
}

// entered is a kind whose steps come after those that give pgrepl its login in the server they work in, and in the primary,
// where there are such.
type entered struct {
	engine.Kind
	site *Site
}

func (k entered) Steps(c engine.Change) []engine.Step { return k.later(k.Kind.Steps(c)) }

func (k entered) later(steps []engine.Step) []engine.Step {
	for i, s := range steps {
		var first []engine.StepID
		for _, srv := range k.site.servers {
			if srv.enters() && (srv.isPrimary() || srv.node.Name == s.Node()) {
				first = append(first, entering(srv.node.Name))
			}
		}
		if len(first) > 0 && s.ID().Do != "enter" {
			steps[i] = afterEntering{s, first}
		}
	}
	return steps
}

type afterEntering struct {
	engine.Step
	first []engine.StepID
}

func (s afterEntering) Needs() []engine.StepID {
	return append(s.Step.Needs()[:len(s.Step.Needs()):len(s.Step.Needs())], s.first...)
}

// Unsure is the step's own, where it says so.
func (s afterEntering) Unsure() bool {
	real, says := s.Step.(interface{ Unsure() bool })
	return says && real.Unsure()
}

// delivered is the step after which the files of an adopted server lie ready for its first container of pgrepl's making.
func delivered(node string) engine.StepID { return engine.StepID{Do: "deliver", On: serverID(node)} }

// Deliver puts the whole postgresql.auto.conf ready for the new container of a node whose old one was made by hand. What ALTER
// SYSTEM could not write while that one ran is in force from its start.
func (s *Site) Deliver(node string) []engine.Step {
	srv := s.server(node)
	if srv == nil || !srv.found() || srv.rebuild() != nil { // which has its own
		return nil
	}
	return entered{nil, s}.later([]engine.Step{deliver{Order: engine.Order{Self: delivered(node), On: node}, server: srv}})
}

type deliver struct {
	engine.Order
	server *server
}

func (s deliver) String() string                          { return "put its settings ready" }
func (s deliver) After(w engine.Snapshot) engine.Snapshot { return w }

func (s deliver) Run(ctx context.Context) error {
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	return s.server.machine.Write(ctx, map[string][]byte{"conf": []byte(autoConf(s.server.firstValues(dir)))})
}
