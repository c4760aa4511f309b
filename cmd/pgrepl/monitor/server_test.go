package monitor

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgrepl/engine/health"
	"pgrepl/test/outputs"
)

const secret = "correct horse battery staple"

// TestHeaders: every answer has the policy, also those that say no.
func TestHeaders(t *testing.T) {
	_, srv := watching(t, &fake{next: well}, Options{Token: secret})
	for _, path := range []string{"/", "/main.js", "/style.css", "/api/status", "/metrics", "/nothing", "/healthz"} {
		h := get(t, srv.URL+path).Header
		if h.Get("Content-Security-Policy") != Policy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", path, h)
		}
	}
	if strings.Contains(Policy, "unsafe") || !strings.HasPrefix(Policy, "default-src 'none'") {
		t.Errorf("policy: %s", Policy)
	}
	answer, err := http.Post(srv.URL+"/api/status", "text/plain", strings.NewReader(""))
	if err != nil || answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v %v", answer, err)
	}
}

// TestPageIsStrict: the page has no script or style in itself, and names no other place.
func TestPageIsStrict(t *testing.T) {
	files, err := page.ReadDir("page")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		text, _ := page.ReadFile("page/" + f.Name())
		for _, never := range []string{"http://", "https://", "innerHTML", "style=\"", "onclick=\"", "eval(", "<style", "<script>"} {
			if found := strings.ReplaceAll(string(text), "http://www.w3.org/2000/svg", ""); strings.Contains(found, never) {
				t.Errorf("%s has %q", f.Name(), never)
			}
		}
	}
}

// TestToken: figures are for those who have it; that the process runs is for all.
func TestToken(t *testing.T) {
	w, srv := watching(t, &fake{next: well}, Options{Token: secret, Compat: []string{"postgres_exporter"}})
	eventually(t, "a sample", func() bool { return w.now().fresh })
	for _, path := range []string{"/api/status", "/api/events", "/api/history", "/metrics", "/probe?target=pg1"} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + secret}, {"Authorization", "Bearer"}, {"Authorization", "Bearer " + secret + "x"}} {
			a := get(t, srv.URL+path, header...)
			body, _ := io.ReadAll(a.Body)
			if a.StatusCode != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" || strings.Contains(string(body), "pg1") {
				t.Errorf("%s with %v: %d %s", path, header, a.StatusCode, body)
			}
		}
		if a := get(t, srv.URL+path, "Authorization", "bearer "+secret); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/main.js"} {
		if a := get(t, srv.URL+path); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

// TestOnlyAtHome: a page from elsewhere whose name resolves to this machine reads nothing, where no token keeps it out.
func TestOnlyAtHome(t *testing.T) {
	_, srv := watching(t, &fake{next: well}, Options{Host: "127.0.0.1"})
	for host, code := range map[string]int{"evil.test": 421, "evil.test:9187": 421, "127.0.0.1:9187": 200, "localhost": 200, "[::1]:9187": 200, "10.0.0.1": 421} {
		if a := get(t, srv.URL+"/", "Host", host); a.StatusCode != code {
			t.Errorf("%s: %d", host, a.StatusCode)
		}
	}
	_, srv = watching(t, &fake{next: well}, Options{Token: secret})
	if a := get(t, srv.URL+"/", "Host", "monitor.example"); a.StatusCode != 200 {
		t.Errorf("with a token: %d", a.StatusCode)
	}
}

