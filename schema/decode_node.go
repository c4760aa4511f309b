package schema

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	leastMemory        = 6 << 20 // Docker's minimum
	defaultStopTimeout = 120
)

// decodeNodes decodes the master and then the replicas, which inherit from it.
func (d *decoder) decodeNodes() {
	if in := d.only("master", codeMaster); in != nil {
		n, own := d.node(in, d.shared)
		n.Part = Primary
		d.primary, d.shared = n, own
	}
	d.every("replica", func(in *instance) {
		n, _ := d.node(in, d.shared)
		r := d.readers[&n.Object]
		n.Part = Standby
		n.ApplicationName = r.text("application_name", n.Name, applicationName)
		n.Delay = r.delay()
	})
}

// node decodes what master and replica have in common; it returns what nodes below inherit.
func (d *decoder) node(in *instance, from inherited) (*Node, inherited) {
	r := d.reader(in)
	n := &Node{
		Object:      d.object(in, r, dockerName),
		Image:       r.text("image", d.cluster.Image, image),
		Memory:      r.size("memory", leastMemory),
		CPUs:        r.text("cpus", "", cpus),
		ShmSize:     r.size("shm_size", 1),
		Restart:     r.text("restart", from.restart, restartPolicy),
		StopTimeout: r.whole("stop_timeout", defaultStopTimeout, 1, 86400),
		Port:        r.port(),
		Env:         r.environment(),
		Labels:      r.labels(d.cluster.Labels),
	}
	for _, inheritable := range []string{"image", "restart", "labels"} {
		if at, written := from.written[inheritable]; written && n.Written[inheritable] == (Origin{}) {
			n.Written[inheritable] = at
		}
	}
	d.readers[&n.Object] = r
	d.nodes[n.Address] = n
	n.Volume = r.text("volume", cmp.Or(n.RenamedFrom, n.Name), volume) // it keeps the name it was made with
	n.Network = d.networkOf(r)
	own := from
	own.settings = r.settings(inServer, d.known).over(from.settings)
	n.Settings = own.settings.all()
	if lines, ok := r.hba(d.cluster.Version); ok {
		own.hba = lines
	}
	n.HBA = own.hba // nil: joinReplicas fills in the default, once the roles are known
	d.checkImage(n)
	return n, own
}

// size is a number of bytes, 0 where none is written.
func (r *reader) size(name string, least int64) int64 {
	n, _ := strconv.ParseInt(r.text(name, "0", size(least)), 10, 64)
	return n
}

func (r *reader) delay() string {
	text := r.text("delay", "", timeValue)
	if ms, err := Canonical(delaySetting, text); err == nil && ms == "0" {
		return ""
	}
	return text
}

// port is a number, published on 127.0.0.1, or "ADDRESS:PORT".
func (r *reader) port() Port {
	v, ok := r.converted("port", cty.String, `a number or "ADDRESS:PORT"`)
	if !ok {
		return Port{}
	}
	p, err := hostPort(v.AsString())
	if err != nil {
		r.errorf(codeValue, r.where("port"), "port %s", err)
		return Port{}
	}
	p.Origin = originOf(r.where("port"))
	return p
}

func hostPort(text string) (Port, error) {
	host, number := "127.0.0.1", text
	if strings.Contains(text, ":") {
		var err error
		if host, number, err = net.SplitHostPort(text); err != nil {
			return Port{}, errors.New(`must be a number or "ADDRESS:PORT"`)
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > math.MaxUint16 {
		return Port{}, errors.New("must be a whole number from 1 to 65535")
	}
	a, err := netip.ParseAddr(host)
	if _, isNumber := strconv.Atoi(host); err != nil && isNumber == nil {
		return Port{}, fmt.Errorf(`must be a number or "ADDRESS:PORT": write %s, the server's own is always 5432`, host)
	}
	if err != nil {
		return Port{}, errors.New("needs an IP address before the colon, such as 0.0.0.0")
	}
	return Port{Address: a.String(), Port: n}, nil
}

// idle are the variables that images' entry points read, and what says it here.
var idle = map[string]string{
	"POSTGRES_PASSWORD":         "write superuser { password = … } in the cluster",
	"POSTGRES_PASSWORD_FILE":    "write superuser { password = … } in the cluster",
	"POSTGRES_USER":             "write superuser { name = … } in the cluster",
	"POSTGRES_DB":               "write database \"NAME\" {",
	"POSTGRES_INITDB_ARGS":      "write initdb { in the cluster",
	"POSTGRES_INITDB_WALDIR":    "leave it out",
	"POSTGRES_HOST_AUTH_METHOD": "write hba = in the cluster",
	"PGDATA":                    "leave it out: volume says where the data is",
}

func (r *reader) environment() map[string]Secret {
	env := r.secrets("env")
	for _, e := range r.entries("env") {
		hint, found := idle[e.key]
		if strings.HasPrefix(e.key, "POSTGRESQL_") {
			hint, found = "leave it out", true
		}
		if found {
			r.warnf(codeIdle, e.keyAt, "%s says nothing here: pgrepl starts the server itself", e.key).hint(hint)
		}
	}
	for name, value := range env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value.text, 0) {
			r.errorf(codeName, r.where("env"), "env holds a name or value that no environment can hold")
		}
	}
	return env
}

