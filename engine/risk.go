package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Severity is how the risk table judges a fact.
type Severity int

// The severities, mildest first.
const (
	Note  Severity = iota
	Warns          // said, never in the way
	Needs          // refused unless --allow=CLASS
	Never          // refused: nothing is done
)

func (s Severity) String() string {
	return [...]string{Note: "Note", Warns: "Warning", Needs: "Refused without --allow=CLASS", Never: "Refused always"}[s]
}

// Rule is one row of the risk table.
type Rule struct {
	Code     string
	Severity Severity
	Title    string // fixed words; the fact adds the numbers of this cluster
	Why      string // why it matters
	Do       string // what to do
}

// CodeHangs is of the fact that commits wait for standbys in vain: what is said first.
const CodeHangs = "PGR231"

// rules is the whole policy, to be taken in at one look. Kinds state facts; only this table judges them.
var rules = map[string]Rule{
	"PGR201": {"PGR201", Warns, "slot holds WAL and nothing reads it", "The server keeps all WAL since the slot was last read, until the disk is full.",
		"Connect its consumer, or drop the slot; `max_slot_wal_keep_size` limits what it may keep."},
	"PGR202": {"PGR202", Warns, "archive_mode without a command fills the disk", "WAL is kept for an archive that never takes it; nothing fails and nothing warns meanwhile.",
		"Set `archive_command` or `archive_library`, or leave `archive_mode` out: streaming replication does not need it."},
	"PGR203": {"PGR203", Warns, "synchronous_commit = off loses commits at a crash", "The server reports a commit before it is on disk. Replication is asynchronous without it.",
		"Leave it out, unless losing commits that were reported as done is wanted."},
	"PGR204": {"PGR204", Warns, "slot keeps dead rows, and nothing reads it", "A standby with hot_standby_feedback leaves its oldest snapshot in its slot. While it is away no row that died since is vacuumed, anywhere in the cluster: tables grow, and in the end the server takes no more writes to keep its transaction ids apart.",
		"Bring the standby back, or drop the slot."},
	"PGR205": {"PGR205", Warns, "collation of another version", "An index over text is in the order of the C library, or of ICU, that it was built with. With another one it misses rows, and a unique one takes doubles.",
		"Run all nodes on one image. Otherwise rebuild the indexes over text, and say so with ALTER DATABASE … REFRESH COLLATION VERSION."},
	"PGR206": {"PGR206", Warns, "stop_timeout below wal_sender_timeout", "A server that stops waits for its standbys to get all it has, and for a silent one until wal_sender_timeout. Docker kills it when stop_timeout is over: the next start has to recover, and the standbys lack the end.",
		"Write a `stop_timeout` above `wal_sender_timeout`, or leave it out."},
	"PGR207": {"PGR207", Note, "hot_standby_feedback on a delayed replica", "What it can still see is not vacuumed on the master, and it sees things as late as it is told to.",
		"Leave it out, unless queries on the delayed replica must never be cancelled."},
	"PGR208": {"PGR208", Note, "all data is copied", "A base backup reads all of it and sends it over the network. Its time is estimated at 50 MiB a second.",
		"Nothing; where it is too much now, apply at a quieter hour."},
	"PGR209": {"PGR209", Warns, "copy larger than the free disk", "The base backup fails half way; where the master's data is on the same disk, the master stops with it.",
		"Make room first, or name a `volume` on another disk."},
	"PGR210": {"PGR210", Never, "container name belongs to somebody else", "pgrepl never changes or removes what it did not make.",
		"Give the block another `name`, or remove that container if nobody needs it."},
	"PGR211": {"PGR211", Never, "volume belongs to somebody else", "pgrepl never writes into data that it did not make.",
		"Name another `volume`, or remove that one if nobody needs what is in it."},
	"PGR212": {"PGR212", Never, "network belongs to somebody else", "pgrepl never changes or removes what it did not make.",
		"Write `external = true` to use it as it is, or choose another `name`."},
	"PGR213": {"PGR213", Never, "port is taken", "Docker would say so only when the container starts, half way through an apply.",
		"Choose another `port`, or stop what listens there."},
	"PGR214": {"PGR214", Never, "subnet overlaps", "Two networks with the same addresses cannot be reached side by side; Docker refuses the second.",
		"Choose another `subnet`, or remove the other network."},
	"PGR215": {"PGR215", Never, "image is missing", "It is not on this Docker engine, and no registry gives it.",
		"Check the spelling of `image`, log in with `docker login`, or bring the image with `docker load`."},
	"PGR216": {"PGR216", Never, "volume holds another major version", "A data directory belongs to one major version; another one cannot start on it.",
		"Set `image` and `version` back, or name another `volume`."},
	"PGR217": {"PGR217", Never, "volume holds another cluster", "Its system identifier is not the master's: it could never follow.",
		"Find out which of the two holds the data that you need, or name another `volume`. `pgrepl apply --rebuild ADDRESS --allow=data:ADDRESS` gives the replica's up."},
	"PGR218": {"PGR218", Never, "replica is not in recovery", "It is a primary of its own, and may hold rows that the master does not have.",
		"Find out which of the two holds the data that you need. `pgrepl apply --rebuild ADDRESS --allow=data:ADDRESS` gives the replica's up."},
	"PGR219": {"PGR219", Never, "master has no data, but other data of this cluster exists", "A new master would be another cluster: no replica could follow it, and the data would be left behind.",
		"Name the volume that is there with `volume`, or promote the node that has the data (`pg_ctl promote` in its container) and declare it as the master."},
	"PGR220": {"PGR220", Never, "image is of another major version", "Settings, files and the data directory depend on the major version.",
		"Set `version` or `image` of the cluster so that they agree."},
	"PGR221": {"PGR221", Never, "external network does not exist", "`external = true` says that somebody else makes it.",
		"Make it with `docker network create`, or leave `external` out."},
	"PGR222": {"PGR222", Never, "master is in recovery", "Its data is a standby's. Promoting a standby is never a side effect.",
		"Declare the node that is the primary as the master; where there is none any more, promote this one by hand (`pg_ctl promote` in its container)."},
	"PGR223": {"PGR223", Never, "management login is refused", "Without it nothing inside the server can be read or changed.",
		"Put `host all pgrepl 127.0.0.1/32 scram-sha-256` back as the first line of its pg_hba.conf, and the role pgrepl with the password in the volume's `pgrepl/credential`."},
	"PGR224": {"PGR224", Never, "cannot be changed on existing data", "PostgreSQL fixes it when the database is made; dropping a database is never a way to change it.",
		"Write what is there, or leave the attribute out."},
	"PGR225": {"PGR225", Never, "volume holds a data directory that pgrepl did not make", "Nobody has said that it belongs to this cluster, and pgrepl never writes into data that it did not make.",
		"Name another `volume`, or an empty folder."},
	"PGR226": {"PGR226", Never, "replica is on a later timeline than the master", "It has followed another primary since, and cannot follow this one back.",
		"Find out which of the two holds the data that you need. `pgrepl apply --rebuild ADDRESS --allow=data:ADDRESS` gives the replica's up."},
	"PGR227": {"PGR227", Warns, "server would not start with its files", "A reload passes over a bad line in silence; the next start does not.",
		"Mend the file; pgrepl writes postgresql.auto.conf and pg_hba.conf anew at the next apply."},
	"PGR228": {"PGR228", Warns, "replay is paused", "The standby receives WAL and looks healthy, but its data stands still.",
		"Apply resumes what somebody paused by hand. Where it paused itself because a setting is below the master's, apply raises that and restarts it; `pg_wal_replay_resume()` would end the server."},
	"PGR229": {"PGR229", Never, "protected", "Its block says `protect = true`: it is never removed or made anew.",
		"Take `protect = true` out of the block first, if that is wanted."},
	"PGR230": {"PGR230", Warns, "replica cannot catch up", "The WAL that it needs is no longer on its upstream: it stays where it is, and serves older and older data.",
		"Apply makes it anew by a base backup, which loses nothing, unless its block says `protect = true`. A higher `max_slot_wal_keep_size` gives it more time."},
	"PGR231": {"PGR231", Warns, "commits wait for synchronous standbys that are away", "Too few of the listed standbys stream, so every commit waits; its rows are written and hold their locks.",
		"Apply brings back what is away. `pgrepl apply --allow=synchronous` has commits wait for fewer until then, and none wait that hang now. Where it cannot come back, take it out of the `synchronous` block."},
	"PGR232": {"PGR232", Warns, "commits wait for fewer standbys meanwhile", "The plan takes so many of the listed standbys down that commits would wait until they are back. Apply shortens the list before and restores it after; what is committed meanwhile is on fewer servers.",
		"List one more replica than `count`: then none has to be let go."},
	"PGR233": {"PGR233", Never, "server would not start: more slots than max_replication_slots", "A server with more slots on its disk than it may have refuses to start.",
		"Drop the slots that nobody needs first, by an apply that leaves `max_replication_slots` as it is."},
	"PGR234": {"PGR234", Never, "server would not start: wal_level too low for its slots", "A server with a logical slot on its disk refuses to start with a wal_level below logical.",
		"Drop the logical slots first, by an apply that leaves `wal_level` as it is."},
	"PGR235": {"PGR235", Never, "library does not exist", "A server, or each new session, refuses to start without a library that it is told to load.",
		"Take it out of the list, or use an image that has it."},
	"PGR236": {"PGR236", Warns, "a role or database has another value of a declared setting", "A value of the role or the database comes before the server's files (ALTER ROLE, ALTER DATABASE … SET).",
		"Take it away with ALTER … RESET, or declare it in the settings of the role's block."},
	"PGR237": {"PGR237", Warns, "max_slot_wal_keep_size above the free disk", "It is there to give up a slot before the disk is full, and the disk is full before.",
		"Write less than what is free, with room for the data to grow."},
	"PGR238": {"PGR238", Warns, "slot is about to lose its WAL", "It is beyond max_slot_wal_keep_size. After the next checkpoint its reader cannot go on, and has to be made anew.",
		"Let its consumer catch up now, or raise `max_slot_wal_keep_size`, which takes a reload."},
	"PGR239": {"PGR239", Warns, "WAL limit lasts less long than a copy", "A new standby needs all WAL since its copy began. What max_slot_wal_keep_size drops meanwhile makes the copy useless.",
		"Raise `max_slot_wal_keep_size` until the new standby streams."},
	"PGR240": {"PGR240", Never, "replica has a history of its own", "It has WAL that the master never had, or has left the master's timelines before they end: it cannot follow.",
		"Find out which of the two holds the data that you need. `pgrepl apply --rebuild ADDRESS --allow=data:ADDRESS` gives the replica's up."},
	"PGR241": {"PGR241", Never, "data from before an earlier rebuild is still there", "A rebuild keeps the old data until the new streams. There is room for one, and this replica has two that the master does not have.",
		"Save or remove the folder `pgdata.old` in its volume, then run it again."},
	"PGR242": {"PGR242", Never, "rebuild needs its leave again", "A run was killed in a rebuild that gives data up. What was allowed is never stored, and the server is held back meanwhile.",
		"Run it again with `--rebuild` and `--allow=data`; or remove the file `pgrepl/rebuild` from its volume, and the node is as it was before."},
	"PGR243": {"PGR243", Warns, "replica below a rebuilt one", "A base backup begins with a WAL file of its own. What follows the rebuilt replica mostly needs one from before, and is then rebuilt too.",
		"Nothing: apply looks again and does so where it loses nothing. Leave `--rebuild` out where it was not needed."},
	"PGR244": {"PGR244", Warns, "two receivers by one name", "Commits wait for names. Where two have the same, either answers for it, also one that keeps nothing.",
		"Stop the other one, or give it another application_name."},
	"PGR245": {"PGR245", Warns, "no connection is reserved for superusers", "pgrepl logs in as one. When others have all connections, as they come to have while commits hang, nobody gets in to help.",
		"Leave `superuser_reserved_connections` out, or give it at least 1."},
	"PGR250": {"PGR250", Never, "container keeps its data elsewhere", "A container that was made without pgrepl is adopted together with the volume that its data is in.",
		"Write the `volume` that it has, or give the block another `name`."},
	"PGR251": {"PGR251", Never, "container cannot be adopted", "Only a running server can say what it is, to the user postgres, on port 5432.",
		"Start it, or give the block another `name`."},
	"PGR252": {"PGR252", Never, "network is not what its block says", "A network cannot be changed in place, and all that is on it would have to be made anew.",
		"Write what the network is, or `external = true` to use it and leave it alone."},
	"PGR253": {"PGR253", Never, "superuser's password is needed once", "A server that was made without pgrepl has no login for it yet, and lets its superuser in with a password only.",
		"Declare `superuser { password = var.superuser_password }` and give the variable, or run `pgrepl apply` on a terminal, which asks."},
	"PGR254": {"PGR254", Never, "server cannot be adopted as it is", "Its files lie where a new container would not find them, or a role that pgrepl did not make has the name of its own.",
		"Move the files into the data directory, or rename the role."},
	"PGR255": {"PGR255", Note, "made by hand", "What can only be chosen when a container is made stays as it was until something else needs a new one.",
		"Nothing has to be done: the next new container cleans it up."},
	"PGR256": {"PGR256", Never, "volume is in use", "Two servers on one volume destroy the data in it.",
		"Write `renamed_from` where the container is the node under its old name, otherwise stop it."},
	"PGR257": {"PGR257", Warns, "not labelled, and the ledger is out of reach", "What was made by hand is marked in the ledger only, and nothing is removed that is not known to be the cluster's.",
		"Start the master and run `pgrepl destroy` again, or remove by hand what the message names."},
	"PGR258": {"PGR258", Never, "what pgrepl derives is given as an argument", "It has to change while the server runs, and an argument of the server's command beats every file.",
		"Make the container anew by hand without that argument, around the same volume."},
	"PGR259": {"PGR259", Never, "adopted replica cannot be rebuilt so", "A rebuild makes the new data beside the old. The volume of an adopted replica is mostly the data directory itself, and where it has room, pgrepl has to be let in before.",
		"Remove its container and its volume, and apply clones it anew, as pgrepl makes all of them."},
	"PGR260": {"PGR260", Never, "data directory is incomplete", "It has files and no PG_VERSION: no server can start with it, and it may be all that is left of the data.",
		"Bring the directory back from a backup, or remove the volume if nobody needs what is in it: apply makes it anew."},
	"PGR261": {"PGR261", Never, "member of a role that does not exist", "The server would refuse it half way through an apply.",
		"Declare the group as a role, or correct its name."},
	"PGR262": {"PGR262", Never, "server to be reloaded or restarted would not take its files", "A reload passes over a bad line in silence, and a restart with one is an outage.",
		"Mend the file that is named; postgresql.auto.conf and pg_hba.conf, pgrepl writes itself."},
	"PGR263": {"PGR263", Never, "more CPUs than the machine has", "Docker would refuse to make the container, half way through an apply.",
		"Ask for fewer, or leave `cpus` out."},
	"PGR264": {"PGR264", Warns, "memory limit above what the machine has", "It limits nothing.",
		"Write less than the machine has, or leave `memory` out."},
	"PGR265": {"PGR265", Warns, "image of another distribution", "Its C library, or its ICU, may order text otherwise than the one that the indexes were built with: they miss rows, and unique ones take doubles.",
		"Stay on an image of the same system; otherwise rebuild the indexes over text afterwards (REINDEX DATABASE)."},
	"PGR266": {"PGR266", Note, "/dev/shm is small for parallel queries", "The processes of a parallel hash join share its table there, hash_mem_multiplier × work_mem for each of them. Docker gives 64 MB, and the query fails where that is not enough.",
		"Write a larger `shm_size`, or less `work_mem`."},
	"PGR267": {"PGR267", Never, "folder of an image cannot be read", "What is in it is compared, and all of it is sent to the Docker engine.",
		"See to it that its files can be read, or leave out with `.dockerignore` what is no part of the image."},
	"PGR270": {"PGR270", Never, "server does not take a value", "It was asked before anything moves: at a reload it would keep the old value and say so only in its log, and at the next start not come up.",
		"Write a value that this server knows: its own files decide which locales, time zones and text search configurations there are."},
	"PGR280": {"PGR280", Warns, "pg_hba.conf takes access away", "Connections that are open stay; the next login is refused. The rules are asked in order, and the first that matches decides.",
		"Nothing, if it is meant; otherwise add a rule for it before the one that rejects, or put back the one that goes."},
	"PGR281": {"PGR281", Warns, "pg_hba.conf is open beyond the declared networks", "Whoever reaches the port may try passwords, and by trust nobody even asks for one.",
		"Name the networks that clients come from, as in 10.0.0.0/8 or samenet, and use scram-sha-256."},
	"PGR282": {"PGR282", Warns, "pg_hba.conf rule can never match", "The first rule that matches decides, and one before it matches whatever this one would.",
		"Move it before that rule, or leave it out."},
	"PGR283": {"PGR283", Note, "pg_hba.conf gives access", "From the next reload on it lets in whom it did not let in before.", "Nothing, if it is meant."},
	"PGR284": {"PGR284", Note, "pg_hba.conf cannot be compared as a whole", "Only the server can tell what included files and @files let in, and what holds beside a line that it refuses; very long lists are compared in part.",
		"Read the rules that change."},
}

