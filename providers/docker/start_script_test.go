package docker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNoWakeIsMissed makes a node's data and wakes its container at every moment of the script that waits for it, whose sleep never
// ends by itself here.
func TestNoWakeIsMissed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, program := range []string{"postgres", "flock"} {
		if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := strings.ReplaceAll(startScript, wakeFile, filepath.Join(dir, "waits"))
	forever := strings.Replace(script, "sleep 5", "sleep 1000", 1)
	if forever == script {
		t.Fatal("the script does not sleep")
	}
	data, own := filepath.Join(dir, "pgdata"), filepath.Join(dir, "pgrepl")
	for _, d := range []string{data, own} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for after := time.Duration(0); after < 12*time.Millisecond; after += 100 * time.Microsecond {
		_ = os.Remove(filepath.Join(data, "PG_VERSION"))
		cmd := exec.Command("sh", "-c", forever, data, "17", own)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		time.Sleep(after)
		if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("17\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Process.Signal(syscall.SIGWINCH)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("woken after %s it did not become the server: %v", after, err)
		}
		late.Stop()
	}
}
