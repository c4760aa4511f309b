package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Account is what is known of one live attribute beside its value. A plan needs none of it; whoever asks why does.
type Account struct {
	InForce string   // the value that is in force, where what is compared says more than that
	SetBy   string   // who set it, and where
	Places  []Place  // of the server's files that say something of it, in the order in which they are read: the last one counts
	Waits   string   // what the files say and is not in force, with what it waits for
	Others  []string // who has another value, whatever the files say
	Effect  Effect   // of changing it
	Reason  string   // why that
}

// Place is one line of a server's file.
type Place struct {
	File  string
	Line  int
	Value string
}

// Question is what an Explanation answers: of which objects, and of which of their attributes.
type Question struct {
	Address string
	Of      func(Resource) bool
	Path    string                            // one attribute, or a group of them such as settings; "": all
	Among   func(path string) bool            // narrows all; may be nil
	Account func(id ID, path string) *Account // nil: nothing more is known; may itself be nil
}

func (q Question) asksFor(path string) bool {
	if q.Path == "" {
		return q.Among == nil || q.Among(path)
	}
	return path == q.Path || strings.HasPrefix(path, q.Path+".")
}

// State is how an object or an attribute stands to what the file says.
type State string

// The states.
const (
	Matches   State = "matches"
	Differs   State = "differs"
	Missing   State = "does not exist"
	Surplus   State = "not in the file" // and ours
	Foreign   State = "not in the file, and not made by pgrepl"
	NotLooked State = "not looked at"
	Silent    State = "not declared" // an attribute of which neither the file nor the comparison says anything
)

// Held is why the plan leaves something that should be otherwise as it is.
type Held string

// What holds a plan up.
const (
	HeldRefused Held = "refused" // nothing may be done
	HeldWaiting Held = "waits"   // it rests on what could not be looked at
)

// Explanation is what there is to say of the objects under an address, or of one attribute of them.
type Explanation struct {
	Address, Path string
	Word          Word // of the language, where one attribute is asked for
	Objects       []Explained
	Refused       []Problem // why nothing may be done
	Risks         []Risk    // of the plan, or standing, that are about them
	Steps         []Step    // of the plan, that are about them; none of a single attribute
}

// Word is what the language says of an attribute.
type Word struct {
	Says    string
	Default string // what holds where it is not written, in words
	Change  string // what a change takes, in words
	Origin  Origin // where it is written
}

// Explained is one object.
type Explained struct {
	ID     ID
	Addr   Address
	Origin Origin
	State  State
	Held   Held
	Why    string // it could not be looked at
	Attrs  []ExplainedAttr
}

// ExplainedAttr is one attribute of it.
type ExplainedAttr struct {
	Path           string
	Declared, Live Attr
	Has, Had       bool // whether the attribute is wanted, and was seen
	State          State
	Held           Held
	Change         Field // what is to be made of it, where it differs
	Account
}

// Blind is a plan for a world that nobody could look at.
func Blind(sys System, why string) Plan {
	p := Plan{Wanted: Snapshot{}, Seen: Snapshot{}}
	for _, k := range sys.Kinds() {
		for _, r := range k.Want() {
			p.Wanted[r.ID] = r
			r.Attrs, r.Unknown = nil, why
			p.Seen[r.ID] = r
		}
	}
	return p
}

// Explain answers from a plan. The problems are what the plan was refused for.
func Explain(p Plan, refused []Problem, q Question) Explanation {
	e := Explanation{Address: q.Address, Path: q.Path, Refused: refused}
	changes := map[ID]Change{}
	for _, c := range p.Changes {
		changes[c.ID] = c
	}
	all := maps.Clone(p.Seen)
	maps.Copy(all, p.Wanted)
	for _, r := range all.Sorted() {
		if !q.Of(p.Wanted[r.ID]) && !q.Of(p.Seen[r.ID]) { // as the file calls it, or by its real name
			continue
		}
		o := explainer{p, q, len(refused) > 0}.object(r, changes[r.ID]).narrowed(q)
		if len(o.Attrs) > 0 || q.Path == "" && q.Among == nil {
			e.Objects = append(e.Objects, o)
		}
	}
	e.Risks = about(p, e)
	if q.Path == "" {
		e.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool {
			return !slices.ContainsFunc(e.Objects, func(o Explained) bool {
				return o.ID == s.ID().On && (q.Among == nil || o.State != Matches)
			})
		})
	}
	return e
}

type explainer struct {
	plan    Plan
	q       Question
	refused bool
}

