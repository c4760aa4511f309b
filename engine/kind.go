package engine

import (
	"context"
	"fmt"
	"time"
)

// Kind is one sort of managed thing, bound to one cluster and its clients. One file under providers/ holds one.
type Kind interface {
	Name() string
	Want() []Resource // what the file asks for
	Seen() []Resource // what the last look found, with Unknown set on what it could not look at
	// Facts are what the risk table judges although no step does it: a name that is taken, a slot nobody reads.
	Facts(want, seen Snapshot) []Fact
	Steps(Change) []Step // how to get from one to the other
}

// System is everything that can be managed for one cluster.
type System interface {
	// Look takes one fresh look at Docker and at every node at once; what it cannot see, the kinds report as Unknown.
	// An error means that nothing at all could be planned (no Docker engine).
	Look(context.Context) error
	Kinds() []Kind
	// Guard gives the steps that a plan lacks to keep true, between the others, what must always be: that commits come back. One
	// that the plan has already takes its place.
	Guard([]Step) []Step
	// Broken says what of that is not true in a state of the world; nil where all is well.
	Broken(Snapshot) []string
	// Topology gives the nodes of a state of the world: the primary first, then the others by name.
	Topology(Snapshot) []Node
	// Unfinished says what may be so between two steps and not after the last: a slot that keeps WAL for nobody.
	Unfinished(Snapshot) []string
	// Verify proves what a plan cannot see: that each standby may log in afresh, follows, and is read from.
	Verify(context.Context) []Problem
}

// StepID names a step by what it does to what, so that kinds can ask for an order without knowing each other's types,
// and so that two of them can share a step (one restart for settings and shared libraries alike).
type StepID struct {
	Do string
	On ID
}

func (id StepID) String() string { return id.Do + " " + id.On.String() }

// Step is the smallest thing that can fail: one Docker call, one transaction, one wait.
type Step interface {
	ID() StepID
	Needs() []StepID  // steps that must be done before, where the plan has them; an ID the plan lacks is already true
	Spared() []StepID // steps any of which does its work too, so that the plan goes without it
	Node() string     // the node it occupies (two steps of one node never overlap), or "" for none
	// Scheduling is whether it may be cut short, and its share of something scarce.
	Scheduling() (cancellable bool, claim Claim)
	fmt.Stringer // built from the same fields that Run uses: what is approved is what runs
	Effects() []Effected
	After(Snapshot) Snapshot // pure: what is true when it is done
	// During is pure as well: what is true only while it runs, and not when it is done; false where there is nothing of that.
	During(Snapshot) (Snapshot, bool)
	Run(context.Context) error
}

// Effected is a fact about a step that the risk table judges: it restarts this, deletes that.
type Effected struct {
	Class  Class
	On     ID
	Addr   Address
	Text   string        // what is lost or interrupted: "volume orders-b is deleted"
	Figure string        // live numbers, which are shown and no part of what is approved
	Why    string        // "max_connections, shared_buffers"
	Asks   bool          // needs --allow=CLASS
	Stops  time.Duration // how long it is expected to stop writes
	Origin Origin
}

// Class groups effects as --allow and --deny name them.
type Class string

// The classes of effects.
const (
	ClassData     Class = "data"
	ClassSlot     Class = "slot"
	ClassSync     Class = "synchronous" // commits wait for fewer standbys than the file says
	ClassRole     Class = "role"
	ClassRestart  Class = "restart"
	ClassRecreate Class = "recreate"
)

// Order is what every step embeds: its identity, its place in the order, and how it may be run.
type Order struct {
	Self   StepID
	Behind []StepID
	Unless []StepID // with one of these in the plan the step is not needed: a new container restarts its server
	On     string   // node
	// Cancellable steps (waits, clones) end when the user interrupts; all others run to their end.
	Cancellable bool
	Claim       Claim
}

// Claim is a share of something scarce that a step takes while it runs and of which it keeps a part afterwards: a clone
// takes two walsenders of its upstream and leaves one to the standby that streams from then on.
type Claim struct {
	Pool        string
	Take, Keep  int
	Capacity    int // of the pool; all claims on it say the same
	AlreadyUsed int // by others, or kept free
}

func (o Order) ID() StepID                                  { return o.Self }
func (o Order) Needs() []StepID                             { return o.Behind }
func (o Order) Spared() []StepID                            { return o.Unless }
func (o Order) Node() string                                { return o.On }
func (o Order) Effects() []Effected                         { return nil }
func (o Order) During(w Snapshot) (Snapshot, bool)          { return w, false }
func (o Order) Scheduling() (cancellable bool, claim Claim) { return o.Cancellable, o.Claim }

// Problem is an error that a user can act on: where, what, why it matters, what to do next.
type Problem struct {
	Code    string
	Origin  Origin
	Object  string // address, for JSON
	Summary string
	Detail  string
	Next    string
}

func (p Problem) Error() string { return p.Summary }
