package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// databaseKind is the kind of databases.
type databaseKind struct{ *Site }

func (databaseKind) Name() string { return "database" }

func (k databaseKind) database(name string) *schema.Database {
	i := slices.IndexFunc(k.file.Databases, func(d *schema.Database) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return k.file.Databases[i]
}

func (k databaseKind) owner(d *schema.Database) string {
	return orDefault(d.Owner, k.file.Superuser.Name)
}

func (k databaseKind) Want() []engine.Resource {
	var out []engine.Resource
	for _, d := range k.file.Databases {
		at := origin(d.Origin)
		var was engine.ID
		if d.RenamedFrom != "" {
			was = databaseID(d.RenamedFrom)
		}
		out = append(out, engine.Resource{ID: databaseID(d.Name), Was: was, Addr: address(d.Address), Origin: at, Made: "database " + d.Name,
			Needs: []engine.ID{serverID(k.primary().node.Name), ledgerID, roleID(k.owner(d))},
			Attrs: placed(map[string]engine.Attr{
				"owner":            {Value: k.owner(d), Default: d.Owner == "", Effect: engine.Live, Origin: at},
				"connection_limit": {Value: strconv.Itoa(d.ConnectionLimit), Default: d.ConnectionLimit == -1, Effect: engine.Live, Origin: at},
				"managed by":       managed(true),
			}, d.Object)})
	}
	return out
}

func (k databaseKind) Seen() []engine.Resource {
	p := k.primary()
	if p.seen.reach != up {
		return k.hidden(p, k.Want())
	}
	var out []engine.Resource
	for _, d := range p.seen.live.Databases {
		ours := k.ledger.has(databaseID(d.Name))
		out = append(out, engine.Resource{ID: databaseID(d.Name), Addr: engine.Address{Block: "database", Label: d.Name}, Ours: ours, Attrs: map[string]engine.Attr{
			"owner": {Value: d.Owner}, "connection_limit": {Value: strconv.Itoa(d.Limit)}, "managed by": managed(ours)}})
	}
	return out
}

// Facts refuses what could only be had by making the database again.
func (k databaseKind) Facts(_, _ engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, live := range k.primary().seen.live.Databases {
		d := k.database(live.Name)
		if i := slices.IndexFunc(k.file.Databases, func(d *schema.Database) bool { return d.RenamedFrom == live.Name }); d == nil && i >= 0 {
			d = k.file.Databases[i]
		}
		if d == nil {
			continue
		}
		for _, c := range []struct{ attr, want, have string }{{"encoding", d.Encoding, live.Encoding}, {"locale", d.Locale, live.Locale}} {
			if c.want == "" || canonicalName(c.want) == canonicalName(c.have) {
				continue
			}
			out = append(out, engine.Fact{Code: "PGR224", On: databaseID(d.Name), Path: c.attr, Addr: address(d.Address), Origin: origin(d.Origin),
				Text:   fmt.Sprintf("database %s has %s %s, the file asks for %s", d.Name, c.attr, c.have, c.want),
				Detail: "PostgreSQL fixes it when a database is made; another one would need a new database and a dump of this one",
				Next:   fmt.Sprintf("write `%s = %q`, or leave it out", c.attr, c.have)})
		}
	}
	return out
}

// canonicalName folds the spellings of encodings and locales: UTF8 and utf-8, C.UTF-8 and C.utf8.
func canonicalName(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
}

func (k databaseKind) Steps(c engine.Change) []engine.Step {
	p := k.primary()
	order := func(do string) engine.Order {
		return engine.Order{Self: engine.StepID{Do: do, On: c.ID}, On: p.node.Name, Behind: []engine.StepID{accepting(p.node.Name), {Do: "create", On: ledgerID}}}
	}
	if c.Action == engine.Delete {
		drop := dropDatabase{Order: order("drop"), site: k.Site, change: c}
		for _, s := range k.servers { // a database with a slot on it cannot be dropped
			for _, l := range s.seen.live.Slots {
				if l.Database == c.ID.Name {
					drop.Behind = append(drop.Behind, engine.StepID{Do: "drop", On: slotID(s.node.Name, l.Name)})
				}
			}
		}
		return []engine.Step{drop}
	}
	s := putDatabase{Order: order("alter"), site: k.Site, database: k.database(c.ID.Name), owner: c.New.Attrs["owner"].Value, change: c}
	s.Behind = append(s.Behind, engine.StepID{Do: "put", On: roleID(s.owner)})
	return []engine.Step{s}
}

// putDatabase makes a database, or changes what can be changed of one.
type putDatabase struct {
	engine.Order
	site     *Site
	database *schema.Database
	owner    string
	change   engine.Change
}

func (s putDatabase) String() string {
	switch {
	case s.change.Action == engine.Create:
		return "database " + s.database.Name
	case s.change.Changes("name"):
		return "rename database " + s.change.Old.ID.Name + " to " + s.database.Name
	}
	return "alter database " + s.database.Name
}

func (s putDatabase) After(w engine.Snapshot) engine.Snapshot { return become(w, s.change) }

// Run marks first and creates second: CREATE DATABASE cannot be part of a transaction.
func (s putDatabase) Run(ctx context.Context) error {
	session, d := s.site.primary().session, s.database
	if err := session.change(ctx, "mark database "+d.Name, markSQL(s.change.ID, "")); err != nil {
		return err
	}
	if s.change.Changes("name") {
		if err := s.rename(ctx); err != nil {
			return err
		}
	}
	there, err := session.query(ctx, "SELECT 1 FROM pg_database WHERE datname = "+literal(d.Name))
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return session.change(ctx, "create database "+d.Name, s.create())
	}
	return session.change(ctx, s.String(), fmt.Sprintf("ALTER DATABASE %s OWNER TO %s; ALTER DATABASE %s CONNECTION LIMIT %d", ident(d.Name), ident(s.owner), ident(d.Name), d.ConnectionLimit))
}

