package engine

// RunTime returns what can go wrong between reading the file and the end of a command, by code: the codes of Problem that
// are in no risk table.
func RunTime() []Rule {
	return []Rule{
		{"PGR301", Never, "no Docker engine answers", "Everything that pgrepl reads and changes goes through it.",
			"Start it, or name another with --docker, DOCKER_HOST or `docker context use`."},
		{"PGR302", Never, "no permission on the Docker socket", "Whoever may use the Docker engine may manage the cluster, and nobody else.",
			"Run as a member of the group docker or with sudo, or name another engine with --docker or DOCKER_HOST."},
		{"PGR303", Never, "Docker engine is too old", "It lacks calls that pgrepl needs.", "Update it to Docker Engine 20.10 or newer; unset DOCKER_API_VERSION."},
		{"PGR304", Never, "a step would break the cluster", "Between two steps of the plan commits would hang, a standby stand still or lose its slot, a server have more than it may, or pgrepl not get in any more; or after the last a slot would keep WAL for a standby that does not read it. Nothing is begun.",
			"Make the change in two applies: the object that the message names after the others. Where `--target` or `--exclude` leaves out what belongs to it, have both in the plan, or neither."},
		{"PGR305", Never, "another apply is running", "Two at once would undo each other's work. The lock ends with the process that holds it.",
			"Wait for it, or let this one wait longer with --lock-timeout."},
		{"PGR306", Never, "no terminal to ask on", "Nothing is changed that nobody approved.", "Read what `pgrepl plan` says, then give --auto-approve."},
		{"PGR307", Never, "refused without --allow", "The plan loses data, a slot with a consumer, or a role that owns something.",
			"Give the --allow that the message names, if that loss is wanted."},
		{"PGR308", Never, "refused by --deny", "The plan interrupts what --deny forbids to be interrupted.", "Leave --deny out when an interruption suits, or leave out of the file what asks for it."},
		{"PGR309", Never, "variable needed by apply has no value", "The plan could be made without it; what the plan makes cannot.",
			"Give the variable with --var, --var-file or PGREPL_VAR_NAME."},
		{"PGR310", Never, "a step failed", "What is done stays done, and nothing is undone: the message says what is done, what was left behind and what was not started.",
			"Mend what the message names, and run the same command again: it goes on from there."},
		{"PGR311", Never, "not as the file says after the last step", "Something changed the cluster meanwhile, or pgrepl is wrong.",
			"Run `pgrepl plan`; where the same rows stand again after another apply, report them as a fault of pgrepl."},
		{"PGR312", Never, "saved plan is stale", "The cluster, the file or a variable is no longer what it was when the plan was made, and what it would do now is not what was approved.",
			"Read which facts moved, and make a new plan with `pgrepl plan --out`."},
		{"PGR313", Never, "refused by a policy", "A policy of the file, or of --policy, does not hold for the cluster or the plan.", "Change what its message names, or the policy."},
		{"PGR321", Never, "server would not start again", "Everything runs, but a file of the server has an error that stops its next start.", "Mend the file that it names, then run `pgrepl plan`."},
		{"PGR322", Never, "replica cannot log in afresh", "It may stream still over an old connection, and stops for good when that is cut.",
			"Look at the upstream's pg_hba.conf rules and at the role, then run `pgrepl plan`."},
		{"PGR323", Never, "replica does not replay", "A row written on the master did not become visible on it in time.", "See the standby's log with `docker logs`."},
		{"PGR324", Never, "commits are not acknowledged", "The synchronous standbys do not answer as they should, so every write on the master waits.",
			"See the standbys' logs. Taking the synchronous block out of the file, and apply, lets commits go again; both work while commits wait."},
	}
}
