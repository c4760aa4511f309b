package fake_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/providers/fake"
	"pgrepl/schema"
)

const everyBlock = `
variable "secret" {
  sensitive = true
  default   = "x"
}
cluster "shop" {
  superuser {}
  synchronous {
    replicas = [replica.rb, replica.rc]
  }
}
network "net" {}
role "app" {}
role "group" {}
role "copier" {
  login       = true
  replication = true
}
role "replicator" {
  login       = true
  replication = true
}
database "shop" {}
slot "spare" {}
master "db" {
}
replica "ra" {
  role = role.replicator
}
replica "rb" {
  role = role.replicator
}
replica "rc" {
  role = role.replicator
}
app "web" {
  image = "web:1"
}
`

// edits are one line for each attribute, which changes it on the cluster above.
var edits = map[string]string{
	"cluster.image":                `image = "postgres:16.4"`,
	"cluster.hba":                  `hba = ["host all,replication all samenet scram-sha-256"]`,
	"cluster.restart":              `restart = "always"`,
	"cluster.labels":               `labels = { team = "dba" }`,
	"cluster.superuser.password":   `password = var.secret`,
	"cluster.synchronous.mode":     `mode = "any"`,
	"cluster.synchronous.count":    `count = 2`,
	"cluster.synchronous.replicas": `replicas = [replica.rb, replica.ra]`,
	"network.subnet":               `subnet = "172.31.0.0/16"`,
	"network.gateway":              `subnet = "172.31.0.0/16"` + "\n" + `gateway = "172.31.0.1"`,
	"network.driver":               `driver = "macvlan"`,
	"network.internal":             `internal = true`,
	"network.labels":               `labels = { team = "dba" }`,
	"node.network":                 `network = network.other`,
	"node.volume":                  `volume = "elsewhere"`,
	"node.port":                    `port = 5432`,
	"node.hba":                     `hba = ["host all,replication all samenet md5"]`,
	"node.image":                   `image = "postgres:16.4"`,
	"node.memory":                  `memory = "1GB"`,
	"node.cpus":                    `cpus = 2`,
	"node.shm_size":                `shm_size = "128MB"`,
	"node.env":                     `env = { TZ = "UTC" }`,
	"node.labels":                  `labels = { team = "dba" }`,
	"node.restart":                 `restart = "no"`,
	"node.stop_timeout":            `stop_timeout = 60`,
	"replica.upstream":             `upstream = replica.rb`,
	"replica.role":                 `role = role.copier`,
	"replica.slot":                 `slot = slot.spare`,
	"replica.application_name":     `application_name = "other"`,
	"replica.delay":                `delay = "1h"`,
	"role.login":                   `login = true`,
	"role.replication":             `replication = true`,
	"role.superuser":               `superuser = true`,
	"role.createdb":                `createdb = true`,
	"role.createrole":              `createrole = true`,
	"role.bypassrls":               `bypassrls = true`,
	"role.inherit":                 `inherit = false`,
	"role.connection_limit":        `connection_limit = 3`,
	"role.valid_until":             `valid_until = "2040-01-01"`,
	"role.password":                `password = var.secret`,
	"role.member_of":               `member_of = [role.group]`,
	"role.settings":                `settings = { work_mem = "8MB" }`,
	"database.owner":               `owner = role.app`,
	"database.connection_limit":    `connection_limit = 3`,
	"app.image":                    `image = "web:2"`,
	"app.build":                    `build = "nowhere"`,
	"app.build_args":               `build = "nowhere"` + "\n" + `build_args = { BASE = "x" }`,
	"app.network":                  `network = network.other`,
	"app.ports":                    `ports = [8000]`,
	"app.command":                  `command = ["serve"]`,
	"app.env":                      `env = { TZ = "UTC" }`,
	"app.secrets":                  `secrets = { KEY = var.secret }`,
	"app.volumes":                  `volumes = ["cache:/cache"]`,
	"app.restart":                  `restart = "no"`,
	"app.labels":                   `labels = { team = "dba" }`,
}

