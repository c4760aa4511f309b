package schema

import (
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

func (d *decoder) decodeRoles() {
	d.every("role", func(in *instance) {
		r := d.reader(in)
		role := &Role{
			Object:          d.object(in, r, roleName),
			Login:           r.flag("login", false),
			Replication:     r.flag("replication", false),
			Superuser:       r.flag("superuser", false),
			CreateDB:        r.flag("createdb", false),
			CreateRole:      r.flag("createrole", false),
			BypassRLS:       r.flag("bypassrls", false),
			Inherit:         r.flag("inherit", true),
			ConnectionLimit: r.whole("connection_limit", -1, -1, math.MaxInt32),
			ValidUntil:      r.text("valid_until", "", moment),
			Password:        r.password(),
			Settings:        r.settings(inRole, d.known).all(),
		}
		d.readers[&role.Object] = r
		d.roles[role.Address] = role
	})
	for _, role := range sortedByAddress(d.roles) {
		role.MemberOf = d.memberOf(role)
	}
}

// memberOf are the real names of the roles that a role belongs to, sorted.
func (d *decoder) memberOf(role *Role) []string {
	r := d.readers[&role.Object]
	elements, _ := r.elements("member_of")
	var names []string
	for _, e := range elements {
		v, ok := r.open(e.value, e.at, "member_of")
		if !ok || v.IsNull() {
			continue
		}
		if name := d.realName(r, v, "member_of", e.at, "role"); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// roleOf is the role that a replica connects as: the one it names, or the only one that can, or an implied one.
func (d *decoder) roleOf(n *Node) *Role {
	r := d.readers[&n.Object]
	if r.written("role") {
		a, ok := r.refer("role", "role")
		if !ok {
			return nil
		}
		return d.roles[a]
	}
	able := slices.DeleteFunc(sortedByAddress(d.roles), func(role *Role) bool { return !role.Replication })
	switch len(able) {
	case 0:
		return d.impliedRole(n)
	case 1:
		return able[0]
	}
	d.errorf(codeWhich, r.at, "there are several roles with replication").
		hint("add role = " + able[0].Address.String())
	return nil
}

const impliedRoleName = "replicator"

// impliedRole makes the replication role of a file that declares none.
func (d *decoder) impliedRole(n *Node) *Role {
	for _, role := range sortedByAddress(d.roles) {
		if role.Name == impliedRoleName || role.Address.Label == impliedRoleName {
			if d.wrongAt(&role.Object, "replication") {
				return nil
			}
			d.errorf(codeRole, d.at(&role.Object, ""), "%s has no replication, and the replicas need a role that has", role.Address).
				hint("add replication = true")
			return nil
		}
	}
	role := &Role{
		Object:          d.implied("role", impliedRoleName, n.Origin),
		Login:           true,
		Replication:     true,
		Inherit:         true,
		ConnectionLimit: -1,
		Settings:        map[string]Setting{},
	}
	d.readers[&role.Object] = d.readers[&n.Object]
	d.roles[role.Address] = role
	return role
}

func (d *decoder) decodeDatabases() {
	d.every("database", func(in *instance) {
		r := d.reader(in)
		db := &Database{
			Object:          d.object(in, r, databaseName),
			Owner:           d.named(r, "owner", "role"),
			ConnectionLimit: r.whole("connection_limit", -1, -1, math.MaxInt32),
			Encoding:        r.text("encoding", "", encoding),
			Locale:          r.text("locale", "", locale),
			Template:        r.text("template", "", identifier),
		}
		d.readers[&db.Object] = r
		d.databases[db.Address] = db
	})
}

// named is an attribute that takes a reference to a role or database, or a real name; "" where it is not written.
func (d *decoder) named(r *reader, name, kind string) string {
	v, ok := r.plain(name)
	if !ok {
		return ""
	}
	return d.realName(r, v, name, r.where(name), kind)
}

// realName is the name in the real world of a role or database given by reference or by name.
func (d *decoder) realName(r *reader, v cty.Value, what string, at hcl.Range, kind string) string {
	if v.Type() == cty.String {
		return r.checked(v.AsString(), "", what, at, codeValue, identifier)
	}
	a, ok := r.refersTo(v, what, at, []string{kind})
	if !ok {
		return ""
	}
	if role := d.roles[a]; role != nil {
		return role.Name
	}
	if db := d.databases[a]; db != nil {
		return db.Name
	}
	return ""
}