// misspelt reports whether a block says something that is most likely meant as the attribute: that is said already.
func (d *decoder) misspelt(body *hclsyntax.Body, name string) bool {
	for written := range body.Attributes {
		if nearest(written, []string{name}) != "" {
			return true
		}
	}
	return false
}

// networkOf is the network that a node names, or the only one there is.
func (d *decoder) networkOf(r *reader) *Network {
	if r.written("network") {
		a, ok := r.refer("network", "network")
		if !ok {
			return nil
		}
		return d.networks[a]
	}
	all := sortedByAddress(d.networks)
	if len(all) > 1 && d.misspelt(r.body, "network") {
		return nil
	}
	if len(all) > 1 {
		d.errorf(codeWhich, r.at, "there are several networks").
			hint("add network = network." + all[0].Address.Label)
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// checkImage holds a node's own image against the version of the cluster: all nodes run the same major.
func (d *decoder) checkImage(n *Node) {
	major := imageMajor(n.Image)
	if n.Image != d.cluster.Image && supported(major) && major != d.cluster.Version {
		d.errorf(codeVersion, d.at(&n.Object, "image"), "the image is PostgreSQL %d, the cluster is %d", major, d.cluster.Version).
			detail("A standby cannot follow a server of another major version.")
	}
}

// joinReplicas finds the upstream, role and slot of each replica and fills in the default hba.
func (d *decoder) joinReplicas() {
	replicas := d.replicas()
	for _, n := range replicas {
		n.Upstream = d.upstreamOf(d.readers[&n.Object])
		n.Role = d.roleOf(n)
	}
	for _, n := range replicas {
		n.Slot = d.slotOf(n)
	}
	lines := d.defaultHBA(replicas)
	for _, n := range d.nodes {
		if n.HBA == nil {
			n.HBA = slices.Clone(lines)
		}
	}
}

func (d *decoder) replicas() []*Node {
	return slices.DeleteFunc(sortedByAddress(d.nodes), func(n *Node) bool { return n.Part != Standby })
}

// upstreamOf is the node that a replica streams from, or that a slot lives on: the master unless upstream says another.
func (d *decoder) upstreamOf(r *reader) *Node {
	if !r.written("upstream") {
		return d.primary
	}
	a, ok := r.refer("upstream", "master", "replica")
	if !ok {
		return nil
	}
	return d.nodes[a]
}

// defaultHBA lets the replicas replicate, also those that were let go of, and everybody on the cluster's networks log in
// with a password.
func (d *decoder) defaultHBA(replicas []*Node) []HBALine {
	var names []string
	for _, n := range replicas {
		if n.Role != nil {
			names = append(names, n.Role.Name)
		}
	}
	released := func(r Removed) bool { return r.Kind == "node" && !r.Destroy }
	for _, role := range d.roles {
		if role.Replication && role.Login && slices.ContainsFunc(d.cluster.Removed, released) {
			names = append(names, role.Name)
		}
	}
	slices.Sort(names)
	var lines []HBALine
	for _, name := range slices.Compact(names) {
		lines = append(lines, hbaLine("host replication "+hbaName(name)+" samenet scram-sha-256", d.cluster.Version, d.cluster.Origin))
	}
	return append(lines, hbaLine("host all all samenet scram-sha-256", d.cluster.Version, d.cluster.Origin))
}
