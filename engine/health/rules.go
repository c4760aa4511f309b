package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// rule is one thing that is judged. The table is the whole of what can be found.
type rule struct {
	name  string
	about string // what it finds, for the documentation and the alerts
	judge func(*view, Report)
}

// Rule says what a rule finds.
type Rule struct{ Name, About string }

// Rules lists what is judged, in order.
func Rules() []Rule {
	var out []Rule
	for _, r := range rules {
		out = append(out, Rule{r.name, r.about})
	}
	return out
}

var rules = []rule{
	{"commits_hang", "commits wait for standbys that do not answer", judgeHangs},
	{"primaries", "not exactly one node takes writes", judgePrimaries},
	{"no_replica", "replicas are declared, and none streams", judgeNoReplica},
	{"node", "a node's container or server is not up", judgeNode},
	{"part", "a node's data is not what the file makes of it: a master in recovery, a replica that is a primary", judgePart},
	{"system_id", "a node holds the data of another cluster", judgeSystem},
	{"timeline", "a replica is on another timeline than the primary", judgeTimeline},
	{"replica_missing", "a replica does not stream from its upstream", judgeMissing},
	{"replay_paused", "a replica receives and does not replay", judgePaused},
	{"lag_time", "a replica is too far behind in true seconds, on top of its declared delay", judgeLagTime},
	{"lag_bytes", "a replica is too many bytes behind", judgeLagBytes},
	{"replica_silent", "a replica has not replied to its upstream for long", judgeSilent},
	{"slot_status", "a slot is lost, or about to be", judgeSlotStatus},
	{"slot_inactive", "a slot holds WAL and nothing reads it", judgeSlotIdle},
	{"slot_retained", "a slot holds too much WAL", judgeSlotRetained},
	{"room", "a disk is full, or will be: a slot holds WAL and grows", judgeRoom},
	{"pending_restart", "a setting waits for a restart", judgePending},
	{"drift", "what is there differs from the file", judgeDrift},
	{"app", "an application's container does not run", judgeApp},
}

func on(n Node) Subject { return Subject{Node: n.Name} }

func judgeHangs(v *view, _ Report) {
	text := v.sample.Hangs
	if p := v.sample.primary(); text == "" && p != nil && v.waited > commitLeast {
		text = fmt.Sprintf("a commit on %s has waited for its synchronous replicas for %s", p.Name, Time(v.waited))
	}
	if text != "" {
		v.find(Critical, "commits_hang", Subject{}, text, "", "pgrepl plan --allow=synchronous")
	}
}

func judgePrimaries(v *view, _ Report) {
	var writing, unknown []string
	refused := false
	for _, n := range v.sample.Nodes {
		refused = refused || n.Refused
		switch {
		case n.Live == nil:
			unknown = append(unknown, n.Name)
		case !n.Live.Recovery:
			writing = append(writing, n.Name)
		}
	}
	switch {
	case len(writing) > 1:
		v.find(Critical, "primaries", Subject{}, fmt.Sprintf("%d primaries where there is to be one: %s", len(writing), strings.Join(writing, ", ")), "", "pgrepl plan")
	case len(writing) == 0 && refused:
		v.find(Unknown, "primaries", Subject{}, "whether there is a primary cannot be told", "", "pgrepl plan")
	case len(writing) == 0 && len(unknown) == len(v.sample.Nodes):
		v.find(Critical, "primaries", Subject{}, "no node answers", "", "pgrepl plan")
	case len(writing) == 0 && len(unknown) > 0:
		v.find(Critical, "primaries", Subject{}, fmt.Sprintf("no primary: of what answers nothing takes writes, and %s does not answer", some(unknown)), "", "pgrepl plan")
	case len(writing) == 0:
		v.find(Critical, "primaries", Subject{}, "no primary: nothing takes writes", "", "pgrepl plan")
	}
}

func judgeNoReplica(v *view, r Report) {
	if len(r.Standbys()) == 0 || v.sample.primary() == nil {
		return
	}
	for _, n := range v.sample.Nodes {
		if n.worksOff() { // it will be, and cannot be sooner
			return
		}
	}
	for _, n := range v.sample.Nodes { // the upstream's word counts: one that does not answer us may stream all the same
		if s := v.sample.sender(n); n.Standby && s != nil && (s.State == "streaming" || s.State == "catchup") {
			return
		}
	}
	v.find(Critical, "no_replica", Subject{}, "no replica is connected", "", "pgrepl plan")
}

func judgeNode(v *view, _ Report) {
	for _, n := range v.sample.Nodes {
		if n.Live != nil {
			continue
		}
		if n.Refused {
			v.find(Unknown, "node", on(n), n.Why, "", "pgrepl plan")
			continue
		}
		text, next := n.Docker.words(), n.Docker.next(n.Name)
		switch {
		case n.Why != "":
			text = n.Why
		case n.Docker.State == "running":
			text = "its server does not answer"
		}
		v.find(v.afterAWhile(n.Docker.State == "restarting" || n.Docker.State == "running", "node", on(n)), "node", on(n), text, "", next)
	}
}