// without are the codes of rules that are taken out, to see which test misses them (make rules): PGR201,PGR204. Only whoever links
// the program can set it.
var without string

// Rules returns the risk table, by code.
func Rules() []Rule {
	return slices.SortedFunc(maps.Values(rules), func(a, b Rule) int { return strings.Compare(a.Code, b.Code) })
}

// Fact is something that holds in this cluster and that the risk table has a rule for.
type Fact struct {
	Code   string
	On     ID     // what it is about; where the plan changes that, the fact is a risk of the plan, otherwise it stands
	Path   string // attribute of On, where the fact is about one
	Turn   bool   // it is what the change of that does: nothing stands where the plan leaves it out
	Addr   Address
	Text   string // with the numbers of this cluster
	Figure string // a live number, rounded coarsely: it is shown, and is no part of what is approved
	Detail string // why it matters
	Next   string // what to do
	Origin Origin
}

// Risk is a fact or an effect, judged.
type Risk struct {
	Code     string // "" for an effect of a step
	Severity Severity
	Class    Class
	Addrs    []Address
	Text     string
	Figure   string // a live number, which is no part of what is approved
	Why      string
	Stops    time.Duration // how long it is expected to stop writes
	Allow    string        // the flag that lets it pass: data:replica.b
	Allowed  bool
	Denied   bool
	Next     string
	Origin   Origin
}

