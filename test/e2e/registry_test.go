package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// registry serves one image as a registry does (OCI Distribution), from what `docker save` writes. Docker talks plain HTTP
// to registries on loopback.
func registry(t *testing.T, image string) (ref string) {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "image.tar")
	if out, err := exec.Command("docker", "save", "-o", archive, image).CombinedOutput(); err != nil {
		t.Fatalf("docker save: %v: %s", err, out)
	}
	files := unpack(t, archive, dir)
	var saved []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(read(t, files["manifest.json"]), &saved); err != nil {
		t.Fatal(err)
	}
	type blob struct {
		MediaType string `json:"mediaType"`
		Size      int64  `json:"size"`
		Digest    string `json:"digest"`
	}
	blobs := map[string]string{}
	add := func(kind, name string) blob {
		text := read(t, files[name])
		sum := sha256.Sum256(text)
		digest := "sha256:" + hex.EncodeToString(sum[:])
		blobs[digest] = files[name]
		return blob{kind, int64(len(text)), digest}
	}
	manifest := struct {
		SchemaVersion int    `json:"schemaVersion"`
		MediaType     string `json:"mediaType"`
		Config        blob   `json:"config"`
		Layers        []blob `json:"layers"`
	}{SchemaVersion: 2, MediaType: "application/vnd.docker.distribution.manifest.v2+json", Config: add("application/vnd.docker.container.image.v1+json", saved[0].Config)}
	for _, l := range saved[0].Layers {
		manifest.Layers = append(manifest.Layers, add("application/vnd.docker.image.rootfs.diff.tar.gzip", l))
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, last, _ := strings.Cut(r.URL.Path, "/v2/pg/")
		switch {
		case strings.HasPrefix(last, "manifests/"):
			sum := sha256.Sum256(text)
			w.Header().Set("Content-Type", manifest.MediaType)
			w.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
			http.ServeContent(w, r, "", noTime, bytes.NewReader(text))
		case strings.HasPrefix(last, "blobs/") && blobs[strings.TrimPrefix(last, "blobs/")] != "":
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeFile(w, r, blobs[strings.TrimPrefix(last, "blobs/")])
		case last == "":
			w.WriteHeader(http.StatusOK)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/pg:17"
}

var noTime time.Time

func unpack(t *testing.T, archive, dir string) map[string]string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string]string{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(dir, fmt.Sprint(len(files)))
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, r); err != nil {
			t.Fatal(err)
		}
		out.Close()
		files[h.Name] = path
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAnImageThatIsNotHereIsPulled(t *testing.T) {
	t.Parallel()
	ref := registry(t, usualImage(t))
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", ref).Run() })
	c := newCluster(t, ref, small)
	contains(t, c.want(0, "plan").out, "+ image."+ref, "pull image "+ref)
	if out, err := exec.Command("docker", "image", "inspect", ref).CombinedOutput(); err == nil {
		t.Fatalf("the plan pulled the image: %s", out)
	}
	c.apply()
	c.remove()

	wrong := newCluster(t, strings.Replace(ref, "pg:17", "gp:17", 1), small)
	wrong.refuses("PGR215", "cannot be pulled")
}
