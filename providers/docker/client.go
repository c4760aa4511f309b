package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"pgrepl/engine"
)

type clientImageInspectOption = client.ImageInspectOption

// oldestAPI is Docker Engine 20.10's: the first with everything that a node container needs.
const oldestAPI = "1.41"

// Engine is one Docker engine as pgrepl talks to it.
type Engine struct {
	api      API
	effect   engine.SideEffect
	endpoint string        // as somebody named it; "": the platform's default
	patience time.Duration // with its first sign of life

	mu       sync.Mutex
	accounts map[string]account // of the user postgres, by image
}

// account is a user of an image by its numbers.
type account struct{ uid, gid int }

// Connect returns the engine at endpoint: a URL (unix, tcp, ssh), or "" for DOCKER_HOST, else the current docker
// context, else the platform's default. Nothing is sent yet; Check does that.
func Connect(endpoint string, effect engine.SideEffect) (*Engine, error) {
	host, err := resolve(endpoint)
	if err != nil {
		return nil, err
	}
	opts := []client.Opt{client.WithTLSClientConfigFromEnv(), client.WithAPIVersionNegotiation()}
	if host != "" {
		helper, err := connhelper.GetConnectionHelper(host)
		if err != nil {
			return nil, fmt.Errorf("docker endpoint %s: %w", host, err)
		}
		if helper == nil {
			opts = append(opts, client.WithHost(host))
		} else { // ssh://: the stream of "docker system dial-stdio" on the other machine
			opts = append(opts, client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: helper.Dialer}}),
				client.WithHost(helper.Host), client.WithDialContext(helper.Dialer))
		}
	}
	c, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("docker endpoint %s: %w", host, err)
	}
	e := &Engine{api: c, effect: effect, endpoint: host, patience: 10 * time.Second, accounts: map[string]account{}}
	if strings.HasPrefix(host, "ssh://") { // a login comes first, which may ask for a passphrase
		e.patience = time.Minute
	}
	return e, nil
}

// resolve finds the endpoint as the docker command does.
func resolve(endpoint string) (string, error) {
	if endpoint != "" {
		return endpoint, nil
	}
	if h := os.Getenv("DOCKER_HOST"); h != "" {
		return h, nil
	}
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		name = currentContext()
	}
	if name == "" || name == "default" {
		return "", nil
	}
	return contextHost(name)
}

func configDir() string {
	if d := os.Getenv("DOCKER_CONFIG"); d != "" {
		return d
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".docker")
}

func currentContext() string {
	var config struct{ CurrentContext string }
	text, err := os.ReadFile(filepath.Join(configDir(), "config.json"))
	if err != nil || json.Unmarshal(text, &config) != nil {
		return ""
	}
	return config.CurrentContext
}

// contextHost reads the endpoint of a docker context from where docker keeps it: contexts/meta/<digest of name>/meta.json.
func contextHost(name string) (string, error) {
	metas, err := filepath.Glob(filepath.Join(configDir(), "contexts", "meta", "*", "meta.json"))
	if err != nil {
		return "", err
	}
	for _, path := range metas {
		var meta struct {
			Name      string
			Endpoints struct {
				Docker struct{ Host string } `json:"docker"`
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if json.Unmarshal(text, &meta) == nil && meta.Name == name {
			return meta.Endpoints.Docker.Host, nil
		}
	}
	return "", fmt.Errorf("docker context %q is selected but does not exist; see `docker context ls`", name)
}

// Close ends the connections.
func (e *Engine) Close() error { return e.api.Close() }

// host is what to call the engine in messages: for ssh the client itself knows only a name that stands for the connection.
func (e *Engine) host() string {
	if e.endpoint != "" {
		return e.endpoint
	}
	return e.api.DaemonHost()
}

// errSilent is an engine that was reached and says nothing.
var errSilent = errors.New("it takes the connection and does not answer")

// Check asks the engine for a sign of life and reports what stands in the way of working with it.
func (e *Engine) Check(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, e.patience, errSilent)
	defer cancel()
	ping, err := e.api.Ping(limited)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errSilent) {
		return engine.Problem{Code: "PGR301", Summary: fmt.Sprintf("no Docker engine answers at %s within %s", e.host(), e.patience), Detail: errSilent.Error(),
			Next: "see whether `docker version` answers, and restart the engine where it does not; or name another with --docker or DOCKER_HOST"}
	}
	if err != nil {
		return e.unreachable(err)
	}
	if versions.LessThan(ping.APIVersion, oldestAPI) {
		return engine.Problem{Code: "PGR303", Summary: fmt.Sprintf("the Docker engine at %s is too old: it speaks API %s, pgrepl needs %s", e.host(), ping.APIVersion, oldestAPI),
			Next: "update it to Docker Engine 20.10 or newer, or name another with --docker or DOCKER_HOST"}
	}
	return nil
}

func (e *Engine) unreachable(err error) error {
	host := e.host()
	text := strings.ReplaceAll(err.Error(), e.api.DaemonHost(), host)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case strings.Contains(text, "permission denied"):
		return engine.Problem{Code: "PGR302", Summary: "no permission on the Docker socket " + host, Detail: text,
			Next: "run as a member of the docker group (newgrp docker) or with sudo, or name another engine with --docker or DOCKER_HOST"}
	case strings.Contains(text, "is too new") || strings.Contains(text, "is too old"):
		return engine.Problem{Code: "PGR303", Summary: "the Docker engine at " + host + " speaks another API version", Detail: text,
			Next: "unset DOCKER_API_VERSION, or update the engine to 20.10 or newer"}
	}
	return engine.Problem{Code: "PGR301", Summary: "no Docker engine answers at " + host, Detail: text,
		Next: "start it (systemctl start docker), or name another with --docker or DOCKER_HOST"}
}
