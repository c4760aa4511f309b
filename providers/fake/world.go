package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"pgrepl/engine"
	"pgrepl/providers"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// World is a Docker engine and the servers on it: everything that is there, whether or not it can be seen at the moment.
// What lies in a volume stays there when its container goes.
type World struct {
	// Quick servers accept connections, and standbys stream, as soon as nothing is in their way; slow ones only once
	// somebody has waited for it. A plan must be right in both worlds.
	Quick bool

	mu      sync.Mutex
	things  engine.Snapshot
	made    map[string]int          // how often a data directory was made, by node
	started map[string]bool         // servers in new containers that nobody has waited for
	returns map[engine.StepID]bool  // what the plan at hand waits for after a server's turn
	images  map[string]string       // of which the plan at hand makes containers of apps
	away    map[string]bool         // servers that had their turn and that it has not waited for
	moved   map[string]bool         // containers that the plan at hand has made anew together with others
	wanted  map[string]*schema.Node // nodes that the file of the last look has

	replayed  map[string]map[string]int // what a standby last heard of its primary's hot-standby parameters
	proved    map[string]link           // with which somebody last saw a standby stream
	passfiles map[string]string         // the role that the passfile of a standby is for, where pgrepl wrote it
}

// NewWorld is a Docker engine with the images on it and nothing else.
func NewWorld(images ...string) *World {
	w := &World{things: engine.Snapshot{}, made: map[string]int{}, started: map[string]bool{}, away: map[string]bool{}, moved: map[string]bool{}, returns: map[engine.StepID]bool{}, images: map[string]string{},
		replayed: map[string]map[string]int{}, proved: map[string]link{}, passfiles: map[string]string{}}
	for _, ref := range images {
		w.put(engine.Resource{ID: engine.ID{Kind: "image", Name: ref}})
	}
	return w
}

// Copy is another world of the same state.
func (w *World) Copy() *World {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &World{Quick: w.Quick, things: maps.Clone(w.things), made: maps.Clone(w.made), started: maps.Clone(w.started), away: maps.Clone(w.away), moved: maps.Clone(w.moved), returns: maps.Clone(w.returns), images: maps.Clone(w.images),
		wanted: w.wanted, replayed: maps.Clone(w.replayed), proved: maps.Clone(w.proved), passfiles: maps.Clone(w.passfiles)}
}

// Made is how often the data directory of a node was made.
func (w *World) Made(node string) int { return w.made[node] }

// Has reports whether there is such a thing.
func (w *World) Has(id engine.ID) bool { return w.has(id) }

// Remove takes a volume away with all that lies in it.
func (w *World) Remove(volume engine.ID) { w.remove(volume) }

// String lists all there is.
func (w *World) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, r := range w.things.Sorted() {
		fmt.Fprintf(&b, "%s\n", r.ID)
		for _, path := range slices.Sorted(maps.Keys(r.Attrs)) {
			a := r.Attrs[path]
			fmt.Fprintf(&b, "  %s = %s\n", path, strings.Join(append([]string{a.Value}, a.List...), "\n    "))
		}
	}
	return b.String()
}

// want says which nodes are to stay.
func (w *World) want(nodes []*schema.Node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted = map[string]*schema.Node{}
	for _, n := range nodes {
		w.wanted[n.Name] = n
	}
}

// view is what a look finds. Volumes without a container are read with the image of their node.
func (w *World) view() engine.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle()
	w.proved = maps.Clone(w.proved)
	for _, r := range w.kind("replication") {
		if w.streams(r.ID.On) {
			w.proved[r.ID.On] = w.linkOf(r)
		}
	}
	return maps.Clone(w.things)
}

func (w *World) put(r engine.Resource) { w.things = w.things.With(r) }

// set changes one attribute of a thing.
func (w *World) set(id engine.ID, path, value string) {
	r := w.things[id]
	if a, there := r.Attrs[path]; there && a.Value == value {
		return
	}
	r.Attrs = maps.Clone(r.Attrs)
	if r.Attrs == nil {
		r.Attrs = map[string]engine.Attr{}
	}
	r.Attrs[path] = engine.Attr{Value: value, Secret: r.Attrs[path].Secret, Reason: r.Attrs[path].Reason}
	w.put(r)
}

// drop takes an attribute from a thing.
func (w *World) drop(id engine.ID, path string) {
	r := w.things[id]
	r.Attrs = maps.Clone(r.Attrs)
	delete(r.Attrs, path)
	w.put(r)
}

func (w *World) has(id engine.ID) bool { _, ok := w.things[id]; return ok }

func (w *World) value(id engine.ID, path string) string { return w.things[id].Attrs[path].Value }

func (w *World) kind(name string) []engine.Resource { return w.things.OfKind(name) }

