package schema

// code names a rule of the language; the names below are how the package's own text calls them.
type code string

// The rules. A number is never given to another rule.
const (
	codeRead        code = "PGR101"
	codeSyntax      code = "PGR102"
	codeOversize    code = "PGR103"
	codeSettingName code = "PGR104"
	codeSetting     code = "PGR105"
	codeOwned       code = "PGR106"
	codeTwice       code = "PGR107"
	codeUnfit       code = "PGR108"
	codePlace       code = "PGR109"

	codeBlock     code = "PGR110"
	codeAttribute code = "PGR111"
	codeLabel     code = "PGR112"
	codeLater     code = "PGR113"
	codeMissing   code = "PGR114"
	codeType      code = "PGR115"
	codeValue     code = "PGR116"
	codeName      code = "PGR117"
	codeMode      code = "PGR118"
	codeIdle      code = "PGR119"

	codeNoValue    code = "PGR120"
	codeVarUnknown code = "PGR121"
	codeVarValue   code = "PGR122"
	codeValidation code = "PGR123"
	codeEnv        code = "PGR125"
	codeSensitive  code = "PGR126"
	codeLiteral    code = "PGR127"
	codePolicy     code = "PGR129"

	codeReference  code = "PGR130"
	codeCycle      code = "PGR131"
	codeNotKnown   code = "PGR132"
	codeExpression code = "PGR133"
	codeFunction   code = "PGR134"
	codeEach       code = "PGR135"
	codeForEach    code = "PGR136"
	codeKind       code = "PGR137"
	codeBudget     code = "PGR138"

	codeCluster    code = "PGR140"
	codeMaster     code = "PGR141"
	codeAddress    code = "PGR142"
	codeSameName   code = "PGR143"
	codeVolume     code = "PGR144"
	codePort       code = "PGR145"
	codeSlotTaken  code = "PGR146"
	codeUpstream   code = "PGR147"
	codeSlot       code = "PGR148"
	codeRole       code = "PGR149"
	codeWhich      code = "PGR150"
	codeMember     code = "PGR151"
	codeVersion    code = "PGR152"
	codeApart      code = "PGR153"
	codeDeclared   code = "PGR154"
	codeCapacity   code = "PGR155"
	codeSyncCount  code = "PGR156"
	codeSyncSpare  code = "PGR157"
	codeSyncMember code = "PGR158"
	codeSyncCommit code = "PGR159"

	codeHBA       code = "PGR160"
	codeHBASilent code = "PGR161"
	codeAccess    code = "PGR162"
	codeSubnet    code = "PGR163"
	codeLoss      code = "PGR164"
	codeSilent    code = "PGR165"

	codeMonitorAccess code = "PGR166"
	codeMonitor       code = "PGR169"

	codeAppLogin code = "PGR170"
	codeAppApart code = "PGR171"
	codeBuild    code = "PGR172"
)

// Rule explains one code.
type Rule struct {
	Code  string
	Title string // the rule in a few words
	Why   string // what goes wrong without it
	Do    string // what to write instead
}

// Says puts into words how the rule's diagnostics weigh.
func (r Rule) Says() string {
	if says, milder := warnings[code(r.Code)]; milder {
		return says
	}
	return "Error in the file"
}

const (
	warns      = "Warning about the file"
	warnsOrNot = "Error in the file, or in milder cases a warning"
)

// warnings are the rules that the file may break, always or in a milder case; where others are broken it is invalid.
var warnings = map[code]string{
	codeSettingName: warnsOrNot,
	codeMode:        warns,
	codeIdle:        warns,
	codeLiteral:     warns,
	codeVersion:     warnsOrNot,
	codeSyncSpare:   warns,
	codeSyncCommit:  warns,
	codeHBASilent:   warns,
	codeAccess:      warnsOrNot,
	codeLoss:        warns,
	codeSilent:      warns,
}

