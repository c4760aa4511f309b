package postgres

import (
	"fmt"
	"strings"

	"pgrepl/engine"
)

// dataFact refuses what would touch data that the master may not have, as long as nobody has asked for that, and says of
// a standby that cannot catch up what becomes of it.
func (k serverKind) dataFact(s *server, f engine.Fact) engine.Fact {
	code, apart := s.apart()
	text, now, _ := s.loss()
	command := k.givesUp(s)
	if s.seen.tight { // which cannot be rebuilt in place
		command = fmt.Sprintf("docker rm -f %s; docker volume rm %s; pgrepl apply", s.node.Name, s.node.Volume)
	}
	switch {
	case s.isPrimary():
	case s.node.Protect && (s.asks() || s.seen.rebuild != ""):
		f.Code, f.Text = "PGR229", fmt.Sprintf("%s is protected, and a rebuild would make its data anew", s.address())
		f.Detail = "protect = true in its block says that it is never rebuilt"
		f.Next = "take that out of the block first, if it is to be rebuilt"
	case s.seen.tight && (s.asks() || s.cutOff()):
		f.Code, f.Text = "PGR230", fmt.Sprintf("%s cannot catch up: %s", s.address(), s.lag())
		if s.asks() {
			f.Code, f.Text = "PGR259", fmt.Sprintf("%s cannot be rebuilt in place: its volume %s was made by hand", s.address(), s.node.Volume)
		}
		f.Detail = "a rebuild makes the new data beside the old, and the volume is the data directory itself"
		f.Next = command
	case s.enters() && s.asks():
		f.Code, f.Text = "PGR259", fmt.Sprintf("%s cannot be rebuilt by the apply that adopts it", s.address())
		f.Detail = "nobody can log in yet who would hold its server back and see the new data stream"
		f.Next = fmt.Sprintf("pgrepl apply, then pgrepl apply --rebuild %s", s.address())
	case s.rebuild() != nil && apart && s.seen.kept:
		f.Code, f.Text = "PGR241", fmt.Sprintf("%s holds data from before an earlier rebuild, and has a history of its own again", s.address())
		f.Detail = "a rebuild keeps the old data until the new streams, and there is room for one: " + text + "; " + now
		f.Next = "save or remove the folder pgdata.old in its volume " + s.node.Volume + ", then run it again"
	case s.rebuild() != nil && s.rebuild().loses == "" && s.cutOff(), s.node.Protect && s.cutOff():
		f.Code, f.Text = "PGR230", fmt.Sprintf("%s cannot catch up: %s", s.address(), s.lag())
		f.Detail = "it follows the master's history and has nothing of its own: a new base backup loses nothing"
		f.Next = "a higher max_slot_wal_keep_size gives it more time"
		if s.node.Protect {
			f.Next = "its block says protect = true: take that out, and apply makes it anew"
		}
	case s.rebuild() != nil:
	case s.seen.rebuild != "" && !s.begun():
		f.Code, f.Text = "PGR242", fmt.Sprintf("a rebuild of %s was begun and not finished; it needs its leave again", s.address())
		f.Detail = text + "; " + now
		f.Next = fmt.Sprintf("%s goes on; without the file %s in volume %s the node is as before", command, rebuildFile, s.node.Volume)
	case apart:
		f.Code, f.Text = code, text
		f.Detail = now + "; rows may have been written to it that the master does not have; nothing is touched"
		f.Next = fmt.Sprintf("find out which of the two holds the data you need; then %s gives that of %s up, or declare it as the master", command, s.address())
		if s.stranger() {
			f.Next += "; or name another `volume`"
		}
	}
	return f
}

// givesUp is the command that rebuilds a standby, and with it all others that are refused for the same reason: one of them alone
// would be refused because of the rest.
func (k serverKind) givesUp(s *server) string {
	var names, leave []string
	for _, d := range k.standbys() {
		if _, apart := d.apart(); d == s || apart && !d.seen.tight && !d.node.Protect {
			names, leave = append(names, "--rebuild "+d.address().String()), append(leave, "data:"+d.address().String())
		}
	}
	return fmt.Sprintf("pgrepl apply %s --allow=%s", strings.Join(names, " "), strings.Join(leave, ","))
}

// belowFacts tell of the standbys that follow one which is rebuilt. Taking a base backup begins a new WAL file, so what they
// need next is mostly not in it.
func (k serverKind) belowFacts(s *server) []engine.Fact {
	var out []engine.Fact
	for _, d := range s.downstream() {
		if s.rebuild() != nil && d.rebuild() == nil && d.seen.reach != absent {
			out = append(out, engine.Fact{Code: "PGR243", On: serverID(s.node.Name), Addr: d.address(), Origin: origin(d.node.Origin),
				Text: fmt.Sprintf("it follows %s, and is rebuilt after it where that no longer has the WAL that it needs", s.address())})
		}
	}
	return out
}

// lag says why a standby cannot catch up.
func (s *server) lag() string {
	for _, l := range s.upstream().seen.live.Slots {
		if l.Name == s.node.Slot.Name && l.Status == "lost" {
			why := ""
			if l.Reason != "" {
				why = " (" + l.Reason + ")"
			}
			return "slot " + l.Name + " has lost WAL that it needs" + why
		}
	}
	return "the WAL that it needs is no longer on " + s.upstream().node.Name
}
