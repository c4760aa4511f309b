package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ID is what a thing is in the real world: unique there, and stable when a block of the file gets another label or a
// node another part. There is no state file, so the file and the world can only meet by real names.
type ID struct {
	Kind string // network, node, role, …: a Kind's Name
	On   string // the node it exists on, for what is per server (a slot, settings); otherwise ""
	Name string // real name; "" where On says it all
}

func (id ID) String() string {
	s := id.Kind
	if id.Name != "" {
		s += " " + id.Name
	}
	if id.On != "" {
		s += " on " + id.On
	}
	return s
}

// Compare orders IDs by kind, node and name.
func (id ID) Compare(o ID) int {
	if c := strings.Compare(id.Kind, o.Kind); c != 0 {
		return c
	}
	if c := strings.Compare(id.On, o.On); c != 0 {
		return c
	}
	return strings.Compare(id.Name, o.Name)
}

// Address is how the file calls the block a thing belongs to (replica.a); for what is in no file, Label is the real name.
type Address struct{ Block, Label, Key string }

func (a Address) String() string {
	switch {
	case a.Label == "":
		return a.Block
	case a.Key != "":
		return fmt.Sprintf("%s.%s[%q]", a.Block, a.Label, a.Key)
	}
	return a.Block + "." + a.Label
}

// Compare orders addresses by block, label and key.
func (a Address) Compare(o Address) int {
	return cmp.Or(strings.Compare(a.Block, o.Block), strings.Compare(a.Label, o.Label), strings.Compare(a.Key, o.Key))
}

// Origin is a place in a file; the zero value means nowhere.
type Origin struct {
	File         string
	Line, Column int
}

func (o Origin) String() string {
	if o.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Effect is what it takes to change something on a living cluster, in rising order of cost.
type Effect string

// The effects that a changed row can end in.
const (
	Live     Effect = "live"     // takes effect at once
	Reload   Effect = "reload"   // the server reads its files again
	Restart  Effect = "restart"  // the server stops and starts
	Recreate Effect = "recreate" // new container, same data
	Rebuild  Effect = "rebuild"  // new base backup
	Data     Effect = "data"     // data is lost
)

// Attr is one compared attribute of a resource.
type Attr struct {
	Value   string   // canonical: equal values are equal strings
	List    []string // for ordered lists (hba rules), compared and shown as a sequence
	Secret  bool     // Value stands for a secret: the reader gives the wanted Value back when the world accepts the wanted secret
	Source  string   // of a secret: what the author wrote, such as var.app_password; "" where only the world was asked
	Passing bool     // wanted only: whether it runs or is whole, which it is not while a step is under way
	Default bool     // nobody wrote it: not worth a row when the object is made
	Effect  Effect   // of changing it
	Reason  string   // why it has that effect
	Origin  Origin
}

func (a Attr) equal(b Attr) bool {
	return a.Value == b.Value && slices.Equal(a.List, b.List) && (a.Source == "" || b.Source == "" || a.Source == b.Source)
}

// Resource is a thing as the file wants it or as it was seen.
type Resource struct {
	ID     ID
	Addr   Address // of the block that it is shown under
	Attrs  map[string]Attr
	Needs  []ID // of a wanted one: what is up before it; of one that was seen: who uses it, and has to be known before it goes
	Origin Origin
	Made   string // how a new one comes to be, for the row of its block: "base backup of master.pg1"

	Was     ID   // wanted only: what it is made of by a rename, where that is there and this is not
	Partial bool // wanted only: nothing but the attributes it names is compared

	Unchecked []string // attributes that cannot be compared in this run, each with the reason

	Ours      bool   // seen only: ownership is marked in the world (a label, the ledger)
	Unknown   string // seen only: why it could not be looked at; it is then neither compared nor removed
	SeenAfter StepID // the step after which it can be looked at
}

// Snapshot is a set of resources: the whole of what is wanted, or of what was seen.
type Snapshot map[ID]Resource

// With returns a copy in which r replaces what had its ID.
func (s Snapshot) With(r Resource) Snapshot {
	c := maps.Clone(s)
	c[r.ID] = r
	return c
}

// Without returns a copy that has none of the ids.
func (s Snapshot) Without(ids ...ID) Snapshot {
	c := maps.Clone(s)
	for _, id := range ids {
		delete(c, id)
	}
	return c
}

// Sorted returns the resources by ID.
func (s Snapshot) Sorted() []Resource { return s.pick(func(ID) bool { return true }) }

// OfKind returns the resources of one kind by ID.
func (s Snapshot) OfKind(kind string) []Resource {
	return s.pick(func(id ID) bool { return id.Kind == kind })
}

// pick sorts names rather than what they name, which is several times their size: a simulated plan comes here after each step.
func (s Snapshot) pick(wanted func(ID) bool) []Resource {
	ids := make([]ID, 0, len(s))
	for id := range s {
		if wanted(id) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, ID.Compare)
	out := make([]Resource, len(ids))
	for i, id := range ids {
		out[i] = s[id]
	}
	return out
}

func snapshot(rs []Resource) Snapshot {
	s := make(Snapshot, len(rs))
	for _, r := range rs {
		s[r.ID] = r
	}
	return s
}
