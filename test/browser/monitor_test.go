package browser

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgrepl/cmd/pgrepl/monitor"
	"pgrepl/engine/health"
)

// shop is a cluster that a test speaks for: its primary writes, and replicas do as they are told.
type shop struct {
	mu      sync.Mutex
	memory  health.Memory
	written health.LSN
	stopped bool   // replica rb
	away    bool   // the Docker engine
	app     string // state of the container of an app; "": there is no app
	more    int    // replicas
	evil    string // a name
}

func (s *shop) Look(context.Context) error { return nil }

func (s *shop) Report(context.Context) (health.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return health.Report{}, errors.New("docker: cannot connect to the Docker daemon")
	}
	return s.judge(time.Now()), nil
}

func (s *shop) set(change func(*shop)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *shop) judge(at time.Time) health.Report {
	s.written += health.LSN(150_000 + at.UnixMilli()/40%97*9_000)
	enough := map[string]int{}
	size, room := int64(16<<20), int64(60<<30)
	second, zero := time.Second, int64(0)
	live := func(lsn health.LSN) *health.Live {
		return &health.Live{Asked: at, At: at, Version: "17.6", System: "7", Timeline: 1, Recovery: true, Up: time.Hour, Written: lsn, Replayed: lsn, LastCommit: &second, Pause: "not paused", Enough: enough, Segment: size, StatusEvery: 10 * time.Second}
	}
	primary := live(s.written)
	primary.Recovery, primary.Pause = false, ""
	nodes := []health.Node{{Name: "db", Address: "master.db", Docker: health.Container{State: "running"}, Up: true, Live: primary, Room: &room}}
	add := func(name, upstream, sync string, delay time.Duration, up *health.Live, lsn health.LSN, down bool) *health.Live {
		n := health.Node{Name: name, Address: "replica." + name, Standby: true, Upstream: upstream, Application: name, Slot: name, Delay: delay, Docker: health.Container{State: "running"}, Up: true, Live: live(lsn), Room: &room}
		slot := health.Slot{Name: name, Type: "physical", Active: true, Status: "reserved", Restart: &lsn, Retained: &zero}
		if down {
			n.Up, n.Live, n.Docker = false, nil, health.Container{State: "exited", ExitCode: 137}
			held := int64(300 << 20)
			slot.Active, slot.Retained = false, &held
		} else {
			heard := 300 * time.Millisecond
			up.Senders = append(up.Senders, health.Sender{Application: name, Client: "10.0.0.2", State: "streaming", Sync: sync, Slot: name, Sent: &s.written, Flushed: &lsn, Replay: &lsn, Heard: &heard})
		}
		up.Slots = append(up.Slots, slot)
		nodes = append(nodes, n)
		return n.Live
	}
	ra := add("ra", "db", "sync", 0, primary, s.written, false)
	add("rb", "db", "async", 0, primary, s.written-40_000, s.stopped)
	add("rc", "ra", "async", 0, ra, s.written-90_000, false)
	for i := range s.more {
		add("extra-replica-with-a-long-name-"+string(rune('a'+i)), "db", "async", 0, primary, s.written, false)
	}
	if s.evil != "" {
		add(s.evil, "db", "async", time.Hour, primary, s.written, false)
	}
	sample := health.Sample{At: at, Nodes: nodes, Drift: &health.Drift{At: at}}
	if s.app != "" {
		sample.Apps = []health.App{{Name: "web", Address: "app.web", Container: health.Container{State: s.app, ExitCode: 1}}}
	}
	return s.memory.Judge("shop", sample, health.DefaultLimits())
}

