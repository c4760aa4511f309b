package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// serverKind is the kind of a node's data directory with the process on it. It exists when the data directory is complete.
type serverKind struct{ *Site }

const (
	acceptingConnections = "accepting connections"
	dataPath             = "data"
	oldData              = "old data" // what was there before a rebuild
)

func (serverKind) Name() string { return "server" }

func (k serverKind) want(s *server) engine.Resource {
	r := engine.Resource{ID: serverID(s.node.Name), Addr: s.address(), Origin: origin(s.node.Origin), Made: "initdb", Needs: []engine.ID{nodeID(s.node.Name)},
		Attrs: map[string]engine.Attr{"server": {Value: acceptingConnections, Default: true, Passing: true, Effect: engine.Live}}}
	if s.broken() && s.rebuild() == nil {
		r.Attrs["files"] = engine.Attr{Value: "as declared", Effect: engine.Live, Reason: "the server does not start with what they are"}
	}
	if s.found() {
		r.Attrs[loginPath] = engine.Attr{Value: managementRole, Default: true}
	}
	if !s.isPrimary() {
		r.Made = "base backup of " + s.upstream().address().String()
		if s.leftover() {
			r.Attrs[oldData] = engine.Attr{Value: "removed", Passing: true, Effect: engine.Live, Reason: "once it streams"}
		}
		if s.rebuild() != nil {
			r.Attrs[dataPath] = engine.Attr{Value: r.Made, Passing: true, Effect: engine.Rebuild}
		}
		if s.seen.reach == absent || s.rebuild() != nil { // to be cloned; what it takes to stream is the link's
			r.Needs = append(r.Needs, serverID(s.upstream().node.Name), roleID(s.node.Role.Name), slotID(s.upstream().node.Name, s.node.Slot.Name))
			r.Needs = append(r.Needs, s.site.restsOn(s)...)
		}
	}
	if s.seen.partial && !s.beingCloned() {
		r.Made += " (the one before died half way)"
	}
	return r
}

// beingCloned reports whether a base backup for the standby runs at this moment: somebody else applies.
func (s *server) beingCloned() bool {
	return !s.isPrimary() && slices.ContainsFunc(s.upstream().seen.live.Senders, func(w sender) bool {
		return w.Name == s.node.ApplicationName && w.State == "backup"
	})
}

func (k serverKind) Want() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.servers {
		out = append(out, k.want(s))
	}
	return out
}

func (k serverKind) Seen() []engine.Resource {
	var out []engine.Resource
	for _, s := range k.servers {
		r := k.want(s)
		r.Ours = true
		switch s.seen.reach {
		case absent:
			continue
		case hidden:
			r = s.unseen(r)
		case down, refused, torn:
			r.Attrs = map[string]engine.Attr{"server": {Value: "down", Effect: engine.Live, Reason: s.seen.why}}
			if s.broken() && s.rebuild() == nil {
				r.Attrs["files"] = engine.Attr{Value: s.whyBroken()}
			}
		case up:
			if s.found() {
				r.Attrs[loginPath] = engine.Attr{Value: s.seen.live.User, Effect: engine.Live, Reason: "adopted: role pgrepl, its line in pg_hba.conf and its credential"}
			}
		}
		if r.Attrs != nil && s.leftover() {
			r.Attrs[oldData] = engine.Attr{Value: "kept"}
		}
		if b := s.rebuild(); b != nil {
			r.Attrs[dataPath] = engine.Attr{Value: b.was}
		}
		out = append(out, r)
	}
	return out
}

