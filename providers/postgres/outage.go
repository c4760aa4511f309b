package postgres

import (
	"sync"
	"time"
)

// outage is how long the primary took no writes while a plan restarted it: from the moment it was told to stop until it let
// somebody in again.
type outage struct {
	mu     sync.Mutex
	since  time.Time
	lasted time.Duration
	before time.Duration // in the last apply that the ledger knows one of; 0: none
}

// StopsWrites notes that the server of a node is told to stop; only the primary's counts.
func (s *Site) StopsWrites(node string) {
	if node != s.primary().node.Name || s.primary().seen.reach != up {
		return
	}
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	if s.outage.since.IsZero() {
		s.outage.since = time.Now()
	}
}

// takesWrites notes that the primary is back.
func (s *Site) takesWrites() {
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	if !s.outage.since.IsZero() {
		s.outage.lasted += time.Since(s.outage.since)
		s.outage.since = time.Time{}
	}
}

// unmeasured is how long a restart of the primary takes where none was measured yet: it stops, starts and lets somebody in.
const unmeasured = 2 * time.Second

// Stops is how long writes are expected to stop when the server of a node goes down and comes back: as long as the last time.
func (s *Site) Stops(node string) time.Duration {
	switch {
	case node != s.primary().node.Name || s.primary().seen.reach != up:
		return 0
	case s.outage.before > 0:
		return s.outage.before
	}
	return unmeasured
}

// WritesStopped is for how long the primary took no writes in this run; 0 where it was not restarted.
func (s *Site) WritesStopped() time.Duration {
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	return s.outage.lasted
}