func refusals(facts []Fact) []Problem {
	var out []Problem
	for _, f := range facts {
		if rules[f.Code].Severity == Never {
			out = append(out, Problem{Code: f.Code, Origin: f.Origin, Object: f.Addr.String(), Summary: f.Text, Detail: f.Detail, Next: f.Next})
		}
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line),
			cmp.Compare(a.Origin.Column, b.Origin.Column), strings.Compare(a.Code, b.Code), strings.Compare(a.Summary, b.Summary))
	})
	return slices.CompactFunc(out, func(a, b Problem) bool { return a == b })
}

func judge(p Plan, facts []Fact) (risks, standing []Risk) {
	for _, s := range p.Steps {
		for _, e := range s.Effects() {
			risks = addEffect(risks, e)
		}
	}
	changed := map[ID]Change{}
	for _, c := range p.Changes {
		changed[c.ID] = c
	}
	for _, f := range facts {
		r := Risk{Code: f.Code, Severity: rules[f.Code].Severity, Addrs: []Address{f.Addr}, Text: f.Text, Figure: f.Figure, Why: f.Detail, Next: f.Next, Origin: f.Origin}
		if c, ok := changed[f.On]; r.Severity == Never || ok && (f.Path == "" || c.Changes(f.Path)) {
			risks = append(risks, r)
			continue
		}
		if !f.Turn {
			standing = append(standing, r)
		}
	}
	slices.SortStableFunc(risks, compareRisks)
	slices.SortStableFunc(standing, compareRisks)
	return risks, standing
}

