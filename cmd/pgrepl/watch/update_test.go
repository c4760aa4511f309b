package watch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"pgrepl/engine/health"
)

// sent is the model after a message.
func sent(m model, msg tea.Msg) model {
	next, _ := m.Update(msg)
	return next.(model)
}

// pressed is a key as the terminal tells of it.
func pressed(name string) tea.KeyPressMsg {
	codes := map[string]tea.Key{"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape},
		"backspace": {Code: tea.KeyBackspace}, "pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "space": {Code: tea.KeySpace, Text: " "},
		"ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+z": {Code: 'z', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "ctrl+b": {Code: 'b', Mod: tea.ModCtrl}, "ctrl+f": {Code: 'f', Mod: tea.ModCtrl}}
	if k, special := codes[name]; special {
		return tea.KeyPressMsg(k)
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

func press(m model, names string) model {
	for name := range strings.FieldsSeq(names) {
		m = sent(m, pressed(name))
	}
	return m
}

// TestKeys: what the screen says after some keys, and what it does not say.
func TestKeys(t *testing.T) {
	for _, c := range []struct{ name, keys, says, not string }{
		{"the first row is selected", "enter", "NODE shop-a", ""},
		{"down and up", "j j down k enter", "NODE shop-d", ""},
		{"past the last row", "G j j enter", "shop-web", ""},
		{"past the first row", "j j k k k enter", "NODE shop-a", ""},
		{"d describes, too", "j d", "NODE shop-b", ""},
		{"the same key closes it", "j d d", "EVENTS", "NODE shop-b"},
		{"esc closes it", "j d esc", "EVENTS", "NODE shop-b"},
		{"a description has the limit and the next command", "G k k enter", "limit: 60 s", ""},
		{"help", "?", "only rows that are not well", ""},
		{"findings", "f", "limit: 10.0 MiB", ""},
		{"events", "e", "EVENTS, newest first", ""},
		{"only faults", "z", "ONLY FAULTS", "shop-b "},
		{"only faults, as k9s has it", "ctrl+z", "ONLY FAULTS", "shop-b "},
		{"and all again", "z z", "└ shop-b", "ONLY FAULTS"},
		{"wide", "w", "SYNC", ""},
		{"wide, scrolled", "w right right", "SYNC", "STATE"},
		{"and back", "w right right left left", "STATE", ""},
		{"not scrolled where it is not wide", "right right", "STATE", ""},
		{"filter", "/ w e b enter", "filter web", "shop-b "},
		{"the filter as it is typed", "/ w e b", "/web", "shop-b "},
		{"keys are text meanwhile", "/ q z", "/qz", "ONLY FAULTS"},
		{"a letter less", "/ w e x backspace b", "/web", ""},
		{"nothing passes", "/ x y z enter", "no row contains xyz", ""},
		{"esc ends the filter", "/ x y z enter esc", "└ shop-b", "no row"},
		{"esc ends it while it is typed", "/ x y z esc", "└ shop-b", "no row"},
		{"a filter looks in all that is said of a row", "/ p a u s e d enter", "shop-c", "shop-b "},
		{"sorted", "s s", "sorted worst first", "└ shop-b"},
		{"sorted by lag", "s s s", "sorted by lag", ""},
		{"sorted by name", "s s s s", "sorted by name", ""},
		{"paused", "p", "PAUSED", ""},
		{"and on", "p p", "EVENTS", "PAUSED"},
		{"a log is read", "j l", "LOG of shop-b", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := rowsOnly(press(scenario(140, 60), c.keys).text())
			if !strings.Contains(text, c.says) {
				t.Errorf("after %q there is no %q:\n%s", c.keys, c.says, text)
			}
			if c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("after %q there is %q:\n%s", c.keys, c.not, text)
			}
		})
	}
}

// rowsOnly leaves out findings and slots, which name nodes besides the nodes' own rows.
func rowsOnly(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "CRITICAL") && !strings.HasPrefix(line, "WARNING") && !strings.HasPrefix(line, "12:") && !strings.HasPrefix(line, "shop_") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func TestQuit(t *testing.T) {
	for _, keys := range []string{"q", "ctrl+c", "/ a ctrl+c", "? q", "p q"} {
		names := strings.Fields(keys)
		m := press(scenario(80, 24), strings.Join(names[:len(names)-1], " "))
		_, cmd := m.Update(pressed(names[len(names)-1]))
		if cmd == nil || cmd() != (tea.QuitMsg{}) {
			t.Errorf("%q does not end it", keys)
		}
	}
	if _, cmd := press(scenario(80, 24), "/").Update(pressed("q")); cmd != nil {
		t.Error("a letter of the filter ends it")
	}
}

// TestSelectionStays: the selected row is the same object, wherever it goes.
func TestSelectionStays(t *testing.T) {
	w := newWorld()
	m := well(100, 40)
	m = press(m, "j j")
	before, _ := m.selected()
	w.at = m.now
	w.nodes[1], w.nodes[2] = w.nodes[2], w.nodes[1]
	m = sent(m, sampled{report: w.sample(2 * time.Second)})
	if now, _ := press(m, "s s").selected(); now.subject != before.subject {
		t.Errorf("%v was selected, now %v is", before.subject, now.subject)
	}
}

// TestPause: the picture stays, and what happened meanwhile is there afterwards.
func TestPause(t *testing.T) {
	w := newWorld()
	m := newModel(t.Context(), nil, Options{Cluster: "shop", Every: 2 * time.Second})
	m.width, m.height = 100, 40
	m = sent(m, sampled{report: w.sample(0)})
	m = press(m, "p")
	before := m.text()
	w.stop(2)
	m = sent(m, sampled{report: w.sample(2 * time.Second)})
	m = sent(m, tick{w.at.Add(time.Minute)})
	if now := m.text(); now != before {
		t.Errorf("paused, it went from\n%s\nto\n%s", before, now)
	}
	if text := press(m, "p").text(); !strings.Contains(text, "came CRITICAL shop-c: its container has ended with 137") {
		t.Errorf("it does not say what happened:\n%s", text)
	}
}

// TestEvents: what came, got worse, and is over; what cannot be known any more is not over.
func TestEvents(t *testing.T) {
	w := newWorld()
	m := newModel(t.Context(), nil, Options{Cluster: "shop", Every: 2 * time.Second})
	m.width, m.height = 120, 60
	take := func() { m = sent(m, sampled{report: w.sample(2 * time.Second)}) }
	take()
	w.nodes[2].Live.Pause = "paused"
	take()
	live := w.nodes[2].Live
	w.stop(2)
	take()
	for range 40 { // a minute after which the slot is critical
		take()
	}
	live.Pause = "not paused"
	w.nodes[2].Live, w.nodes[2].Docker = live, health.Container{State: "running"}
	take()
	var got []string
	for _, e := range m.live.events {
		if e.on.Node == "shop-c" || e.on.Slot == "shop_c" {
			got = append(got, e.line().String())
		}
	}
	want := []string{
		"12:01:28 over CRITICAL shop-c: its container has ended with 137, after 82 s",
		"12:01:28 over CRITICAL slot shop_c on shop-a: nothing reads it for 80 s (limit 60 s), after 82 s",
		"12:01:28 over CRITICAL shop-c: replay is paused by hand, after 84 s", // and not when its container ended
		"12:01:06 now  CRITICAL slot shop_c on shop-a: nothing reads it for 60 s (limit 60 s)",
		"12:00:06 came CRITICAL shop-c: its container has ended with 137",
		"12:00:06 came WARNING slot shop_c on shop-a: nothing reads it (limit 60 s)",
		"12:00:04 came CRITICAL shop-c: replay is paused by hand",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the events are\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestFiguresOfADeadNode: they are the last ones, and marked.
func TestFiguresOfADeadNode(t *testing.T) {
	m := scenario(160, 40)
	s := m.shown()
	n, age := s.node(*s.report.Node("shop-d"))
	if age == nil || *age != 8*time.Second || n.LagLow == nil || n.Version != "17.6" {
		t.Errorf("figures %+v, age %v", n, age)
	}
	if text := m.text(); !strings.Contains(text, "CRITICAL figures STALE 8.0 s; its container has ended with 137") {
		t.Errorf("they are not marked:\n%s", text)
	}
}

// TestEngineAway: the last figures stay, marked, with why; and it is over when a report comes.
func TestEngineAway(t *testing.T) {
	m := away(120, 40)
	for _, part := range []string{"shop STALE 14 s (was CRITICAL)", "Cannot connect to the Docker daemon", "└ shop-b"} {
		if text := m.text(); !strings.Contains(text, part) {
			t.Errorf("there is no %q:\n%s", part, text)
		}
	}
	r := m.live.report
	r.At = m.now.Add(time.Second)
	m = sent(m, sampled{report: r})
	if text := m.text(); strings.Contains(text, "STALE 1") || !strings.Contains(text, "over UNKNOWN cluster: docker: inspect shop-a") {
		t.Errorf("it is not over:\n%s", text)
	}
}

// TestASampleThatHangs: no message comes at all, and the figures are marked all the same.
func TestASampleThatHangs(t *testing.T) {
	m := well(80, 24)
	m = sent(m, tick{m.now.Add(9 * time.Second)})
	if strings.Contains(m.text(), "STALE") {
		t.Error("9 s are not long")
	}
	m = sent(m, tick{m.now.Add(3 * time.Second)})
	if !strings.Contains(m.text(), "STALE 12 s (was ") {
		t.Errorf("it does not say that it is stale:\n%s", m.text())
	}
}

// TestFirstLookFails: it says why, and tries again.
func TestFirstLookFails(t *testing.T) {
	m := newModel(context.Background(), nil, Options{Cluster: "shop", Every: time.Second, DriftEvery: time.Minute})
	m.width, m.height = 80, 24
	next, cmd := m.Update(looked{err: errors.New("no engine\x1b[2J answers")})
	if text := next.(model).text(); !strings.Contains(text, "No report yet") || !strings.Contains(text, "no engine[2J answers") {
		t.Errorf("it says\n%s", text)
	}
	if cmd == nil {
		t.Error("it does not try again")
	}
	next, cmd = next.(model).Update(looked{})
	if !next.(model).sampling || cmd == nil {
		t.Error("it does not begin with the samples")
	}
}

// TestLookAfterAChange: what differs from the file is looked at again when a node came or went, and not each time anew.
func TestLookAfterAChange(t *testing.T) {
	w := newWorld()
	m := newModel(t.Context(), nil, Options{Cluster: "shop", Every: 2 * time.Second, DriftEvery: time.Minute})
	m = sent(sent(m, tick{noon}), looked{})
	looks := func() int {
		n := 0
		for range 10 {
			was := m.looking
			m = sent(m, sampled{report: w.sample(2 * time.Second)})
			if m.looking && !was {
				n++
				m = sent(m, looked{beside: true})
			}
		}
		return n
	}
	if n := looks(); n != 0 {
		t.Errorf("%d looks while nothing happens", n)
	}
	w.stop(1)
	if n := looks(); n != 1 {
		t.Errorf("%d looks after a node stopped", n)
	}
	w.write(20 << 20)
	w.nodes[2].Live.Replayed = 1 << 30
	if n := looks(); n != 0 {
		t.Errorf("%d looks because a replica is behind", n)
	}
}

// TestLogs: what was read of the container that is shown, without passwords and without what a terminal would obey.
func TestLogs(t *testing.T) {
	m := press(scenario(100, 40), "j l")
	m = sent(m, logged{of: "shop-c", text: "of another"})
	m = sent(m, logged{of: "shop-b", text: "LOG:  statement: ALTER ROLE app PASSWORD 'hunter2'\nHINT:  \x1b]0;title\x07 postgres://app:hunter3@db/x\nLOG:  SCRAM-SHA-256$4096:salt$x:y"})
	text := m.text()
	for _, secret := range []string{"hunter2", "hunter3", "salt", "of another", "\x1b"} {
		if strings.Contains(text, secret) {
			t.Errorf("there is %q:\n%s", secret, text)
		}
	}
	if !strings.Contains(text, "PASSWORD (sensitive)") || !strings.Contains(text, "postgres://app:(sensitive)@db/x") {
		t.Errorf("too much is left out:\n%s", text)
	}
	m = sent(m, logged{of: "shop-b", err: errors.New("there is no container shop-b")})
	if text := m.text(); !strings.Contains(text, "cannot be read: there is no container shop-b") || !strings.Contains(text, "ALTER ROLE") {
		t.Errorf("the lines that were read are gone, or it does not say why there are no newer ones:\n%s", text)
	}
}
