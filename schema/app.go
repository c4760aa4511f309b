package schema

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// SecretsFolder is where the secrets of an app lie in its container.
const SecretsFolder = "/run/secrets"

// App is a container beside the cluster that uses it.
type App struct {
	Object
	Image   string // as written; "" where it is built
	Build   *Build // nil: Image is made by somebody else
	Network *Network
	Ports   []AppPort
	Command []string // nil: the image's
	Env     map[string]Secret
	Secrets map[string]Secret // files in SecretsFolder, by name
	Volumes []AppVolume
	Restart string
	Labels  map[string]string // cluster's and app's

	Reaches []Reach // what the URLs in Env, Secrets and Command lead to, each once
}

// Build says what the image of an app is made of.
type Build struct {
	Folder string // with a Dockerfile in it
	Args   map[string]string
	Origin Origin
}

// AppPort publishes a port of the container on the host.
type AppPort struct {
	Port
	Inside int // of the container
}

func (p AppPort) String() string { return fmt.Sprintf("%s:%d", p.Port, p.Inside) }

// AppVolume is a volume of the author's, or a folder of the host, in the container.
type AppVolume struct {
	Source   string // name of a Docker volume, or an absolute host path
	Target   string
	ReadOnly bool
	at       hcl.Range
}

func (v AppVolume) String() string {
	if v.ReadOnly {
		return v.Source + ":" + v.Target + ":ro"
	}
	return v.Source + ":" + v.Target
}

// Reach is a database that an app logs in to, as one of its URLs says.
type Reach struct {
	Node     *Node
	Role     *Role
	Database *Database
	Path     string // of the attribute that its URL stands in: secrets.DATABASE_URL
	at       hcl.Range
}