// monitored runs a monitor of the shop, which has been watched for a while already.
func monitored(t *testing.T, s *shop, o monitor.Options) string {
	t.Helper()
	w := monitor.NewWatcher("shop", s, 200*time.Millisecond, 0)
	s.written = 0x5000000
	for i := range 200 {
		at := time.Now().Add(time.Duration(i-200) * 2 * time.Second)
		s.stopped = i > 90 && i < 120
		w.Add(s.judge(at), at)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		w.Run(ctx)
		close(done)
	}()
	srv := httptest.NewServer(monitor.Handler(w, o))
	t.Cleanup(func() {
		cancel()
		<-done
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv.URL
}

// TestMonitor opens the live page, and uses it.
func TestMonitor(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	s := &shop{}
	url := monitored(t, s, monitor.Options{})
	d := browser.drive(t)
	d.window(1280, 900, false)
	d.open(url + "/")
	d.until(`document.querySelectorAll(".drawing .node").length === 4 && document.querySelector("#pulse.live")`)
	d.until(`document.querySelector("#verdict .chip.OK")`)
	light := d.shot("monitor-light")

	d.click(`[data-key="node rb"]`)
	d.until(`document.querySelector("#detail .who strong").textContent === "rb" && document.querySelector('[data-key="node rb"]').getAttribute("aria-pressed") === "true"`)
	d.ask(`document.querySelector('[data-key="node rc"]').focus()`)
	d.press("Enter")
	d.until(`document.querySelector("#detail .who strong").textContent === "rc"`)
	d.click(`[data-key="slot db rb"]`)
	d.until(`document.querySelector("#slots .more")?.innerText.includes("physical")`)
	d.click(`[data-key="slot db rb"]`)
	d.until(`!document.querySelector("#slots .more")`)
	for _, r := range []string{"1h", "24h", "15m"} {
		d.click(`[data-key="range ` + r + `"]`)
		d.until(`document.querySelector('#ranges [aria-pressed="true"]').textContent === "` + r + `" && document.querySelectorAll("#charts path.curve").length >= 4`)
	}
	d.point("#charts svg", 0.8)
	d.until(`!document.querySelector("#charts .hint").hidden && document.querySelector("#charts .hint").innerText.includes("ra")`)

	d.until(`document.querySelector("#apps-card").hidden`)
	s.set(func(s *shop) { s.app = "running" })
	d.until(`document.querySelector("#apps .chip.OK") && document.querySelector("#apps").innerText.includes("web")`)
	s.set(func(s *shop) { s.app = "exited" })
	d.until(`document.querySelector("#apps .CRITICAL") && document.querySelector("#apps").innerText.includes("its container has ended with 1")`)
	d.shot("monitor-app")
	s.set(func(s *shop) { s.app = "" })

	s.set(func(s *shop) { s.stopped = true })
	d.until(`document.querySelector("#verdict.CRITICAL") && document.querySelector("#verdict").innerText.includes("rb")`)
	d.until(`document.querySelector(".drawing .link.broken") && document.querySelector("#events").innerText.includes("rb")`)
	d.click(`[data-key="node rb"]`)
	d.click(`[data-key="slot db rb"]`)
	d.shot("monitor-fault")
	s.set(func(s *shop) { s.stopped = false })
	d.until(`document.querySelector("#verdict.OK") && document.querySelector("#events .went")`)

	d.click("#theme")
	d.click("#theme")
	d.until(`document.documentElement.dataset.theme === "dark"`)
	dark := d.shot("monitor-dark")
	if l, k := brightnessOf(t, light), brightnessOf(t, dark); l < 0.8 || k > 0.3 {
		t.Errorf("brightness is %.2f light and %.2f dark", l, k)
	}
	d.open(url + "/")
	d.until(`document.documentElement.dataset.theme === "dark" && document.querySelector("#pulse.live")`)
	d.click("#theme")
	d.until(`!document.documentElement.dataset.theme`)

	s.set(func(s *shop) { s.away = true })
	d.until(`!document.querySelector("#stale").hidden && document.querySelector("#stale").innerText.includes("cannot connect") && document.body.classList.contains("old")`)
	d.shot("monitor-stale")
	if text := d.ask(`document.querySelector("#pulse").textContent`); text != "not fresh" {
		t.Errorf("the pulse says %q", text)
	}
	s.set(func(s *shop) { s.away = false })
	d.until(`document.querySelector("#stale").hidden && !document.body.classList.contains("old")`)
	d.clean(url)
}

// TestMonitorOnAPhone: everything fits, and nothing has to be moved sideways but tables.
func TestMonitorOnAPhone(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	s := &shop{more: 6, evil: `"><img src=x onerror=alert(1)>`}
	url := monitored(t, s, monitor.Options{})
	d := browser.drive(t)
	for _, dark := range []bool{false, true} {
		d.window(390, 844, dark)
		d.open(url + "/")
		d.until(`document.querySelectorAll(".drawing .node").length === 11`)
		if wide := d.ask(`document.documentElement.scrollWidth`); wide != "390" {
			t.Errorf("the page is %s wide", wide)
		}
		d.click(`[data-key="node rb"]`)
		d.until(`document.querySelector("#detail .who strong").textContent === "rb"`)
		d.shot(map[bool]string{false: "phone-light", true: "phone-dark"}[dark])
	}
	d.window(1280, 900, false)
	d.until(`document.querySelectorAll(".drawing .node").length === 11`)
	d.shot("monitor-many")
	if n := d.ask(`document.images.length`); n != "0" {
		t.Errorf("a name has become %s pictures", n)
	}
	d.clean(url)
}

// TestMonitorAsksForItsToken: a wrong one is refused, the right one is kept for the tab alone.
func TestMonitorAsksForItsToken(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	const secret = "a-token-of-the-browser-test"
	url := monitored(t, &shop{}, monitor.Options{Token: secret})
	d := browser.drive(t)
	d.window(1000, 800, false)
	d.open(url + "/")
	d.until(`!document.querySelector("#login").hidden && document.querySelector("#main").hidden`)
	d.shot("monitor-login")
	d.click("#token")
	d.write("wrong")
	d.click("#login button")
	d.until(`document.querySelector("#refused").textContent.includes("not the token")`)
	d.click("#token")
	d.write("ключ")
	d.click("#login button")
	d.until(`document.querySelector("#refused").textContent.includes("no such characters")`)
	time.Sleep(1200 * time.Millisecond) // in which the pulse is told anew
	d.until(`document.querySelector("#pulse").textContent === "not signed in"`)
	d.click("#token")
	d.write(secret)
	d.press("Enter")
	d.until(`document.querySelector("#login").hidden && document.querySelector("#pulse.live") && document.querySelectorAll(".drawing .node").length === 4`)
	if kept := d.ask(`localStorage.length + document.cookie + location.href.includes("token")`); kept != "0false" {
		t.Errorf("the token is kept elsewhere: %s", kept)
	}
	d.click("#leave")
	d.until(`!document.querySelector("#login").hidden && sessionStorage.length === 0`)
}

// TestMonitorWithoutStorage: a browser that keeps nothing shows the page all the same, and a button that is never let go of does
// not hold it up.
func TestMonitorWithoutStorage(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	url := monitored(t, &shop{}, monitor.Options{})
	d := browser.drive(t)
	d.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get() { throw new DOMException("forbidden", "SecurityError"); } })`}, nil)
	d.window(1000, 800, false)
	d.open(url + "/")
	d.until(`document.querySelector("#pulse.live") && document.querySelectorAll(".drawing .node").length === 4`)
	d.click("#theme")
	d.until(`document.documentElement.dataset.theme === "light"`)
	d.call("Input.dispatchMouseEvent", map[string]any{"type": "mousePressed", "x": 5, "y": 5, "button": "left", "clickCount": 1}, nil)
	written := d.ask(`document.querySelector("#tiles").textContent`)
	d.until(`document.querySelector("#tiles").textContent !== ` + strconv.Quote(written))
}

func brightnessOf(t *testing.T, picture []byte) float64 {
	t.Helper()
	i, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return seen{image: i}.brightness()
}
