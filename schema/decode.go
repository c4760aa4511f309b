package schema

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"pgrepl/schema/catalogue"
)

// decoder builds the model: first every object by itself, then what joins them, then the checks across objects.
type decoder struct {
	*loader
	cluster *Cluster
	readers map[*Object]*reader // where an object, or for an implied one its cause, is written
	shared  inherited
	known   *catalogue.Catalogue // nil while the version is not known
	primary *Node                // nil while the file has no master

	networks  map[Address]*Network
	nodes     map[Address]*Node
	roles     map[Address]*Role
	slots     map[Address]*Slot
	databases map[Address]*Database
	apps      map[Address]*App
	removed   map[Address]hcl.Range // the from of each removed block

	rolesByName map[string]*Role // filled on first use
}

// inherited is what nodes take from the cluster, and replicas from the master.
type inherited struct {
	restart  string
	settings layer
	hba      []HBALine // nil: none is written
	written  map[string]Origin
}

func (l *loader) decode() *Cluster {
	d := &decoder{
		loader:    l,
		cluster:   &Cluster{File: l.options.Path},
		readers:   map[*Object]*reader{},
		networks:  map[Address]*Network{},
		nodes:     map[Address]*Node{},
		roles:     map[Address]*Role{},
		slots:     map[Address]*Slot{},
		databases: map[Address]*Database{},
		apps:      map[Address]*App{},
	}
	d.decodeCluster()
	d.decodeRemoved()
	d.decodeNetworks()
	d.decodeRoles()
	d.decodeDatabases()
	d.decodeNodes()
	d.decodeSlots()
	d.joinReplicas()
	d.decodeSynchronous()
	d.decodeApps()
	d.collect()
	d.decodeMonitor()
	d.check()
	return d.cluster
}

// each calls decode for every object of a kind, by address.
func (d *decoder) every(kind string, decode func(*instance)) {
	for _, b := range d.blocks {
		if b.kind != kind {
			continue
		}
		copies, _ := d.copies(b, b.at)
		for _, in := range copies {
			decode(in)
		}
	}
}

// object is what every labelled block has; the name must keep the rule of its kind.
func (d *decoder) object(in *instance, r *reader, check rule) Object {
	o := Object{Address: in.address(), Name: in.defaultName(), Origin: originOf(in.at), Written: map[string]Origin{}}
	for name, a := range in.body.Attributes {
		o.Written[name] = originOf(a.NameRange)
	}
	v, ok := settle(d.loader, &in.object, o.Address.String(), in.at, func() (cty.Value, bool) { return d.loader.object(in) })
	if ok {
		o.Name = v.GetAttr("name").AsString()
	}
	if _, err := check(o.Name); err != nil && ok {
		at := r.where("name")
		note := d.errorf(codeName, at, "the name of %s %s", o.Address, err)
		if at == in.at {
			note.hint("the name is the label unless name = says another")
		}
	}
	o.Protect = r.flag("protect", false)
	if shapes[r.kind].has("renamed_from") {
		o.RenamedFrom = r.text("renamed_from", "", check)
		if o.RenamedFrom == "postgres" && r.kind == "database" && o.Name != "postgres" {
			r.errorf(codeName, r.where("renamed_from"), "the database postgres cannot be renamed: pgrepl keeps its ledger in it").
				hint("leave renamed_from out: this makes a new database")
			o.RenamedFrom = ""
		}
	}
	if o.RenamedFrom == o.Name {
		o.RenamedFrom = "" // as it is after a rename back
	}
	return o
}

// at is where an attribute of an object is written, or the object's block.
func (d *decoder) at(o *Object, name string) hcl.Range {
	r := d.readers[o]
	if r == nil {
		return hcl.Range{Filename: o.Origin.File, Start: hcl.Pos{Line: o.Origin.Line, Column: o.Origin.Column}}
	}
	if !o.Implied && shapes[r.kind].has(name) {
		return r.where(name)
	}
	return r.at
}

// collect puts all objects into the cluster, by address, the master first.
func (d *decoder) collect() {
	d.cluster.Networks = sortedByAddress(d.networks)
	d.cluster.Roles = sortedByAddress(d.roles)
	d.cluster.Slots = sortedByAddress(d.slots)
	d.cluster.Databases = sortedByAddress(d.databases)
	d.cluster.Apps = sortedByAddress(d.apps)
	d.cluster.Nodes = sortedByAddress(d.nodes) // master sorts before replica
}

func sortedByAddress[T any](m map[Address]T) []T {
	var out []T
	for _, a := range slices.SortedFunc(maps.Keys(m), compareAddress) {
		out = append(out, m[a])
	}
	return out
}

// labels are the cluster's labels under an object's own.
func (r *reader) labels(under map[string]string) map[string]string {
	own := r.texts("labels")
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if key == "" || strings.HasPrefix(key, "io.pgrepl.") {
			r.errorf(codeName, r.where("labels"), "the label %q is pgrepl's own", key)
		}
	}
	out := map[string]string{}
	maps.Copy(out, under)
	maps.Copy(out, own)
	return out
}

// verifierPattern is what PostgreSQL takes for a password that is hashed already.
var verifierPattern = regexp.MustCompile(`^(md5[0-9a-f]{32}|SCRAM-SHA-256\$[0-9]+:.*)$`)

// password is a secret that PostgreSQL will take; one that stands in the file itself is a warning.
func (r *reader) password() Secret {
	s := r.secret("password")
	at := r.where("password")
	switch {
	case !s.IsSet():
	case s.text == "":
		r.errorf(codeValue, at, "the password is empty").detail("PostgreSQL takes an empty password for none. Leave password out where none is wanted.")
	case verifierPattern.MatchString(s.text):
		r.errorf(codeValue, at, "the password is a hash as PostgreSQL stores it").
			detail("pgrepl makes the SCRAM verifier itself: write the password, not what was made of it.")
	case strings.ContainsAny(s.text, "\x00\n\r"):
		r.errorf(codeValue, at, "the password holds a line break or a null character").detail("trimspace(…) removes one at its end.")
	}
	if s.IsSet() && isLiteral(r.attribute("password").Expr) {
		r.src.secrets = append(r.src.secrets, at)
		r.warnf(codeLiteral, at, "the password stands in the file").
			hint("use a variable with sensitive = true, or env(\"…\")")
	}
	return s
}