// addEffect adds what a step does; restarts for one reason are one line.
func addEffect(risks []Risk, e Effected) []Risk {
	r := Risk{Severity: Warns, Class: e.Class, Addrs: []Address{e.Addr}, Text: e.Text, Figure: e.Figure, Why: e.Why, Stops: e.Stops, Origin: e.Origin}
	if e.Asks {
		r.Severity, r.Allow = Needs, string(e.Class)+":"+e.Addr.String()
	}
	if e.Class == ClassRestart || e.Class == ClassRecreate {
		for i := range risks {
			if risks[i].Class == e.Class && risks[i].Why == e.Why {
				if !slices.Contains(risks[i].Addrs, e.Addr) {
					risks[i].Addrs = append(risks[i].Addrs, e.Addr)
				}
				risks[i].Stops = max(risks[i].Stops, e.Stops)
				return risks
			}
		}
	}
	return append(risks, r)
}

var classOrder = []Class{ClassData, ClassSlot, ClassRole, ClassSync, ClassRecreate, ClassRestart, ""}

func compareRisks(a, b Risk) int {
	return cmp.Or(
		cmp.Compare(slices.Index(classOrder, a.Class), slices.Index(classOrder, b.Class)),
		strings.Compare(a.Code, b.Code), a.Addrs[0].Compare(b.Addrs[0]), strings.Compare(a.Text, b.Text))
}