// Codes returns every rule of the language that a diagnostic can name, by code.
func Codes() []Rule {
	return []Rule{
		{string(codeRead), "file cannot be read", "Without it there is nothing to plan from.",
			"Give the right path with -f, or write a first file with `pgrepl init`."},
		{string(codeSyntax), "not valid HCL", "The file cannot be understood from here on, so nothing behind it was looked at.",
			"Correct the place shown; `pgrepl fmt` finds the same mistakes."},
		{string(codeOversize), "too large or too deeply nested", "No real file is; reading it could exhaust the memory.",
			"Split the file: a folder's *.hcl files are read as one."},
		{string(codeSettingName), "not a PostgreSQL setting", "A server with an unknown setting in its file runs on after a reload and refuses its next start.",
			"Use a name that this version of PostgreSQL knows; an extension's setting is prefix.name, in quotes."},
		{string(codeSetting), "setting without a plain value", "postgresql.conf knows strings, numbers and booleans only.",
			"Write the value as in postgresql.conf: 64, \"2GB\", true; null drops an inherited one."},
		{string(codeOwned), "setting is pgrepl's own", "pgrepl derives it from the topology; two truths would fight at every apply.",
			"Use the attribute or block that the diagnostic names."},
		{string(codeTwice), "written twice", "Only one of the two could win, and not visibly.", "Remove one."},
		{string(codeUnfit), "value that PostgreSQL refuses", "At a reload the server keeps the old value and says so only in its log; at the next start it does not come up.",
			"Write a value of the form and within the bounds that the diagnostic names."},
		{string(codePlace), "setting that cannot be set here", "PostgreSQL refuses it: it is fixed when the cluster is made, or belongs to a session, or to the whole server.",
			"Use what the diagnostic names instead, or leave it out."},
		{string(codeBlock), "unknown block", "A block that is not understood would be ignored in silence.",
			"Use cluster, network, master, replica, role, slot, database, app, removed, variable or locals."},
		{string(codeAttribute), "unknown attribute", "An attribute that is not understood would be ignored in silence.",
			"Use one of the attributes that the block has."},
		{string(codeLabel), "wrong labels on a block", "The label is how the rest of the file refers to the block.",
			"Write one label in quotes: replica \"a\" { }."},
		{string(codeLater), "not supported by this version yet", "It is part of the language, but this version cannot carry it out.",
			"Remove it, or use a newer pgrepl."},
		{string(codeMissing), "something is missing", "The block makes no sense without it.", "Add what the diagnostic names."},
		{string(codeType), "value of the wrong type", "The attribute cannot hold it.", "Write a value of the type that the diagnostic names."},
		{string(codeValue), "value not allowed", "Docker or PostgreSQL would refuse it half way through an apply.",
			"Write a value of the form that the diagnostic shows."},
		{string(codeName), "name not allowed", "Docker or PostgreSQL would refuse or cut it, or pgrepl needs it itself.",
			"Choose another name; `name` may differ from the label."},
		{string(codeMode), "file mode that is not octal", "PostgreSQL reads a number that does not begin with 0 as decimal: 640 is out of bounds, and 440 another mode.",
			"Write the mode as a string that begins with 0: \"0640\"."},
		{string(codeIdle), "environment variable that says nothing here", "It is read by the image's entry point, which pgrepl does not run: no password is set by it, no database made.",
			"Write in the file what the diagnostic names, and leave the variable out."},
		{string(codeNoValue), "variable without a value", "Expressions that use it have no value either.",
			"Give it one with --var, --var-file or PGREPL_VAR_…, or a default."},
		{string(codeVarUnknown), "no such variable", "A value for a variable that does not exist is most likely a misspelling.",
			"Correct the name, or declare the variable."},
		{string(codeVarValue), "value does not fit the variable", "The variable declares another type.",
			"Give a value of the declared type; lists and maps are written as in HCL."},
		{string(codeValidation), "variable breaks its own rule", "Its author wrote a condition for it.", "Give a value that meets the condition."},
		{string(codeEnv), "environment variable is not set", "The expression has no value without it.",
			"Export it, or use a variable with a default."},
		{string(codeSensitive), "sensitive value in an open place", "It would be shown in plans, labels and names.",
			"Sensitive values may stand in password, in env, in an app's secrets and in settings."},
		{string(codeLiteral), "password written in the file", "Whoever can read the file or its history can log in.",
			"Use a variable with sensitive = true, or env(\"…\")."},
		{string(codePolicy), "policy does not hold", "Whoever wrote it wants no cluster, or no plan, of which that is so.", "Change what it names, or the policy."},
		{string(codeReference), "reference to what does not exist", "The expression has no value.", "Correct the name, or declare the block."},
		{string(codeCycle), "definitions that need each other", "None of them can be worked out first.", "Write one of them without the others."},
		{string(codeNotKnown), "not known before Docker decides", "Nothing in a file is known only after apply: a plan must be complete.",
			"Declare the value, or, in hba, use the address samenet."},
		{string(codeExpression), "expression without a value", "The attribute that uses it cannot be read.", "Correct the expression."},
		{string(codeFunction), "unknown function", "The expression has no value.", "Use a function of the language; there are no clocks and no randomness."},
		{string(codeEach), "each without for_each", "each.key and each.value exist only in a block with for_each.", "Add for_each, or name the value."},
		{string(codeForEach), "for_each cannot use this", "Every copy needs a stable key of its own.", "Use a map, or toset([…]) of strings."},
		{string(codeKind), "reference to the wrong kind", "The attribute needs another kind of block.", "Refer to a block of the kind named."},
		{string(codeBudget), "expressions make too much", "A few lines can ask for more memory and time than any machine has.",
			"Write the values out, or let each expression make less."},
		{string(codeCluster), "exactly one cluster", "A file describes one cluster.", "Keep one cluster block."},
		{string(codeMaster), "exactly one master", "One server takes the writes; the others follow it.", "Keep one master block; the others are replicas."},
		{string(codeAddress), "block declared twice", "An address must mean one object.", "Give one of them another label."},
		{string(codeSameName), "one real name for two objects", "Both would be the same thing in the real world.", "Give one of them another name."},
		{string(codeVolume), "one volume under two nodes", "Two servers on one data directory destroy it.", "Give every node a volume of its own."},
		{string(codePort), "one host port twice", "The second container could not start.", "Publish every node on a port of its own, or not at all."},
		{string(codeSlotTaken), "one slot under two replicas", "A slot serves one consumer at a time; the second never streams.",
			"Leave slot out: every replica then gets its own."},
		{string(codeUpstream), "replicas that follow each other in a circle", "None of them would reach the master.", "Let one of them follow the master."},
		{string(codeSlot), "slot does not fit", "The replica could not stream from it.", "Use a physical slot that lives on the replica's upstream."},
		{string(codeRole), "role cannot replicate", "The replica's connection would be refused.", "Give the role login = true and replication = true."},
		{string(codeWhich), "several could be meant", "pgrepl does not guess.", "Name the one that is meant."},
		{string(codeMember), "roles that are members of each other", "PostgreSQL refuses membership in a circle.", "Remove one of the memberships."},
		{string(codeVersion), "major version of PostgreSQL", "Settings, data layout and image paths depend on it.",
			"Use an image whose tag begins with 15, 16, 17 or 18, or write version."},
		{string(codeApart), "replica and upstream in different networks", "They could not reach each other.", "Put both into one network."},
		{string(codeDeclared), "gone, and still declared", "An object cannot be removed from the file, or renamed from, and be declared in it.",
			"Remove the block that says it is gone, or the one that declares it."},
		{string(codeCapacity), "server cannot serve what the file gives it", "It would not start, or a standby could not connect or would stop replaying, half way through an apply.",
			"Raise the setting that the diagnostic names, or take away what needs it."},
		{string(codeSyncCount), "synchronous waits for more standbys than it lists", "PostgreSQL takes such a list without a word, and every commit waits for ever.",
			"List more replicas, or lower count."},
		{string(codeSyncSpare), "no synchronous standby to spare", "While one of them restarts or is away, every commit waits.",
			"List one more replica than count, unless stopping all writes is what you want then."},
		{string(codeSyncMember), "replica cannot be a synchronous standby", "One that streams from another replica is never seen by the master; one that stays behind on purpose acknowledges what cannot be seen on it.",
			"List replicas that stream from the master and have no delay."},
		{string(codeSyncCommit), "synchronous_commit undoes synchronous", "With off or local a commit waits for no standby, whatever the synchronous block lists.",
			"Leave it out, or write remote_write, on or remote_apply."},
		{string(codeHBA), "pg_hba.conf rule is not valid", "A server with a bad line keeps the old rules at a reload and refuses its next start.",
			"Write the line as in pg_hba.conf: type, database, user, address, method."},
		{string(codeHBASilent), "pg_hba.conf rule does not do what it seems to", "The server takes it in silence, and by it lets in nobody, or others than meant.",
			"Write what is meant, as the diagnostic shows; a name that looks like something else stands in quotes."},
		{string(codeAccess), "pg_hba.conf lets a replica or role in nowhere", "A replica that is not let in never streams; a role that is not let in is of no use to whoever has its password.",
			"Add a rule for it, before any that rejects it. The first rule that matches decides."},
		{string(codeSubnet), "networks with addresses in common", "Docker makes only one of them, half way through an apply.",
			"Give each network a subnet of its own."},
		{string(codeLoss), "setting that loses data at a crash", "The server takes it without a word.", "Leave it out."},
		{string(codeSilent), "setting that does not do what it seems to", "The server takes it, and archives nothing, or does not start.",
			"Write what is meant, as the diagnostic shows."},
		{string(codeMonitorAccess), "pg_hba.conf does not let the monitor in", "Its role comes from inside each node's container, as 127.0.0.1, to the database postgres; whoever is not let in sees nothing.",
			"Add a rule for it, before any that rejects it, or leave role out of the block monitor: then it needs none."},
		{string(codeMonitor), "monitor block that cannot work", "Its role sees nothing or cannot log in, a limit can never be reached, or two blocks say different things.",
			"Write one block, each warning below what is critical, and a role with a password that is a member of pg_monitor."},
		{string(codeAppLogin), "app that could not log in", "Its URL would be refused by the server, and nothing says so before the app tries it.",
			"Let the role in with a rule of pg_hba.conf, and give it login = true and a password."},
		{string(codeAppApart), "app and server in different networks", "They could not reach each other.", "Put both into one network."},
		{string(codeBuild), "folder that no image can be built of", "Docker would say so half way through an apply.", "Name a folder with a Dockerfile in it."},
	}
}