func node(name string) engine.ID        { return engine.ID{Kind: "node", Name: name} }
func server(node string) engine.ID      { return engine.ID{Kind: "server", Name: node} }
func app(name string) engine.ID         { return engine.ID{Kind: "app", Name: name} }
func settings(node string) engine.ID    { return engine.ID{Kind: "settings", On: node} }
func hba(node string) engine.ID         { return engine.ID{Kind: "hba", On: node} }
func replication(node string) engine.ID { return engine.ID{Kind: "replication", On: node} }
func role(name string) engine.ID        { return engine.ID{Kind: "role", Name: name} }
func synchronous(node string) engine.ID { return engine.ID{Kind: "synchronous", On: node} }
func slot(on, name string) engine.ID    { return engine.ID{Kind: "slot", On: on, Name: name} }

// nodeOf is the attribute of a volume that names the node whose data it holds; Docker has it as a label.
const nodeOf = "node"

var ledger = engine.ID{Kind: "ledger", Name: "pgrepl"}

const (
	accepting = "accepting connections"
	streaming = "streaming"
	login     = "management login"
	superuser = "postgres"
	argued    = " (from command line)"
	waits     = "the file waits for a "
	unproved  = " (not proved by a commit)"
)

func (w *World) running(name string) bool { return w.value(node(name), "state") == "running" }

func (w *World) accepts(name string) bool { return w.value(server(name), "server") == accepting }

func (w *World) streams(name string) bool {
	return w.value(replication(name), "replication") == streaming
}

// primary is the node with a server that is nobody's standby; "" while there is none.
func (w *World) primary() string {
	for _, r := range w.kind("server") {
		if !w.has(replication(r.ID.Name)) {
			return r.ID.Name
		}
	}
	return ""
}

// label tells of what is made with labels that it has them.
func (w *World) label(id engine.ID) {
	r := w.things[id]
	r.Attrs = maps.Clone(r.Attrs)
	for kind, path := range byHand {
		if id.Kind == kind {
			delete(r.Attrs, path)
		}
	}
	w.put(r)
}

// byHand are the attributes that a thing without labels has, by kind.
var byHand = map[string]string{"node": "container managed by", "volume": "volume managed by", "network": "managed by"}

// settle lets the world take its course after something happened to it: a server goes down with its container, a standby
// loses its stream with either server; and in a quick world both come back by themselves.
func (w *World) settle() {
	for _, s := range w.kind("server") {
		name := s.ID.Name
		if _, unlabelled := w.things[node(name)].Attrs[byHand["node"]]; w.has(node(name)) && !unlabelled {
			s.Attrs = maps.Clone(s.Attrs)
			delete(s.Attrs, login)
			w.put(s)
		}
		switch {
		case !w.running(name):
			if w.has(replication(name)) { // whoever paused it did so to the process
				w.set(replication(name), "replay", "running")
			}
			state := w.value(node(name), "state")
			if state == "" {
				state = "missing"
			}
			attrs := map[string]engine.Attr{"server": {Value: "down", Reason: "container is " + state}}
			if who, known := s.Attrs[login]; known {
				attrs[login] = who
			}
			w.put(engine.Resource{ID: s.ID, Attrs: attrs})
			if w.is(name, begun) {
				w.mark(name, held)
			}
		case w.is(name, held):
			w.put(engine.Resource{ID: s.ID, Attrs: map[string]engine.Attr{"server": {Value: "down", Reason: "its rebuild is not finished"}}})
		case w.Quick:
			w.set(s.ID, "server", accepting)
		}
	}
	for _, r := range w.kind("replication") {
		switch err := w.canStream(r.ID.On); {
		case err != nil:
			w.set(r.ID, "replication", "not streaming")
		case w.Quick:
			w.set(r.ID, "replication", streaming)
			w.follows(r.ID.On)
		}
	}
}

// expect notes that a plan waits for a server to return from its turn, or for a stream, or that it holds one back: no other may go
// meanwhile; that a container goes, or a slot; that a network does, with all that is on it; and that an app gets a container, of which image.
func (w *World) expect(s engine.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := s.ID()
	switch id.Do + " " + id.On.Kind {
	case "return server", "return again server", "stream replication", "stream again replication", "halt server", "remove network", "remove node", "remove app":
		w.returns[id] = true
	case "drop slot":
		if len(s.Needs()) == 0 { // while its server is up as it was seen
			w.returns[id] = true
		}
	case "create app":
		w.returns[id] = true
		w.images[id.On.Name] = s.After(engine.Snapshot{})[id.On].Attrs["image"].Value
	}
}

// expectNobody is the beginning of another plan.
func (w *World) expectNobody() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away, w.moved, w.returns, w.images = map[string]bool{}, map[string]bool{}, map[engine.StepID]bool{}, map[string]string{}
}

