package health

var monitorMetrics = []Metric{
	{"pgrepl_up", "Whether the figures are fresh: 0 where the last sample could not be taken or is old, and then nothing else is told.", Gauge, nil,
		func(w Watched) []Value { return one(yes(w.Fresh != nil)) }},
	{"pgrepl_last_sample_timestamp_seconds", "When the last sample was taken.", Gauge, nil, func(w Watched) []Value { return one(unix(w.Last)) }},
	{"pgrepl_samples_total", "Samples since the monitor was started, by what came of them.", Counter, []string{"result"}, samples},
}

func samples(w Watched) []Value {
	if w.Taken+w.Failed == 0 {
		return nil
	}
	return []Value{{[]string{"failed"}, float64(w.Failed)}, {[]string{"taken"}, float64(w.Taken)}}
}

var clusterMetrics = []Metric{
	{"pgrepl_health", "Verdict on the cluster: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.", Gauge, nil, ofReport(func(r Report) *float64 { return count(r.Level.Code()) })},
	{"pgrepl_finding", "A limit that is broken now; 1, and absent where it is not. The rules are those of the section on health.", Gauge, []string{"rule", "level", "node", "slot", "app"}, findings},
	{"pgrepl_sample_skew_seconds", "Time between the first answer of a node and the last one.", Gauge, nil, ofReport(func(r Report) *float64 { return &r.Skew })},
	{"pgrepl_primaries", "Nodes that take writes. Anything but 1 is wrong.", Gauge, nil, ofReport(primaries)},
	{"pgrepl_replicas_declared", "Replicas of the file.", Gauge, nil, ofReport(func(r Report) *float64 { return count(r.Replicas.Declared) })},
	{"pgrepl_replicas_streaming", "Of them, those that stream from their upstream.", Gauge, nil, ofReport(func(r Report) *float64 { return count(r.Replicas.Streaming) })},
	{"pgrepl_replicas_healthy", "Of them, those on which and on whose slot nothing was found.", Gauge, nil, ofReport(func(r Report) *float64 { return count(r.Replicas.Healthy) })},
	{"pgrepl_commit_waiting_seconds", "For how long the oldest commit has waited for its synchronous replicas; 0 where none waits.", Gauge, nil, ofReport(waiting)},
	{"pgrepl_drift_changes", "Objects that a plan would change. Absent where nobody looked.", Gauge, nil, ofReport(drifted)},
	{"pgrepl_drift_age_seconds", "Age of that look.", Gauge, nil, ofReport(func(r Report) *float64 {
		if r.Drift == nil {
			return nil
		}
		return &r.Drift.Age
	})},
}

func findings(w Watched) []Value {
	if w.Fresh == nil {
		return nil
	}
	var out []Value
	for _, f := range w.Fresh.Findings {
		out = append(out, Value{[]string{f.Rule, string(f.Level), f.Node, f.Slot, f.App}, 1})
	}
	return out
}

// primaries cannot be told where none is known and a node lets nobody in, which may be one.
func primaries(r Report) *float64 {
	n, refused := 0, false
	for _, node := range r.Nodes {
		refused = refused || r.refuses(node.Name)
		if node.Recovery != nil && !*node.Recovery {
			n++
		}
	}
	if n == 0 && refused {
		return nil
	}
	return count(n)
}

// refuses reports whether a server is up and lets the monitor not in: nothing else is known of it.
func (r Report) refuses(node string) bool {
	n := r.sample.node(node)
	return n != nil && n.Refused
}

func answers(w Watched) []Value {
	return ofNodes(func(n NodeReport, l *Live) *float64 {
		if w.Fresh.refuses(n.Name) {
			return nil
		}
		return yes(l != nil)
	})(w)
}

func waiting(r Report) *float64 {
	if r.live(r.Primary) == nil {
		return nil
	}
	return seconds(r.waited)
}

func drifted(r Report) *float64 {
	if r.Drift == nil || r.Drift.Unsaid != "" {
		return nil
	}
	return count(len(r.Drift.Changes))
}

var (
	nodeLabels = []string{"node"}
	slotLabels = []string{"node", "slot"}
)

// said is a figure that only a server which answered can tell.
func said(f func(*Live) *float64) func(NodeReport, *Live) *float64 {
	return func(_ NodeReport, l *Live) *float64 {
		if l == nil {
			return nil
		}
		return f(l)
	}
}