// afterAWhile is the level of what passes by itself as a rule, and is critical where it does not.
func (v *view) afterAWhile(passes bool, rule string, on Subject) Level {
	if held := v.since(rule, on); passes && held < missingCritical && !v.memory.Once {
		return Warning
	}
	return Critical
}

// lasting says for how long a condition has held, as far as that was seen.
func (v *view) lasting(rule string, on Subject) string {
	held := v.since(rule, on)
	if held == 0 || v.memory.Once {
		return ""
	}
	return " for " + Time(held)
}

// next is the command that tells more of a container, or mends it. A log says nothing of one that was stopped or killed; and of one
// that is not there, a plan says what becomes of it.
func (c Container) next(name string) string {
	switch {
	case c.State == "missing" || c.State == Foreign:
		return "pgrepl plan"
	case c.State == "created" || c.State == "paused" || c.State == "exited" && !c.OOM && slices.Contains([]int{0, killed, ended}, c.ExitCode):
		return "pgrepl apply"
	}
	return "docker logs -n 20 " + name
}

// logsOf is where to go when a node does not do what it should.
func (v *view) logsOf(node string) string {
	if n := v.sample.node(node); n != nil && n.Docker.State != "running" {
		return n.Docker.next(node)
	}
	return "docker logs -n 20 " + node
}

// What a process exits with that a signal has ended: SIGKILL, SIGTERM.
const (
	killed = 128 + 9
	ended  = 128 + 15
)

// words says what a container does instead of running.
func (c Container) words() string {
	switch {
	case c.OOM:
		return "its container was ended for its memory (OOM)"
	case c.State == "exited":
		return fmt.Sprintf("its container has ended with %d", c.ExitCode)
	case c.State == Foreign:
		return "the container of its name is somebody else's"
	case c.Health == "unhealthy":
		return "its container is unhealthy"
	}
	return "its container is " + c.State
}

func judgePart(v *view, _ Report) {
	for _, n := range v.sample.Nodes {
		switch {
		case n.Live == nil:
		case n.Standby && !n.Live.Recovery:
			v.find(Critical, "part", on(n), fmt.Sprintf("not in recovery: it is a primary of its own, on timeline %d", n.Live.Timeline), "", "pgrepl plan")
		case !n.Standby && n.Live.Recovery:
			v.find(Critical, "part", on(n), "in recovery: its data is a standby's", "", "pgrepl plan")
		}
	}
}

func judgeSystem(v *view, _ Report) {
	first := v.sample.Nodes[0].Live
	for _, n := range v.sample.Nodes[1:] {
		if first != nil && n.Live != nil && n.Live.System != first.System {
			v.find(Critical, "system_id", on(n), fmt.Sprintf("system id %s, the master's is %s", n.Live.System, first.System), "", "pgrepl plan")
		}
	}
}

func judgeTimeline(v *view, _ Report) {
	p := v.sample.primary()
	for _, n := range v.sample.Nodes {
		if p == nil || !n.Standby || n.Live == nil || !n.Live.Recovery || n.Live.Timeline == p.Live.Timeline || n.Live.System != p.Live.System {
			continue
		}
		v.find(v.afterAWhile(true, "timeline", on(n)), "timeline", on(n), fmt.Sprintf("timeline %d, the primary is on %d", n.Live.Timeline, p.Live.Timeline), "", "pgrepl plan")
	}
}

func judgeMissing(v *view, r Report) {
	for _, n := range v.sample.Nodes {
		row := r.Node(n.Name)
		if !n.Standby || n.Live == nil || !n.Live.Recovery || row.State != "not streaming" {
			continue
		}
		up := v.sample.upstream(n)
		if up == nil || up.Live == nil {
			v.find(Warning, "replica_missing", on(n), "its upstream "+n.Upstream+" is not up", "", v.logsOf(n.Upstream))
			continue
		}
		text := "not connected" + v.lasting("replica_missing", on(n))
		level := v.afterAWhile(true, "replica_missing", on(n))
		if fresh := min(n.Live.Up, up.Live.Up); fresh < missingCritical {
			level = Warning
		}
		v.find(level, "replica_missing", on(n), text, "", "docker logs -n 20 "+n.Name)
	}
}

func judgePaused(v *view, _ Report) {
	for _, n := range v.sample.Nodes {
		if n.Live == nil || !n.Live.Recovery || n.Live.Pause == "" || n.Live.Pause == notPaused {
			continue
		}
		text := "replay is paused by hand"
		if low := v.tooLittle(n); len(low) > 0 {
			text = "replay is paused: it has too little of " + strings.Join(low, ", ")
		}
		v.find(Critical, "replay_paused", on(n), text, "", "pgrepl plan")
	}
}