// Facts refuses whatever could put a server on the wrong data: nothing is started before the directory is known to be of
// this major version, of this cluster, and of the part that the file gives the node.
func (k serverKind) Facts(want, seen engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, s := range k.servers {
		f := engine.Fact{On: serverID(s.node.Name), Addr: s.address(), Origin: origin(s.node.Origin)}
		d, known := s.identity()
		switch {
		case s.isPrimary() && s.seen.reach == absent && k.survivor() != nil:
			f.Code, f.Text = "PGR219", fmt.Sprintf("%s would start empty, while %s holds data of cluster %s", s.address(), k.survivor().address(), k.file.Name)
			f.Detail = "a new master would be another cluster: its replicas could not follow it, and their data is all that is left"
			f.Next = fmt.Sprintf("to go on with its data, promote %s by hand (pg_ctl promote in its container) and declare it as master; or, if nobody needs it, remove it (docker rm -f %s; docker volume rm %s)",
				k.survivor().node.Name, k.survivor().node.Name, k.survivor().node.Volume)
		case s.seen.byHand && s.seen.reach != up && s.seen.reach != hidden && !s.seen.credited && s.machine.Running():
			f = k.noWayIn(s, f)
		case s.found() && s.elsewhere() != "":
			f.Code, f.Text = "PGR254", fmt.Sprintf("%s keeps %s outside its data directory", s.address(), s.elsewhere())
			f.Detail = "pgrepl keeps a server's files in its data directory, and a new container would not find these"
			f.Next = "move them into the data directory of the volume, and start the server without the setting that names them"
		case s.found() && s.arguedLink() != "":
			f.Code, f.Text = "PGR258", fmt.Sprintf("%s has %s as an argument of its container", s.address(), s.arguedLink())
			f.Detail = "pgrepl derives it from the file and changes it while the server runs; an argument beats every file"
			f.Next = "make the container anew by hand, around the same volume and without that argument; then plan again"
		case s.found() && s.isPrimary() && !s.seen.credited && k.verifierOf(managementRole):
			f.Code, f.Text = "PGR254", fmt.Sprintf("%s has a role %s already, and pgrepl did not make it", s.address(), managementRole)
			f.Detail = "pgrepl logs in as a role of its own by that name, and never takes one over"
			f.Next = "rename it (ALTER ROLE " + managementRole + " RENAME TO another), or drop it"
		case s.seen.reach == refused && !s.stranger():
			f.Code, f.Text = "PGR223", fmt.Sprintf("%s does not let the management role %q in", s.address(), managementRole)
			f.Detail = "server: " + s.seen.why
			f.Next = "put `host all pgrepl 127.0.0.1/32 scram-sha-256` back as the first line of its pg_hba.conf, and the role pgrepl with the password in the volume's pgrepl/credential"
		case s.seen.reach == foreign:
			f.Code, f.Text = "PGR225", fmt.Sprintf("%s holds a data directory of %s that pgrepl did not make", s.node.Volume, s.seen.why)
			f.Detail = "pgrepl keeps its own in the folder pgdata of a volume, and never writes into data that it did not make"
			f.Next = "name another `volume`, or an empty folder"
		case s.seen.reach == torn:
			f.Code, f.Text = "PGR260", fmt.Sprintf("volume %s holds a part of a data directory: files in pgdata, and no PG_VERSION", s.node.Volume)
			f.Detail = "no server can start with it, and pgrepl throws no data away"
			f.Next = "bring it back from a backup; or, if nobody needs what is in it, " + s.awayWithVolume() + ", and apply makes it anew"
		case !known:
			continue
		case d.Major != k.file.Version:
			f.Code, f.Text = "PGR216", fmt.Sprintf("volume %s holds data of PostgreSQL %d, the file asks for %d", s.node.Volume, d.Major, k.file.Version)
			f.Detail = "a data directory belongs to one major version; another one cannot start on it"
			f.Next = fmt.Sprintf("set `image` and `version` back to %d, or name another `volume`", d.Major)
		default:
			if f = k.dataFact(s, k.partFact(s, d, f)); f.Code == "" {
				continue
			}
		}
		out = append(out, f)
	}
	for _, s := range k.servers {
		out = append(out, s.cautions()...)
	}
	return slices.Concat(out, k.copyFacts(), k.standing(want, seen))
}

// awayWithVolume is how somebody removes a node's data by hand.
func (s *server) awayWithVolume() string {
	if strings.HasPrefix(s.node.Volume, "/") {
		return fmt.Sprintf("remove it (docker rm -f %s; rm -r %s/pgdata)", s.node.Name, s.node.Volume)
	}
	return fmt.Sprintf("remove it (docker rm -f %s; docker volume rm %s)", s.node.Name, s.node.Volume)
}

// partFact refuses a master whose data is a standby's.
func (k serverKind) partFact(s *server, d directory, f engine.Fact) engine.Fact {
	if s.isPrimary() && d.Standby {
		f.Code, f.Text = "PGR222", fmt.Sprintf("%s is in recovery: its data is a standby's, on timeline %d", s.address(), d.Timeline)
		f.Detail = "the file declares it as master; promoting a standby is never a side effect"
		f.Next = "declare the node that is the primary as master; where there is none any more, promote this one by hand (pg_ctl promote in its container)"
	}
	return f
}