// canStream says what keeps a standby from streaming.
func (w *World) canStream(name string) error {
	r := w.things[replication(name)]
	upstream, slotName, user := w.called(w.inForce(r, "upstream")), w.inForce(r, "slot"), w.inForce(r, "role")
	switch {
	case !w.accepts(name):
		return fmt.Errorf("%s does not accept connections", name)
	case w.value(r.ID, "replay") == "paused" && !w.streams(name):
		return fmt.Errorf("replay of %s is paused, and nobody connects for it", name)
	case !w.accepts(upstream):
		return fmt.Errorf("upstream %s does not accept connections", upstream)
	case w.is(name, apart):
		return fmt.Errorf("%s is not in recovery", name)
	case w.is(name, other):
		return fmt.Errorf("%s is of another cluster than %s", name, upstream)
	case w.is(name, behind):
		return fmt.Errorf("the WAL that %s needs is no longer on %s", name, upstream)
	case w.value(slot(upstream, slotName), "wal") == "lost":
		return fmt.Errorf("slot %s on %s is lost", slotName, upstream)
	case !w.reaches(name, upstream):
		return fmt.Errorf("upstream %s is on another network", upstream)
	case !w.has(slot(upstream, slotName)):
		return fmt.Errorf("there is no slot %s on %s", slotName, upstream)
	case w.value(role(user), "login") != "true" || w.value(role(user), "replication") != "true":
		return fmt.Errorf("role %s may not replicate", user)
	}
	for _, other := range w.kind("replication") {
		if other.ID.On != name && w.streams(other.ID.On) && w.called(w.inForce(other, "upstream")) == upstream && w.inForce(other, "slot") == slotName {
			return fmt.Errorf("slot %s is read by %s", slotName, other.ID.On)
		}
	}
	return nil
}

// reaches reports whether two containers are on one network.
func (w *World) reaches(a, b string) bool {
	return w.value(node(a), "network") == w.value(node(b), "network")
}

// inForce is the value that a server works with, whatever its file says meanwhile.
func (w *World) inForce(r engine.Resource, path string) string {
	v, _, _ := strings.Cut(r.Attrs[path].Value, " ("+waits)
	return strings.TrimSuffix(v, argued)
}

// hasPassword reports whether the passfile of a standby is for a role, as far as that is known.
func (w *World) hasPassword(node, role string) bool {
	of, known := w.passfiles[node]
	return !known || of == role
}

// rename lets the file call a node by its new name.
func (w *World) rename(old, new string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.has(node(old)) || w.has(node(new)) {
		return
	}
	w.things = providers.Renamed(w.things, old, new)
	if of, known := w.passfiles[old]; known {
		w.passfiles[new] = of
		delete(w.passfiles, old)
	}
	w.made[new] += w.made[old]
}

// called finds the node whose container answers to a name.
func (w *World) called(name string) string {
	for _, n := range w.kind("node") {
		if is := w.value(n.ID, "name"); is == name {
			return n.ID.Name
		}
	}
	return "nobody"
}

// attrs are those of a thing inside a server, as a look would report them: with what the server itself knows of settings,
// and without what the file leaves open.
func (w *World) attrs(seen engine.Resource) map[string]engine.Attr {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := maps.Clone(w.things[seen.ID].Attrs)
	for _, path := range []string{"password", "rotation"} {
		if _, checked := seen.Attrs[path]; !checked {
			delete(out, path)
		}
	}
	if _, compared := seen.Attrs["wal"]; !compared {
		delete(out, "wal")
	}
	if n := w.wanted[seen.ID.On]; seen.ID.Kind == "replication" && n != nil && out["passfile"].Value == schema.Hidden && !w.hasPassword(n.Name, n.Role.Name) {
		out["passfile"] = engine.Attr{Value: "(missing)", Secret: true}
	}
	if seen.ID.Kind != "settings" {
		return out
	}
	for path, s := range seen.Attrs {
		if strings.Contains(s.Value, "replay stands still") { // follows from what another server has
			out[path] = s
			continue
		}
		name := strings.TrimPrefix(path, "settings.")
		known := describe(name)
		a, there := out[path]
		if !there {
			out[path] = seen.Attrs[path]
			continue
		}
		a.Effect = engine.Reload
		if known.Restarts() {
			a.Effect = engine.Restart
		}
		if strings.HasSuffix(a.Value, argued) {
			a.Effect, a.Reason = engine.Live, "written where pgrepl keeps it"
		}
		out[path] = a
	}
	return out
}

// describe is what a server says of a setting.
func describe(name string) catalogue.Setting {
	s, ok := catalogue.Of(catalogue.Newest).Lookup(name)
	if !ok {
		panic("PostgreSQL has no setting " + name)
	}
	return s
}

// remove takes a volume away with all that lies in it.
func (w *World) remove(volume engine.ID) {
	owner := w.value(volume, nodeOf)
	primary := w.primary() == owner
	for id := range w.things {
		shared := id.Kind == "role" || id.Kind == "database" || id == ledger
		if id == server(owner) || id.On == owner || primary && shared || id == volume {
			w.things = w.things.Without(id)
		}
	}
}
