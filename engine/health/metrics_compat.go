package health

import (
	"slices"
	"strconv"
	"time"
)

// compatible are the names that dashboards and rules written for other exporters use. Each of those watches one server, and so
// all of these have the label server beside their own. The lag is the true one, under whatever name.
var compatible = map[string][]Metric{
	"postgres_exporter": postgresExporter,
	"patroni":           patroni,
	"cloudnative_pg":    cloudNative,
	"pgmonitor":         pgMonitor,
}

// Compatible returns the metrics under the names of another exporter; false where that is not known.
func Compatible(exporter string) ([]Metric, bool) {
	m, known := compatible[exporter]
	return m, known
}

// Exporters lists those whose names there are.
func Exporters() []string {
	return []string{"cloudnative_pg", "patroni", "pgmonitor", "postgres_exporter"}
}

// Server is the label of all compatible metrics that tells the server; the rest are the exporter's own.
const Server = "server"

func server(more ...string) []string { return append([]string{Server}, more...) }

// eachLive collects values of every server that answered.
func eachLive(f func(n Node, r NodeReport) []Value) func(Watched) []Value {
	return func(w Watched) []Value {
		if w.Fresh == nil {
			return nil
		}
		var out []Value
		for _, n := range w.Fresh.sample.Nodes {
			if n.Live == nil {
				continue
			}
			for _, v := range f(n, *w.Fresh.Node(n.Name)) {
				out = append(out, Value{append([]string{n.Name}, v.Labels...), v.Value})
			}
		}
		return out
	}
}

// single is one figure of each server that answered.
func single(f func(n Node, r NodeReport) *float64) func(Watched) []Value {
	return eachLive(func(n Node, r NodeReport) []Value { return one(f(n, r)) })
}

// trueLag is a standby's lag in seconds; 0 of a primary, as exporters have it.
func trueLag(n Node, r NodeReport) *float64 {
	if !n.Live.Recovery {
		return count(0)
	}
	return r.LagLow
}

func recovers(n Node, _ NodeReport) *float64 { return yes(n.Live.Recovery) }

func received(n Node, _ NodeReport) *float64 { return yes(n.Live.Receiver != nil) }

func position(l LSN) *float64 { return pointer(float64(l)) }