// identity is what a server or its data directory says it is.
func (s *server) identity() (directory, bool) {
	if s.seen.reach == up {
		l := s.seen.live
		return directory{Major: l.Version, System: l.System, Timeline: l.Timeline, Standby: l.Recovery}, true
	}
	return s.seen.directory, s.seen.known
}

// survivor is a standby that has data, or nil.
func (s *Site) survivor() *server {
	for _, d := range s.standbys() {
		if d.seen.reach != absent && d.seen.reach != hidden {
			return d
		}
	}
	return nil
}

// system is the system identifier of the cluster, "" while it is not known.
func (s *Site) system() string {
	d, _ := s.primary().identity()
	return d.System
}

func (k serverKind) Steps(c engine.Change) []engine.Step {
	s := k.server(c.ID.Name)
	if c.Action == engine.Create {
		if s.isPrimary() {
			return []engine.Step{k.initialise(s), k.accept(s.firstTurn())}
		}
		steps := []engine.Step{k.clone(s), k.accept(s.firstTurn()), k.stream(s)}
		return slices.Concat(steps, replicationKind(k).detour(s), k.leftovers(s))
	}
	if c.Changes(loginPath) {
		return k.enter(s, c)
	}
	if b := s.rebuild(); b != nil {
		return k.remake(s, b)
	}
	steps := k.leftovers(s)
	if c.Changes("files") {
		steps = append(steps, k.mend(s))
	}
	if c.Changes("files", "server") {
		steps = append(steps, k.Awaken(s.node.Name)...)
	}
	return steps
}

// leftovers removes what is left of a rebuild that was not finished.
func (k serverKind) leftovers(s *server) []engine.Step {
	if !s.leftover() {
		return nil
	}
	return []engine.Step{k.discard(s)}
}

func (k serverKind) mend(s *server) mend {
	return mend{Order: engine.Order{Self: engine.StepID{Do: "mend", On: serverID(s.node.Name)}, On: s.node.Name}, server: s}
}

// Awaken is what must follow when the container of a node with data is started, replaced or restarted: it accepts
// connections again, and standbys stream again, itself or those that follow it. One that had its turn in a running cluster is
// back before the next server has its own; where all leave at once, or where it was down, nothing waits for its return.
func (s *Site) Awaken(node string) []engine.Step {
	srv := s.server(node)
	if srv == nil || srv.seen.reach == absent || srv.seen.reach == hidden || srv.rebuild() != nil {
		return nil // the rebuild starts it
	}
	k := serverKind{s}
	steps := []engine.Step{k.accept(srv.firstTurn())}
	if srv.seen.reach == up && !srv.machine.Moves() {
		if back := k.comeBack(srv.firstTurn()); len(back.links) > 0 {
			steps = append(steps, back)
		}
		return steps
	}
	if !srv.isPrimary() {
		steps = append(steps, k.stream(srv))
	}
	for _, d := range srv.downstream() {
		if d.seen.reach == up { // the others have to come back themselves first
			steps = append(steps, k.stream(d))
		}
	}
	return steps
}

func (k serverKind) initialise(s *server) initialise {
	return initialise{Order: engine.Order{Self: engine.StepID{Do: "initialise", On: serverID(s.node.Name)}, On: s.node.Name, Cancellable: true,
		Behind: []engine.StepID{{Do: "create", On: nodeID(s.node.Name)}, {Do: "start", On: nodeID(s.node.Name)}}}, server: s, results: k.fresh(s)}
}

func (k serverKind) clone(s *server) clone {
	upstream := s.upstream()
	slot := s.firstSlot()
	c := clone{Order: engine.Order{Self: engine.StepID{Do: "clone", On: serverID(s.node.Name)}, On: s.node.Name, Cancellable: true,
		Behind: append(k.handedOverFirst(s), []engine.StepID{{Do: "create", On: nodeID(s.node.Name)}, {Do: "start", On: nodeID(s.node.Name)}, accepting(upstream.node.Name), streaming(upstream.node.Name),
			{Do: "put", On: roleID(s.node.Role.Name)}, {Do: "create", On: slotID(upstream.node.Name, slot)},
			{Do: "reload", On: serverID(upstream.node.Name)}}...),
		Claim: s.backupClaim()},
		server: s, slot: slot, results: k.fresh(s)}
	for above := upstream; ; above = above.upstream() { // what the upstream follows has had its turn, too, and the upstream follows again
		c.Behind = append(c.Behind, k.back(above.node.Name)...)
		if above.isPrimary() {
			return c
		}
	}
}

