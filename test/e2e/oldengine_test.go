package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// oldEngine answers as Docker Engine 18.09 does.
func oldEngine(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.39")
		w.Header().Set("Docker-Experimental", "false")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http://", "tcp://", 1)
}
