package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pgrepl/engine"
)

// reload makes a server read what was written for the thing of: its settings and rules (the server's own ID), which are
// written while everything still runs, or its link, which is set when what it leads to is there.
func (s *Site) reload(srv *server, of engine.ID, behind ...engine.StepID) reload {
	if srv.isPrimary() || of.Kind != "server" { // a killed run may have left names in the file that nobody answers to
		behind = append(behind, s.shrunk())
	}
	return reload{Order: engine.Order{Self: engine.StepID{Do: "reload", On: of}, On: srv.node.Name, Behind: behind}, server: srv}
}

// restarts brings a server down and up again when it is its turn. A new container does the same.
func (s *Site) restarts(srv *server, why []string) []engine.Step {
	first := srv.firstTurn()
	r := s.restart(first, why)
	r.Unless = []engine.StepID{{Do: "create", On: nodeID(srv.node.Name)}}
	steps := []engine.Step{r}
	if early, late := srv.when(); late && !early {
		steps = append(steps, s.settle(first))
	}
	return append(steps, s.Awaken(srv.node.Name)...)
}

func (s *Site) restart(t turn, why []string) restart {
	srv := t.server
	return restart{Order: engine.Order{Self: t.step("restart"), On: srv.node.Name, Behind: s.goes(t)}, server: srv, turn: t, why: why}
}

// settle waits for what comes from the primary, which has to be up with its own values, through all between them.
func (s *Site) settle(t turn) settle {
	out := settle{Order: engine.Order{Self: t.step("settle"), On: t.server.node.Name, Cancellable: true}, server: t.server}
	if t.server.relinksFirst() {
		out.Behind = append(out.Behind, streaming(t.server.node.Name))
	}
	for above := t.server.upstream(); !above.isPrimary(); above = above.upstream() {
		out.Behind = append(out.Behind, streaming(above.node.Name))
	}
	for _, other := range s.turns() {
		if other == t {
			break
		}
		out.Behind = append(out.Behind, other.step("accept"))
	}
	return out
}

// lowers is the second turn of a server: what may fall only after its primary has less.
func (s *Site) lowers(srv *server, fields []engine.Field, names []string) []engine.Step {
	t, k := turn{server: srv, again: true}, serverKind{s}
	calm := s.settle(t)
	calm.Behind = append(calm.Behind, s.allOn(srv)...)
	set := alterSystem{Order: engine.Order{Self: engine.StepID{Do: "set again", On: settingsID(srv.node.Name)}, On: srv.node.Name, Behind: []engine.StepID{calm.Self}},
		server: srv, names: names, fields: fields}
	r := s.restart(t, names)
	r.Behind = append(r.Behind, set.Self)
	return []engine.Step{calm, set, r, k.accept(t), k.comeBack(t)}
}

// allOn are the steps of a plan for which the server has to be up after its first turn.
func (s *Site) allOn(srv *server) []engine.StepID {
	out := []engine.StepID{srv.firstTurn().step("return"), streaming(srv.node.Name)}
	for _, d := range srv.downstream() {
		if d.linkedAgain() || d.seen.reach == down && d.rebuild() == nil {
			out = append(out, streaming(d.node.Name))
		}
	}
	for _, do := range []string{"set", "reload", "passfile"} {
		out = append(out, engine.StepID{Do: do, On: replicaID(srv.node.Name)})
	}
	for _, sl := range s.file.Slots {
		if sl.Upstream == srv.node {
			out = append(out, engine.StepID{Do: "create", On: idOf(sl)})
		}
	}
	for _, l := range srv.seen.live.Slots {
		if id := slotID(srv.node.Name, l.Name); (slotKind{s}).slot(id) != nil { // one that is made anew; the others go when all is done
			out = append(out, engine.StepID{Do: "drop", On: id})
		}
	}
	return out
}

// WhileUp are the steps that need the server of a node as it was seen: they come before it stops, whatever stops it. So does
// letting go of a standby that commits wait for.
func (s *Site) WhileUp(node string) []engine.StepID {
	out := []engine.StepID{{Do: "set", On: settingsID(node)}, {Do: "write", On: hbaID(node)}, {Do: "reload", On: serverID(node)}, {Do: "settle", On: serverID(node)}, resumed(node), delivered(node), s.shrunk()}
	out = append(out, entering(node))
	srv := s.server(node)
	if srv == nil {
		return out
	}
	for _, l := range srv.seen.live.Slots {
		if s.dropsFirst(srv, l) {
			out = append(out, engine.StepID{Do: "drop", On: slotID(node, l.Name)})
		}
	}
	for _, below := range s.follow(srv) { // a standby is entered with what comes to it from its primary
		out = append(out, entering(below))
	}
	return out
}

