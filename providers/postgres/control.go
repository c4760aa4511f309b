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
}

// controlFile is the start of pg_control, the same in all versions from 15 to 18 (src/include/catalog/pg_control.h):
// system_identifier, pg_control_version, catalog_version_no, state, time, checkPoint, and of checkPointCopy redo and
// ThisTimeLineID. It is in the server's byte order, which is little-endian wherever Docker images of PostgreSQL run.
const (
	controlSystem   = 0
	controlTimeline = 48
	controlNeeded   = 52
)

// readDirectory reads PG_VERSION, global/pg_control and standby.signal; ok is false where there is no complete data
// directory.
func readDirectory(version, control []byte, standby bool) (directory, bool) {
	major, err := strconv.Atoi(strings.TrimSpace(string(version)))
	if err != nil || len(control) < controlNeeded {
		return directory{}, false
	}
	return directory{
		Major:    major,
		System:   strconv.FormatUint(binary.LittleEndian.Uint64(control[controlSystem:]), 10),
		Timeline: int(binary.LittleEndian.Uint32(control[controlTimeline:])),
		Standby:  standby,
	}, true
}