var postgresExporter = []Metric{
	{"pg_up", "Whether the server answered.", Gauge, server(), ofNodes(func(_ NodeReport, l *Live) *float64 { return yes(l != nil) })},
	{"pg_exporter_last_scrape_error", "Whether it did not.", Gauge, server(), ofNodes(func(_ NodeReport, l *Live) *float64 { return yes(l == nil) })},
	{"pg_replication_lag_seconds", "True lag of a replica; 0 of a primary.", Gauge, server(), single(trueLag)},
	{"pg_replication_lag", "The same under its old name.", Gauge, server(), single(trueLag)},
	{"pg_replication_is_replica", "Whether it is in recovery.", Gauge, server(), single(recovers)},
	{"pg_replication_last_replay_seconds", "Age of the last commit that it has replayed.", Gauge, server(), single(func(n Node, _ NodeReport) *float64 {
		if n.Live.LastCommit == nil {
			return nil
		}
		return seconds(*n.Live.LastCommit)
	})},
	{"pg_stat_replication_pg_current_wal_lsn_bytes", "What the server has written.", Gauge, server(senderLabels...), eachLive(func(n Node, _ NodeReport) []Value {
		return senders(n, func(Sender) *float64 { return position(n.Live.Written) })
	})},
	{"pg_stat_replication_pg_wal_lsn_diff", "Bytes that a standby has not replayed. Of two under the same labels, the one that is further behind.", Gauge, server(senderLabels...), eachLive(func(n Node, _ NodeReport) []Value {
		return senders(n, func(s Sender) *float64 {
			if s.Replay == nil {
				return nil
			}
			return pointer(float64(s.Replay.Behind(n.Live.Written)))
		})
	})},
	{"pg_replication_slots_active", "Whether something reads the slot.", Gauge, server("slot_name", "database"), eachLive(func(n Node, _ NodeReport) []Value {
		return slots(n, byDatabase, func(s Slot) *float64 { return yes(s.Active) })
	})},
	{"pg_replication_slots_pg_wal_lsn_diff", "Bytes that the slot holds.", Gauge, server("slot_name", "database"), eachLive(func(n Node, _ NodeReport) []Value {
		return slots(n, byDatabase, func(s Slot) *float64 { return bytesOf(s.Retained) })
	})},
	{"pg_replication_slots_slot_is_active", "Whether something reads the slot.", Gauge, server("slot_name", "slot_type"), slotFigure(func(_ *Live, s Slot) *float64 { return yes(s.Active) })},
	{"pg_replication_slots_slot_current_wal_lsn", "What the server has written.", Gauge, server("slot_name", "slot_type"), slotFigure(func(l *Live, _ Slot) *float64 { return position(l.Written) })},
	{"pg_replication_slots_slot_confirmed_flush_lsn", "What the reader of a logical slot has confirmed.", Gauge, server("slot_name", "slot_type"), slotFigure(confirmed)},
	{"pg_replication_slots_safe_wal_size_bytes", "WAL that may still be written before the slot is lost.", Gauge, server("slot_name", "slot_type"), slotFigure(func(_ *Live, s Slot) *float64 { return bytesOf(s.Safe) })},
	{"pg_replication_slots_wal_status", "What becomes of the WAL that the slot holds; 1.", Gauge, server("slot_name", "slot_type", "wal_status"), eachLive(func(n Node, _ NodeReport) []Value {
		return slots(n, func(s Slot) []string { return []string{s.Name, s.Type, s.Status} }, func(s Slot) *float64 {
			if s.Status == "" {
				return nil
			}
			return count(1)
		})
	})},
	{"pg_replication_slot_slot_is_active", "As pg_replication_slots_slot_is_active, which it was called before version 0.20.", Gauge, server("slot_name", "slot_type"), slotFigure(func(_ *Live, s Slot) *float64 { return yes(s.Active) })},
	{"pg_replication_slot_slot_current_wal_lsn", "As pg_replication_slots_slot_current_wal_lsn.", Gauge, server("slot_name", "slot_type"), slotFigure(func(l *Live, _ Slot) *float64 { return position(l.Written) })},
	{"pg_replication_slot_slot_confirmed_flush_lsn", "As pg_replication_slots_slot_confirmed_flush_lsn.", Gauge, server("slot_name", "slot_type"), slotFigure(confirmed)},
	{"pg_replication_slot_safe_wal_size_bytes", "As pg_replication_slots_safe_wal_size_bytes.", Gauge, server("slot_name", "slot_type"), slotFigure(func(_ *Live, s Slot) *float64 { return bytesOf(s.Safe) })},
	{"pg_stat_wal_receiver_flushed_lsn", "What a standby has received.", Gauge, server(receiverLabels...), receiver(func(n Node) *float64 { return position(n.Live.Written) })},
	{"pg_stat_wal_receiver_received_tli", "Timeline of it.", Gauge, server(receiverLabels...), receiver(func(n Node) *float64 { return count(n.Live.Timeline) })},
	{"pg_stat_wal_receiver_last_msg_receipt_time", "When its upstream last sent something.", Gauge, server(receiverLabels...), receiver(func(n Node) *float64 {
		if at := heard(n.Live); at != nil {
			return unix(*at)
		}
		return nil
	})},
	{"pg_wal_segments", "WAL files in pg_wal.", Gauge, server(), single(func(n Node, _ NodeReport) *float64 { return count(n.Live.WALFiles) })},
	{"pg_wal_size_bytes", "What they take.", Gauge, server(), single(func(n Node, _ NodeReport) *float64 { return bytesOf(&n.Live.WALSize) })},
}

var (
	senderLabels   = []string{"application_name", "client_addr", "state", "slot_name"}
	receiverLabels = []string{"upstream_host", "slot_name", "status"}
)

func senders(n Node, f func(Sender) *float64) []Value {
	var out []Value
	for _, s := range n.Live.Senders {
		if known := f(s); known != nil {
			out = append(out, Value{[]string{s.Application, s.Client, s.State, s.Slot}, *known})
		}
	}
	return out
}

func byDatabase(s Slot) []string { return []string{s.Name, s.Database} }

func slots(n Node, labels func(Slot) []string, f func(Slot) *float64) []Value {
	var out []Value
	for _, s := range n.Live.Slots {
		if known := f(s); known != nil {
			out = append(out, Value{labels(s), *known})
		}
	}
	return out
}

func slotFigure(f func(*Live, Slot) *float64) func(Watched) []Value {
	return eachLive(func(n Node, _ NodeReport) []Value {
		return slots(n, func(s Slot) []string { return []string{s.Name, s.Type} }, func(s Slot) *float64 { return f(n.Live, s) })
	})
}

func confirmed(_ *Live, s Slot) *float64 {
	if s.Confirmed == nil {
		return nil
	}
	return position(*s.Confirmed)
}

func receiver(f func(Node) *float64) func(Watched) []Value {
	return eachLive(func(n Node, _ NodeReport) []Value {
		r := n.Live.Receiver
		if r == nil {
			return nil
		}
		known := f(n)
		if known == nil {
			return nil
		}
		return []Value{{[]string{r.Host, r.Slot, r.Status}, *known}}
	})
}

