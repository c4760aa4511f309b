package catalogue

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os/exec"
	"strings"
)

// Server is a throw-away PostgreSQL in a container.
type Server struct{ container string }

// script starts a server and says so. It listens on a socket only, and its files may be lost.
const script = `set -e
initdb -D /tmp/data -U postgres -A trust -N >/dev/null
mkdir -m 700 /tmp/bare
touch /tmp/bare/postgresql.conf /tmp/bare/postgresql.auto.conf
exec postgres -D /tmp/data -c fsync=off -c listen_addresses= -c unix_socket_directories=/tmp`

const ready = `for i in $(seq 600); do pg_isready -q -h /tmp && exit; sleep 0.05; done; exit 1`

// Start starts one.
func Start(image string) (*Server, error) {
	s := &Server{"pgrepl-catalogue-" + strings.ToLower(rand.Text())}
	if _, err := run("", "run", "--detach", "--rm", "--init", "--name", s.container, "--network", "none", "--user", "postgres",
		"--env", "LANG=C.UTF-8", "--entrypoint", "sh", image, "-c", script); err != nil {
		return nil, err
	}
	if _, err := s.Shell(ready, ""); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// Remove takes it away.
func (s *Server) Remove() { _, _ = run("", "rm", "--force", "--volumes", s.container) }

// Shell runs a shell script in the container.
func (s *Server) Shell(script, input string) (string, error) {
	return run(input, "exec", "--interactive", s.container, "sh", "-c", script)
}

// SQL runs statements one by one, also after one that fails. Answers and errors come in order.
func (s *Server) SQL(statements string) (string, error) {
	return s.Shell("psql -X -q -A -t -F '\t' -h /tmp -U postgres 2>&1", statements)
}

func run(input string, args ...string) (string, error) {
	cmd := exec.Command("docker", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("docker %s: %w: %s", args[0], err, &stderr)
	}
	return string(out), err
}

// Printed is what `postgres -C` prints for each setting with a value, "ERROR" where it refuses the value. Neither may
// hold a tab or a line break.
func (s *Server) Printed(settings [][2]string) ([]string, error) {
	var input strings.Builder
	for _, one := range settings {
		fmt.Fprintf(&input, "%s\t%s\n", one[0], one[1])
	}
	out, err := s.Shell(`while IFS='	' read -r name value
do
  if answer=$(postgres -D /tmp/bare -C "$name" -c "$name=$value" 2>/dev/null); then printf '%s\n' "$answer"; else echo ERROR; fi
done`, input.String())
	answers := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if err == nil && len(answers) != len(settings) {
		err = fmt.Errorf("%d settings and %d values", len(settings), len(answers))
	}
	return answers, err
}