func (x explainer) object(r Resource, c Change) Explained {
	want, wanted := x.plan.Wanted[r.ID]
	seen, exists := x.plan.Seen[r.ID]
	if !exists && c.Action == Update { // by another name
		seen, exists = c.Old, true
	}
	o := Explained{ID: r.ID, Addr: r.Addr, Origin: want.Origin, Why: seen.Unknown}
	live := seen.Attrs
	if wanted && exists {
		live = compared(seen, want)
	}
	for _, path := range x.paths(want.Attrs, live) {
		if a, known := x.attr(r.ID, path, want.Attrs, live); known {
			o.Attrs = append(o.Attrs, a)
		}
	}
	differing := fields(live, want.Attrs)
	switch {
	case seen.Unknown != "":
		o.State = NotLooked
	case !wanted && !seen.Ours:
		o.State = Foreign
	case !wanted:
		o.State = Surplus
	case !exists:
		o.State = Missing
	case len(differing) == 0 && c.Action == "":
		o.State = Matches
	default:
		o.State = Differs
	}
	if c.Action == "" && slices.Contains([]State{Differs, Missing, Surplus}, o.State) {
		o.Held = map[bool]Held{true: HeldRefused, false: HeldWaiting}[x.refused]
	}
	for i, a := range o.Attrs {
		o.Attrs[i].State, o.Attrs[i].Held, o.Attrs[i].Change = stateOf(a, o, differing, c)
	}
	return o
}

// narrowed is the object as what is asked for of it stands: what else of it differs is not told.
func (o Explained) narrowed(q Question) Explained {
	differs := slices.ContainsFunc(o.Attrs, func(a ExplainedAttr) bool { return a.State == Differs })
	if all := q.Path == "" && q.Among == nil; !all && o.State == Differs && !differs {
		o.State, o.Held = Matches, ""
	}
	return o
}

// stateOf is the state of one attribute of an object.
func stateOf(a ExplainedAttr, of Explained, differing []Field, c Change) (State, Held, Field) {
	switch {
	case of.State == NotLooked:
		return of.State, "", Field{}
	case !a.Has && !a.Had:
		return Silent, "", Field{}
	case of.State != Differs:
		return of.State, of.Held, Field{}
	}
	if f, changes := c.Field(a.Path); changes {
		return Differs, "", f
	}
	if i := slices.IndexFunc(differing, func(f Field) bool { return f.Path == a.Path }); i >= 0 {
		return Differs, cmp.Or(of.Held, HeldWaiting), differing[i]
	}
	return Matches, "", Field{}
}

// paths are the attributes to tell of. One that is asked for by its name, and that nobody declared or compares, is told where
// more is known of it.
func (x explainer) paths(want, live map[string]Attr) []string {
	all := maps.Clone(want)
	if all == nil {
		all = map[string]Attr{}
	}
	maps.Copy(all, live)
	if x.q.Path != "" {
		all[x.q.Path] = Attr{}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(path string) bool { return !x.q.asksFor(path) })
}

func (x explainer) attr(id ID, path string, want, live map[string]Attr) (a ExplainedAttr, known bool) {
	a.Path = path
	a.Declared, a.Has = want[path]
	a.Live, a.Had = live[path]
	known = a.Has || a.Had
	if x.q.Account != nil {
		if account := x.q.Account(id, path); account != nil {
			a.Account, known = *account, true
		}
	}
	if a.Effect == "" && a.Reason == "" {
		a.Effect, a.Reason = a.Declared.Effect, a.Declared.Reason
	}
	if a.Effect == "" && a.Reason == "" {
		a.Effect, a.Reason = a.Live.Effect, a.Live.Reason
	}
	return a, known
}

// about are the risks that have to do with what is explained: with its address, and of an attribute, with its place in the file.
func about(p Plan, e Explanation) []Risk {
	return slices.DeleteFunc(slices.Concat(p.Risks, p.Standing), func(r Risk) bool {
		return !slices.ContainsFunc(e.Objects, func(o Explained) bool {
			if e.Path == "" {
				return slices.Contains(r.Addrs, o.Addr)
			}
			return slices.ContainsFunc(o.Attrs, func(a ExplainedAttr) bool { return a.Has && r.Origin.Line > 0 && a.Declared.Origin == r.Origin })
		})
	})
}

// Means says what an effect is.
func (e Effect) Means() string {
	return map[Effect]string{
		Live:     "takes effect at once",
		Reload:   "the server reads its files again",
		Restart:  "the server stops and starts",
		Recreate: "a new container on the same data",
		Rebuild:  "a new base backup",
		Data:     "data is lost",
	}[e]
}

// Effects are all of them, in rising order of cost.
func Effects() []Effect { return []Effect{Live, Reload, Restart, Recreate, Rebuild, Data} }
