package postgres

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// directory is what the files of a data directory say of it while no server runs on it.
type directory struct {
	Major    int
	System   string // system identifier
	Timeline int    // of its latest checkpoint
	Standby  bool   // standby.signal is there
	At       lsn    // of its latest checkpoint

	Replays numbers // the least of each hot-standby parameter that its next start takes
}

// controlFile is the start of pg_control, the same in all versions from 15 to 18 (src/include/catalog/pg_control.h):
// system_identifier, pg_control_version, catalog_version_no, state, time, checkPoint, and of checkPointCopy redo and
// ThisTimeLineID. It is in the server's byte order, which is little-endian wherever Docker images of PostgreSQL run.
//
// The hot-standby parameters stand further on, each as the primary had it at the last record that was replayed, which is what a
// standby's start is held against. That they are at the same place in 15, 16, 17 and 18 was found by writing odd values.
const (
	controlSystem     = 0
	controlLatest     = 32
	controlTimeline   = 48
	controlParameters = 180
	controlNeeded     = 200
)

// controlOrder is how they follow each other there.
var controlOrder = []string{"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions", "max_locks_per_transaction"}

// readDirectory reads PG_VERSION, global/pg_control and standby.signal; ok is false where there is no complete data
// directory.
func readDirectory(version, control []byte, standby bool) (directory, bool) {
	major, err := strconv.Atoi(strings.TrimSpace(string(version)))
	if err != nil || len(control) < controlNeeded {
		return directory{}, false
	}
	replays := numbers{}
	for i, name := range controlOrder {
		replays[name] = int(int32(binary.LittleEndian.Uint32(control[controlParameters+4*i:])))
	}
	return directory{
		Replays:  replays,
		Major:    major,
		System:   strconv.FormatUint(binary.LittleEndian.Uint64(control[controlSystem:]), 10),
		Timeline: int(binary.LittleEndian.Uint32(control[controlTimeline:])),
		Standby:  standby,
		At:       lsn(binary.LittleEndian.Uint64(control[controlLatest:])),
	}, true
}
