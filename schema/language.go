package schema

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Attribute is one attribute of a block, as the loader, the documentation and completion in editors know it.
type Attribute struct {
	Name    string `json:"name"`
	Type    string `json:"type"`              // in the words of the documentation: "string", "reference to a role"
	Default string `json:"default,omitempty"` // what holds where it is not written, in words; "" where it must be, or nothing does
	Change  string `json:"change,omitempty"`  // what a change takes on an object that exists: an engine.Effect, or in words; "" nothing
	Text    string `json:"text"`
}

// What a change of an attribute takes, apart from the words that stand in the table below.
const (
	changeLive     = "live"
	changeReload   = "reload"
	changeRecreate = "recreate"
	changeRefused  = "refused"
)

// shape is what a block may hold.
type shape struct {
	labels  int
	text    string // what the block is
	example string
	attrs   []Attribute
	blocks  []string // nested blocks
	later   []string // attributes and nested blocks that belong to the language but not to this version
}

func (s shape) has(attribute string) bool { return slices.Contains(s.names(), attribute) }

func (s shape) names() []string {
	var out []string
	for _, a := range s.attrs {
		out = append(out, a.Name)
	}
	return out
}

func with[T any](some []T, more ...T) []T { return slices.Concat(some, more) }

// What several blocks have in common.
var (
	forEach     = Attribute{"for_each", "map or set of strings", "one object", "", "one object for each key: see [for_each](#for_each)"}
	protect     = Attribute{"protect", "bool", "false", "", "never removed or made anew while it says so"}
	renamedFrom = Attribute{"renamed_from", "string", "", "", "the real name it had before: see [Another name](#another-name-protection-letting-go)"}
)

func named(what, change string) Attribute {
	return Attribute{"name", "string", "the label", change, "the real name: " + what}
}

// dockerNamed and inPostgres are what the blocks of objects outside and inside the servers begin with.
func dockerNamed(what string) []Attribute {
	return []Attribute{named(what, "another object, see `renamed_from`"), protect}
}

func inPostgres(what string) []Attribute {
	return []Attribute{named(what, "another object, see `renamed_from`"), renamedFrom, protect, forEach}
}

var nodeAttrs = []Attribute{
	{"network", "reference to a network", "the only one there is", changeRecreate, "that the container is on"},
	{"volume", "string", "the container's name, or the one it was `renamed_from`", changeRefused, "where the data is: a Docker volume's name, or an absolute path on the host"},
	{"port", "number or string", "not published", changeRecreate, "publishes the server on the host: a number on 127.0.0.1, or \"ADDRESS:PORT\""},
	{"settings", "map", "the cluster's", "as the setting says", "over the cluster's, key by key; a replica inherits the master's. `null` drops an inherited one: see [Settings](#settings)"},
	{"hba", "list of strings, or one string", "the cluster's", changeReload, "instead of the cluster's; a replica inherits the master's: see [hba](#hba)"},
	{"image", "string", "the cluster's", changeRecreate, "of this node, of the cluster's major version"},
	{"memory", "size", "no limit", changeLive, "limit of the container, such as \"2GB\"; at least 6 MB. Docker takes no limit away: without it, a new container"},
	{"cpus", "number", "no limit", changeLive, "limit of the container, such as 1.5. Without it, a new container"},
	{"shm_size", "size", "Docker's, 64 MB", changeRecreate, "of /dev/shm"},
	{"env", "map of strings", "", changeRecreate, "environment of the container; may be sensitive"},
	{"labels", "map of strings", "the cluster's", changeRecreate, "over the cluster's"},
	{"restart", "string", "the cluster's", changeLive, "Docker's restart policy: no, always, unless-stopped, on-failure, on-failure:N"},
	{"stop_timeout", "number", "120", changeRecreate, "seconds that the server has to stop before it is killed"},
}

