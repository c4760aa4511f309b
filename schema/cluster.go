// Package schema is the language: what may be written in a pgrepl file, and the typed model of the cluster that it
// describes. HCL and cty live here and nowhere else. The package says what is wanted, never what is: it knows neither
// the engine nor Docker nor a PostgreSQL server.
//
// Load turns files and variables into a *Cluster or into diagnostics. A Cluster that Load returned without an error
// diagnostic is complete (every default filled in, every reference resolved, every implied object made) and valid as
// far as this can be known offline, so nothing behind it checks again.
package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"pgrepl/schema/hba"
)

// Cluster is a whole file: exactly one cluster with everything that belongs to it.
//
// The slices hold declared and implied objects alike, sorted by address; implied ones (a network where none is
// declared, the slot of a replica, the replication role) have Implied set and point at the block that made them
// necessary.
type Cluster struct {
	Name      string
	Origin    Origin
	File      string // the file or folder as the user named it, for titles
	Image     string
	Version   int // major version of PostgreSQL: 15 to 18
	Superuser Superuser
	Initdb    Initdb
	Labels    map[string]string // for every Docker object
	Protect   bool              // never destroyed
	Written   map[string]Origin // where each attribute of its block stands

	Synchronous *Synchronous // nil: a commit waits for no standby

	Networks  []*Network
	Nodes     []*Node // the master first, then the replicas by address
	Roles     []*Role
	Slots     []*Slot
	Databases []*Database
	Apps      []*App

	Removed []Removed // by address

	Monitor Monitor

	src    *sources // what it was read from, for messages
	inputs Inputs
	judges *loader // what its policies are worked out with
}

// Released reports whether a removed block leaves what has this real name alone. The kind is network, node, role, slot,
// database or app.
func (c *Cluster) Released(kind, name string) bool {
	return slices.ContainsFunc(c.Removed, func(r Removed) bool { return !r.Destroy && r.Kind == kind && r.Name == name })
}

// Removed is an object that no block declares any more: the block `removed`.
type Removed struct {
	From    Address
	Kind    string // network, node, role, slot, database, app
	Name    string // in the real world
	Destroy bool   // false: it is no longer managed, and left alone
	Origin  Origin
}

// Objects returns what every labelled block declares or implies, by kind.
func (c *Cluster) Objects() []Object {
	var out []Object
	for _, n := range c.Networks {
		out = append(out, n.Object)
	}
	for _, n := range c.Nodes {
		out = append(out, n.Object)
	}
	for _, r := range c.Roles {
		out = append(out, r.Object)
	}
	for _, s := range c.Slots {
		out = append(out, s.Object)
	}
	for _, d := range c.Databases {
		out = append(out, d.Object)
	}
	for _, a := range c.Apps {
		out = append(out, a.Object)
	}
	return out
}

// Primary returns the node that the file declares as master.
func (c *Cluster) Primary() *Node { return c.Nodes[0] }

// Standbys returns the replicas, by address.
func (c *Cluster) Standbys() []*Node { return c.Nodes[1:] }

// Origin is a place in a file; the zero value means nowhere.
type Origin struct {
	File         string
	Line, Column int // both from 1
}

