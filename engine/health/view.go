package health

import (
	"slices"
	"time"
)

// view is one sample before it is a report, with all that judging it takes.
type view struct {
	memory *Memory
	sample Sample
	limits Limits
	held   map[mark]time.Time // conditions that hold now, and since when
	found  []Finding
	waited time.Duration // of the oldest commit that waits for standbys
}

// since notes that a condition holds, and returns for how long it has.
func (v *view) since(rule string, on Subject) time.Duration {
	key := mark{rule, on}
	began, before := v.memory.since[key]
	if !before {
		began = v.sample.At
	}
	v.held[key] = began
	return v.sample.At.Sub(began)
}

// find adds a finding.
func (v *view) find(level Level, rule string, on Subject, text, limit, next string) {
	v.since(rule, on)
	v.found = append(v.found, Finding{level, rule, on, text, limit, next, v.held[mark{rule, on}]})
}

func (v *view) report(cluster string) Report {
	s := v.sample
	r := Report{Format: Format, Cluster: cluster, At: s.At, Skew: s.Skew.Seconds(), Limits: v.limits.report(), Nodes: []NodeReport{}, Slots: []SlotReport{}, Apps: []AppReport{}, sample: s, waited: v.waited}
	if p := s.primary(); p != nil {
		r.Primary = p.Name
	}
	for _, n := range s.Nodes {
		r.Nodes = append(r.Nodes, v.node(n))
		if n.Live != nil {
			for _, slot := range n.Live.Slots {
				r.Slots = append(r.Slots, v.slot(n, slot))
			}
		}
	}
	for _, a := range s.Apps {
		r.Apps = append(r.Apps, AppReport{Name: a.Name, Address: a.Address, Container: a.Container.State})
	}
	if d := s.Drift; d != nil {
		r.Drift = &DriftReport{Changes: append([]string{}, d.Changes...), Unsaid: d.Unsaid, Age: s.At.Sub(d.At).Seconds()}
	}
	for _, rule := range rules {
		rule.judge(v, r)
	}
	slices.SortStableFunc(v.found, byWeight)
	r.Findings, r.Level = append([]Finding{}, v.found...), worst(v.found)
	v.verdicts(&r)
	return r
}

// verdicts gives every row the worst of what was found on it, and counts.
func (v *view) verdicts(r *Report) {
	for i, slot := range r.Slots {
		r.Slots[i].Level = worst(r.On(slot.Subject()))
	}
	for i, app := range r.Apps {
		r.Apps[i].Level = worst(r.On(Subject{App: app.Name}))
	}
	for i, n := range r.Nodes {
		r.Nodes[i].Level = worst(r.Of(n.Name))
	}
	for _, n := range r.Standbys() {
		r.Replicas.Declared++
		if n.State == "streaming" {
			r.Replicas.Streaming++
		}
		if n.Level == OK {
			r.Replicas.Healthy++
		}
	}
}

func (v *view) node(n Node) NodeReport {
	out := NodeReport{Name: n.Name, Address: n.Address, Part: "primary", State: v.state(n), Container: n.Docker.State, Room: n.Room, Pending: []string{}}
	if n.Standby {
		out.Part, out.Upstream, out.Slot, out.Delay = "standby", n.Upstream, n.Slot, n.Delay.Seconds()
		out.Depth = v.depth(n)
		v.follow(n, &out)
	}
	if l := n.Live; l != nil {
		out.Version, out.Recovery, out.Timeline = l.Version, &l.Recovery, &l.Timeline
		out.Pending = append(out.Pending, l.Pending...)
		out.Paused = pointer(l.Recovery && l.Pause != "" && l.Pause != notPaused)
		lsn := l.Written
		if l.Recovery {
			lsn = l.Replayed
		}
		out.LSN, out.Position = &lsn, pointer(lsn.String())
		out.Rate = v.rate(n.Name, lsn, l.At)
	}
	out.CatchUp = v.catchUp(out)
	return out
}

const (
	notPaused = "not paused"
	worksOff  = "works off its delay"
)

// worksOff reports whether a standby that lost its stream waits out its declared delay: it connects again only when it has replayed
// what it has.
func (n Node) worksOff() bool { return n.Delay > 0 && n.Live != nil && n.Live.Delaying }

// depth is how many upstreams are above a standby.
func (v *view) depth(n Node) int {
	depth := 0
	for at := &n; at != nil && at.Standby && depth <= len(v.sample.Nodes); at = v.sample.node(at.Upstream) {
		depth++
	}
	return depth
}

// state is what a node does, in a word or two.
func (v *view) state(n Node) string {
	switch {
	case n.Live == nil && n.Docker.State != "running":
		return n.Docker.State
	case n.Refused:
		return "login refused"
	case n.Live == nil:
		return "no answer"
	case !n.Standby || !n.Live.Recovery:
		return "accepting connections"
	}
	if s := v.sample.sender(n); s != nil {
		return s.State
	}
	if n.worksOff() {
		return worksOff
	}
	if up := v.sample.upstream(n); up == nil || up.Live == nil { // nobody but itself can say
		if n.Live.Receiver != nil && n.Live.Receiver.Status == "streaming" {
			return "streaming"
		}
	}
	return "not streaming"
}

