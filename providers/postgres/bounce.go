package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// reload makes a server read what was written for the thing of: its settings and rules (the server's own ID), which are
// written while everything still runs, or its link, which is set when what it leads to is there.
func (s *Site) reload(srv *server, of engine.ID, behind ...engine.StepID) reload {
	behind = append(behind, s.shrunk()) // a killed run may have left names in the file that nobody answers to
	return reload{Order: engine.Order{Self: engine.StepID{Do: "reload", On: of}, On: srv.node.Name, Behind: behind}, server: srv}
}

// restarts brings a server down and up again. Standbys go before their upstream, so that a value which must not be lower on
// a standby than on its primary never is; where one is lowered the order is the other way round, and a standby goes down
// only when it could come up again with the lower value. A new container does the same.
func (s *Site) restarts(srv *server, why []string) []engine.Step {
	id := serverID(srv.node.Name)
	steps := []engine.Step{restart{Order: engine.Order{Self: engine.StepID{Do: "restart", On: id}, On: srv.node.Name,
		Behind: append(s.WhileUp(srv.node.Name), s.Below(srv.node.Name)...), Unless: []engine.StepID{{Do: "create", On: nodeID(srv.node.Name)}}}, server: srv, why: why}}
	if srv.lowers() && !srv.isPrimary() {
		steps = append(steps, settle{Order: engine.Order{Self: engine.StepID{Do: "settle", On: id}, On: srv.node.Name, Cancellable: true,
			Behind: append(s.WhileUp(srv.node.Name), accepting(srv.upstream().node.Name), accepting(s.primary().node.Name))}, server: srv})
	}
	return append(steps, s.Awaken(srv.node.Name)...)
}

// WhileUp are the steps that need the server of a node as it was seen: they come before it stops, whatever stops it. So does
// letting go of a standby that commits wait for.
func (s *Site) WhileUp(node string) []engine.StepID {
	return []engine.StepID{{Do: "set", On: settingsID(node)}, {Do: "write", On: hbaID(node)}, {Do: "reload", On: serverID(node)}, {Do: "settle", On: serverID(node)}, s.shrunk()}
}

// Below are the steps after which the servers that follow a node, directly or through others, are back. Those that are
// still to be made have to wait for the node instead, and so have those that may have less only when it has.
func (s *Site) Below(node string) []engine.StepID {
	var out []engine.StepID
	srv := s.server(node)
	if srv == nil {
		return nil
	}
	for _, d := range srv.downstream() {
		if (d.seen.reach == up || d.seen.reach == down) && !d.lowers() {
			out = append(out, accepting(d.node.Name))
		}
		out = append(out, s.Below(d.node.Name)...)
	}
	return out
}

// lowers reports whether the server runs with a higher value of one of them than its file asks for; one that goes from the
// file is the default again, which is mostly lower.
func (s *server) lowers() bool {
	return slices.ContainsFunc(schema.HotStandby, func(name string) bool {
		want, declared := s.node.Settings[name]
		live, ok := s.seen.live.Settings[name]
		if _, written := s.seen.live.inAutoConf()[name]; !ok || !declared && !written && !live.Pending {
			return false
		}
		if !declared {
			want.Value = live.Boot
		}
		wanted, err0 := schema.Canonical(s.describe(name), want.Value)
		now, err1 := strconv.Atoi(live.Reset)
		then, err2 := strconv.Atoi(wanted)
		return err0 == nil && err1 == nil && err2 == nil && then < now
	})
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

func (s reload) Run(ctx context.Context) error { return s.server.reread(ctx) }

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
	why    []string
}

func (s restart) String() string { return "check, restart" }

func (s restart) After(w engine.Snapshot) engine.Snapshot {
	return s.server.reads(w, engine.Reload, engine.Restart).With(serverKind{s.server.site}.starting(s.server))
}

func (s restart) Effects() []engine.Effected {
	return []engine.Effected{{Class: engine.ClassRestart, On: serverID(s.server.node.Name), Addr: s.server.address(), Why: strings.Join(s.why, ", ")}}
}

func (s restart) Run(ctx context.Context) error {
	if err := s.server.checkFiles(ctx); err != nil {
		return err
	}
	if err := s.server.checkNeighbours(ctx); err != nil {
		return err
	}
	s.server.session.close()
	return s.server.machine.Restart(ctx)
}

// checkNeighbours makes sure that the server would not come up with more than a standby below it has, or as a standby with
// less than its upstream has. The order of a plan sees to that, unless a part of it was left out.
func (s *server) checkNeighbours(ctx context.Context) error {
	own := s.hotStandby()
	for _, d := range s.downstream() {
		for name, n := range d.hotStandbyInForce(ctx) {
			if own[name] > n {
				return fmt.Errorf("restart %s: %s runs with %s = %d, and would stop replaying below a server with %d; it has to restart before",
					s.node.Name, d.address(), name, n, own[name])
			}
		}
	}
	if s.isPrimary() {
		return nil
	}
	for name, n := range s.upstream().hotStandbyInForce(ctx) {
		if own[name] < n {
			return fmt.Errorf("restart %s: %s runs with %s = %d, and a standby with %d could not start below it; it has to restart before",
				s.node.Name, s.upstream().address(), name, n, own[name])
		}
	}
	return nil
}

// hotStandby are the values of schema.HotStandby that the server's file gives it.
func (s *server) hotStandby() map[string]int {
	out := map[string]int{}
	for _, name := range schema.HotStandby {
		known := s.describe(name)
		value := known.Boot
		if declared, ok := s.node.Settings[name]; ok {
			value = declared.Value
		}
		if canonical, err := schema.Canonical(known, value); err == nil {
			out[name], _ = strconv.Atoi(canonical)
		}
	}
	return out
}

// hotStandbyInForce are those that it runs with; none where it cannot be asked.
func (s *server) hotStandbyInForce(ctx context.Context) map[string]int {
	rows, err := s.session.query(ctx, "SELECT name, setting FROM pg_settings WHERE name = ANY ("+nameArray(schema.HotStandby)+")")
	out := map[string]int{}
	if err != nil {
		return out
	}
	for _, r := range rows {
		out[r[0]], _ = strconv.Atoi(r[1])
	}
	return out
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
