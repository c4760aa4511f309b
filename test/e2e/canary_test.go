package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSecretsNeverAppear gives every secret a value that occurs nowhere else, and looks for it, and for the generated
// passwords, in everything that the program and the servers write.
func TestSecretsNeverAppear(t *testing.T) {
	t.Parallel()
	const declared, changed, env = "canary-declared-7f3a", "canary-changed-91bc", "canary-env-55d0"
	c := newCluster(t, usualImage(t), strings.Replace(life, `"first"`, `"`+declared+`"`, 1))
	c.edit("max_connections = 50", `max_connections = 50
    log_statement              = "all"
    log_min_duration_statement = 0
    log_min_error_statement    = "debug5"
    log_connections            = true`)
	c.edit(`master "%-a" {}`, `master "%-a" { env = { TOKEN = sensitive("`+env+`") } }`)

	var said strings.Builder
	stop := watchProcesses(t, &said)
	for _, args := range [][]string{{"validate"}, {"plan", "--full"}, {"apply", "--auto-approve"}, {"plan"}, {"status", "-o", "wide"}, {"status", "-o", "json"}, {"verify"}, {"graph"}} {
		said.WriteString(c.want(0, args...).String())
	}
	c.env = append(c.env, "PGREPL_VAR_password="+changed)
	said.WriteString(c.apply().String())
	c.edit("role \"group\" {}", "role \"group\" { password = var.password }\nrole \"bad\" { valid_until = var.password }")
	said.WriteString(c.run("plan").String())
	stop()

	hidden := []string{declared, changed, env}
	for _, node := range []string{"a", "b", "c"} {
		for _, file := range []string{"credential", "passfile"} {
			out, err := exec.Command("docker", "exec", c.name(node), "sh", "-c", "cat /var/lib/postgresql/pgrepl/"+file).Output()
			if err == nil {
				fields := strings.Split(strings.TrimSpace(string(out)), ":")
				hidden = append(hidden, fields[len(fields)-1])
			}
		}
	}
	if len(hidden) < 8 {
		t.Fatalf("only %d secrets to look for", len(hidden))
	}
	sinks := map[string]string{"output": said.String()}
	for _, node := range []string{"a", "b", "c"} {
		sinks["log of "+node] = c.docker("logs", c.name(node))
		sinks["environment of the postmaster of "+node] = c.docker("exec", "-u", "postgres", c.name(node), "sh", "-c", `tr "\0" "\n" < /proc/$(head -1 /var/lib/postgresql/pgdata/postmaster.pid)/environ`)
		sinks["files of "+node] = c.docker("exec", c.name(node), "sh", "-c", `cd /var/lib/postgresql; find . -type f ! -path "./pgrepl/credential" ! -path "./pgrepl/passfile" -exec cat {} + | tr -c "[:print:]" "\n"`)
		sinks["statistics of "+node] = c.sql(node, "SELECT string_agg(query, ' ') FROM pg_stat_activity")
		sinks["other files of "+node] = c.docker("exec", "-u", "root", c.name(node), "sh", "-c", `find /tmp /run /dev/shm /root /home /etc /var/log -type f -exec cat {} + 2>/dev/null | tr -c "[:print:]" "\n"`) + c.changedFiles(node)
		sinks["volume inspect of "+node] = c.docker("volume", "inspect", c.name(node))
		inspect := c.docker("inspect", c.name(node))
		sinks["inspect of "+node] = strings.ReplaceAll(inspect, env, "") // env is where the author put it
	}
	sinks["network inspect"] = c.docker("network", "inspect", c.prefix)
	if log := sinks["log of a"]; !strings.Contains(log, "connection authorized") {
		t.Error("the server's log is not there, so nothing was looked for in it")
	}
	for _, node := range []string{"a", "b"} {
		if modes := c.docker("exec", c.name(node), "sh", "-c", "stat -c '%a %U' /var/lib/postgresql/pgrepl /var/lib/postgresql/pgrepl/credential"); modes != "700 postgres\n600 postgres" {
			t.Errorf("modes on %s: %q", node, modes)
		}
	}
	c.edit("\nrole \"group\" { password = var.password }\nrole \"bad\" { valid_until = var.password }", "\nrole \"group\" {}")
	sinks["output of a failed apply"] = c.run("apply", "--auto-approve", "--deny=restart,recreate", "--target", "role.nobody").String()
	sinks["output of destroy"] = c.want(0, "destroy", "--auto-approve", "--allow=data").String()
	for _, secret := range hidden {
		for sink, text := range sinks {
			if i := strings.Index(text, secret); i >= 0 && !(secret == env && strings.HasPrefix(sink, "environment")) {
				t.Errorf("a secret appears in the %s: …%s…", sink, text[max(0, i-80):min(len(text), i+20)])
			}
		}
	}
}

// changedFiles is what lies in a container over its image, outside its volume.
func (c *cluster) changedFiles(node string) string {
	var out strings.Builder
	for line := range strings.Lines(c.docker("diff", c.name(node))) {
		kind, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kind == "D" {
			continue
		}
		text, _ := exec.Command("docker", "exec", "-u", "root", c.name(node), "cat", path).Output() // folders cannot be
		out.Write(text)
	}
	return out.String()
}

// watchProcesses collects the arguments of every process on the machine, containers' included, until it is stopped. Those of the
// docker command are the tests' own, which make clusters by hand beside this one; pgrepl never runs it.
func watchProcesses(t *testing.T, into *strings.Builder) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	var seen strings.Builder
	go func() {
		defer close(ended)
		lines := map[string]bool{}
		for {
			select {
			case <-done:
				for l := range lines {
					seen.WriteString(l + "\n")
				}
				return
			case <-time.After(5 * time.Millisecond):
			}
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, f := range files {
				if text, err := os.ReadFile(f); err == nil && !strings.HasPrefix(string(text), "docker\x00") {
					lines[strings.ReplaceAll(string(text), "\x00", " ")] = true
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		if !strings.Contains(seen.String(), "pg_basebackup") {
			t.Error("the watch over processes did not even see pg_basebackup")
		}
		into.WriteString(seen.String())
	}
}
