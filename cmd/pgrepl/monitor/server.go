package monitor

import (
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"io/fs"
	"net"
	"net/http"
	"strings"
)

// page is what the browser gets: files of its own, so that the policy can forbid everything else.
//
//go:embed page
var page embed.FS

// Options are how the monitor is reached.
type Options struct {
	Token  string   // that whoever asks for figures has to send; "": nobody has to
	Host   string   // that it listens on; without a token, requests for other hosts' names are refused
	Compat []string // exporters under whose names the figures are told, too
}

type server struct {
	watcher *Watcher
	options Options
}

// Handler answers for what w sees.
func Handler(w *Watcher, o Options) http.Handler {
	s := &server{w, o}
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // a constant
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", unpack(files))
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.guarded(s.metrics().ServeHTTP))
	mux.Handle("GET /api/status", s.guarded(s.status))
	mux.Handle("GET /api/events", s.guarded(s.events))
	mux.Handle("GET /api/history", s.guarded(s.history))
	if len(o.Compat) > 0 {
		mux.Handle("GET /probe", s.guarded(s.probe))
	}
	return s.atHome(secured(mux))
}

// unpack serves the page's files, which are part of the program and change with it.
func unpack(files fs.FS) http.Handler {
	served := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		served.ServeHTTP(w, r)
	})
}

// Policy is what the page may do: run and draw with files of its own, and ask its own server.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// guarded lets whoever has the token in. The page itself has nothing to hide: it holds no figure until it has asked for them.
func (s *server) guarded(next http.HandlerFunc) http.Handler {
	want := sha256.Sum256([]byte(s.options.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given)) // of one length, so that the time of the comparison tells nothing
		if s.options.Token != "" && (!strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="pgrepl monitor"`)
			http.Error(w, "a token is needed: Authorization: Bearer …", http.StatusUnauthorized)
			return
		}
		next(w, r)
	})
}

// atHome refuses requests under a name that is not this machine's, where no token keeps others out: a page from elsewhere can
// have its own name resolve to 127.0.0.1, and would then be let read the answers.
func (s *server) atHome(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.Token == "" && !s.isHome(r.Host) {
			http.Error(w, "this monitor has no token and answers only under its own address", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) isHome(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || host == s.options.Host || ip != nil && ip.IsLoopback()
}
