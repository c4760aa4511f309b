package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Site is the PostgreSQL side of one cluster: what the file wants inside the servers, and what the last look found.
type Site struct {
	file    *schema.Cluster
	servers []*server // the primary first, as in the file
	ledger  ledgerRows
	leaving map[string][]leavingSlot // of nodes that are not in the file
	looked  bool                     // at least once
	asked   []string                 // addresses of the standbys that --rebuild names
	letGo   bool                     // commits that hang are to wait for fewer
	outage  outage
	doors   map[string]door // what rules mean to pgrepl, by their text
	lookFor []string        // settings that are asked for although the file does not name them

	rotating map[string]time.Time // since when a role has a password that not all standbys have logged in with

	marks      []Mark // of Docker's objects
	marksKnown bool
	ask        func(role string) (schema.Secret, error) // for the superuser's password; nil: there is nobody to ask

	mu          sync.Mutex
	answered    *schema.Secret           // what they said
	credential  schema.Secret            // of the management role
	replication map[string]schema.Secret // generated passwords of replication roles, by role
	rebuilt     map[string]bool          // nodes whose data was made in this run
	rolesSince  string                   // the primary's clock when a role was last changed in this run; "": none was
}

// server is one node's PostgreSQL.
type server struct {
	site    *Site
	node    *schema.Node
	machine Machine
	session *Session
	seen    look
	since   string     // its clock at the first look of this run; "": there was no server then
	logins  sync.Mutex // of standbys that prove they could log in to it afresh
	backups backupQueue
}

// NewSite binds the PostgreSQL side of a cluster to the machines of its nodes.
func NewSite(file *schema.Cluster, machine func(*schema.Node) Machine, effect engine.SideEffect) *Site {
	s := &Site{file: file, replication: map[string]schema.Secret{}, leaving: map[string][]leavingSlot{}}
	for _, n := range file.Nodes {
		m := machine(n)
		s.servers = append(s.servers, &server{site: s, node: n, machine: m, session: &Session{machine: m, effect: effect, guest: s.superuser}})
	}
	return s
}

// Kinds lists what this side manages.
func (s *Site) Kinds() []engine.Kind {
	kinds := []engine.Kind{serverKind{s}, ledgerKind{s}, settingsKind{s}, hbaKind{s}, replicationKind{s}, synchronousKind{s}, releasing{roleKind{s}, s}, releasing{databaseKind{s}, s}, releasing{slotKind{s}, s}}
	for i, k := range kinds {
		kinds[i] = entered{k, s}
	}
	return kinds
}