// shapes are the blocks of a file by kind, and the nested ones as outer.inner.
var shapes = map[string]shape{
	"cluster": {
		labels: 1,
		text:   "Exactly one. What all its nodes have in common.",
		example: `cluster "shop" {
  image    = "postgres:16"
  settings = { max_wal_size = "2GB" }

  superuser {
    password = var.superuser_password
  }
}`,
		attrs: []Attribute{
			named("on the label of every Docker object, and of the network where none is declared", "another cluster"), protect,
			{"image", "string", "\"postgres:16\"", changeRecreate, "of every node: any that has `postgres`, `initdb`, `pg_basebackup` and a shell: the official ones, Alpine's, plain ones"},
			{"version", "number", "what the image's tag begins with", changeRefused, "the major version, 15 to 18"},
			{"settings", "map", "", "as the setting says", "of every node: see [Settings](#settings)"},
			{"hba", "list of strings, or one string", "what the replicas need, and password logins from the cluster's networks", changeReload, "of every node: see [hba](#hba)"},
			{"restart", "string", "\"unless-stopped\"", changeLive, "Docker's restart policy: no, always, unless-stopped, on-failure, on-failure:N"},
			{"labels", "map of strings", "", changeRecreate, "for every Docker object"},
		},
		blocks: []string{"initdb", "superuser", "synchronous"},
		later:  []string{"renamed_from"},
	},
	"cluster.initdb": {
		text: "In the cluster block. What can be chosen only when the data directory is made; afterwards it says nothing.",
		example: `initdb {
  locale = "de_DE.UTF-8"
}`,
		attrs: []Attribute{
			{"locale", "string", "\"C.UTF-8\"", "", "of the databases that initdb makes"},
			{"encoding", "string", "\"UTF8\"", "", "of the databases that initdb makes"},
			{"data_checksums", "bool", "true", "", "whether pages carry checksums"},
			{"wal_segsize", "number", "16", "", "size of a WAL segment in MB, a power of two"},
		},
	},
	"cluster.superuser": {
		text: "In the cluster block. The superuser that initdb makes. pgrepl does not need it: it logs in as a role of its own.",
		example: `superuser {
  password = var.superuser_password
}`,
		attrs: []Attribute{
			{"name", "string", "\"postgres\"", "", "as it was when the cluster was made"},
			{"password", "secret", "it cannot log in with one", changeLive, "from a sensitive variable or `env()`"},
		},
	},
	"cluster.synchronous": {
		text: "In the cluster block. Which replicas a commit on the master waits for: see [Synchronous replication](#synchronous-replication).",
		example: `synchronous {
  mode     = "first"
  count    = 1
  replicas = [replica.a, replica.b]
}`,
		attrs: []Attribute{
			{"mode", "string", "\"first\"", changeReload, "\"first\": of those that stream, the first `count` in the order of the list; \"any\": any `count` of them"},
			{"count", "number", "1", changeReload, "how many have to acknowledge"},
			{"replicas", "list of references to replicas", "", changeReload, "which may: replicas that stream from the master and have no `delay`, each once. `replica.standby[\"a\"]` is one copy of a `for_each`, `replica.standby` stands for all of them, by key"},
		},
	},
	"network": {
		labels: 1,
		text:   "A Docker network. Where none is declared there is one, named after the cluster. It cannot be changed in place: it is made anew, and so are the containers on it, around the same data.",
		example: `network "shop" {
  subnet = "172.30.0.0/16"
}`,
		attrs: with(dockerNamed("of the Docker network"), renamedFrom,
			Attribute{"subnet", "string", "Docker chooses", changeRecreate, "such as \"172.29.0.0/16\""},
			Attribute{"gateway", "string", "Docker chooses", changeRecreate, "an address in the subnet"},
			Attribute{"driver", "string", "\"bridge\"", changeRecreate, "Docker's network driver"},
			Attribute{"internal", "bool", "false", changeRecreate, "no way out of it"},
			Attribute{"external", "bool", "false", "", "it exists already, and is never changed or removed"},
			Attribute{"labels", "map of strings", "the cluster's", changeRecreate, "over the cluster's"}),
	},
	"master": {
		labels: 1,
		text:   "Exactly one: the node that takes the writes. A node is a PostgreSQL server in a container of its own.",
		example: `master "shop-1" {
  port = 5432
}`,
		attrs: with(with(dockerNamed("of the container"), renamedFrom), nodeAttrs...),
	},
	"replica": {
		labels: 1,
		text:   "A node that follows the master, or another replica.",
		example: `replica "shop" {
  for_each = toset(["2", "3"])
  delay    = each.key == "3" ? "1h" : null
}`,
		attrs: with(with(dockerNamed("of the container"), renamedFrom, forEach,
			Attribute{"upstream", "reference to a node", "the master", changeReload, "where it streams from"},
			Attribute{"role", "reference to a role", "the only one with `replication`; where there is none, a role `replicator` is made", changeReload, "that it logs in as"},
			Attribute{"slot", "reference to a slot", "one of its own, named after it with _ for every character that a slot's name cannot have", changeReload, "that it streams through"},
			Attribute{"application_name", "string", "its name", changeReload, "how its upstream knows it"},
			Attribute{"delay", "time", "none", changeReload, "how long it stays behind on purpose, such as \"1h\""}), nodeAttrs...),
	},
	"role": {
		labels: 1,
		text:   "A role of the cluster. The server gets a SCRAM verifier of a password, never the password.",
		example: `role "app" {
  login     = true
  password  = var.app_password
  member_of = ["pg_monitor"]
}`,
		attrs: with(inPostgres("of the role"),
			Attribute{"login", "bool", "false", changeLive, "as in CREATE ROLE"},
			Attribute{"replication", "bool", "false", changeLive, "as in CREATE ROLE"},
			Attribute{"superuser", "bool", "false", changeLive, "as in CREATE ROLE"},
			Attribute{"createdb", "bool", "false", changeLive, "as in CREATE ROLE"},
			Attribute{"createrole", "bool", "false", changeLive, "as in CREATE ROLE"},
			Attribute{"bypassrls", "bool", "false", changeLive, "as in CREATE ROLE"},
			Attribute{"inherit", "bool", "true", changeLive, "as in CREATE ROLE"},
			Attribute{"connection_limit", "number", "-1: none", changeLive, "as in CREATE ROLE"},
			Attribute{"valid_until", "string", "no end", changeLive, "such as \"2030-01-31T00:00:00Z\", or \"infinity\""},
			Attribute{"password", "secret", "none; a role that replicas log in as gets a generated one, which only they know", changeLive, "from a sensitive variable or `env()`"},
			Attribute{"member_of", "list of roles", "", changeLive, "references, or names such as \"pg_monitor\""},
			Attribute{"settings", "map", "", changeLive, "as in ALTER ROLE … SET"}),
	},
	"slot": {
		labels: 1,
		text:   "A replication slot. A replica that names none gets its own; one that no replica uses is for a consumer of your own.",
		example: `slot "archive" {}

slot "cdc" {
  type     = "logical"
  plugin   = "pgoutput"
  database = database.shop
}`,
		attrs: with(inPostgres("of the slot"),
			Attribute{"type", "string", "\"physical\"", "another slot at another position", "\"physical\" or \"logical\""},
			Attribute{"plugin", "string", "", "another slot at another position", "of a logical slot, which needs it"},
			Attribute{"database", "reference to a database, or a name", "", "another slot at another position", "of a logical slot, which needs it"},
			Attribute{"upstream", "reference to a node", "the master", "another slot", "the node that it lives on"},
			Attribute{"warn_retained", "size", "", "", "how much WAL it may hold before that is worth a warning; without it, `slot_warning` of the monitor block"}),
	},
	"database": {
		labels: 1,
		text:   "A database.",
		example: `database "shop" {
  owner = role.app
}`,
		attrs: with(inPostgres("of the database"),
			Attribute{"owner", "reference to a role, or a name", "the superuser", changeLive, "the role that owns it"},
			Attribute{"connection_limit", "number", "-1: none", changeLive, "as in CREATE DATABASE"},
			Attribute{"encoding", "string", "the template's", changeRefused, "used when it is made"},
			Attribute{"locale", "string", "the template's", changeRefused, "used when it is made"},
			Attribute{"template", "string", "template1; template0 where encoding or locale is written", "", "used when it is made"}),
	},
	"app": {
		labels: 1,
		text:   "A container beside the cluster that uses it: see [Apps](#apps).",
		example: `app "api" {
  build = "api"
  ports = [8000]

  secrets = {
    DATABASE_URL = url(master.shop-1, role.app, database.shop)
  }
}`,
		attrs: with(dockerNamed("of the container"), renamedFrom, forEach,
			Attribute{"image", "string", "", changeRecreate, "that it is made of; this or `build`"},
			Attribute{"build", "string", "", changeRecreate, "a folder with a Dockerfile, of which the image is built; a relative path starts at the folder of the file that says it. What is in the folder is compared"},
			Attribute{"build_args", "map of strings", "", changeRecreate, "for the ARG lines of the Dockerfile; they can be read in the image"},
			Attribute{"network", "reference to a network", "the only one there is", changeRecreate, "that the container is on"},
			Attribute{"ports", "list of numbers or strings", "none are published", changeRecreate, "8000 publishes its port 8000 on 127.0.0.1; \"80:8000\" and \"0.0.0.0:80:8000\" say where else"},
			Attribute{"command", "list of strings", "the image's", changeRecreate, "with its arguments, one by one"},
			Attribute{"env", "map of strings", "", changeRecreate, "environment of the container; may be sensitive, but `docker inspect` shows it: rather use `secrets`"},
			Attribute{"secrets", "map of strings", "", changeRecreate, "files in /run/secrets, by name, which only the user of the container can read"},
			Attribute{"volumes", "list of strings", "", changeRecreate, "\"NAME:/path\" or \"/host/path:/path\", with :ro behind it where it is only read; never removed by pgrepl"},
			Attribute{"restart", "string", "the cluster's", changeLive, "Docker's restart policy: no, always, unless-stopped, on-failure, on-failure:N"},
			Attribute{"labels", "map of strings", "the cluster's", changeRecreate, "over the cluster's"}),
	},
	"policy": {
		labels: 1,
		text:   "A rule of your own, for the cluster and for plans: see [Policies](#policies).",
		example: `policy "no-trust" {
  condition = alltrue([for n in cluster.nodes : alltrue([for r in n.hba : r.method != "trust"])])
  message   = "nobody logs in without a password"
}`,
		attrs: []Attribute{
			{"condition", "bool", "", "", "that must hold"},
			{"message", "string", "", "", "said where it does not"},
			{"severity", "string", "\"error\"", "", "\"error\" refuses a plan, \"warning\" only says so; a constant"},
		},
	},
	"monitor": {
		text: "Takes no label, at most one. By what `status`, `watch` and `monitor` judge the cluster's health: see [Health](cli.md#health). Sizes are in units of 1024.",
		example: `monitor {
  lag_warning      = "50MB"
  lag_time_warning = "10s"
  role             = role.metrics
}`,
		attrs: []Attribute{
			{"lag_warning", "size", "10MB", "", "WAL that the primary has written and a replica has not replayed; of a delayed one, not received"},
			{"lag_critical", "size", "100MB", "", "the same"},
			{"lag_time_warning", "time", "5s", "", "how old the oldest change is that a replica lacks, on top of its declared delay"},
			{"lag_time_critical", "time", "5min", "", "the same"},
			{"slot_warning", "size", "100MB", "", "WAL that a slot holds; a slot may set its own, `warn_retained`"},
			{"slot_critical", "size", "1GB", "", "the same"},
			{"role", "reference to a role", "pgrepl's own session, with the rights of pg_monitor", "", "that `status`, `watch` and `monitor` log in as: one with a password that is a member of pg_monitor, and that pg_hba.conf lets in from 127.0.0.1"},
		},
	},
	"removed": {
		text: "Takes no label. What happens to an object whose block was taken out of the file: see [Another name](#another-name-protection-letting-go).",
		example: `removed {
  from    = role.reader
  destroy = false
}`,
		attrs: []Attribute{
			{"from", "address", "", "", "that the block had: `role.reader`, `replica.standby[\"a\"]`"},
			{"destroy", "bool", "true", "", "`false`: no longer managed, and left alone as it is"},
			{"name", "string", "the label", "", "its real name, where that was not the label"},
		},
	},
	"variable": {
		labels: 1,
		text:   "A value from outside: see [Variables](#variables-locals-expressions).",
		example: `variable "app_password" {
  sensitive = true
}`,
		attrs: []Attribute{
			{"type", "type", "the default's, or string", "", "string, number, bool, list(…), set(…), map(…), object({…}), tuple([…]), any"},
			{"default", "any", "a value has to be given", "", "where none is given; a constant"},
			{"description", "string", "", "", "for the reader"},
			{"sensitive", "bool", "false", "", "never shown; may stay unset everywhere but in an apply that needs it"},
		},
		blocks: []string{"validation"},
	},
	"variable.validation": {
		text: "In a variable block, any number of them.",
		example: `validation {
  condition     = length(var.app_password) > 11
  error_message = "at least 12 characters"
}`,
		attrs: []Attribute{
			{"condition", "bool", "", "", "what must be true of the value"},
			{"error_message", "string", "", "", "what is said otherwise"},
		},
	},
	"locals": {
		text: "Takes no label. Values under names of your own, for `local.NAME`.",
		example: `locals {
  site = "north"
}`,
	},
}

