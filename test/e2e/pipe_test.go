package e2e

import (
	"io"
	"os"
	"testing"
)

// TestNobodyReadsWhatApplySays closes the reading end of its pipe, as head does, before the second stage is printed.
func TestNobodyReadsWhatApplySays(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.docker("stop", c.name("a"))
	c.edit(`cluster "%" { image = var.image }`, "cluster \"%\" {\n  image = var.image\n  settings = { work_mem = \"9MB\" }\n}")
	for _, args := range [][]string{{"plan"}, {"apply", "--auto-approve"}} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		cmd := c.command(t.Context(), args...)
		cmd.Stdout, cmd.Stderr = write, io.Discard
		err = cmd.Run()
		write.Close()
		if code := cmd.ProcessState.ExitCode(); args[0] == "plan" && code != 141 || args[0] == "apply" && code != 0 {
			t.Errorf("%s ended with %d: %v", args[0], code, err)
		}
	}
	c.settled()
	if got := c.sql("b", "SHOW work_mem"); got != "9MB" {
		t.Errorf("work_mem is %s", got)
	}
}