var patroni = []Metric{
	{"patroni_postgres_running", "Whether the server answered.", Gauge, server("name"), ofNodes(func(_ NodeReport, l *Live) *float64 { return yes(l != nil) }, nameOf)},
	{"patroni_primary", "Whether it takes writes.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 { return yes(!n.Live.Recovery) })},
	{"patroni_replica", "Whether it is in recovery.", Gauge, server("name"), named(recovers)},
	{"patroni_xlog_location", "What a primary has written.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 {
		if n.Live.Recovery {
			return count(0)
		}
		return position(n.Live.Written)
	})},
	{"patroni_xlog_received_location", "What a standby has received.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 {
		if !n.Live.Recovery {
			return count(0)
		}
		return position(n.Live.Written)
	})},
	{"patroni_xlog_replayed_location", "What a standby has replayed.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 {
		if !n.Live.Recovery {
			return count(0)
		}
		return position(n.Live.Replayed)
	})},
	{"patroni_xlog_paused", "Whether its replay is paused.", Gauge, server("name"), named(func(_ Node, r NodeReport) *float64 { return whether(r.Paused) })},
	{"patroni_postgres_streaming", "Whether it streams.", Gauge, server("name"), named(func(_ Node, r NodeReport) *float64 { return yes(r.State == "streaming") })},
	{"patroni_postgres_timeline", "Its timeline.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 { return count(n.Live.Timeline) })},
	{"patroni_postgres_server_version", "Its version, such as 170006.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 { return versionNumber(n.Live.Version) })},
	{"patroni_pending_restart", "Whether a setting waits for a restart.", Gauge, server("name"), named(func(n Node, _ NodeReport) *float64 { return yes(len(n.Live.Pending) > 0) })},
}

func nameOf(n NodeReport) string { return n.Name }

// named is a figure of each server with its name once more, as Patroni has it.
func named(f func(Node, NodeReport) *float64) func(Watched) []Value {
	return eachLive(func(n Node, r NodeReport) []Value {
		known := f(n, r)
		if known == nil {
			return nil
		}
		return []Value{{[]string{n.Name}, *known}}
	})
}

// versionNumber is server_version_num; nil where the version is not two numbers.
func versionNumber(version string) *float64 {
	i := slices.Index([]byte(version), '.')
	if i < 0 {
		return nil
	}
	major, err0 := strconv.Atoi(version[:i])
	minor, err1 := strconv.Atoi(version[i+1:])
	if err0 != nil || err1 != nil {
		return nil
	}
	return count(major*10000 + minor)
}

var cloudNative = []Metric{
	{"cnpg_pg_replication_lag", "True lag of a replica; 0 of a primary.", Gauge, server("pod"), named(trueLag)},
	{"cnpg_pg_replication_in_recovery", "Whether it is in recovery.", Gauge, server("pod"), named(recovers)},
	{"cnpg_pg_replication_is_wal_receiver_up", "Whether it has a stream.", Gauge, server("pod"), named(received)},
	{"cnpg_pg_replication_streaming_replicas", "Standbys that stream from it.", Gauge, server("pod"), named(func(n Node, _ NodeReport) *float64 {
		streaming := 0
		for _, s := range n.Live.Senders {
			if s.State == "streaming" {
				streaming++
			}
		}
		return count(streaming)
	})},
}

var pgMonitor = []Metric{
	{"ccp_is_in_recovery_status", "1 in recovery, 2 a primary.", Gauge, server(), single(func(n Node, _ NodeReport) *float64 { return count(2 - int(*yes(n.Live.Recovery))) })},
	{"ccp_replication_lag_replay_time", "True lag of a replica; 0 of a primary.", Gauge, server(), single(trueLag)},
	{"ccp_replication_lag_size_bytes", "Bytes that a standby has not replayed.", Gauge, server("replica"), eachLive(func(n Node, _ NodeReport) []Value {
		var out []Value
		for _, s := range n.Live.Senders {
			if s.Replay != nil {
				out = append(out, Value{[]string{s.Application}, float64(s.Replay.Behind(n.Live.Written))})
			}
		}
		return out
	})},
	{"ccp_replication_slots_active", "Whether something reads the slot.", Gauge, server("slot_name"), eachLive(func(n Node, _ NodeReport) []Value {
		return slots(n, func(s Slot) []string { return []string{s.Name} }, func(s Slot) *float64 { return yes(s.Active) })
	})},
	{"ccp_replication_slots_retained_bytes", "Bytes that the slot holds.", Gauge, server("slot_name"), eachLive(func(n Node, _ NodeReport) []Value {
		return slots(n, func(s Slot) []string { return []string{s.Name} }, func(s Slot) *float64 { return bytesOf(s.Retained) })
	})},
}

// heard is when a server last heard of its upstream.
func heard(l *Live) *time.Time {
	if l.Receiver == nil || l.Receiver.Heard == nil {
		return nil
	}
	return pointer(l.At.Add(-*l.Receiver.Heard))
}
