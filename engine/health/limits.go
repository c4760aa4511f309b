package health

import "time"

// Limits are what the verdicts are judged by: the block `monitor` of the file.
type Limits struct {
	LagWarning, LagCritical         int64         // bytes between what the primary has written and a standby has replayed
	LagTimeWarning, LagTimeCritical time.Duration // on top of a declared delay
	SlotWarning, SlotCritical       int64         // bytes of WAL that a slot retains
}

// Those that the file cannot set: how the tools that people know from elsewhere set them.
const (
	commitLeast      = 5 * time.Second  // that a commit waits for its synchronous standbys; a round trip takes far less
	slotIdleCritical = time.Minute      // a slot that nothing reads
	missingCritical  = 10 * time.Second // a standby that does not stream; a receiver that lost its stream tries again after 5 s
	silentLeast      = 20 * time.Second // no reply of a standby, which sends one every 10 s by default
	roomWarning      = 24 * time.Hour   // until the disk is full, or a slot is lost
	roomCritical     = time.Hour
	roomFiles        = 2                // WAL files that must at least fit on the disk
	usualSegment     = 16 << 20         // size of one of them, where that is not known
	growthLeast      = 30 * time.Second // over which a growth is measured before anything is concluded from it, and
	growthRead       = 5 * time.Minute  // when the slot is read
)

// DefaultLimits are those of a file without a block `monitor`.
func DefaultLimits() Limits {
	return Limits{LagWarning: 10 << 20, LagCritical: 100 << 20, LagTimeWarning: 5 * time.Second, LagTimeCritical: 5 * time.Minute,
		SlotWarning: 100 << 20, SlotCritical: 1 << 30}
}