// Look looks at every node at once.
func (s *Site) Look(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, srv := range s.servers {
		g.Go(func() error {
			l, err := srv.lookAt(gctx)
			if err != nil {
				return fmt.Errorf("%s: look: %w", srv.address(), err)
			}
			if !s.looked {
				srv.since = l.live.Now
			}
			srv.seen = l
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.looked = true
	return errors.Join(s.askAgain(ctx), s.lookAtLedger(ctx), s.lookAtMarks(ctx), s.lookAtSize(ctx))
}

// Close ends every session.
func (s *Site) Close() {
	for _, srv := range s.servers {
		srv.session.close()
	}
}

func (s *Site) primary() *server { return s.servers[0] }

func (s *Site) standbys() []*server { return s.servers[1:] }

// Has reports whether a node is in the file.
func (s *Site) Has(node string) bool { return s.server(node) != nil }

// server returns the server of a node by its real name, or nil.
func (s *Site) server(name string) *server {
	i := slices.IndexFunc(s.servers, func(srv *server) bool { return srv.node.Name == name })
	if i < 0 {
		return nil
	}
	return s.servers[i]
}

func (s *server) address() engine.Address { return address(s.node.Address) }

func (s *server) isPrimary() bool { return s == s.site.primary() }

// upstream is the server that a standby streams from.
func (s *server) upstream() *server { return s.site.server(s.node.Upstream.Name) }

// downstream lists the standbys that stream from this server.
func (s *server) downstream() []*server {
	var out []*server
	for _, d := range s.site.standbys() {
		if d.node.Upstream == s.node {
			out = append(out, d)
		}
	}
	return out
}

// managementPassword returns the password of the role pgrepl: the one that the primary's volume holds.
func (s *Site) managementPassword(ctx context.Context) (schema.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.credential.IsSet() {
		return s.credential, nil
	}
	files, err := s.primary().machine.Read(ctx, "pgrepl")
	if err != nil {
		return schema.Secret{}, err
	}
	text := strings.TrimSpace(string(files["pgrepl/credential"]))
	if text == "" {
		return schema.Secret{}, errors.New("the master's volume holds no management credential")
	}
	s.credential = schema.NewSecret(text, "credential")
	return s.credential, nil
}

// setManagementPassword remembers a password that was just made for a new cluster.
func (s *Site) setManagementPassword(p schema.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credential = p
}

// password returns what a role's password should be: the declared one; for a replication role without one, what its
// standbys hold and the server accepts, otherwise a new one. The zero Secret is none.
func (s *Site) password(r *schema.Role) (schema.Secret, error) {
	if r.Password.IsSet() || r.Password.IsUnset() || !s.generated(r) {
		return r.Password, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.replication[r.Name]; ok {
		return p, nil
	}
	p, ok := s.known(r)
	if !ok {
		var err error
		if p, err = randomPassword("generated"); err != nil {
			return p, err
		}
	}
	s.replication[r.Name] = p
	return p, nil
}

// generated reports whether pgrepl makes the role's password up: it is used by standbys, and the file gives none.
func (s *Site) generated(r *schema.Role) bool {
	return !r.Password.IsSet() && !r.Password.IsUnset() &&
		slices.ContainsFunc(s.standbys(), func(d *server) bool { return d.node.Role == r })
}

// known finds the password in a passfile that the live verifier accepts, under the role's name or the one it had.
func (s *Site) known(r *schema.Role) (schema.Secret, bool) {
	for _, name := range []string{r.Name, r.RenamedFrom} {
		stored := s.verifier(name)
		for _, d := range s.standbys() {
			if d.node.Role != r {
				continue
			}
			for _, p := range d.heldFor(name) {
				if accepts(stored, p) {
					return p, true
				}
			}
		}
	}
	return schema.Secret{}, false
}

// heldFor are the passwords that a standby has for a role: in its passfile, and where the link was made by hand, in
// primary_conninfo.
func (s *server) heldFor(role string) []schema.Secret {
	var out []schema.Secret
	if p, ok := parsePassfile(s.seen.passfile, role); ok {
		out = append(out, p)
	}
	if info := parseConninfo(s.seen.live.Settings["primary_conninfo"].Reset); info["user"] == role && info["password"] != "" {
		out = append(out, schema.NewSecret(info["password"], "primary_conninfo"))
	}
	return out
}

// verifier is what the primary stores for a role, "" where there is no such role or no password.
func (s *Site) verifier(role string) string {
	for _, r := range s.primary().seen.live.Roles {
		if r.Name == role {
			return r.Verifier
		}
	}
	return ""
}

// placed gives each wanted attribute its own place in the file.
func placed(attrs map[string]engine.Attr, o schema.Object) map[string]engine.Attr {
	for path, a := range attrs {
		a.Origin = origin(o.At(path))
		attrs[path] = a
	}
	return attrs
}

func origin(o schema.Origin) engine.Origin {
	return engine.Origin{File: o.File, Line: o.Line, Column: o.Column}
}

func address(a schema.Address) engine.Address {
	return engine.Address{Block: a.Block, Label: a.Label, Key: a.Key}
}

// with is a copy of attrs in which one is another.
func with(attrs map[string]engine.Attr, path string, a engine.Attr) map[string]engine.Attr {
	out := copied(attrs)
	out[path] = a
	return out
}

// copied is a copy that can be written to, also of the attributes of what could not be looked at, which are none.
func copied(attrs map[string]engine.Attr) map[string]engine.Attr {
	if attrs == nil {
		return map[string]engine.Attr{}
	}
	return maps.Clone(attrs)
}

// IDs of what this side manages, and of what it rests on.
func nodeID(name string) engine.ID       { return engine.ID{Kind: "node", Name: name} }
func serverID(node string) engine.ID     { return engine.ID{Kind: "server", Name: node} }
func settingsID(node string) engine.ID   { return engine.ID{Kind: "settings", On: node} }
func hbaID(node string) engine.ID        { return engine.ID{Kind: "hba", On: node} }
func replicaID(node string) engine.ID    { return engine.ID{Kind: "replication", On: node} }
func roleID(name string) engine.ID       { return engine.ID{Kind: "role", Name: name} }
func databaseID(name string) engine.ID   { return engine.ID{Kind: "database", Name: name} }
func slotID(node, name string) engine.ID { return engine.ID{Kind: "slot", On: node, Name: name} }

var ledgerID = engine.ID{Kind: "ledger", Name: "pgrepl"}

// accepting is the step after which a server can be talked to.
func accepting(node string) engine.StepID { return engine.StepID{Do: "accept", On: serverID(node)} }

// streaming is the step after which a standby follows its upstream.
func streaming(node string) engine.StepID { return engine.StepID{Do: "stream", On: replicaID(node)} }

// unseen marks a resource inside a node that could not be looked at, so that nothing is concluded from its absence.
func (s *server) unseen(r engine.Resource) engine.Resource {
	r.Unknown, r.Attrs = s.seen.why, nil
	r.SeenAfter = accepting(s.node.Name)
	if s.seen.reach == hidden {
		r.SeenAfter = engine.StepID{Do: "pull", On: engine.ID{Kind: "image", Name: s.node.Image}}
	}
	return r
}

// wantOn is what a kind of which each server has its own wants of them.
func wantOn(servers []*server, want func(*server) engine.Resource) []engine.Resource {
	var out []engine.Resource
	for _, s := range servers {
		out = append(out, want(s))
	}
	return out
}

// seenOn is what was seen of such a kind: nothing where the server is still to be made, and no attributes where it could not
// be looked at.
func seenOn(servers []*server, want func(*server) engine.Resource, attrs func(*server) map[string]engine.Attr) []engine.Resource {
	var out []engine.Resource
	for _, s := range servers {
		r := want(s)
		r.Ours = true
		switch s.seen.reach {
		case absent:
			continue
		case up:
			r.Attrs = attrs(s)
		default:
			r = s.unseen(r)
		}
		out = append(out, r)
	}
	return out
}