// TestStale: while no sample can be taken the last figures are told as old, to programs and in metrics; and then it goes on.
func TestStale(t *testing.T) {
	f := &fake{next: away}
	w, srv := watching(t, f, Options{})
	eventually(t, "a failure", func() bool { return w.now().trouble != "" })
	if a := get(t, srv.URL+"/api/status"); a.StatusCode != 503 || !strings.Contains(read(t, a), `"stale":true,"error":"docker: the engine does not answer"`) {
		t.Error("without any sample it does not say so")
	}
	if a := get(t, srv.URL+"/readyz"); a.StatusCode != 503 {
		t.Errorf("readyz: %d", a.StatusCode)
	}
	f.say(well)
	eventually(t, "a sample", func() bool { return w.now().fresh })
	a := get(t, srv.URL+"/api/status")
	text := read(t, a)
	if a.StatusCode != 200 || !strings.Contains(text, `"stale":false`) {
		t.Errorf("%d %s", a.StatusCode, text)
	}
	f.say(away)
	eventually(t, "a failure", func() bool { return !w.now().fresh })
	a = get(t, srv.URL+"/api/status")
	var d struct {
		Stale bool
		Error string
		Age   float64 `json:"age_seconds"`
		Nodes []any
	}
	if err := json.NewDecoder(a.Body).Decode(&d); err != nil || a.StatusCode != 503 || !d.Stale || d.Error == "" || d.Age == 0 || len(d.Nodes) != 4 {
		t.Errorf("%d %+v %v", a.StatusCode, d, err)
	}
	if text := read(t, get(t, srv.URL+"/metrics")); !strings.Contains(text, `pgrepl_up{cluster="shop"} 0`) || strings.Contains(text, "pgrepl_replica") {
		t.Error("metrics are told that are not fresh")
	}
	f.say(well)
	eventually(t, "it goes on", func() bool { return w.now().fresh })
	log := w.now().events
	if !strings.HasPrefix(log[0].String(), "UNKNOWN: no sample can be taken") || !strings.HasPrefix(log[len(log)-1].String(), "over: no sample can be taken") {
		t.Errorf("the journal says %v", log)
	}
}

// TestSilence: a source that hangs is as good as one that fails.
func TestSilence(t *testing.T) {
	w := NewWatcher("shop", &fake{}, time.Second, 0)
	r := judged()
	w.keep(r, nil, time.Now().Add(-time.Minute))
	if s := w.now(); s.fresh || s.watched.Fresh != nil || s.trouble != "no sample for 60 s" {
		t.Errorf("%+v", s)
	}
}

// TestStatusKeepsItsSchema: what the monitor tells is what the schema of status says, and whether it is fresh.
func TestStatusKeepsItsSchema(t *testing.T) {
	w, srv := watching(t, &fake{next: well}, Options{})
	eventually(t, "a sample", func() bool { return w.now().fresh })
	var members map[string]json.RawMessage
	if err := json.NewDecoder(get(t, srv.URL+"/api/status").Body).Decode(&members); err != nil {
		t.Fatal(err)
	}
	for _, ours := range []string{"stale", "age_seconds", "every_seconds"} {
		if members[ours] == nil {
			t.Errorf("there is no %s", ours)
		}
		delete(members, ours)
	}
	text, _ := json.Marshal(members)
	if err := outputs.Held("status", text); err != nil {
		t.Error(err)
	}
}

// TestStream: the status comes again and again, and what came and went once.
func TestStream(t *testing.T) {
	f := &fake{next: func(at time.Time) (health.Sample, error) {
		s := cluster(at)
		s.Apps = nil
		return s, nil
	}}
	w, srv := watching(t, f, Options{})
	eventually(t, "a sample", func() bool { return w.now().fresh })
	for _, ask := range [][]string{{"/api/events"}, {"/api/status", "Accept", "text/event-stream"}} {
		a := get(t, srv.URL+ask[0], ask[1:]...)
		if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s: %v", ask[0], a.Header)
		}
		lines := bufio.NewScanner(a.Body)
		lines.Buffer(nil, 1<<20)
		next := func(begin string) string {
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), begin) {
					return lines.Text()
				}
			}
			t.Fatalf("the stream ended before %q", begin)
			return ""
		}
		if text := next("data: "); !strings.Contains(text, `"format":"pgrepl.status/1"`) {
			t.Errorf("first: %s", text)
		}
		next("event: finding")
		next("event: status")
		f.say(well)
		next("event: finding")
		if text := next("data: "); !strings.Contains(text, `"what":"came"`) || !strings.Contains(text, `"app":"jobs"`) {
			t.Errorf("came: %s", text)
		}
		f.say(func(at time.Time) (health.Sample, error) {
			s := cluster(at)
			s.Apps = nil
			return s, nil
		})
		next("event: finding")
		if text := next("data: "); !strings.Contains(text, `"what":"went"`) || !strings.Contains(text, `"app":"jobs"`) {
			t.Errorf("went: %s", text)
		}
		a.Body.Close()
	}
}