var nodeMetrics = []Metric{
	{"pgrepl_node_info", "A node of the file; always 1. The version is empty where its server did not answer.", Gauge, []string{"node", "address", "part", "upstream", "version"},
		ofNodes(func(NodeReport, *Live) *float64 { return count(1) }, func(n NodeReport) string { return n.Address }, func(n NodeReport) string { return n.Part }, func(n NodeReport) string { return n.Upstream }, func(n NodeReport) string { return n.Version })},
	{"pgrepl_node_health", "Verdict on the node and on the slot that it reads: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.", Gauge, nodeLabels, ofNodes(func(n NodeReport, _ *Live) *float64 { return count(n.Level.Code()) })},
	{"pgrepl_node_container_running", "Whether its container runs.", Gauge, nodeLabels, ofNodes(func(n NodeReport, _ *Live) *float64 { return yes(n.Container == "running") })},
	{"pgrepl_node_up", "Whether its server answered. Absent where it lets the monitor not in.", Gauge, nodeLabels, answers},
	{"pgrepl_node_in_recovery", "Whether it is a standby in fact.", Gauge, nodeLabels, ofNodes(func(n NodeReport, _ *Live) *float64 { return whether(n.Recovery) })},
	{"pgrepl_node_as_declared", "Whether it is what the file makes of it: the master takes writes, a replica is in recovery.", Gauge, nodeLabels, ofNodes(asDeclared)},
	{"pgrepl_node_start_timestamp_seconds", "When its server was started.", Gauge, nodeLabels, ofNodes(said(func(l *Live) *float64 { return unix(l.At.Add(-l.Up)) }))},
	{"pgrepl_node_timeline", "Timeline that it writes, or receives.", Gauge, nodeLabels, ofNodes(said(func(l *Live) *float64 { return count(l.Timeline) }))},
	{"pgrepl_node_wal_position_bytes", "Position in the WAL: what a primary has written, or a standby has replayed.", Gauge, nodeLabels, ofNodes(func(n NodeReport, _ *Live) *float64 {
		if n.LSN == nil {
			return nil
		}
		return pointer(float64(*n.LSN))
	})},
	{"pgrepl_node_wal_bytes_per_second", "WAL that a primary writes, or a standby replays, between two samples.", Gauge, nodeLabels, ofNodes(func(n NodeReport, _ *Live) *float64 { return n.Rate })},
	{"pgrepl_node_wal_files", "WAL files in pg_wal.", Gauge, nodeLabels, ofNodes(said(func(l *Live) *float64 { return count(l.WALFiles) }))},
	{"pgrepl_node_wal_size_bytes", "What they take on its disk.", Gauge, nodeLabels, ofNodes(said(func(l *Live) *float64 { return bytesOf(&l.WALSize) }))},
	{"pgrepl_node_wal_segment_bytes", "Size of one of them.", Gauge, nodeLabels, ofNodes(said(func(l *Live) *float64 { return bytesOf(&l.Segment) }))},
	{"pgrepl_node_disk_free_bytes", "What the disk of its volume has left.", Gauge, nodeLabels, ofNodes(func(n NodeReport, _ *Live) *float64 { return bytesOf(n.Room) })},
	{"pgrepl_node_pending_restart_settings", "Settings that wait for a restart.", Gauge, nodeLabels, ofNodes(said(func(l *Live) *float64 { return count(len(l.Pending)) }))},
}

func asDeclared(n NodeReport, _ *Live) *float64 {
	if n.Recovery == nil {
		return nil
	}
	return yes(*n.Recovery == (n.Part == "standby"))
}

