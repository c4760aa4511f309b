package schema

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFolders: what else may lie in a folder, and which file a message names.
func TestFolders(t *testing.T) {
	good := map[string]string{"a.hcl": "cluster \"demo\" {}\n", "b.hcl": "master \"pg1\" {}\nreplica \"pg2\" {}\n"}
	for _, c := range []struct {
		name  string
		files map[string]string // over the good ones; -> makes a link
		want  string            // the first lines of the diagnostics, in the folder's own paths
	}{
		{"good ones", nil, ""},
		{"what editors leave", map[string]string{"b.hcl~": "{", ".#b.hcl": "-> me@host.1:2", "#b.hcl#": "{", ".b.hcl.swp": "\x00\x01", "b.hcl.orig": "{"}, ""},
		{"an empty file", map[string]string{"c.hcl": ""}, ""},
		{"a folder that is called so", map[string]string{"c.hcl/x.hcl": "{"}, ""},
		{"a link to a file", map[string]string{"b.hcl": "-> other/b", "other/b": "master \"pg1\" {}\n"}, ""},
		{"a link to nothing", map[string]string{"c.hcl": "-> gone"}, "c.hcl: error: no such file [PGR101]"},
		{"a link to itself", map[string]string{"c.hcl": "-> c.hcl"}, "c.hcl: error: cannot be read: too many levels of symbolic links [PGR101]"},
		{"the same block twice", map[string]string{"c.hcl": "\nreplica \"pg2\" {}\n"}, "c.hcl:2:1: error: replica.pg2 is declared already, at b.hcl:2 [PGR142]"},
		{"another kind of node", map[string]string{"c.hcl": "replica \"pg1\" {}\n"}, "c.hcl:1:1: error: replica.pg1 is declared already as master.pg1, at b.hcl:1 [PGR142]"},
		{"two clusters", map[string]string{"0.hcl": "cluster \"x\" {}\n", "c.hcl": "master \"pg3\" {}\n"},
			"a.hcl:1:1: error: a second cluster block: the first is at 0.hcl:1 [PGR140]\nc.hcl:1:1: error: a second master block: the first is at b.hcl:1 [PGR141]"},
		{"a local twice", map[string]string{"a.hcl": "cluster \"demo\" {}\nlocals { x = 1 }\n", "c.hcl": "locals { x = 2 }\n"},
			"c.hcl:1:10: error: local.x is written already, at a.hcl:2 [PGR107]"},
		{"a broken file beside good ones", map[string]string{"c.hcl": "role \"x\" {\n  login = \n", "d.hcl": "rolle {}\n"}, "c.hcl:2:11: error: invalid expression [PGR102]"},
		{"two broken files", map[string]string{"c.hcl": "role \"x\" {", "d.hcl": "\xff"},
			"c.hcl:1:10: error: unclosed configuration block [PGR102]\nd.hcl:1:1: error: not UTF-8 from here on [PGR102]"},
		{"UTF-16", map[string]string{"c.hcl": "\xff\xfe#\x00"}, "c.hcl:1:1: error: not UTF-8 from here on [PGR102]"},
		{"line ends of Windows", map[string]string{"c.hcl": "\xef\xbb\xbfrole \"x\" {\r\n  lgin = true\r\n}\r\n"}, "c.hcl:2:3: error: role has no attribute \"lgin\" [PGR111]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			lay(t, dir, good)
			lay(t, dir, c.files)
			_, diags := Load(Options{Path: dir})
			var said []string
			for _, d := range diags {
				line, _, _ := strings.Cut(strings.ReplaceAll(d.String(), dir+"/", ""), "\n")
				said = append(said, line)
			}
			if got := strings.Join(said, "\n"); got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// lay writes files and links into a folder, over what is there.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		os.Remove(path)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if to, link := strings.CutPrefix(text, "-> "); link && err == nil {
			err = os.Symlink(to, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinkToAFolderIsTheFolder(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{"real/a.hcl": "cluster \"demo\" {}\nmaster \"pg1\" {}\n", "link": "-> real"})
	if c, diags := Load(Options{Path: filepath.Join(dir, "link")}); c == nil {
		t.Error(diags)
	}
}

func TestUnreadableFileIsNamed(t *testing.T) {
	_, diags := Load(Options{
		Path:    "d",
		ReadDir: func(string) ([]string, error) { return []string{"a.hcl", "b.hcl"}, nil },
		ReadFile: func(name string) ([]byte, error) {
			if name == "d/b.hcl" {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
			}
			return []byte("cluster \"demo\" {}\nmaster \"pg1\" {}\n"), nil
		},
	})
	if len(diags) != 1 || diags[0].Range.Filename != "d/b.hcl" || diags[0].Summary != "cannot be read: permission denied" {
		t.Error(diags)
	}
}

func TestPipeInAFolderIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{"a.hcl": "cluster \"demo\" {}\nmaster \"pg1\" {}\n"})
	if err := syscall.Mkfifo(filepath.Join(dir, "b.hcl"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan Diagnostics)
	go func() {
		_, diags := Load(Options{Path: dir})
		done <- diags
	}()
	select {
	case diags := <-done:
		if diags.HasErrors() {
			t.Error(diags)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}
