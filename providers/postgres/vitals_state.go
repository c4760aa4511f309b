package postgres

// state is what the last look found of a node's data and the server on it, in words.
func (s *server) state() string {
	switch s.seen.reach {
	case up:
		return acceptingConnections
	case absent:
		switch {
		case s.beingCloned():
			return "being cloned"
		case s.seen.partial:
			return halfMade
		}
		return "missing"
	case torn:
		return "incomplete"
	}
	return "down"
}

// halfMade is a node whose data directory was begun and not finished.
const halfMade = "half made"
