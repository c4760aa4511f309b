package health

import "slices"

// Change is a finding that came, went, or became better or worse.
type Change struct {
	What string `json:"what"`
	Finding
}

// What a change is.
const (
	Came   = "came"
	Turned = "level" // it has another level
	Went   = "went"
)

// Changes are what a report makes of the findings that were open before, and those that are open now. What cannot be told any
// more is not over.
func Changes(open []Finding, r Report) (changes []Change, still []Finding) {
	for _, f := range r.Findings {
		switch i := slices.IndexFunc(open, f.Same); {
		case i < 0:
			changes = append(changes, Change{Came, f})
		case open[i].Level != f.Level:
			changes = append(changes, Change{Turned, f})
		}
	}
	still = slices.Clone(r.Findings)
	for _, f := range open {
		switch {
		case slices.ContainsFunc(r.Findings, f.Same):
		case r.tells(f):
			changes = append(changes, Change{Went, f})
		default:
			still = append(still, f)
		}
	}
	return changes, still
}

// Same reports whether another finding is by the same rule on the same object, whatever its figure.
func (f Finding) Same(o Finding) bool { return o.Rule == f.Rule && o.Subject == f.Subject }

// tells reports whether a report could have what an earlier one found: that it does not have it then means that it is over.
func (r Report) tells(f Finding) bool {
	n := r.Node(f.Node)
	switch {
	case f.Rule == "commits_hang":
		return r.Primary != "" || !slices.ContainsFunc(r.Nodes, func(n NodeReport) bool { return n.Recovery == nil })
	case n == nil: // the file does not have it any more, or it is no matter of one node
		return true
	case f.Rule == "node":
		return true
	case f.Rule == "lag_time":
		return n.LagLow != nil
	case f.Rule == "lag_bytes":
		lag, _ := n.LagBytes()
		return lag != nil
	}
	return n.Recovery != nil
}

// altering are the rules whose findings come and go with what a plan would change.
var altering = []string{"primaries", "node", "part", "system_id", "timeline", "replica_missing", "replay_paused", "pending_restart", "app"}

// Alters reports whether a change of what a rule finds means that what differs from the file is another matter now, so that it is to
// be looked at again.
func Alters(rule string) bool { return slices.Contains(altering, rule) }
