package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/schema"
)

// standIn is a Docker engine with one container, whose image has a file where secrets would be.
type standIn struct {
	API
	container container.InspectResponse
	removed   []string // volumes
}

func (e *standIn) ContainerInspect(context.Context, string) (container.InspectResponse, error) {
	return e.container, nil
}

func (e *standIn) CopyFromContainer(context.Context, string, string) (io.ReadCloser, container.PathStat, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "secrets/example", Size: 1})
	_, _ = w.Write([]byte("x"))
	return io.NopCloser(&b), container.PathStat{}, w.Close()
}

func (e *standIn) ImageInspect(context.Context, string, ...clientImageInspectOption) (image.InspectResponse, error) {
	return image.InspectResponse{ID: "image"}, nil
}

func (e *standIn) VolumeRemove(_ context.Context, name string, _ bool) error {
	e.removed = append(e.removed, name)
	return nil
}

func (e *standIn) ContainerCreate(context.Context, *container.Config, *container.HostConfig, *network.NetworkingConfig, *v1.Platform, string) (container.CreateResponse, error) {
	return container.CreateResponse{}, nil
}

func (e *standIn) ContainerStart(context.Context, string, container.StartOptions) error { return nil }

// withApp is a cluster with one app, and a container that has its name and these labels.
func withApp(labels map[string]string, mounts ...container.MountPoint) (*Site, *schema.App, *standIn) {
	app := &schema.App{Object: schema.Object{Name: "web", Address: schema.Address{Block: "app", Label: "web"}}, Image: "web:1", Restart: "no", Network: &schema.Network{Object: schema.Object{Name: "net"}}}
	api := &standIn{container: container.InspectResponse{Config: &container.Config{Labels: labels}, Mounts: mounts,
		ContainerJSONBase: &container.ContainerJSONBase{ID: "id", Name: "/web", HostConfig: &container.HostConfig{}, State: &container.State{Status: "running", Running: true}}}}
	return NewSite(&schema.Cluster{Name: "shop", Apps: []*schema.App{app}}, &Engine{api: api}, Removal{}), app, api
}

// Somebody else's container is no app that is well.
func TestWhoseAnAppIs(t *testing.T) {
	for _, c := range []struct {
		labels map[string]string
		state  string
	}{
		{ownLabels("shop", "app", "web", nil), "running"},
		{ownLabels("elsewhere", "app", "web", nil), health.Foreign},
		{ownLabels("shop", "node", "web", nil), health.Foreign},
		{nil, health.Foreign},
	} {
		s, app, _ := withApp(c.labels)
		if got, _, err := s.AppContainer(t.Context(), app); err != nil || got.State != c.state {
			t.Errorf("%v: %s, %v", c.labels, got.State, err)
		}
	}
}

// A file in an image is no secret that differs: only what lies in the volume of secrets is one.
func TestSecretsAreInTheirVolume(t *testing.T) {
	labels := ownLabels("shop", "app", "web", nil)
	s, _, _ := withApp(labels)
	if got, err := s.inspectApp(t.Context(), "id"); err != nil || len(got.secrets) > 0 {
		t.Errorf("without a volume: %v, %v", got.secrets, err)
	}
	s, _, _ = withApp(labels, container.MountPoint{Type: mount.TypeVolume, Name: secretsVolume("web"), Destination: schema.SecretsFolder})
	if got, err := s.inspectApp(t.Context(), "id"); err != nil || len(got.secrets) != 1 {
		t.Errorf("with one: %v, %v", got.secrets, err)
	}
}

// A volume under the name of an app's secrets goes only where a look has found that it holds them.
func TestSecretsOfSomebodyElseStay(t *testing.T) {
	for _, ours := range []bool{false, true} {
		s, app, api := withApp(nil)
		v := &volume.Volume{Name: secretsVolume("web")}
		if ours {
			v.Labels = ownLabels("shop", "volume", v.Name, map[string]string{labelSecrets: "web"})
		}
		look := survey{apps: map[string]seenApp{}}
		_, secrets := s.apart([]*volume.Volume{v})
		if err := s.lookAtApps(t.Context(), &look, secrets); err != nil {
			t.Fatal(err)
		}
		s.seen = look
		steps := (apps{s}).Steps(engine.Change{ID: appID(app.Name), Action: engine.Create})
		if err := steps[0].Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(api.removed, v.Name); got != ours {
			t.Errorf("ours %t, removed %t", ours, got)
		}
	}
}

// What an app wrote is shown without what the file does not show, and with the rest.
func TestMasked(t *testing.T) {
	c, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", Vars: []string{"token=hidden"}, Environ: []string{"API_KEY=outside"},
		ReadDir: func(string) ([]string, error) { return nil, errors.New("not a folder") },
		ReadFile: func(string) ([]byte, error) {
			return []byte(`
variable "token" { sensitive = true }
variable "debug" { default = "true" }
locals { key = env("API_KEY") }
cluster "c" {}
master "db" {}
app "web" {
  image = "web:1"
  env   = { PORT = "8000", DEBUG = var.debug, TOKEN = "a-${var.token}", KEY = local.key, OWN = sensitive("marked") }
}
`), nil
		}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	said := masked("port 8000 is taken, debug is true, a-hidden outside marked", c.Apps[0])
	if want := "port 8000 is taken, debug is true," + strings.Repeat(" (sensitive)", 3); said != want {
		t.Errorf("%s, want %s", said, want)
	}
}
