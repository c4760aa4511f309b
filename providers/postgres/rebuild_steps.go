package postgres

import (
	"context"
	"fmt"

	"pgrepl/engine"
)

// rebuildScript makes new data beside the old and puts it in its place, under the lock of the volume, so that no server can
// run on either. The container waits meanwhile: for pgrepl/rebuild to go, which is the last thing done.
//
// A run that dies leaves pgdata.new, which the next one throws away; between the two renames there is no pgdata, and what
// follows is a clone as of a new node. Where pgdata.old is there already, what pgdata holds is a copy that never took over:
// the older is kept.
const rebuildScript = `set -eu` + flushScript + `
umask 077
cd "$1"
PATH="$PATH:/usr/lib/postgresql/$2/bin:/usr/pgsql-$2/bin"
exec 9>>pgrepl/lock
flock -n 9 || { echo "its server is running, although a rebuild holds it back: a container of an older pgrepl does not wait; remove the container, and apply makes it anew" >&2; exit 5; }
rm -rf pgdata.new pgdata.part
pg_basebackup -w -d "$3" -D pgdata.new -c fast -S "$4" -X stream --no-sync
rm -rf pgdata.new/pgrepl
mv pgrepl/credential.new pgrepl/credential
mv pgrepl/conf pgdata.new/postgresql.auto.conf
mv pgrepl/hba pgdata.new/pg_hba.conf
: > pgdata.new/standby.signal
flush pgdata.new
if [ -e pgdata.old ]; then mv pgdata pgdata.part; else mv pgdata pgdata.old; fi
mv pgdata.new pgdata
sync . 2>/dev/null || sync
rm -rf pgdata.part
exec 9>&-
rm -f pgrepl/rebuild
`

// remake are the steps of a rebuild. The old server stops first, although it could serve reads meanwhile: there is one slot
// per standby, its walreceiver would be on it again within seconds, and would set a slot that was just made back to where
// its own data ends, which is WAL that is gone.
func (k serverKind) remake(s *server, r *rebuild) []engine.Step {
	stop := halt{Order: engine.Order{Self: halted(s.node.Name), On: s.node.Name, Behind: k.WhileUp(s.node.Name)}, server: s, rebuild: *r}
	backup := k.clone(s)
	backup.Self, backup.beside, backup.Behind = engine.StepID{Do: "rebuild", On: serverID(s.node.Name)}, true, append(backup.Behind, stop.Self)
	return append([]engine.Step{stop, backup, k.accept(s.firstTurn()), k.stream(s), k.discard(s)}, replicationKind(k).detour(s)...)
}

// halted is the step after which the server of a standby is held back.
func halted(node string) engine.StepID { return engine.StepID{Do: "halt", On: serverID(node)} }

// stopped are the steps after which a standby that is rebuilt has no server: it is held back, or where its container was made by
// hand and would not wait, that is removed.
func (s *server) stopped() []engine.StepID {
	out := []engine.StepID{halted(s.node.Name)}
	if s.site.NeedsOwn(s.node.Name) {
		out = append(out, engine.StepID{Do: "remove", On: nodeID(s.node.Name)})
	}
	return out
}

// NeedsOwn reports whether a rebuild needs a new container for a node, in place of one that was made by hand.
func (s *Site) NeedsOwn(node string) bool {
	srv := s.server(node)
	return srv != nil && srv.seen.byHand && srv.rebuild() != nil
}

// Held is the step before which nothing may start, stop or replace the container of a node, where a plan has it: no server
// starts on data that is given up, least of all on another cluster's.
func (s *Site) Held(node string) engine.StepID { return halted(node) }

// Awaits is what has to be known before a container is touched that might put a server on data which is not this cluster's:
// where the data is to be made anew, all that this takes; where the master could not be looked at, whose the data is.
func (s *Site) Awaits(node string) []engine.ID {
	srv := s.server(node)
	switch {
	case srv == nil || srv.isPrimary():
	case srv.rebuild() != nil:
		return []engine.ID{serverID(node)}
	case srv.seen.known && s.primary().seen.reach == hidden:
		return []engine.ID{serverID(s.primary().node.Name)}
	}
	return nil
}

