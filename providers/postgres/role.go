package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// roleKind is the kind of roles. They are the cluster's: made on the primary, replicated to every standby.
type roleKind struct{ *Site }

func (roleKind) Name() string { return "role" }

// roles are the declared ones and the bootstrap superuser, which is a role like any other.
func (k roleKind) roles() []*schema.Role {
	super := k.file.Superuser
	if slices.ContainsFunc(k.file.Roles, func(r *schema.Role) bool { return r.Name == super.Name }) {
		return k.file.Roles
	}
	at := super.Origin
	if at == (schema.Origin{}) {
		at = k.file.Origin
	}
	return append(slices.Clone(k.file.Roles), &schema.Role{Object: schema.Object{Address: schema.Address{Block: "superuser"}, Name: super.Name, Origin: at, Implied: true},
		Login: true, Superuser: true, Replication: true, CreateDB: true, CreateRole: true, BypassRLS: true, Inherit: true, ConnectionLimit: -1, Password: super.Password})
}

func (k roleKind) role(name string) *schema.Role {
	all := k.roles()
	i := slices.IndexFunc(all, func(r *schema.Role) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return all[i]
}

// roleFlags are the attributes of CREATE ROLE that are on or off, with the keyword that turns each on; NO before it turns
// it off.
var roleFlags = []struct {
	attr, keyword string
	want          func(*schema.Role) bool
	seen          func(liveRole) bool
	def           bool
}{
	{"login", "LOGIN", func(r *schema.Role) bool { return r.Login }, func(r liveRole) bool { return r.Login }, false},
	{"replication", "REPLICATION", func(r *schema.Role) bool { return r.Replication }, func(r liveRole) bool { return r.Replication }, false},
	{"superuser", "SUPERUSER", func(r *schema.Role) bool { return r.Superuser }, func(r liveRole) bool { return r.Superuser }, false},
	{"createdb", "CREATEDB", func(r *schema.Role) bool { return r.CreateDB }, func(r liveRole) bool { return r.CreateDB }, false},
	{"createrole", "CREATEROLE", func(r *schema.Role) bool { return r.CreateRole }, func(r liveRole) bool { return r.CreateRole }, false},
	{"bypassrls", "BYPASSRLS", func(r *schema.Role) bool { return r.BypassRLS }, func(r liveRole) bool { return r.BypassRLS }, false},
	{"inherit", "INHERIT", func(r *schema.Role) bool { return r.Inherit }, func(r liveRole) bool { return r.Inherit }, true},
}

func (k roleKind) Want() []engine.Resource {
	var out []engine.Resource
	for _, r := range k.roles() {
		out = append(out, k.want(r))
	}
	return out
}

func (k roleKind) want(r *schema.Role) engine.Resource {
	at := origin(r.Origin)
	attr := func(v, def string) engine.Attr {
		return engine.Attr{Value: v, Default: v == def || r.Implied, Effect: engine.Live, Origin: at}
	}
	attrs := map[string]engine.Attr{
		"connection_limit": attr(strconv.Itoa(r.ConnectionLimit), "-1"),
		"valid_until":      attr(instant(r.ValidUntil), "infinity"),
		"member_of":        attr(strings.Join(r.MemberOf, ", "), ""),
		"managed by":       managed(true),
	}
	for _, f := range roleFlags {
		attrs[f.attr] = attr(strconv.FormatBool(f.want(r)), strconv.FormatBool(f.def))
	}
	for name, v := range r.Settings {
		switch {
		case v.Unset: // cannot be compared
		case v.Sensitive:
			attrs[settingPath+name] = engine.Attr{Value: schema.Hidden, Secret: true, Effect: engine.Live, Origin: at}
		default:
			attrs[settingPath+name] = attr(shown(k.primary().describe(name), v.Value), "")
		}
	}
	out := engine.Resource{ID: roleID(r.Name), Addr: address(r.Address), Origin: at, Made: "role " + r.Name, Attrs: attrs,
		Needs: []engine.ID{serverID(k.primary().node.Name), ledgerID}}
	if r.RenamedFrom != "" {
		out.Was = roleID(r.RenamedFrom)
	}
	if r.Implied && r.Name == k.file.Superuser.Name {
		out.Made = "" // by initdb, which the master's row says
	}
	for _, g := range r.MemberOf {
		if k.role(g) != nil {
			out.Needs = append(out.Needs, roleID(g))
		}
	}
	switch {
	case r.Password.IsUnset():
		out.Unchecked = []string{"password (" + r.Password.Source() + " has no value)"}
	case r.Password.IsSet() || k.generated(r):
		if len(k.users(r)) > 0 {
			attrs["rotation"] = rotationDone
		}
		attrs["password"] = engine.Attr{Value: schema.Hidden, Secret: true, Source: r.Password.Source(), Default: !r.Password.IsSet(), Effect: engine.Live, Origin: at}
	case !k.lent(r):
		attrs["password"] = attr("none", "none")
	}
	placed(attrs, r.Object)
	for name, v := range r.Settings {
		if a, compared := attrs[settingPath+name]; compared {
			a.Origin = origin(v.Origin)
			attrs[settingPath+name] = a
		}
	}
	return out
}

// lent reports whether the role's password is the business of a replica that was let go of: it goes on using it.
func (k roleKind) lent(r *schema.Role) bool {
	return r.Replication && slices.ContainsFunc(k.file.Removed, func(r schema.Removed) bool { return r.Kind == "node" && !r.Destroy })
}

// bootstrap is the superuser as initdb makes it.
func (k roleKind) bootstrap() engine.Resource {
	r := k.want(k.role(k.file.Superuser.Name))
	attrs := seenRole(liveRole{Login: true, Replication: true, Superuser: true, CreateDB: true, CreateRole: true, BypassRLS: true, Inherit: true, Limit: -1})
	attrs["managed by"], attrs["password"] = managed(false), engine.Attr{Value: "none"}
	r.Attrs = attrs
	return r
}

// instant writes a point in time one way: RFC 3339 in UTC. A date without a zone is taken as UTC, on both sides.
func instant(text string) string {
	if text == "" || strings.EqualFold(text, "infinity") {
		return "infinity"
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return text
}

func (k roleKind) Seen() []engine.Resource {
	p := k.primary()
	if p.seen.reach != up {
		return k.hidden(p, k.Want())
	}
	var out []engine.Resource
	for _, l := range p.seen.live.Roles {
		if l.Name == managementRole {
			continue
		}
		r := k.role(l.Name)
		if r == nil {
			r = k.becomes(l.Name)
		}
		res := engine.Resource{ID: roleID(l.Name), Addr: engine.Address{Block: "role", Label: l.Name}, Ours: k.ledger.has(roleID(l.Name)), Attrs: seenRole(l)}
		if r != nil {
			k.compare(r, l, res.Attrs)
		}
		res.Attrs["managed by"] = managed(res.Ours)
		for _, d := range k.standbys() {
			if l.Replication {
				res.Needs = append(res.Needs, replicaID(d.node.Name))
			}
		}
		out = append(out, res)
	}
	return out
}

// becomes is the declared role that is renamed from the one of this name, nil where there is none.
func (k roleKind) becomes(name string) *schema.Role {
	i := slices.IndexFunc(k.file.Roles, func(r *schema.Role) bool { return r.RenamedFrom == name })
	if i < 0 {
		return nil
	}
	return k.file.Roles[i]
}

// hidden marks what is on the primary as not looked at, unless the primary is still to be made.
func (s *Site) hidden(p *server, wanted []engine.Resource) []engine.Resource {
	if p.seen.reach == absent {
		return nil
	}
	var out []engine.Resource
	for _, r := range wanted {
		out = append(out, p.unseen(r))
	}
	return out
}

func seenRole(l liveRole) map[string]engine.Attr {
	attrs := map[string]engine.Attr{
		"connection_limit": {Value: strconv.Itoa(l.Limit)},
		"valid_until":      {Value: instant(l.Until)},
		"member_of":        {Value: strings.Join(l.MemberOf, ", ")},
	}
	for _, f := range roleFlags {
		attrs[f.attr] = engine.Attr{Value: strconv.FormatBool(f.seen(l))}
	}
	for _, c := range l.Settings {
		name, v, _ := strings.Cut(c, "=")
		attrs[settingPath+strings.ToLower(name)] = engine.Attr{Value: v, Effect: engine.Live}
	}
	return attrs
}

// compare gives the wanted spelling back where the world takes it for the same.
func (k roleKind) compare(r *schema.Role, l liveRole, attrs map[string]engine.Attr) {
	k.compareSettings(r, attrs)
	if len(k.users(r)) > 0 && !r.Password.IsUnset() {
		attrs["rotation"] = rotationDone
		if _, under := k.rotating[l.Name]; under {
			attrs["rotation"] = engine.Attr{Value: rotationUnderWay}
		}
	}
	switch {
	case r.Password.IsUnset(), !r.Password.IsSet() && !k.generated(r) && k.lent(r):
		return
	case l.Verifier == "":
		attrs["password"] = engine.Attr{Value: "none"}
	case r.Password.IsSet() && accepts(l.Verifier, r.Password):
		attrs["password"] = engine.Attr{Value: schema.Hidden, Secret: true}
	case k.generated(r):
		attrs["password"] = engine.Attr{Value: "(differs)", Secret: true}
		if _, known := k.known(r); known {
			attrs["password"] = engine.Attr{Value: schema.Hidden, Secret: true}
		}
	case r.Password.IsSet():
		attrs["password"] = engine.Attr{Value: "(differs)", Secret: true}
	default:
		attrs["password"] = engine.Attr{Value: "set"}
	}
}

// compareSettings shows what a role has set as the file's values are shown.
func (k roleKind) compareSettings(r *schema.Role, attrs map[string]engine.Attr) {
	for path, have := range attrs {
		name, isSetting := strings.CutPrefix(path, settingPath)
		known, want := k.primary().describe(name), r.Settings[name]
		switch {
		case !isSetting:
		case want.Unset:
			delete(attrs, path)
		case want.Sensitive:
			attrs[path] = engine.Attr{Value: map[bool]string{true: schema.Hidden, false: "(differs)"}[equalSetting(known, have.Value, want.Value)], Secret: true}
		default:
			attrs[path] = engine.Attr{Value: shown(known, have.Value), Effect: engine.Live}
		}
	}
}

func (k roleKind) Steps(c engine.Change) []engine.Step {
	p := k.primary()
	if c.Action == engine.Delete {
		return []engine.Step{k.drop(c)}
	}
	put := putRole{Order: engine.Order{Self: engine.StepID{Do: "put", On: c.ID}, On: p.node.Name,
		Behind: []engine.StepID{accepting(p.node.Name), {Do: "create", On: ledgerID}}}, site: k.Site, role: k.role(c.ID.Name), change: c}
	for _, g := range put.role.MemberOf {
		put.Behind = append(put.Behind, engine.StepID{Do: "put", On: roleID(g)})
	}
	r := put.role
	if c.Action == engine.Update && c.Changes("password", "rotation") && len(k.users(r)) > 0 {
		for _, d := range k.users(r) { // nobody's turn while some could not come back
			if !d.relinksFirst() {
				put.Behind = append(put.Behind, d.firstTurn().step("return")) // a second turn comes when the passfiles are written
			}
		}
		if len(c.Fields) == 1 && c.Changes("rotation") {
			return []engine.Step{k.forgetOld(r)}
		}
		return []engine.Step{put, k.forgetOld(r)}
	}
	return []engine.Step{put}
}

func (k roleKind) drop(c engine.Change) dropRole {
	p := k.primary().node.Name
	d := dropRole{Order: engine.Order{Self: engine.StepID{Do: "drop", On: c.ID}, On: p, Behind: []engine.StepID{accepting(p)}}, site: k.Site, change: c}
	for _, r := range k.primary().seen.live.Roles {
		if r.Name == c.ID.Name {
			d.owns, d.depends = r.Owns, r.Depends
		}
	}
	for _, standby := range k.standbys() { // whoever logs in as it does so as another before
		d.Behind = append(d.Behind, streaming(standby.node.Name), engine.StepID{Do: "reload", On: replicaID(standby.node.Name)})
	}
	for _, consumer := range k.ledger { // or is removed before
		if consumer != "" {
			d.Behind = append(d.Behind, engine.StepID{Do: "remove", On: nodeID(consumer)})
		}
	}
	for _, db := range k.primary().seen.live.Databases {
		d.Behind = append(d.Behind, engine.StepID{Do: "drop", On: databaseID(db.Name)}, engine.StepID{Do: "alter", On: databaseID(db.Name)})
	}
	return d
}

// putRole makes a role, or brings one to what the file says, together with its mark in the ledger: one transaction.
type putRole struct {
	engine.Order
	site   *Site
	role   *schema.Role
	change engine.Change
}

func (s putRole) String() string {
	if s.change.Action == engine.Create {
		return "role " + s.role.Name
	}
	var paths []string
	for _, f := range s.change.Fields {
		if f.Path != "rotation" { // goes on in other steps
			paths = append(paths, f.Path)
		}
	}
	return "alter role " + s.role.Name + " (" + strings.Join(paths, ", ") + ")"
}

func (s putRole) After(w engine.Snapshot) engine.Snapshot {
	w = become(w, s.change)
	if r := w[s.change.ID]; s.keepsOld() {
		r.Attrs = with(r.Attrs, "rotation", engine.Attr{Value: rotationUnderWay})
		w = w.With(r)
	}
	return w
}

// keepsOld reports whether the verifier that the role has now is kept until its standbys have logged in with the next.
func (s putRole) keepsOld() bool {
	return s.change.Action == engine.Update && s.change.Changes("password") && len(s.site.users(s.role)) > 0
}

// become is the world after a change is done: what was renamed is gone under its old name.
func become(w engine.Snapshot, c engine.Change) engine.Snapshot {
	if c.Changes("name") {
		w = w.Without(c.Old.ID)
	}
	return w.With(c.New)
}

func (s putRole) Run(ctx context.Context) error {
	password, err := s.passwordClause()
	if err != nil {
		return err
	}
	if err := s.site.primary().session.change(ctx, "role "+s.role.Name, strings.Join(s.statements(password), ";\n")); err != nil {
		return err
	}
	now, err := s.site.primary().session.query(ctx, "SELECT clock_timestamp()")
	if err != nil {
		return err
	}
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	s.site.rolesSince = now[0][0]
	return nil
}

// passwordClause sets the password only where it differs: a verifier has a random salt, and writing it again would change
// the catalogue at each apply.
func (s putRole) passwordClause() (string, error) {
	p, err := s.site.password(s.role)
	if err != nil {
		return "", err
	}
	switch {
	case s.change.Action != engine.Create && !s.change.Changes("password"):
		return "", nil
	case p.IsUnset():
		return "", fmt.Errorf("role %s: %s has no value; give it with --var, --var-file or PGREPL_VAR_*", s.role.Name, p.Source())
	case !p.IsSet():
		return " PASSWORD NULL", nil
	}
	stored, err := verifier(p)
	if err != nil {
		return "", err
	}
	return " PASSWORD " + literal(stored), nil
}

func (s putRole) statements(password string) []string {
	name := ident(s.role.Name)
	flags := make([]string, 0, len(roleFlags))
	for _, f := range roleFlags {
		keyword := f.keyword
		if !f.want(s.role) {
			keyword = "NO" + keyword
		}
		flags = append(flags, keyword)
	}
	out := append(s.rename(), markSQL(s.change.ID, ""))
	if s.keepsOld() {
		out = append(out, keepVerifierSQL(s.role.Name))
	}
	out = append(out,
		fmt.Sprintf("DO $pgrepl$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN EXECUTE %s; END IF; END$pgrepl$", literal(s.role.Name), literal("CREATE ROLE "+name)),
		fmt.Sprintf("ALTER ROLE %s WITH %s CONNECTION LIMIT %d VALID UNTIL %s%s", name, strings.Join(flags, " "), s.role.ConnectionLimit, literal(instant(s.role.ValidUntil)), password))
	had := []string{}
	if v := s.change.Old.Attrs["member_of"].Value; v != "" {
		had = strings.Split(v, ", ")
	}
	for _, g := range s.role.MemberOf {
		out = append(out, "GRANT "+ident(g)+" TO "+name)
	}
	for _, g := range had {
		if !slices.Contains(s.role.MemberOf, g) && (roleKind{s.site}).becomes(g) == nil {
			out = append(out, "REVOKE "+ident(g)+" FROM "+name)
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(s.role.Settings)) {
		if v := s.role.Settings[setting]; !v.Unset {
			out = append(out, fmt.Sprintf("ALTER ROLE %s SET %s = %s", name, settingName(setting), alterValue(s.site.primary().describe(setting), v.Value)))
		}
	}
	for _, f := range s.change.Fields {
		if setting, ok := strings.CutPrefix(f.Path, settingPath); ok && !f.Has {
			out = append(out, fmt.Sprintf("ALTER ROLE %s RESET %s", name, settingName(setting)))
		}
	}
	return out
}

// rename gives the role its new name, and the mark with it. A SCRAM verifier does not depend on the name, an md5 one would be
// lost (ALTER ROLE); pgrepl writes SCRAM only.
func (s putRole) rename() []string {
	if !s.change.Changes("name") {
		return nil
	}
	was, is := s.change.Old.ID.Name, s.role.Name
	return []string{
		fmt.Sprintf("DO $pgrepl$BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = %s) AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN EXECUTE %s; END IF; END$pgrepl$",
			literal(was), literal(is), literal("ALTER ROLE "+ident(was)+" RENAME TO "+ident(is))),
		unmarkSQL(s.change.Old.ID),
	}
}

// dropRole drops a role that is ours and no longer declared. What it owns goes to the superuser first, in every database;
// that is why it has to be allowed.
type dropRole struct {
	engine.Order
	site          *Site
	change        engine.Change
	owns, depends int
}

func (s dropRole) String() string                          { return "drop role " + s.change.ID.Name }
func (s dropRole) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.change.ID) }

func (s dropRole) Effects() []engine.Effected {
	if s.owns == 0 {
		return nil
	}
	return []engine.Effected{{Class: engine.ClassRole, On: s.change.ID, Addr: s.change.Addr, Asks: true,
		Text: fmt.Sprintf("role %s is dropped; what it owns (%s) goes to %s", s.change.ID.Name, counted(s.owns, "object"), s.site.file.Superuser.Name)}}
}

func (s dropRole) Run(ctx context.Context) error {
	session, name := s.site.primary().session, ident(s.change.ID.Name)
	exists, err := session.query(ctx, "SELECT 1 FROM pg_roles WHERE rolname = "+literal(s.change.ID.Name))
	if err != nil {
		return err
	}
	if s.depends > 0 && len(exists) > 0 {
		for _, db := range append([]string{maintenance}, databaseNames(s.site.primary().seen.live.Databases)...) {
			sql := fmt.Sprintf("REASSIGN OWNED BY %s TO %s; DROP OWNED BY %s", name, ident(s.site.file.Superuser.Name), name)
			if err := session.changeIn(ctx, db, "reassign what role "+s.change.ID.Name+" owns in "+db, sql); err != nil {
				return err
			}
		}
	}
	return session.change(ctx, s.String(), "DROP ROLE IF EXISTS "+name+";\n"+unmarkSQL(s.change.ID))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func databaseNames(dbs []liveDatabase) []string {
	var out []string
	for _, d := range dbs {
		out = append(out, d.Name)
	}
	return out
}
