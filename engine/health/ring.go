package health

import "time"

// ring is where the primary was when: one entry for each position that was new when it was seen. With it true lag can be told,
// which no view of either server has: a standby has replayed everything that the primary had written before the first entry
// beyond its own position, so that it is as far behind as that is old.
type ring struct {
	of      string // the primary that it is of, and its timeline: positions of another history say nothing
	entries []entry
	last    time.Time // when it was last asked, and had a new position or not
}

// entry is a position of the primary.
type entry struct {
	lsn       LSN
	at, after time.Time // it was there at the one, and not yet at the other; of the first entry that is zero
}

// ringSize is how many positions are kept: a day at one a second is thinned out once.
const ringSize = 1 << 16

// see notes where the primary was at some moment between being asked and having answered.
func (r *ring) see(of string, asked, answered time.Time, lsn LSN) {
	if r.of != of || len(r.entries) > 0 && lsn < r.newest() {
		*r = ring{of: of}
	}
	if len(r.entries) == 0 || lsn > r.newest() {
		r.entries = append(r.entries, entry{lsn, answered, r.last})
	}
	r.last = asked
	if len(r.entries) > ringSize {
		r.thin()
	}
}

// newest is the last position that the primary was seen at.
func (r *ring) newest() LSN { return r.entries[len(r.entries)-1].lsn }

// thin leaves out every other entry of the older half. What is left says less exactly when, and nothing wrong.
func (r *ring) thin() {
	half, kept := len(r.entries)/2, r.entries[:0]
	for i, e := range r.entries {
		if i >= half || i%2 == 0 {
			kept = append(kept, e)
			continue
		}
		r.entries[i+1].after = e.after
	}
	r.entries = kept
}

// Lag is how far behind in time a standby is. What it lacks was written at least Low and at most High ago; High is nil where
// nothing bounds it. With samples as old as the lag the two are one interval between samples apart.
type Lag struct {
	Low  time.Duration
	High *time.Duration
}

// lag returns how far behind in time a standby is that had replayed up to lsn between being asked and having answered; oldest
// bounds it as of some moment between the two, and may be nil. False where the primary has not been seen.
func (r *ring) lag(lsn LSN, asked, answered time.Time, oldest *time.Duration) (Lag, bool) {
	for i, e := range r.entries {
		if e.lsn <= lsn {
			continue
		}
		lag := Lag{Low: max(asked.Sub(e.at), 0)}
		if i > 0 && !e.after.IsZero() {
			lag.High = pointer(answered.Sub(e.after))
		}
		if oldest != nil {
			bound := max(*oldest+answered.Sub(asked), lag.Low)
			if lag.High == nil || bound < *lag.High {
				lag.High = &bound
			}
		}
		return lag, true
	}
	zero := time.Duration(0)
	return Lag{0, &zero}, len(r.entries) > 0
}
