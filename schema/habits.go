package schema

import (
	"cmp"
	"slices"
	"strings"

	"pgrepl/schema/catalogue"
)

// habit is what a word of another tool becomes here: an attribute, and what to say where the name alone does not do.
type habit struct{ name, text string }

// Terraform, Compose and SQL have words of their own, from which no measure of spelling leads to the right one.
var (
	// blockHabits are a block's name, or where there is a blank, what to do.
	blockHabits = map[string]string{
		"primary": "master", "leader": "master",
		"standby": "replica", "secondary": "replica", "slave": "replica", "follower": "replica",
		"user": "role", "group": "role",
		"var":  "variable",
		"data": "leave it out: other blocks are referred to by name, such as role.app",

		"terraform": "leave it out: there are no providers, and there is no state",
		"provider":  "leave it out: there are no providers, and there is no state",
		"backend":   "leave it out: there are no providers, and there is no state",
		"resource":  `write the kind itself, such as role "app" {`,
		"module":    "leave it out: the *.hcl files of a folder are read as one",
		"output":    "leave it out: pgrepl status shows the cluster",
		"import":    "leave it out: what exists is not taken over by this version",
		"moved":     "write renamed_from in the block that has the new name",

		"services": `a server is a block of its own: master "NAME" { or replica "NAME" {`,
		"service":  `a server is a block of its own: master "NAME" { or replica "NAME" {`,
		"node":     `a server is a block of its own: master "NAME" { or replica "NAME" {`,
		"volume":   "write volume = in the node",
		"volumes":  "write volume = in the node",
		"networks": "network",

		"extension": "leave it out: what is inside a database is not pgrepl's",
		"schema":    "leave it out: what is inside a database is not pgrepl's",
		"table":     "leave it out: what is inside a database is not pgrepl's",
		"grant":     "leave it out: what is inside a database is not pgrepl's; member_of of a role makes it a member",
	}

	// attributeHabits are by word, or by kind.word where blocks differ; master and replica are node as well.
	attributeHabits = map[string]habit{
		"count":        {"for_each", `write for_each = toset(["a", "b"])`},
		"master.count": {"", "there is one master; replica takes for_each"},
		"depends_on":   {"", "leave it out: pgrepl finds the order itself"},
		"provider":     {"", "leave it out: there are no providers"},
		"lifecycle":    {"protect", "write protect = true"},
		"dynamic":      {"", "leave it out: for_each is an attribute of the block itself"},

		"ports":          {"port", `write port = 5432, or "ADDRESS:PORT"`},
		"environment":    {"env", ""},
		"volumes":        {"volume", `write volume = "NAME"`},
		"networks":       {"network", "write network = network.NAME"},
		"network_mode":   {"network", "write network = network.NAME"},
		"container_name": {"name", ""},
		"hostname":       {"name", ""},
		"mem_limit":      {"memory", ""},
		"cpu":            {"cpus", ""},
		"build":          {"image", ""},
		"restart_policy": {"restart", ""},
		"command":        {"", "leave it out: pgrepl starts the server; what -c says stands in settings"},
		"entrypoint":     {"", "leave it out: pgrepl starts the server"},
		"healthcheck":    {"", "leave it out: pgrepl asks the server itself"},
		"node.version":   {"", "write version in the cluster"},
		"node.user":      {"", "leave it out: the server runs as the image's postgres"},

		"replica.master":  {"upstream", ""},
		"replica.primary": {"upstream", ""},
		"replica.follows": {"upstream", ""},
		"replica.source":  {"upstream", ""},
		"replica.lag":     {"delay", ""},
		"replica.user":    {"role", ""},

		"cluster.superuser.user": {"name", ""},
		"can_login":              {"login", ""},
		"create_database":        {"createdb", ""},
		"create_role":            {"createrole", ""},
		"in_role":                {"member_of", ""},
		"roles":                  {"member_of", ""},
		"groups":                 {"member_of", ""},
		"encrypted_password":     {"password", ""},
		"connlimit":              {"connection_limit", ""},
		"nologin":                {"login", "write login = false"},
		"noinherit":              {"inherit", "write inherit = false"},
		"grants":                 {"", "leave it out: what is inside a database is not pgrepl's"},
		"role.databases":         {"", "write owner = in the database"},
		"role.owner":             {"", "write owner = in the database"},

		"lc_collate":     {"locale", ""},
		"lc_ctype":       {"locale", ""},
		"collation":      {"locale", ""},
		"charset":        {"encoding", ""},
		"database.user":  {"owner", ""},
		"database.role":  {"owner", ""},
		"extensions":     {"", "leave it out: what is inside a database is not pgrepl's"},
		"schema":         {"", "leave it out: what is inside a database is not pgrepl's"},
		"schemas":        {"", "leave it out: what is inside a database is not pgrepl's"},
		"slot_type":      {"type", ""},
		"output_plugin":  {"plugin", ""},
		"slot.node":      {"upstream", ""},
		"slot.master":    {"upstream", ""},
		"slot.temporary": {"", "leave it out: a temporary slot ends with its session"},
	}
)

// blockHint is what to write for a block that does not exist.
func blockHint(kind string) string {
	switch {
	case shapes["cluster"].has(kind):
		return "write " + kind + " = in the cluster block"
	case slices.Contains(shapes["cluster"].blocks, kind):
		return "it belongs inside the cluster block"
	}
	return habitHint(blockHabits[kind], kind, topLevel())
}

// strayHint is what to write for an attribute outside any block.
func strayHint(name string) string {
	if s, found := shapes[name]; found && s.labels == 0 {
		return "a block has no =: write " + name + " {"
	} else if found {
		return "a block has no =: write " + name + ` "NAME" {`
	}
	if shapes["cluster"].has(name) {
		return "write " + name + " = in the cluster block"
	}
	return habitHint(blockHabits[name], name, topLevel())
}

// attributeHint is what to write for an attribute or nested block that a kind of block does not have.
func attributeHint(kind, word string) string {
	s := shapes[kind]
	keys := []string{kind + "." + word, word}
	if kind == "master" || kind == "replica" {
		keys = []string{kind + "." + word, "node." + word, word}
	}
	for _, key := range keys {
		if h, found := attributeHabits[key]; found && (h.name == "" || s.has(h.name)) {
			return habitHint(cmp.Or(h.text, h.name), word, nil)
		}
	}
	if s.has("settings") && isSetting(word) {
		return "it is a setting: write it in settings = {"
	}
	return didYouMean(word, with(s.names(), s.blocks...))
}

func isSetting(word string) bool {
	for version := catalogue.Newest; version >= catalogue.Oldest; version-- {
		if _, found := catalogue.Of(version).Lookup(word); found {
			return true
		}
	}
	return false
}

func habitHint(habit, word string, known []string) string {
	switch {
	case strings.Contains(habit, " "):
		return habit
	case habit != "":
		return `did you mean "` + habit + `"?`
	}
	return didYouMean(word, known)
}
