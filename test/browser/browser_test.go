// Package browser looks at the pages and pictures of pgrepl in a headless Chromium.
package browser

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const before = `
cluster "shop" {
  version  = 17
  image    = "postgres:17"
  settings = { work_mem = "4MB", max_connections = 200 }
  synchronous {
    replicas = [replica.ra]
  }
}
master "db" { port = 5432 }
replica "ra" {}
replica "rb" { upstream = replica.ra }
`

const after = `
cluster "shop" {
  version  = 17
  image    = "postgres:17"
  settings = { work_mem = "8MB", max_connections = 300 }
  hba      = <<-EOF
    host replication replicator samenet scram-sha-256
    host all app 10.0.0.0/8 scram-sha-256
  EOF
}
master "db" { port = 5433 }
replica "ra" {}
replica "rc" { delay = "1h" }
`

var program string // the built pgrepl

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pgrepl-browser")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "pgrepl")
	if out, err := exec.Command("go", "build", "-o", program, "pgrepl/cmd/pgrepl").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// TestPage loads a plan as a page: it asks for nothing, breaks no rule of its own policy, and has a light and a dark look.
func TestPage(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	page := pgrepl(t, 2, "diff", "-o", "html", "old.hcl", "new.hcl")
	light := browser.shows(t, page, false)
	dark := browser.shows(t, page, true)
	for name, s := range map[string]seen{"light": light, "dark": dark} {
		if want := []string{"GET http://page.test/"}; !slices.Equal(s.requests, want) {
			t.Errorf("%s: requested %q", name, s.requests)
		}
		if s.console != "" {
			t.Errorf("%s: the console says:\n%s", name, s.console)
		}
		s.drawn(t, name)
	}
	if l, d := light.brightness(), dark.brightness(); l < 0.8 || d > 0.3 {
		t.Errorf("brightness is %.2f light and %.2f dark", l, d)
	}
}

// TestPicture loads the drawing of a topology by itself.
func TestPicture(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	picture := pgrepl(t, 0, "graph", "-o", "svg", "-f", "old.hcl")
	light, dark := browser.shows(t, picture, false), browser.shows(t, picture, true)
	light.drawn(t, "light")
	dark.drawn(t, "dark")
	if bytes.Equal(light.png, dark.png) {
		t.Error("light and dark look the same")
	}
}

// TestLooking holds that a request and a broken policy would be seen.
func TestLooking(t *testing.T) {
	browser, ok := found(t)
	if !ok {
		return
	}
	s := browser.shows(t, []byte(`<!DOCTYPE html><title>x</title><img src="http://elsewhere.test/a.png" alt="">`), false)
	if !slices.Contains(s.requests, "GET http://elsewhere.test/a.png") {
		t.Errorf("a request was not seen: %q", s.requests)
	}
	s = browser.shows(t, []byte(`<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><title>x</title><p style="color:red">x`), false)
	if !strings.Contains(s.console, "Content Security Policy") {
		t.Errorf("a broken policy was not seen: %q", s.console)
	}
}

// pgrepl runs the program in a folder with both files, and returns what it writes.
func pgrepl(t *testing.T, code int, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"old.hcl": before, "new.hcl": after} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, _ := cmd.Output()
	if cmd.ProcessState.ExitCode() != code {
		t.Fatalf("%s: %s\n%s", cmd, cmd.ProcessState, &stderr)
	}
	return out
}

// chromium is the command of a browser.
type chromium string

// found finds the browser. Where there is none, the page is reported as untested, which with CI=true is a failure.
func found(t *testing.T) (browser chromium, ok bool) {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return chromium(path), true
		}
	}
	const missing = "UNTESTED: the page in a browser (make browser installs one)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Log(missing)
	return "", false
}

// seen is what a browser did with a page.
type seen struct {
	requests []string
	console  string
	png      []byte
	image    image.Image
}

// shows loads a page in a window, and every request of the browser comes here instead of to a network.
func (c chromium) shows(t *testing.T, page []byte, dark bool) seen {
	t.Helper()
	var s seen
	var mu sync.Mutex
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ofItself(r.Host) {
			http.NotFound(w, r)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		s.requests = append(s.requests, r.Method+" "+r.URL.String())
		if r.URL.String() != "http://page.test/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if bytes.HasPrefix(page, []byte("<svg")) {
			w.Header().Set("Content-Type", "image/svg+xml")
		}
		_, _ = w.Write(page)
	}))
	defer proxy.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	shot := filepath.Join(dir, "shot.png")
	args := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--enable-logging=stderr", "--user-data-dir=" + filepath.Join(dir, "profile"), "--proxy-server=" + proxy.URL, "--virtual-time-budget=2000", "--window-size=1000,1600", "--screenshot=" + shot}
	if dark {
		args = append(args, "--blink-settings=preferredColorScheme=0")
	}
	out, err := exec.CommandContext(ctx, string(c), append(args, "http://page.test/")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "CONSOLE") || strings.Contains(line, "Content Security Policy") {
			s.console += line
		}
	}
	if s.png, err = os.ReadFile(shot); err == nil {
		s.image, err = png.Decode(bytes.NewReader(s.png))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

// ofItself reports whether the browser asks a host for its own sake: for updates, the time, an account.
func ofItself(host string) bool {
	host, _, _ = strings.Cut(host, ":")
	return !strings.HasPrefix(host, "fonts.") && (strings.HasSuffix(host, ".google.com") || strings.HasSuffix(host, ".googleapis.com"))
}

// drawn fails where a picture is all but empty.
func (s seen) drawn(t *testing.T, name string) {
	t.Helper()
	colours := map[string]int{}
	s.eachPixel(func(r, g, b uint32) { colours[fmt.Sprint(r, g, b)]++ })
	if len(colours) < 20 {
		t.Errorf("%s: only %d colours", name, len(colours))
	}
}

// brightness is the mean of a picture, 1 where it is white.
func (s seen) brightness() float64 {
	sum, n := 0.0, 0
	s.eachPixel(func(r, g, b uint32) {
		sum += float64(r+g+b) / 3 / 0xffff
		n++
	})
	return sum / float64(n)
}

func (s seen) eachPixel(see func(r, g, b uint32)) {
	box := s.image.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y += 2 {
		for x := box.Min.X; x < box.Max.X; x += 2 {
			r, g, b, _ := s.image.At(x, y).RGBA()
			see(r, g, b)
		}
	}
}