// halt stops a server and keeps it from starting until its data has been made anew. Where none runs, and where its container is
// going to be replaced, it only does the latter; it comes before any other container on the data.
type halt struct {
	engine.Order
	server  *server
	rebuild rebuild
}

func (s halt) String() string {
	if s.stops() {
		return "stop"
	}
	return "hold back"
}

func (s halt) stops() bool { return s.server.machine.Running() && !s.server.seen.byHand }

func (s halt) After(w engine.Snapshot) engine.Snapshot {
	r := w[serverID(s.server.node.Name)]
	r.Attrs = copied(r.Attrs)
	r.Attrs["server"] = engine.Attr{Value: "down", Effect: engine.Live, Reason: "its rebuild is not finished"}
	return w.With(r)
}

func (s halt) Effects() []engine.Effected {
	srv := s.server
	e := engine.Effected{On: serverID(srv.node.Name), Addr: srv.address(), Origin: origin(srv.node.Origin)}
	away := e
	away.Class, away.Why = engine.ClassRestart, "rebuild; down until the base backup is there, which takes as much room again on its volume meanwhile"
	out := []engine.Effected{away}
	if s.rebuild.loses != "" {
		lost := e
		lost.Class, lost.Asks, lost.Text, lost.Figure = engine.ClassData, true, "its data is given up: "+s.rebuild.loses, s.rebuild.now
		out = append(out, lost)
	}
	for _, l := range srv.seen.live.Slots {
		slot := slotKind{srv.site}.slot(slotID(srv.node.Name, l.Name))
		if slot != nil && (slotKind{srv.site}).consumer(slot) != nil || srv.site.server(srv.site.ledger[slotID(srv.node.Name, l.Name)]) != nil {
			continue // of a standby below it
		}
		lost := e
		lost.Class, lost.Asks = engine.ClassSlot, l.Active || l.Retained >= 0
		lost.Text = fmt.Sprintf("slot %s on %s goes with the old data; a consumer still reading it must be rebuilt", l.Name, srv.node.Name)
		out = append(out, lost)
	}
	return out
}

func (s halt) Run(ctx context.Context) error {
	loses := losesNone
	if s.rebuild.loses != "" {
		loses = losesSome
	}
	s.server.session.close()
	if err := s.server.machine.Write(ctx, map[string][]byte{"rebuild": []byte(loses + "\n")}); err != nil {
		return fmt.Errorf("stop %s: %w", s.server.node.Name, err)
	}
	if !s.stops() {
		return nil
	}
	return s.server.machine.Restart(ctx)
}

// discard removes the data from before a rebuild, when the new one has proved itself.
type discard struct {
	engine.Order
	server *server
}

func (k serverKind) discard(s *server) discard {
	return discard{Order: engine.Order{Self: engine.StepID{Do: "discard", On: serverID(s.node.Name)}, On: s.node.Name,
		Behind: []engine.StepID{accepting(s.node.Name), streaming(s.node.Name)}}, server: s}
}

func (s discard) String() string { return "remove the old data" }

func (s discard) After(w engine.Snapshot) engine.Snapshot {
	r := w[serverID(s.server.node.Name)]
	r.Attrs = copied(r.Attrs)
	delete(r.Attrs, oldData)
	if a, wanted := (serverKind{s.server.site}).want(s.server).Attrs[oldData]; wanted {
		r.Attrs[oldData] = a
	}
	return w.With(r)
}

func (s discard) Run(ctx context.Context) error {
	// It did a moment ago, and may have to connect again; what counts is that it does when the old goes.
	if err := (stream{server: s.server}).Run(ctx); err != nil {
		return fmt.Errorf("remove the old data of %s: it is kept, as the new does not stream: %w", s.server.node.Name, err)
	}
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	if _, err := s.server.machine.Run(ctx, "remove the old data", `set -eu; cd "$1"; [ ! -s pgdata/PG_VERSION ] || rm -rf pgdata.old`, "", dir); err != nil {
		return fmt.Errorf("remove the old data of %s: %w", s.server.node.Name, err)
	}
	s.server.site.Rebuilt(s.server.node.Name) // also where a killed run has made the new data
	return nil
}