// follow fills in how far behind a standby is.
func (v *view) follow(n Node, out *NodeReport) {
	s, up := v.sample.sender(n), v.sample.upstream(n)
	if up != nil && up.Live != nil {
		for _, slot := range up.Live.Slots {
			if slot.Name == n.Slot {
				out.Retained = slot.Retained
			}
		}
	}
	var replayed *LSN
	if s != nil {
		out.Sync, replayed = s.Sync, s.Replay
		if s.Heard != nil {
			out.Heard = seconds(*s.Heard)
		}
		if s.Sent != nil {
			out.Send = pointer(s.Sent.Behind(up.Live.Written))
		}
	}
	if n.Live != nil && n.Live.Recovery {
		replayed = &n.Live.Replayed
		if n.Live.Starved { // what it has of a record that goes on in the next page is nothing that it could replay
			replayed = pointer(max(n.Live.Replayed, n.Live.Written))
		}
	}
	if n.Live != nil && !n.Live.Recovery || len(v.memory.ring.entries) == 0 {
		return // a primary of its own follows nobody; and nothing is known of one that nobody has seen
	}
	if p := v.sample.node(v.memory.wrote); p == nil || p.Live == nil && p.Docker.State == "running" {
		return // it may write on unseen
	}
	newest := v.memory.ring.newest()
	if n.Live != nil {
		out.Flush = pointer(n.Live.Written.Behind(newest))
	} else if s != nil && s.Flushed != nil {
		out.Flush = pointer(s.Flushed.Behind(newest))
	}
	if replayed == nil {
		return
	}
	out.Replay = pointer(replayed.Behind(newest))
	asked, answered := v.sample.At, v.sample.At
	if n.Live != nil {
		asked, answered = n.Live.Asked, n.Live.At
	}
	if lag, known := v.memory.ring.lag(*replayed, asked, answered, v.oldest(n)); known {
		if p := v.sample.primary(); p != nil && lag.High != nil && *lag.High == 0 { // it lacked nothing of what had been written when the primary was asked
			lag.High = pointer(max(answered.Sub(p.Live.Asked), 0))
		}
		out.LagLow = seconds(lag.Low)
		if lag.High != nil {
			out.LagHigh = seconds(*lag.High)
		}
	}
}

// oldest bounds a standby's lag: what it lacks was written after the last commit that it has, and where it waits for its delay
// to pass, not longer ago than that.
func (v *view) oldest(n Node) *time.Duration {
	switch {
	case n.Live == nil:
		return nil
	case n.Live.Delaying:
		return &n.Delay
	}
	return n.Live.LastCommit
}

// rate is how many bytes a second a node has moved on since the sample before.
func (v *view) rate(node string, lsn LSN, at time.Time) *float64 {
	before := v.memory.before(node)
	if before == nil {
		return nil
	}
	from := before.Written
	if before.Recovery {
		from = before.Replayed
	}
	if elapsed := at.Sub(before.At).Seconds(); elapsed > 0 && lsn >= from {
		return pointer(float64(lsn-from) / elapsed)
	}
	return nil
}

// catchUp is when a standby will be level, at the rates of the last sample; nil where it is, or never will.
func (v *view) catchUp(n NodeReport) *float64 {
	p := v.sample.primary()
	if p == nil || n.Delay > 0 || n.Replay == nil || *n.Replay == 0 || n.Rate == nil {
		return nil
	}
	writes := v.rate(p.Name, p.Live.Written, p.Live.At)
	if writes == nil || *n.Rate <= *writes {
		return nil
	}
	return pointer(float64(*n.Replay) / (*n.Rate - *writes))
}

func (v *view) slot(n Node, s Slot) SlotReport {
	out := SlotReport{Name: s.Name, Node: n.Name, Type: s.Type, Active: s.Active, Status: s.Status, Retained: s.Retained, Safe: s.Safe, Declared: s.Declared, Reader: v.reader(n, s)}
	if s.Retained == nil {
		return out
	}
	grows, over := v.memory.rate(out.Subject())
	known := over > 0 && (!s.Active || over >= growthRead) // one that is read holds now more and now less
	if over > 0 {
		out.Growth = &grows
	} else if !s.Active && n.Live.WALRate != nil && v.staysIdle(n, s) { // nothing reads it: it grows by all that is written
		grows, known = *n.Live.WALRate, true
		out.Growth = n.Live.WALRate
	}
	if known && grows > 0 {
		if s.Safe != nil {
			out.Lost = pointer(max(float64(*s.Safe), 0) / grows)
		}
		if n.Room != nil {
			out.Full = pointer(float64(*n.Room) / grows)
		}
	}
	if out.Lost != nil && out.Full != nil { // only one of them will be
		if *out.Lost <= *out.Full {
			out.Full = nil
		} else {
			out.Lost = nil
		}
	}
	return out
}

// staysIdle reports whether a slot has had no reader for longer than a restart takes.
func (v *view) staysIdle(n Node, s Slot) bool {
	seen, known := v.memory.since[mark{"slot_inactive", Subject{Node: n.Name, Slot: s.Name}}]
	return v.memory.Once || known && v.sample.At.Sub(seen) >= growthLeast || s.Idle != nil && *s.Idle >= growthLeast
}

// reader is the declared replica that reads a slot.
func (v *view) reader(n Node, s Slot) string {
	for _, d := range v.sample.Nodes {
		if d.Standby && d.Upstream == n.Name && d.Slot == s.Name {
			return d.Name
		}
	}
	return ""
}

func (l Limits) report() LimitsReport {
	return LimitsReport{l.LagWarning, l.LagCritical, l.LagTimeWarning.Seconds(), l.LagTimeCritical.Seconds(), l.SlotWarning, l.SlotCritical}
}