var replicaMetrics = []Metric{
	{"pgrepl_replica_connected", "Whether it streams from its upstream, or catches up.", Gauge, nodeLabels, connected},
	{"pgrepl_replica_synchronous", "Whether commits wait for it.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 {
		if n.Sync == "" {
			return nil
		}
		return yes(n.Sync == "sync" || n.Sync == "quorum")
	})},
	{"pgrepl_replica_lag_seconds", "True lag: the oldest change that it lacks was written at least so long ago; 0 where it lacks none, also while nothing is written.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return n.LagLow })},
	{"pgrepl_replica_lag_at_most_seconds", "And at most so long ago. Absent where nothing bounds it.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return n.LagHigh })},
	{"pgrepl_replica_delay_seconds", "Its declared delay, which is a part of the lag.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return &n.Delay })},
	{"pgrepl_replica_send_lag_bytes", "WAL that its upstream has not sent yet.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return bytesOf(n.Send) })},
	{"pgrepl_replica_flush_lag_bytes", "WAL that the primary has written and is not on its disk.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return bytesOf(n.Flush) })},
	{"pgrepl_replica_replay_lag_bytes", "WAL that the primary has written and cannot be read on it.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return bytesOf(n.Replay) })},
	{"pgrepl_replica_catch_up_seconds", "Until it is level, at these rates. Absent where it is, or never will be.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return n.CatchUp })},
	{"pgrepl_replica_silent_seconds", "Since it last replied to its upstream. An idle one replies every 10 s.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return n.Heard })},
	{"pgrepl_replica_silent_limit_seconds", "From when on that is worth a warning. Absent where it never replies by itself.", Gauge, nodeLabels, ofNodes(silentLimit)},
	{"pgrepl_replica_replay_paused", "Whether it receives and does not replay.", Gauge, nodeLabels, ofReplicas(func(n NodeReport) *float64 { return whether(n.Paused) })},
}

// connected is not known of a replica where neither it nor its upstream says.
func connected(w Watched) []Value {
	return ofReplicas(func(n NodeReport) *float64 {
		of := w.Fresh.sample.node(n.Name)
		up := w.Fresh.sample.upstream(*of)
		if of.Live == nil && (up == nil || up.Live == nil) {
			return nil
		}
		sending := n.State == "streaming" || n.State == "catchup"
		if s := w.Fresh.sample.sender(*of); s != nil { // its own server may be silent while its stream goes on
			sending = sending || s.State == "streaming" || s.State == "catchup"
		}
		return yes(sending)
	})(w)
}

func silentLimit(n NodeReport, l *Live) *float64 {
	switch {
	case n.Part != "standby" || l != nil && l.StatusEvery == 0:
		return nil
	case l == nil:
		return seconds(silentLeast)
	}
	return seconds(max(silentLeast, 2*l.StatusEvery))
}

var slotMetrics = []Metric{
	{"pgrepl_slot_info", "A replication slot; always 1. The reader is the replica of the file that it is for.", Gauge, []string{"node", "slot", "type", "reader", "declared"},
		ofSlots(func(SlotReport) *float64 { return count(1) }, func(s SlotReport) string { return s.Type }, func(s SlotReport) string { return s.Reader }, func(s SlotReport) string {
			if s.Declared {
				return "yes"
			}
			return "no"
		})},
	{"pgrepl_slot_active", "Whether something reads it.", Gauge, slotLabels, ofSlots(func(s SlotReport) *float64 { return yes(s.Active) })},
	{"pgrepl_slot_wal_status", "What becomes of the WAL that it holds: reserved, extended, unreserved (the next checkpoint may lose it) or lost; 1.", Gauge, []string{"node", "slot", "status"}, walStatus},
	{"pgrepl_slot_retained_bytes", "WAL that it holds. Absent where it holds none.", Gauge, slotLabels, ofSlots(func(s SlotReport) *float64 { return bytesOf(s.Retained) })},
	{"pgrepl_slot_growth_bytes_per_second", "By how much that grows, measured over the last ten minutes at most.", Gauge, slotLabels, ofSlots(func(s SlotReport) *float64 { return s.Growth })},
	{"pgrepl_slot_safe_bytes", "WAL that may still be written before it is lost. Absent where there is no limit.", Gauge, slotLabels, ofSlots(func(s SlotReport) *float64 { return bytesOf(s.Safe) })},
	{"pgrepl_slot_disk_full_seconds", "Until it has filled the disk, at this growth. Absent where it does not.", Gauge, slotLabels, ofSlots(func(s SlotReport) *float64 { return s.Full })},
	{"pgrepl_slot_lost_seconds", "Until it is lost, at this growth. Absent where it is not going to be.", Gauge, slotLabels, ofSlots(func(s SlotReport) *float64 { return s.Lost })},
}

func walStatus(w Watched) []Value {
	if w.Fresh == nil {
		return nil
	}
	var out []Value
	for _, n := range w.Fresh.sample.Nodes {
		if n.Live == nil {
			continue
		}
		for _, s := range n.Live.Slots {
			status := s.Status
			if s.lost() {
				status = "lost"
			}
			if status != "" {
				out = append(out, Value{[]string{n.Name, s.Name, status}, 1})
			}
		}
	}
	return out
}

var appMetrics = []Metric{
	{"pgrepl_app_running", "Whether an application's container runs, and is not unhealthy where it has a health check.", Gauge, []string{"app"}, apps},
}

func apps(w Watched) []Value {
	if w.Fresh == nil {
		return nil
	}
	var out []Value
	for _, a := range w.Fresh.sample.Apps {
		out = append(out, Value{[]string{a.Name}, *yes(a.Container.State == "running" && a.Container.Health != "unhealthy")})
	}
	return out
}