// elsewhere are attributes whose change only a real server refuses, with the test that holds it.
var elsewhere = map[string]string{
	"cluster.version":   "TestAnImageOfAnotherMajorVersionIsRefused",
	"database.encoding": "TestALifeOfChanges",
	"database.locale":   "TestALifeOfChanges",
}

// TestEveryChangeTakesWhatTheLanguageSays changes every attribute for which the language names what a change takes, and looks
// at what the plan says.
func TestEveryChangeTakesWhatTheLanguageSays(t *testing.T) {
	for _, b := range schema.Language() {
		for _, a := range b.Attributes {
			name := b.Kind + "." + a.Name
			edit := edits[name]
			if b.Kind == "master" || b.Kind == "replica" {
				edit += edits["node."+a.Name]
			}
			declared := slices.Contains([]string{"live", "reload", "restart", "recreate", "refused"}, a.Change)
			switch {
			case declared && edit == "" && elsewhere[name] == "":
				t.Errorf("%s: nothing tries that a change is %s", name, a.Change)
			case edit != "" && !declared:
				t.Errorf("%s: the language does not say what a change takes, %q", name, a.Change)
			case edit != "":
				t.Run(name, func(t *testing.T) {
					if got := takes(t, b.Kind, edit); got != a.Change {
						t.Errorf("takes %s, the language says %s", got, a.Change)
					}
				})
			}
		}
	}
}

// takes is the dearest effect in the plan of an edited file, or that it is refused.
func takes(t *testing.T, kind, edit string) string {
	w := newWorld(true)
	if err := converge(fake.New(load(t, "before", everyBlock, nil), w), engine.Options{}, 1, func(engine.Plan) {}); err != nil {
		t.Fatal(err)
	}
	header := map[string]string{"cluster": `cluster "shop" {`, "cluster.superuser": "  superuser {", "cluster.synchronous": "  synchronous {", "network": `network "net" {`, "master": `master "db" {`,
		"replica": `replica "ra" {`, "role": `role "app" {`, "database": `database "shop" {`, "app": `app "web" {`}[kind]
	text := everyBlock
	if strings.HasPrefix(edit, "replicas = ") { // what is there is replaced
		text = strings.Replace(text, "    replicas = [replica.rb, replica.rc]\n", "", 1)
	}
	if strings.HasPrefix(edit, "role = ") {
		text = strings.Replace(text, header+"\n  role = role.replicator", header, 1)
	}
	if kind == "app" && (strings.HasPrefix(edit, "image = ") || strings.HasPrefix(edit, "build = ")) {
		text = strings.Replace(text, "  image = \"web:1\"\n", "", 1)
	}
	if strings.Contains(edit, "network.other") { // all move, or they could not reach each other
		text = strings.ReplaceAll(text, "role = role.replicator", "role = role.replicator\n"+edit) + "network \"other\" {}\n"
		text = strings.Replace(text, "image = \"web:1\"", "image = \"web:1\"\n"+edit, 1)
		header = `master "db" {`
	}
	text = strings.Replace(text, header+"}", header+"\n}", 1)
	text = strings.Replace(text, header, header+"\n"+edit, 1)
	p, err := plan(fake.New(load(t, edit, text, nil), w), engine.Options{})
	if no := (refused{}); errors.As(err, &no) {
		return "refused"
	} else if err != nil {
		t.Fatal(err)
	}
	cost := []engine.Effect{"", engine.Live, engine.Reload, engine.Restart, engine.Recreate, engine.Rebuild, engine.Data}
	dearest := 0
	for _, c := range p.Changes {
		if c.Action != engine.Update {
			continue
		}
		for _, f := range c.Fields {
			dearest = max(dearest, slices.Index(cost, f.Effect))
		}
	}
	return string(cost[dearest])
}
