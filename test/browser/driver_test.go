package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// driven is a browser that does what a test says, over the pipe of its DevTools protocol.
type driven struct {
	t    *testing.T
	to   *os.File
	done chan struct{}

	mu       sync.Mutex
	last     int
	answers  map[int]chan message
	session  string
	requests []string // what it asked for
	said     []string // what it wrote to its console, and errors
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// drive starts a browser with one empty page.
func (c chromium) drive(t *testing.T) *driven {
	t.Helper()
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(string(c), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--remote-debugging-pipe", "--user-data-dir="+filepath.Join(t.TempDir(), "profile"))
	cmd.ExtraFiles, cmd.SysProcAttr = []*os.File{in, out}, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	d := &driven{t: t, to: to, done: make(chan struct{}), answers: map[int]chan message{}}
	go d.listen(from)
	t.Cleanup(func() {
		_, _ = to.WriteString(`{"id":0,"method":"Browser.close"}` + "\x00") // killed, it would leave others of its own that still write into its folder
		late := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		late.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-d.done
		to.Close()
	})
	var target struct{ TargetID string }
	d.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	d.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	d.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		d.call(domain+".enable", nil, nil)
	}
	return d
}

// listen takes what the browser says, until it ends.
func (d *driven) listen(from *os.File) {
	defer close(d.done)
	defer from.Close()
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		d.mu.Lock()
		if answer := d.answers[m.ID]; answer != nil {
			delete(d.answers, m.ID)
			answer <- m
		}
		d.note(m)
		d.mu.Unlock()
	}
}

// note keeps what a test asks about.
func (d *driven) note(m message) {
	switch m.Method {
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		_ = json.Unmarshal(m.Params, &p)
		d.requests = append(d.requests, p.Request.URL)
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		d.said = append(d.said, m.Method+" "+string(m.Params))
	}
}

// call asks the browser for something, and waits for it.
func (d *driven) call(method string, params, into any) {
	d.t.Helper()
	if err := d.try(method, params, into); err != nil {
		d.t.Fatalf("%s: %v", method, err)
	}
}

func (d *driven) try(method string, params, into any) error {
	answer := make(chan message, 1)
	d.mu.Lock()
	d.last++
	ask := map[string]any{"id": d.last, "method": method}
	if params != nil {
		ask["params"] = params
	}
	if d.session != "" {
		ask["sessionId"] = d.session
	}
	d.answers[d.last] = answer
	d.mu.Unlock()
	text, err := json.Marshal(ask)
	if err == nil {
		_, err = d.to.Write(append(text, 0))
	}
	if err != nil {
		return err
	}
	select {
	case m := <-answer:
		switch {
		case m.Error != nil:
			return errors.New(string(m.Error))
		case into != nil:
			return json.Unmarshal(m.Result, into)
		}
		return nil
	case <-d.done:
		return errors.New("the browser has ended")
	case <-time.After(30 * time.Second):
		return errors.New("no answer")
	}
}

// window sets the size of the window, and whether its user likes it dark.
func (d *driven) window(width, height int, dark bool) {
	d.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	d.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	d.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}}}, nil)
}

func (d *driven) open(url string) {
	d.t.Helper()
	d.call("Page.navigate", map[string]any{"url": url}, nil)
}

// ask is the value of a JavaScript expression, as text.
func (d *driven) ask(expression string) string {
	d.t.Helper()
	text, err := d.evaluate(expression)
	if err != nil {
		d.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

func (d *driven) evaluate(expression string) (string, error) {
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	if err := d.try("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer); err != nil {
		return "", err
	}
	if answer.ExceptionDetails != nil {
		return "", errors.New(string(answer.ExceptionDetails))
	}
	return fmt.Sprint(answer.Result.Value), nil
}

// until waits for an expression to be true; on a page that is being loaded it is not.
func (d *driven) until(expression string) {
	d.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		is, err := d.evaluate("Boolean(" + expression + ")")
		if err == nil && is == "true" {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("never came true: %s (%v)\non the page: %s\nconsole: %s", expression, err, d.ask("document.body.innerText"), strings.Join(d.said, "\n"))
		}
		<-time.After(50 * time.Millisecond)
	}
}

// click presses and lets go of the mouse in the middle of what a selector finds, which has to be what is on top there.
func (d *driven) click(selector string) {
	d.t.Helper()
	at := d.ask(fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e) return "nothing"; e.scrollIntoView({block: "center", behavior: "instant"}); const b = e.getBoundingClientRect();
		const x = b.left + b.width / 2, y = b.top + b.height / 2, top = document.elementFromPoint(x, y); return e.contains(top) ? x + " " + y : "something else is on top: " + top?.outerHTML.slice(0, 80); })()`, selector))
	var x, y float64
	if _, err := fmt.Sscan(at, &x, &y); err != nil {
		d.t.Fatalf("click on %s: %s", selector, at)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		d.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// point moves the mouse to a share of the width of what a selector finds.
func (d *driven) point(selector string, share float64) {
	d.t.Helper()
	at := d.ask(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center", behavior: "instant"}); const b = e.getBoundingClientRect(); return (b.left + b.width * %g) + " " + (b.top + b.height / 2); })()`, selector, share))
	var x, y float64
	if _, err := fmt.Sscan(at, &x, &y); err != nil {
		d.t.Fatalf("point at %s: %s", selector, at)
	}
	d.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": x, "y": y}, nil)
}

// write puts text where the cursor is.
func (d *driven) write(text string) {
	d.t.Helper()
	d.call("Input.insertText", map[string]any{"text": text}, nil)
}

// press is one key.
func (d *driven) press(key string) {
	d.t.Helper()
	text := map[string]string{"Enter": "\r"}[key]
	d.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": map[string]int{"Enter": 13, "Tab": 9}[key]}, nil)
	d.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

// shot takes a picture of the whole page. With PGREPL_TEST_SHOTS it is kept in that folder.
func (d *driven) shot(name string) []byte {
	d.t.Helper()
	var answer struct{ Data string }
	d.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &answer)
	png, err := base64.StdEncoding.DecodeString(answer.Data)
	if err != nil {
		d.t.Fatal(err)
	}
	if dir := os.Getenv("PGREPL_TEST_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
	return png
}

// clean fails where the page asked another host for something, or its console has anything to say.
func (d *driven) clean(origin string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, url := range d.requests {
		if !strings.HasPrefix(url, origin+"/") && url != "about:blank" {
			d.t.Errorf("it asked for %s", url)
		}
	}
	for _, text := range d.said {
		d.t.Errorf("the console says: %s", text)
	}
}