// Refused marks the risks that allow lets pass and returns those that it does not.
func (p *Plan) Refused(allow []string) []Risk {
	var out []Risk
	for i := range p.Risks {
		r := &p.Risks[i]
		if r.Severity != Needs {
			continue
		}
		if r.Allowed = Allows(allow, r.Class, r.Addrs[0]); !r.Allowed {
			out = append(out, *r)
		}
	}
	return out
}

// Allows reports whether an entry of --allow, CLASS or CLASS:ADDR, lets a loss of that class at that address pass.
func Allows(allow []string, class Class, addr Address) bool {
	return slices.ContainsFunc(allow, func(entry string) bool {
		of, narrowed, narrow := strings.Cut(entry, ":")
		return of == string(class) && (!narrow || addr.Matches(narrowed))
	})
}

// Denied marks the risks of the classes that may not happen (--deny=restart,recreate) and returns them. A new container is a
// restart, too.
func (p *Plan) Denied(deny []string) []Risk {
	var out []Risk
	for i := range p.Risks {
		r := &p.Risks[i]
		r.Denied = slices.Contains(deny, string(r.Class)) || r.Class == ClassRecreate && slices.Contains(deny, string(ClassRestart))
		if r.Denied {
			out = append(out, *r)
		}
	}
	return out
}
