package health

import (
	"fmt"
	"time"
)

// eachSlot calls judge for every slot of a node that is up.
func (v *view) eachSlot(r Report, judge func(Node, Slot, SlotReport)) {
	i := 0
	for _, n := range v.sample.Nodes {
		if n.Live == nil {
			continue
		}
		for _, s := range n.Live.Slots {
			judge(n, s, r.Slots[i])
			i++
		}
	}
}

// lost reports whether a slot is of no use any more.
func (s Slot) lost() bool { return s.Status == "lost" || s.Reason != "" }

func judgeSlotStatus(v *view, r Report) {
	v.eachSlot(r, func(n Node, s Slot, row SlotReport) {
		switch {
		case s.lost():
			text := "slot is lost"
			if s.Reason != "" {
				text += " (" + s.Reason + ")"
			}
			next := "pgrepl plan"
			if row.Reader == "" && !row.Declared { // which leaves it alone
				next = v.nextOf(row)
			}
			v.find(Critical, "slot_status", row.Subject(), text, "", next)
		case s.Status == "unreserved":
			v.find(Warning, "slot_status", row.Subject(), "slot is unreserved: the next checkpoint may lose it", "", v.nextOf(row))
		}
	})
}

func judgeSlotIdle(v *view, r Report) {
	v.eachSlot(r, func(n Node, s Slot, row SlotReport) {
		if s.Active || s.lost() || s.Restart == nil {
			return
		}
		idle := v.since("slot_inactive", row.Subject())
		if s.Idle != nil {
			idle = max(idle, *s.Idle)
		}
		level, text := Warning, "nothing reads it"
		if s.Idle != nil || !v.memory.Once && idle > 0 {
			text += " for " + Time(idle)
		}
		next := v.nextOf(row)
		switch reader := v.sample.node(row.Reader); {
		case reader != nil && reader.worksOff():
			text += ": " + reader.Name + " " + worksOff + " before it does"
			next = "pgrepl plan"
		case idle >= slotIdleCritical:
			level = Critical
		}
		v.find(level, "slot_inactive", row.Subject(), text, Time(slotIdleCritical), next)
	})
}

// nextOf is where to go when a slot is not read. A plan leaves what the file does not declare alone.
func (v *view) nextOf(s SlotReport) string {
	switch {
	case s.Reader != "":
		return v.logsOf(s.Reader)
	case s.Declared:
		return "start what reads it, or take its block out of the file"
	}
	return fmt.Sprintf("start what reads it; or where nothing ever will, as a superuser on %s: SELECT pg_drop_replication_slot('%s')", s.Node, s.Name)
}

func judgeSlotRetained(v *view, r Report) {
	v.eachSlot(r, func(n Node, s Slot, row SlotReport) {
		if s.Retained == nil {
			return
		}
		warning, critical := v.limits.SlotWarning, v.limits.SlotCritical
		if s.Warn > 0 {
			warning, critical = s.Warn, max(critical, s.Warn)
		}
		v.measure("slot_retained", row.Subject(), *s.Retained, warning, critical, "holds ", v.nextOf(row))
	})
}

func judgeRoom(v *view, r Report) {
	for _, n := range v.sample.Nodes {
		if n.Room == nil {
			continue
		}
		segment := int64(usualSegment)
		if n.Live != nil {
			segment = n.Live.Segment
		}
		if *n.Room < roomFiles*segment {
			v.find(Critical, "room", on(n), fmt.Sprintf("its disk is full: %s left", Bytes(*n.Room)), Bytes(roomFiles*segment), "docker exec "+n.Name+" df -h")
		}
	}
	for _, s := range r.Slots {
		v.ends(s, s.Full, "its disk is full in ")
		v.ends(s, s.Lost, "is lost in ")
	}
}

// ends judges how long it takes until a slot has used up what there is.
func (v *view) ends(s SlotReport, in *float64, text string) {
	if in == nil {
		return
	}
	left := time.Duration(min(*in, 1e9) * float64(time.Second))
	switch {
	case left < roomCritical:
		v.find(Critical, "room", s.Subject(), text+Time(left), Time(roomCritical), v.nextOf(s))
	case left < roomWarning:
		v.find(Warning, "room", s.Subject(), text+Time(left), Time(roomWarning), v.nextOf(s))
	}
}
