package docker

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgrepl/engine"
	"pgrepl/schema"
)

// packed is what a folder is sent as.
func packed(t *testing.T, folder string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	err := pack(&b, "shop", &schema.App{Object: schema.Object{Name: "web"}, Build: &schema.Build{Folder: folder}})
	return b.String(), err
}

// A folder is packed alike under its own name and by a link to it, and without sockets.
func TestPack(t *testing.T) {
	folder, link := filepath.Join(t.TempDir(), "app"), filepath.Join(t.TempDir(), "link")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Dockerfile": "FROM scratch", ".dockerignore": "left\n", "left": "out", "main": "program"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	want, err := packed(t, folder)
	if err != nil || !strings.Contains(want, "FROM scratch") || !strings.Contains(want, "program") || strings.Contains(want, "left\x00") {
		t.Fatalf("%v: %q", err, want)
	}
	if got, err := packed(t, link); err != nil || got != want {
		t.Errorf("by a link: %v: %q", err, got)
	}
	l, err := net.Listen("unix", filepath.Join(folder, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got, err := packed(t, folder); err != nil || got != want {
		t.Errorf("with a socket: %v: %q", err, got)
	}
}

// A folder that cannot be read is in the way of a plan, and of no look, nor of a destroy.
func TestAFolderThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	app := &schema.App{Object: schema.Object{Name: "web", Address: schema.Address{Block: "app", Label: "web"}}, Build: &schema.Build{Folder: folder}, Network: &schema.Network{}}
	file := &schema.Cluster{Name: "shop", Apps: []*schema.App{app}}
	facts := func(r Removal) (codes []string) {
		for _, f := range (apps{NewSite(file, &Engine{}, r)}).Facts(engine.Snapshot{}, engine.Snapshot{}) {
			codes = append(codes, f.Code)
		}
		return codes
	}
	if got := facts(Removal{}); len(got) > 0 {
		t.Errorf("one that can be read: %v", got)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := facts(Removal{}); len(got) != 1 || got[0] != "PGR267" {
		t.Errorf("one with a pipe in it: %v", got)
	}
	if got := facts(Removal{Containers: true}); len(got) > 0 {
		t.Errorf("in a destroy: %v", got)
	}
}
