package engine

import (
	"maps"
	"slices"
)

// Action is what happens to one resource.
type Action string

// The actions of a change.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Change is one resource that is not as the file wants it.
type Change struct {
	ID     ID
	Addr   Address
	Action Action
	Old    Resource // zero for Create
	New    Resource // zero for Delete
	Fields []Field
}

// Field is one attribute of a change.
type Field struct {
	Path          string
	Before, After Attr
	Had, Has      bool // whether the attribute was seen, and is wanted
	Effect        Effect
	Reason        string
	Origin        Origin
}

// Field returns the change of one attribute, and whether there is one.
func (c Change) Field(path string) (Field, bool) {
	i := slices.IndexFunc(c.Fields, func(f Field) bool { return f.Path == path })
	if i < 0 {
		return Field{}, false
	}
	return c.Fields[i], true
}

// Changes reports whether any of the attributes changes.
func (c Change) Changes(paths ...string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { _, ok := c.Field(p); return ok })
}

// comparison is the result of holding what is wanted against what was seen.
type comparison struct {
	changes    []Change
	undeclared []Resource // seen, neither wanted nor ours: left alone
	unseen     []Resource // could not be looked at
}

func compare(want, seen Snapshot) comparison {
	var c comparison
	ids := maps.Clone(want)
	maps.Copy(ids, seen)
	renames := renames(want, seen)
	for _, r := range ids.Sorted() {
		w, wanted := want[r.ID]
		s, exists := seen[r.ID]
		if !exists && renames[w.ID] {
			s = seen[w.Was]
			name := Field{Path: "name", Before: Attr{Value: w.Was.Name}, After: Attr{Value: w.ID.Name}, Had: true, Has: true, Effect: Live, Origin: w.Origin}
			c.changes = append(c.changes, Change{ID: w.ID, Addr: w.Addr, Action: Update, Old: s, New: w, Fields: append([]Field{name}, fields(s.Attrs, w.Attrs)...)})
			continue
		}
		switch {
		case renames[r.ID]: // told as what it becomes
		case exists && s.Unknown != "":
			c.unseen = append(c.unseen, s)
		case !exists:
			c.changes = append(c.changes, Change{ID: w.ID, Addr: w.Addr, Action: Create, New: w, Fields: fields(nil, w.Attrs)})
		case wanted:
			if f := fields(compared(s, w), w.Attrs); len(f) > 0 {
				c.changes = append(c.changes, Change{ID: w.ID, Addr: w.Addr, Action: Update, Old: s, New: w, Fields: f})
			}
		case s.Ours:
			c.changes = append(c.changes, Change{ID: s.ID, Addr: s.Addr, Action: Delete, Old: s})
		default:
			c.undeclared = append(c.undeclared, s)
		}
	}
	return c
}

// renames holds what gets another name and what it becomes, both by ID.
func renames(want, seen Snapshot) map[ID]bool {
	out := map[ID]bool{}
	for id, w := range want {
		_, there := seen[id]
		was, before := seen[w.Was]
		if _, kept := want[w.Was]; before && was.Unknown == "" && !there && !kept {
			out[id], out[w.Was] = true, true
		}
	}
	return out
}

// compared are the attributes that were seen and matter to what is wanted.
func compared(seen, want Resource) map[string]Attr {
	if !want.Partial {
		return seen.Attrs
	}
	out := maps.Clone(seen.Attrs)
	maps.DeleteFunc(out, func(path string, _ Attr) bool { _, named := want.Attrs[path]; return !named })
	return out
}

// fields compares attribute by attribute. The effect is what the world says of it, and what the file's kind says where
// the world is silent.
func fields(before, after map[string]Attr) []Field {
	paths := maps.Clone(after)
	if paths == nil {
		paths = map[string]Attr{}
	}
	maps.Copy(paths, before)
	var out []Field
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		b, had := before[path]
		a, has := after[path]
		if had && has && a.equal(b) {
			continue
		}
		f := Field{Path: path, Before: b, After: a, Had: had, Has: has, Effect: b.Effect, Reason: b.Reason, Origin: a.Origin}
		if f.Effect == "" {
			f.Effect, f.Reason = a.Effect, a.Reason
		}
		out = append(out, f)
	}
	return out
}