// checkFiles makes sure that the server would take its files: a reload with a broken file does nothing and says so only in
// the log, and a restart with one is an outage.
func (s *server) checkFiles(ctx context.Context) error {
	var l live
	err := s.session.document(ctx, `SELECT json_build_object('files', (SELECT coalesce(json_agg(json_build_object('file', coalesce(sourcefile, ''), 'line', coalesce(sourceline, 0),
  'name', coalesce(lower(name), ''), 'error', error)), '[]') FROM pg_file_settings WHERE error IS NOT NULL),
  'hba_errors', (SELECT coalesce(json_agg(json_build_object('line', line_number, 'error', coalesce(error, 'not valid')) ORDER BY line_number), '[]') FROM pg_hba_file_rules WHERE type IS NULL))`, &l)
	if err != nil {
		return fmt.Errorf("check the files of %s: %w", s.node.Name, err)
	}
	if bad := l.fileErrors(); len(bad) > 0 {
		return fmt.Errorf("%s would not take its files: %s", s.node.Name, strings.Join(bad, "; "))
	}
	return nil
}

// reload makes the server read its files again, after they were checked, and waits until it has.
type reload struct {
	engine.Order
	server *server
}

func (s reload) String() string { return "check, reload" }

func (s reload) After(w engine.Snapshot) engine.Snapshot { return s.server.reads(w, engine.Reload) }

func (s reload) Run(ctx context.Context) error {
	if err := s.server.reread(ctx); err != nil {
		return err
	}
	if s.server.keptByConnections() {
		s.server.session.close()
	}
	return nil
}

// keptByConnections reports whether there is a setting that a connection keeps as it found it when it began, such as
// log_connections: what our own still says is then not what is in force.
func (s *server) keptByConnections() bool {
	kept := func(name string) bool {
		context := s.describe(name).Context
		return context == "backend" || context == "superuser-backend"
	}
	for name := range s.settings() {
		if kept(name) {
			return true
		}
	}
	for name := range s.seen.live.inAutoConf() {
		if kept(name) {
			return true
		}
	}
	return false
}

func (s *server) reread(ctx context.Context) error {
	if err := s.checkFiles(ctx); err != nil {
		return err
	}
	before, err := s.session.query(ctx, "SELECT pg_conf_load_time()")
	if err != nil {
		return fmt.Errorf("reload %s: %w", s.node.Name, err)
	}
	if err := s.session.change(ctx, "reload", "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		now, err := s.session.query(ctx, "SELECT pg_conf_load_time()")
		if err != nil {
			return fmt.Errorf("reload %s: %w", s.node.Name, err)
		}
		if now[0][0] != before[0][0] {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("reload %s: it did not read its files within 10 s; its last log lines:\n%s", s.node.Name, s.machine.Logs(ctx, 8))
		}
		if err := engine.Pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// restart restarts a server after its files were checked: one with files that it would not take is left running.
type restart struct {
	engine.Order
	server *server
	turn   turn
	why    []string
}

func (s restart) String() string { return "check, restart" }

func (s restart) After(w engine.Snapshot) engine.Snapshot {
	w = s.server.reads(w, engine.Reload, engine.Restart)
	if !s.turn.again {
		w = s.server.inBetween(w)
	}
	return w.With(serverKind{s.server.site}.starting(s.server))
}

// with are the hot-standby parameters that the server comes up with.
func (s restart) with() numbers {
	if s.turn.again {
		return s.server.declared()
	}
	return s.server.planned()
}

func (s restart) Effects() []engine.Effected {
	why := strings.Join(s.why, ", ")
	if s.turn.again {
		why += ", once the master has less"
	}
	return []engine.Effected{{Class: engine.ClassRestart, On: serverID(s.server.node.Name), Addr: s.server.address(), Why: why, Stops: s.server.site.Stops(s.server.node.Name)}}
}

func (s restart) Run(ctx context.Context) error {
	if err := s.server.checkFiles(ctx); err != nil {
		return err
	}
	if err := s.server.checkOthers(ctx, s.with()); err != nil {
		return err
	}
	s.server.session.close()
	s.server.site.StopsWrites(s.server.node.Name)
	return s.server.machine.Restart(ctx)
}

// mend gives a server that could not start the files that it should have, and starts it.
type mend struct {
	engine.Order
	server *server
}

func (s mend) String() string { return "write postgresql.auto.conf and pg_hba.conf, start" }

func (s mend) After(w engine.Snapshot) engine.Snapshot {
	return w.With(serverKind{s.server.site}.starting(s.server))
}

func (s mend) Run(ctx context.Context) error {
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	if err := s.server.machine.Write(ctx, s.server.files(dir)); err != nil {
		return err
	}
	return s.server.machine.Restart(ctx)
}
