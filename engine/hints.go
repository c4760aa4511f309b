package engine

import "slices"

// Hint is what a plan could also be meant as: an object goes and one like it comes, which would keep what it holds under
// another name.
type Hint struct {
	From, To Address
	Was      string // real name of what goes
	Keeps    string // what renaming would keep
}

// kept is what is lost with an object that is made anew and kept by another name, by kind.
var kept = map[string]string{"node": "its data", "database": "its data", "role": "what it owns", "slot": "its position"}

// passing are the attributes that say nothing of whether two objects are the same thing.
var passing = []string{"name", "volume", "state", "managed by", "password", "rotation", "consumer"}

// hints finds, of each kind, what goes together with the one thing that comes and is like it.
func hints(changes []Change) []Hint {
	var out []Hint
	for _, gone := range changes {
		if gone.Action != Delete || kept[gone.ID.Kind] == "" || gone.ID.Kind == "slot" && gone.Addr.Block != "slot" {
			continue
		}
		var like []Change
		for _, c := range changes {
			if c.Action == Create && c.ID.Kind == gone.ID.Kind && c.ID.On == gone.ID.On && c.Addr.Block == gone.Addr.Block && alike(gone.Old, c.New) {
				like = append(like, c)
			}
		}
		if len(like) == 1 {
			out = append(out, Hint{From: gone.Addr, To: like[0].Addr, Was: gone.ID.Name, Keeps: kept[gone.ID.Kind]})
		}
	}
	return out
}

func alike(old, new Resource) bool {
	for path, a := range new.Attrs {
		if b, had := old.Attrs[path]; !slices.Contains(passing, path) && (!had || !a.equal(b)) {
			return false
		}
	}
	return true
}