// Block is one kind of block, for documentation and completion.
type Block struct {
	Kind       string      `json:"kind"` // nested ones as outer.inner
	Labels     int         `json:"labels"`
	Text       string      `json:"text"`
	Example    string      `json:"example"`
	Attributes []Attribute `json:"attributes"`
	Blocks     []string    `json:"blocks,omitempty"` // that it may hold
}

// Language returns every block that a file may hold, in the order of the documentation.
func Language() []Block {
	var out []Block
	for _, kind := range slices.SortedFunc(maps.Keys(shapes), compareKinds) {
		s := shapes[kind]
		out = append(out, Block{kind, s.labels, s.text, s.example, append([]Attribute{}, s.attrs...), slices.Clone(s.blocks)})
	}
	return out
}

// kindOrder is how a reader meets the blocks; a nested one follows its outer one.
var kindOrder = []string{"cluster", "network", "master", "replica", "role", "slot", "database", "app", "monitor", "removed", "policy", "variable", "locals"}

func compareKinds(a, b string) int {
	outerA, innerA, _ := strings.Cut(a, ".")
	outerB, innerB, _ := strings.Cut(b, ".")
	return cmp.Or(cmp.Compare(slices.Index(kindOrder, outerA), slices.Index(kindOrder, outerB)), strings.Compare(innerA, innerB))
}