// String is "file:line", the form that plans end their rows with.
func (o Origin) String() string {
	if o.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Address is how the file calls a block: replica.a, or replica.standby["a"] where for_each made several.
type Address struct{ Block, Label, Key string }

func (a Address) String() string {
	if a.Key != "" {
		return fmt.Sprintf("%s.%s[%q]", a.Block, a.Label, a.Key)
	}
	return a.Block + "." + a.Label
}

// Object is what every labelled block has.
type Object struct {
	Address Address
	Name    string // in the real world: `name`, or the label, with the key after - (Docker) or _ (PostgreSQL)
	Origin  Origin
	Implied bool // not written in the file; Origin is the block that needs it

	Written map[string]Origin // where each attribute stands, of a node also those that it has from the cluster

	RenamedFrom string // real name that it had before; "": none
	Protect     bool   // never removed or rebuilt
}

// At is where an attribute stands, or where it is not written, the block. A path such as labels.team is part of one.
func (o Object) At(path string) Origin {
	attribute, _, _ := strings.Cut(path, ".")
	if at, written := o.Written[attribute]; written {
		return at
	}
	return o.Origin
}

// Superuser is the bootstrap superuser that initdb makes (initdb -U).
type Superuser struct {
	Name     string // "postgres"
	Password Secret // none: no password login for it
	Origin   Origin
}

// Initdb holds what can only be chosen when a data directory is made (initdb's options of the same names).
type Initdb struct {
	Locale        string // "": initdb's --locale=C.UTF-8
	Encoding      string // "UTF8"
	DataChecksums bool   // true
	WalSegsize    int    // MB; 0: initdb's default (16)
	Origin        Origin
}

// Synchronous says which standbys a commit waits for (synchronous_standby_names, chapter "Synchronous Replication").
type Synchronous struct {
	Mode     string  // "first": the first Count that stream, in the order of Replicas; "any": any Count of them
	Count    int     // of standbys that must acknowledge; 1 to the number of Replicas
	Replicas []*Node // direct standbys of the master without a delay, each once
	Origin   Origin
}

// Network is a Docker network.
type Network struct {
	Object
	Subnet   string // canonical CIDR (host bits cleared), "" lets Docker choose
	Gateway  string
	Driver   string // "bridge"
	Internal bool
	External bool // exists already: never changed or removed
	Labels   map[string]string
}

// Part is what a node is at the moment; a node may change it (switchover), so it is never part of a name or label.
type Part string

// The parts that a node can play.
const (
	Primary Part = "primary"
	Standby Part = "standby"
)

// Node is a PostgreSQL server in a container of its own: the block `master` or `replica`.
type Node struct {
	Object
	Part    Part
	Docker  string // endpoint of the Docker engine that it runs on; "" is the one the command was given
	Image   string
	Network *Network
	Volume  string // name of a Docker volume, or an absolute host path (bind mount) where it starts with /
	Port    Port   // published host address of 5432; zero: not published

	Memory      int64             // bytes; 0: no limit
	CPUs        string            // canonical decimal like "1.5"; "": no limit
	ShmSize     int64             // bytes of /dev/shm; 0: Docker's default (64 MiB)
	Restart     string            // Docker's restart policy: no, always, unless-stopped, on-failure[:N]
	StopTimeout int               // seconds from the stop signal (SIGINT, a fast shutdown) to SIGKILL; 120
	Env         map[string]Secret // environment of the container; may be sensitive
	Labels      map[string]string // cluster's and node's

	Settings map[string]Setting // by lower-case name: the cluster's, the master's and the node's own, merged
	HBA      []HBALine          // the whole list that applies to this node, without the management line

	// Only a standby has these.
	Upstream        *Node
	Role            *Role
	Slot            *Slot
	ApplicationName string
	Delay           string // recovery_min_apply_delay as written; "": none
}

// Port is the host side of a published 5432/tcp.
type Port struct {
	Address string // "127.0.0.1" unless written
	Port    int    // 0: not published
	Origin  Origin
}

func (p Port) String() string {
	if p.Port == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.Address, p.Port)
}

// Setting is one value of postgresql.conf as written in the file: 64, "2GB", true.
type Setting struct {
	Value     string // as it would stand in postgresql.conf, unquoted
	Sensitive bool   // never shown
	Unset     bool   // sensitive and without a value: it cannot be checked, and apply asks for it
	Origin    Origin
}

// HBALine is one rule of pg_hba.conf (chapter "The pg_hba.conf File").
type HBALine struct {
	Text   string   // as its author wrote it, tokens joined by one space
	Rule   hba.Rule // what it says; rules of one Key are the same to the server
	Origin Origin   // of the line itself, also inside a heredoc
	at     hcl.Range
}

// Role is a role of the cluster (CREATE ROLE).
type Role struct {
	Object
	Login, Replication, Superuser, CreateDB, CreateRole, BypassRLS bool
	Inherit                                                        bool
	ConnectionLimit                                                int    // -1: none
	ValidUntil                                                     string // as written; "" and "infinity": none
	Password                                                       Secret
	MemberOf                                                       []string // real names, sorted
	Settings                                                       map[string]Setting
}

// Slot is a replication slot (chapter "Replication Slots").
type Slot struct {
	Object
	Logical      bool
	Plugin       string // logical only
	Database     string // real name; logical only
	Upstream     *Node  // the node it lives on
	WarnRetained int64  // bytes; 0: the monitor's limit
}

// Database is a database of the cluster (CREATE DATABASE).
type Database struct {
	Object
	Owner           string // real name; "": the superuser
	ConnectionLimit int    // -1: none
	Encoding        string // at creation only, as are the next two
	Locale          string
	Template        string
}