// backupClaim is what a base backup takes of its upstream's walsenders: two, of which one stays for the standby that streams from
// then on. Those who share one take one each, and see that another one is free for it.
func (s *server) backupClaim() engine.Claim {
	upstream := s.upstream()
	c := engine.Claim{Pool: "walsenders of " + upstream.node.Name, Take: 2, Keep: 1, Capacity: upstream.walsenders(), AlreadyUsed: len(upstream.seen.live.Senders)}
	if len(s.sharers()) > 0 {
		c.Take, c.AlreadyUsed = 1, c.AlreadyUsed+1
	}
	return c
}

// walsenders is how many the server may have: what runs, otherwise what is declared, otherwise PostgreSQL's default.
func (s *server) walsenders() int {
	if s.seen.reach == up {
		return s.seen.live.Connections
	}
	if v, ok := s.node.Settings["max_wal_senders"]; ok {
		canonical, _ := schema.Canonical(s.describe("max_wal_senders"), v.Value)
		if n, err := strconv.Atoi(canonical); err == nil {
			return n
		}
	}
	return 10
}

// starting is a server that is complete and does not answer yet.
func (k serverKind) starting(s *server) engine.Resource {
	r := k.want(s)
	r.Attrs = map[string]engine.Attr{"server": {Value: "down", Effect: engine.Live, Reason: "starting"}}
	return r
}

// Stopped is what is true when the container of a node has gone.
func (s *Site) Stopped(w engine.Snapshot, node string) engine.Snapshot {
	srv := s.server(node)
	if _, there := w[serverID(node)]; srv == nil || !there {
		return w
	}
	return w.With(serverKind{s}.starting(srv))
}

// fresh is what is true of a node when its data directory has just been made: everything in its files is as declared.
func (k serverKind) fresh(s *server) []engine.Resource {
	out := []engine.Resource{k.starting(s), settingsKind(k).want(s), hbaKind(k).want(s)}
	if s.isPrimary() {
		off := synchronousKind(k).want(s)
		off.Attrs = k.inForceAs(standbyNames{}, "")
		return append(out, roleKind(k).bootstrap(), off)
	}
	return append(out, replicationKind(k).wantFirst(s))
}

func (k serverKind) accept(t turn) accept {
	s := t.server
	a := accept{Order: engine.Order{Self: t.step("accept"), On: s.node.Name, Cancellable: true, Behind: []engine.StepID{t.step("restart")}}, server: s, wanted: k.want(s)}
	if !t.again {
		id, own := nodeID(s.node.Name), serverID(s.node.Name)
		a.Behind = append(a.Behind, engine.StepID{Do: "initialise", On: own}, engine.StepID{Do: "clone", On: own}, engine.StepID{Do: "rebuild", On: own}, engine.StepID{Do: "mend", On: own},
			engine.StepID{Do: "create", On: id}, engine.StepID{Do: "start", On: id})
	}
	return a
}

func (k serverKind) stream(s *server) stream {
	upstream := s.upstream().node.Name
	unsure := slices.ContainsFunc([]*server{s, s.upstream(), k.primary()}, func(o *server) bool { return o.seen.reach == down }) || s.upstream().rebuild() != nil
	own, free := accepting(s.node.Name), k.handedOverFirst(s)
	switch {
	case s.seen.reach == down || s.upstream().seen.reach == down: // its link is for the next look: it goes on through the slot that it has
		free = nil
	case s.relinksFirst():
		own = entering(s.node.Name)
	}
	return stream{Order: engine.Order{Self: streaming(s.node.Name), On: s.node.Name, Cancellable: true, Behind: append(free, []engine.StepID{
		own, accepting(upstream), {Do: "reload", On: replicaID(s.node.Name)}, {Do: "reload", On: serverID(upstream)},
		{Do: "put", On: roleID(s.node.Role.Name)}, {Do: "create", On: slotID(upstream, s.firstSlot())}, {Do: "passfile", On: replicaID(s.node.Name)},
		resumed(s.node.Name)}...)},
		server: s, wanted: replicationKind(k).want(s), unsure: unsure}
}
