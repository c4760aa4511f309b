package health

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Memory is what the samples so far have shown of one cluster; its zero value has seen nothing.
type Memory struct {
	// Once is for a command that takes a sample or two and ends: what is wrong then counts at once, although it may have begun
	// only now. With more samples to come, what passes by itself is given its time.
	Once bool

	ring  ring
	wrote string // the node that it is of
	last  *Sample
	waits map[commit]time.Time // commits that wait, since they were seen to
	since map[mark]time.Time
	grew  map[Subject][]growth
}

// mark is a condition that holds on an object.
type mark struct {
	rule string
	on   Subject
}

// commit is one transaction of one session.
type commit struct {
	pid int
	xid string
}

// growth is how much WAL a slot held when.
type growth struct {
	at       time.Time
	retained int64
}

// growthFor is how far back the growth of a slot is measured, and growthEvery how close its measurements are.
const (
	growthFor   = 10 * time.Minute
	growthEvery = 5 * time.Second
)

// Judge takes one more sample, and says how the cluster is. Samples come in the order of their times.
func (m *Memory) Judge(cluster string, s Sample, by Limits) Report {
	if m.since == nil {
		m.since, m.grew = map[mark]time.Time{}, map[Subject][]growth{}
	}
	if p := s.primary(); p != nil {
		m.wrote = p.Name
		m.ring.see(fmt.Sprintf("%s/%s/%d", p.Name, p.Live.System, p.Live.Timeline), p.Live.Asked, p.Live.At, p.Live.Written)
	}
	m.remember(s)
	v := view{memory: m, sample: s, limits: by, held: map[mark]time.Time{}, waited: m.waited(s)}
	r := v.report(cluster)
	m.since, m.last = v.held, &s
	return r
}

// waited is for how long the oldest commit on the primary has waited for its synchronous standbys. One that was seen in one sample
// only may have begun to a moment ago.
func (m *Memory) waited(s Sample) time.Duration {
	var longest time.Duration
	now := map[commit]time.Time{}
	if p := s.primary(); p != nil {
		for _, w := range p.Live.Waits {
			c := commit{w.PID, w.XID}
			began, before := m.waits[c]
			switch {
			case !before:
				began = s.At
			case m.Once: // and no third sample will come
				longest = max(longest, w.Statement)
			default:
				longest = max(longest, s.At.Sub(began))
			}
			now[c] = began
		}
	}
	m.waits = now
	return longest
}

// remember notes how much the slots hold, every few seconds.
func (m *Memory) remember(s Sample) {
	for _, n := range s.Nodes {
		if n.Live == nil {
			continue
		}
		maps.DeleteFunc(m.grew, func(at Subject, _ []growth) bool { return at.Node == n.Name && n.Live.slot(at.Slot) == nil })
		for _, slot := range n.Live.Slots {
			if slot.Retained == nil {
				continue
			}
			at := Subject{Node: n.Name, Slot: slot.Name}
			if before := m.before(n.Name); before != nil && !slot.Active {
				if was := before.slot(slot.Name); was != nil && was.Active { // its reader has gone: from now on it grows otherwise
					delete(m.grew, at)
				}
			}
			list := m.grew[at]
			if len(list) > 0 && n.Live.At.Sub(list[len(list)-1].at) < growthEvery {
				continue
			}
			list = append(list, growth{n.Live.At, *slot.Retained})
			m.grew[at] = slices.DeleteFunc(list, func(g growth) bool { return n.Live.At.Sub(g.at) > growthFor })
		}
	}
}

func (l *Live) slot(name string) *Slot {
	i := slices.IndexFunc(l.Slots, func(s Slot) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &l.Slots[i]
}

// rate is by how many bytes a second a slot has held more, lately, and over what time that was measured; 0 where that is too short
// to tell.
func (m *Memory) rate(at Subject) (float64, time.Duration) {
	list := m.grew[at]
	if len(list) < 2 || list[len(list)-1].at.Sub(list[0].at) < growthLeast {
		return 0, 0
	}
	first, last := list[0], list[len(list)-1]
	over := last.at.Sub(first.at)
	return float64(last.retained-first.retained) / over.Seconds(), over
}

// before is a node as the sample before had it; nil where it was not up.
func (m *Memory) before(node string) *Live {
	if m.last == nil {
		return nil
	}
	i := slices.IndexFunc(m.last.Nodes, func(n Node) bool { return n.Name == node })
	if i < 0 {
		return nil
	}
	return m.last.Nodes[i].Live
}

// primary is the node that takes writes: the declared one, or where that one is not up or not writing, the only one that does.
func (s Sample) primary() *Node {
	var writing []*Node
	for i, n := range s.Nodes {
		if n.Live != nil && !n.Live.Recovery {
			writing = append(writing, &s.Nodes[i])
		}
	}
	if len(writing) == 0 {
		return nil
	}
	slices.SortStableFunc(writing, func(a, b *Node) int { return cmp.Compare(rank(*a), rank(*b)) })
	if len(writing) > 1 && writing[0].Standby {
		return nil
	}
	return writing[0]
}

func rank(n Node) int {
	if n.Standby {
		return 1
	}
	return 0
}

// node returns a node of the sample by its name; nil where there is none.
func (s Sample) node(name string) *Node {
	i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Nodes[i]
}

// upstream is the node that a standby streams from in fact, or where that is not known, is declared to.
func (s Sample) upstream(n Node) *Node {
	if n.Live != nil && n.Live.Receiver != nil {
		if up := s.node(n.Live.Receiver.Host); up != nil {
			return up
		}
	}
	return s.node(n.Upstream)
}

// sender is the upstream's end of a standby's stream; nil where there is none, or it is not known. Between a change of the file and
// its apply the standby comes by the name from before: then the slot tells.
func (s Sample) sender(n Node) *Sender {
	up := s.upstream(n)
	if up == nil || up.Live == nil {
		return nil
	}
	reads := ""
	if n.Live != nil && n.Live.Receiver != nil {
		reads = n.Live.Receiver.Slot
	}
	for i, w := range up.Live.Senders {
		if w.State != "backup" && (w.Application == n.Application || reads != "" && w.Slot == reads) {
			return &up.Live.Senders[i]
		}
	}
	return nil
}
