package postgres

import (
	"fmt"
	"strconv"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// cautions are facts that hurt later: nothing fails while they hold, and each has cost somebody a cluster.
func (s *server) cautions() []engine.Fact {
	var out []engine.Fact
	for _, found := range []*engine.Fact{s.stopsTooSoon(), s.feedsBackLate(), s.keepsNoSeat()} {
		if found != nil {
			out = append(out, *found)
		}
	}
	return append(append(out, s.heldRows()...), s.collations()...)
}

// stopsTooSoon: a fast shutdown waits until every walsender has got rid of what it has, and lets go of a standby that is silent
// after wal_sender_timeout only; Docker kills the server when the container's time is up before (chapter "Shutting Down the
// Server").
func (s *server) stopsTooSoon() *engine.Fact {
	const byDefault = "60s"
	value := byDefault
	if set, written := s.node.Settings["wal_sender_timeout"]; written && !set.Unset && !set.Sensitive {
		value = set.Value
	}
	canonical, err := schema.Canonical(s.describe("wal_sender_timeout"), value)
	ms, bad := strconv.Atoi(canonical)
	if err != nil || bad != nil || len(s.downstream()) == 0 {
		return nil
	}
	limit := time.Duration(ms) * time.Millisecond
	if time.Duration(s.node.StopTimeout)*time.Second > limit && limit > 0 {
		return nil
	}
	return &engine.Fact{Code: "PGR206", On: nodeID(s.node.Name), Path: "stop_timeout", Addr: s.address(), Origin: origin(s.node.Origin),
		Text: fmt.Sprintf("%s has %d s to stop, and lets go of a silent standby after wal_sender_timeout = %s", s.address(), s.node.StopTimeout, value),
		Next: "write a stop_timeout above wal_sender_timeout, or leave it out"}
}

// feedsBackLate: the oldest snapshot that a delayed standby reports is as old as its delay (hot_standby_feedback).
func (s *server) feedsBackLate() *engine.Fact {
	set, written := s.node.Settings["hot_standby_feedback"]
	if !written || set.Unset || set.Sensitive || isOff(set.Value) || s.node.Delay == "" {
		return nil
	}
	return &engine.Fact{Code: "PGR207", On: settingsID(s.node.Name), Path: settingPath + "hot_standby_feedback", Addr: s.address(), Origin: origin(set.Origin),
		Text: fmt.Sprintf("%s is %s late and has hot_standby_feedback: no row that it can still see is vacuumed on the master", s.address(), s.node.Delay),
		Next: "leave hot_standby_feedback out of a delayed standby, or live with the bloat"}
}

// keepsNoSeat: when others have all connections (commits that hang do not give theirs back) a superuser still gets in, and pgrepl
// is one, as long as some are reserved for them.
func (s *server) keepsNoSeat() *engine.Fact {
	const reserved = "superuser_reserved_connections"
	set, written := s.node.Settings[reserved]
	if !written || set.Unset || set.Sensitive {
		return nil
	}
	if canonical, err := schema.Canonical(s.describe(reserved), set.Value); err != nil || canonical != "0" {
		return nil
	}
	return &engine.Fact{Code: "PGR245", On: settingsID(s.node.Name), Path: settingPath + reserved, Addr: s.address(), Origin: origin(set.Origin),
		Text: fmt.Sprintf("%s keeps no connection for pgrepl: when others have them all, it can be neither looked at nor changed", s.address()),
		Next: "leave " + reserved + " out: 3 are reserved by default"}
}

// heldRows: a slot that nobody reads holds back vacuum as well as WAL, on every database of the cluster (pg_replication_slots,
// xmin and catalog_xmin).
func (s *server) heldRows() []engine.Fact {
	var out []engine.Fact
	for _, l := range s.seen.live.Slots {
		if !l.Rows || l.Active {
			continue
		}
		f := engine.Fact{Code: "PGR204", On: slotID(s.node.Name, l.Name), Addr: engine.Address{Block: "slot", Label: l.Name},
			Text: fmt.Sprintf("slot %s on %s keeps dead rows from being vacuumed, and nothing reads it", l.Name, s.node.Name), Figure: fmt.Sprintf("since %d transactions", coarseCount(l.Age)),
			Next: "connect its consumer, or drop it: tables grow as long as it stands, and in the end the server takes no more writes"}
		if declared := (slotKind{s.site}).slot(f.On); declared != nil {
			f.Addr, f.Origin = address(declared.Address), origin(declared.Origin)
		}
		out = append(out, f)
	}
	return out
}

// coarseCount rounds up to a power of ten.
func coarseCount(n int64) int64 {
	for size := int64(1); ; size *= 10 {
		if n <= size || size >= 1e12 {
			return size
		}
	}
}

// collations: an index over text is in the order that the C library, or ICU, had when it was built. Another version may order
// otherwise, and the index then misses rows, also on standbys in another image (chapter "Collation Support").
func (s *server) collations() []engine.Fact {
	var out []engine.Fact
	for _, c := range s.seen.live.Collations {
		f := engine.Fact{Code: "PGR205", On: databaseID(c.Database), Addr: engine.Address{Block: "database", Label: c.Database}, Origin: origin(s.node.Origin),
			Text: fmt.Sprintf("database %s was made with collation version %s, and %s has %s", c.Database, c.Made, s.address(), c.Here),
			Next: fmt.Sprintf("run every node on one image; or rebuild the indexes over text (REINDEX DATABASE %s), then ALTER DATABASE %s REFRESH COLLATION VERSION", ident(c.Database), ident(c.Database))}
		out = append(out, f)
	}
	return out
}