// rename gives the database its new name, which PostgreSQL refuses while anybody is connected to it.
func (s putDatabase) rename(ctx context.Context) error {
	session, was := s.site.primary().session, s.change.Old.ID
	there, err := session.query(ctx, "SELECT 1 FROM pg_database WHERE datname = "+literal(was.Name))
	if err != nil {
		return err
	}
	if len(there) > 0 {
		if err := session.change(ctx, s.String(), fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", ident(was.Name), ident(s.database.Name))); err != nil {
			return err
		}
	}
	return session.change(ctx, "unmark database "+was.Name, unmarkSQL(was))
}

func (s putDatabase) create() string {
	d := s.database
	sql := fmt.Sprintf("CREATE DATABASE %s OWNER %s CONNECTION LIMIT %d", ident(d.Name), ident(s.owner), d.ConnectionLimit)
	template := d.Template
	if template == "" && (d.Encoding != "" || d.Locale != "") {
		template = "template0" // the only one that may be copied under another encoding or locale
	}
	for _, o := range []struct{ keyword, v string }{{"TEMPLATE", template}, {"ENCODING", d.Encoding}, {"LOCALE", d.Locale}} {
		if o.v != "" {
			sql += " " + o.keyword + " " + literal(o.v)
		}
	}
	return strings.Replace(sql, "TEMPLATE "+literal(template), "TEMPLATE "+ident(template), 1)
}

type dropDatabase struct {
	engine.Order
	site   *Site
	change engine.Change
}

func (s dropDatabase) String() string                          { return "drop database " + s.change.ID.Name }
func (s dropDatabase) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.change.ID) }

func (s dropDatabase) Effects() []engine.Effected {
	return []engine.Effected{{Class: engine.ClassData, On: s.change.ID, Addr: s.change.Addr, Text: "database " + s.change.ID.Name + " is dropped", Asks: true}}
}

func (s dropDatabase) Run(ctx context.Context) error {
	session := s.site.primary().session
	if err := session.change(ctx, s.String(), "DROP DATABASE IF EXISTS "+ident(s.change.ID.Name)); err != nil {
		return err
	}
	return session.change(ctx, "unmark database "+s.change.ID.Name, unmarkSQL(s.change.ID))
}