// TestAQuietStreamGoesOn: what limits a write does not limit the time until the next, in HTTP/2 either.
func TestAQuietStreamGoesOn(t *testing.T) {
	defer func(before time.Duration) { writeMost = before }(writeMost)
	writeMost = 50 * time.Millisecond
	w := NewWatcher("shop", &fake{next: well}, time.Hour, 0)
	srv := httptest.NewUnstartedServer(Handler(w, Options{}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.ProtoMajor != 2 {
		t.Fatalf("it is %s", a.Proto)
	}
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && lines.Text() != "event: status" {
	}
	time.Sleep(5 * writeMost)
	w.Add(judged(), time.Now())
	for lines.Scan() && lines.Text() != "event: status" {
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}

func TestHistoryAnswers(t *testing.T) {
	w, srv := watching(t, &fake{next: well}, Options{})
	eventually(t, "a sample", func() bool { return w.now().fresh })
	var c columns
	if err := json.NewDecoder(get(t, srv.URL+"/api/history?range=1h").Body).Decode(&c); err != nil || c.Width != 60 || len(c.At) != 1 || len(c.Lag["a"]) != 1 || c.Retained["cdc on pg1"] == nil || c.Lag["below"] != nil {
		t.Errorf("%+v %v", c, err)
	}
	if a := get(t, srv.URL+"/api/history?range=2y"); a.StatusCode != 400 {
		t.Errorf("%d", a.StatusCode)
	}
}

// TestLooksWhenSomethingAlters: what differs from the file is looked at again when a node comes or goes, long before its time.
func TestLooksWhenSomethingAlters(t *testing.T) {
	f := &fake{next: func(at time.Time) (health.Sample, error) {
		s := cluster(at)
		s.Apps = nil
		return s, nil
	}}
	w := NewWatcher("shop", f, 20*time.Millisecond, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	looks := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.looks
	}
	eventually(t, "a sample", func() bool { return w.now().fresh })
	time.Sleep(100 * time.Millisecond) // what was found in the first sample has been looked at, too
	before := looks()
	time.Sleep(100 * time.Millisecond)
	if n := looks(); n != before {
		t.Errorf("nothing came or went, and it looked %d times more", n-before)
	}
	f.say(well) // with an app that has ended
	eventually(t, "another look", func() bool { return looks() > before })
}

// TestTLS: the certificate is used, and a renewed one without a restart.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := TLS(cert, key); err == nil {
		t.Error("no file is a certificate")
	}
	issue(t, cert, key, 1)
	secure, err := TLS(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		done <- Serve(ctx, l, Handler(NewWatcher("shop", &fake{next: well}, time.Second, 0), Options{}), secure)
	}()
	serial := func() int64 {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	issue(t, cert, key, 2)
	if err := os.Chtimes(cert, noon, noon); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 2 {
		t.Errorf("certificate %d after it was renewed", n)
	}
	if _, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is let in")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("end: %v", err)
	}
}

// TestEnds: streams end with the monitor, at once.
func TestEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, l, Handler(NewWatcher("shop", &fake{next: well}, time.Second, 0), Options{}), nil)
	}()
	a := get(t, "http://"+l.Addr().String()+"/api/events")
	if _, err := a.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	cancel()
	if err := <-done; err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("ended with %v after %s", err, time.Since(began))
	}
}

func issue(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{}, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, a *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