// tooLittle names the hot-standby parameters of which a standby has less than it takes to replay.
func (v *view) tooLittle(n Node) []string {
	low := slices.Clone(n.Live.TooLittle)
	if p := v.sample.primary(); p != nil {
		for name, has := range n.Live.Enough {
			if has < p.Live.Enough[name] {
				low = append(low, name)
			}
		}
	}
	slices.Sort(low)
	return slices.Compact(low)
}

func judgeLagTime(v *view, r Report) {
	for _, row := range r.Standbys() {
		lag, delay := row.Behind(), time.Duration(row.Delay*float64(time.Second))
		if lag == nil {
			continue
		}
		warning, critical := v.limits.LagTimeWarning+delay, v.limits.LagTimeCritical+delay
		text, next := "lag "+lag.String(), "pgrepl verify"
		switch {
		case lag.Low > critical:
			v.find(Critical, "lag_time", Subject{Node: row.Name}, text, Time(critical), next)
		case lag.Low > warning:
			v.find(Warning, "lag_time", Subject{Node: row.Name}, text, Time(warning), next)
		case lag.High == nil || *lag.High > warning && !lag.exact():
			at := "an unknown time"
			if lag.High != nil {
				at = Time(*lag.High)
			}
			v.find(Unknown, "lag_time", Subject{Node: row.Name}, fmt.Sprintf("lag between %s and %s", Time(lag.Low), at), Time(warning), "pgrepl status --watch")
		}
	}
}

func judgeLagBytes(v *view, r Report) {
	for _, row := range r.Standbys() {
		if lag, what := row.LagBytes(); lag != nil {
			v.measure("lag_bytes", Subject{Node: row.Name}, *lag, v.limits.LagWarning, v.limits.LagCritical, what+" lag ", "pgrepl verify")
		}
	}
}

// measure judges a size by its two limits.
func (v *view) measure(rule string, on Subject, n, warning, critical int64, text, next string) {
	switch {
	case n > critical:
		v.find(Critical, rule, on, text+Bytes(n), Bytes(critical), next)
	case n > warning:
		v.find(Warning, rule, on, text+Bytes(n), Bytes(warning), next)
	}
}

func judgeSilent(v *view, r Report) {
	for _, n := range v.sample.Nodes {
		row := r.Node(n.Name)
		if row.Heard == nil || n.Live != nil && n.Live.StatusEvery == 0 {
			continue
		}
		limit := silentLeast
		if n.Live != nil {
			limit = max(limit, 2*n.Live.StatusEvery)
		}
		if heard := time.Duration(*row.Heard * float64(time.Second)); heard > limit {
			v.find(Warning, "replica_silent", on(n), "silent for "+Time(heard), Time(limit), "docker logs -n 20 "+n.Name)
		}
	}
}

func judgePending(v *view, _ Report) {
	for _, n := range v.sample.Nodes {
		if n.Live != nil && len(n.Live.Pending) > 0 {
			v.find(Warning, "pending_restart", on(n), "waits for a restart: "+strings.Join(n.Live.Pending, ", "), "", "pgrepl plan")
		}
	}
}

func judgeDrift(v *view, _ Report) {
	switch d := v.sample.Drift; {
	case d == nil:
	case d.Unsaid != "":
		v.find(Unknown, "drift", Subject{}, "whether it is as in the file cannot be told: "+d.Unsaid, "", "pgrepl plan")
	case len(d.Changes) > 0:
		causes := slices.Clone(d.Changes) // what makes replicas differ, too, comes first
		slices.SortStableFunc(causes, func(a, b string) int { return cmp.Compare(behind(a), behind(b)) })
		v.find(Warning, "drift", Subject{}, fmt.Sprintf("differs from the file: %s", some(causes)), "", "pgrepl plan")
		since := v.since("drift: "+strings.Join(d.Changes, ","), Subject{}) // of this, and not of the first that differed
		v.found[len(v.found)-1].Since = v.sample.At.Add(-since)
	}
}

// behind ranks replicas behind all else that a plan changes.
func behind(address string) int {
	if strings.HasPrefix(address, "replica.") {
		return 1
	}
	return 0
}

// some is a list that stays short.
func some(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

func judgeApp(v *view, _ Report) {
	for _, a := range v.sample.Apps {
		if a.Container.State == "running" && a.Container.Health != "unhealthy" {
			continue
		}
		next := a.Container.next(a.Name)
		v.find(v.afterAWhile(a.Container.State == "restarting", "app", Subject{App: a.Name}), "app", Subject{App: a.Name}, a.Container.words(), "", next)
	}
}
