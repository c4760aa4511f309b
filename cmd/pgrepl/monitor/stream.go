package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The limits of a stream.
const (
	quietMost  = 15 * time.Second // without a word; also how soon a page learns that samples do not come
	eventsMost = 100              // that a new reader is told of the past
)

var writeMost = 10 * time.Second // for a reader that does not read

// events streams the status (event "status") and what came and went (event "finding") until the reader leaves. A reader that
// comes again says what it was told last (Last-Event-ID).
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between that gathers an answer would hold it back for ever
	out := http.NewResponseController(w)
	told, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	for {
		now := s.watcher.now()
		if n := len(now.events); n == 0 || now.events[n-1].Number < told {
			told = 0 // that was a monitor before this one
		}
		_ = out.SetWriteDeadline(time.Now().Add(writeMost)) // where that cannot be set, there is none
		if send(w, "status", 0, s.document(now)) != nil {
			return
		}
		for i, e := range now.events {
			if e.Number <= told || len(now.events)-i > eventsMost {
				continue
			}
			if send(w, "finding", e.Number, e) != nil {
				return
			}
			told = e.Number
		}
		if out.Flush() != nil {
			return
		}
		_ = out.SetWriteDeadline(time.Time{}) // HTTP/2 would end a stream by it that has nothing to write
		select {
		case <-r.Context().Done():
			return
		case <-now.changed:
		case <-time.After(quietMost):
		}
	}
}

// send writes one event: its data is one line, as JSON is.
func send(w http.ResponseWriter, name string, id int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if id > 0 {
		fmt.Fprintf(w, "id: %d\n", id)
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
	return err
}
