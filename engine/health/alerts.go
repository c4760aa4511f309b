package health

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Alert is one rule of a monitoring system: an expression in PromQL over Metrics that is true while a limit is broken.
type Alert struct {
	Name, Rule  string // of the alert, and of the rule that it is the same as; "" of what only a monitoring system can see
	Expr        string
	For         time.Duration // so long before it counts
	Severity    string        // warning or critical, or a template that says which
	Summary     string        // a template, in which the labels are
	Description string
	Next        string // the next command
}

// Judged is what alerts are made for: a cluster of a file, with its limits.
type Judged struct {
	Cluster string
	Limits  Limits
	Own     []SlotLimit // slots with a limit of their own
}

// SlotLimit is the limit of one slot.
type SlotLimit struct {
	Node, Slot string
	Warning    int64
}

// Alerts are the alerts for a cluster: what the rules find, by the same limits. A rule without an expression of its own is told by
// the finding itself.
func Alerts(j Judged) []Alert {
	all := slices.Concat(j.blind(), j.whole(), j.nodes(), j.replicas(), j.slots(), j.rest())
	for _, r := range rules {
		if slices.ContainsFunc(all, func(a Alert) bool { return a.Rule == r.name }) {
			continue
		}
		all = append(all, Alert{Name: alertName(r.name), Rule: r.name, Expr: j.of("pgrepl_finding", "rule", r.name) + " == 1", For: missingCritical,
			Severity: `{{ if eq $labels.level "CRITICAL" }}critical{{ else }}warning{{ end }}`, Summary: "{{ $labels.node }}{{ $labels.app }}: " + r.about, Next: "pgrepl status"})
	}
	for i, a := range all {
		if a.Rule != "" {
			all[i].Description = "Rule " + a.Rule + ": " + rules[slices.IndexFunc(rules, func(r rule) bool { return r.name == a.Rule })].about + "."
		}
	}
	return all
}

// alertName is PgreplSystemId of system_id.
func alertName(rule string) string {
	name := "Pgrepl"
	for word := range strings.SplitSeq(rule, "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// of selects a metric of the cluster, by pairs of a label and its value.
func (j Judged) of(metric string, labels ...string) string {
	out := fmt.Sprintf("%s{cluster=%q", metric, j.Cluster)
	for i := 0; i < len(labels); i += 2 {
		out += fmt.Sprintf(", %s=%q", labels[i], labels[i+1])
	}
	return out + "}"
}

const (
	warns   = "warning"
	calls   = "critical"
	ofNode  = "{{ $labels.node }}"
	ofSlot  = "Slot {{ $labels.slot }} on {{ $labels.node }}"
	inBytes = "{{ $value | humanize1024 }}B"
	inTime  = "{{ $value | humanizeDuration }}"
)

// blind is what the monitor cannot say of itself.
func (j Judged) blind() []Alert {
	return []Alert{
		{Name: "PgreplBlind", Expr: j.of("pgrepl_up") + " == 0", For: time.Minute, Severity: calls, Summary: "Cluster {{ $labels.cluster }} cannot be looked at", Description: "The monitor runs, and its last sample could not be taken. Nothing is known of the cluster.", Next: "pgrepl status"},
		{Name: "PgreplAbsent", Expr: "absent(" + j.of("pgrepl_up") + ")", For: 5 * time.Minute, Severity: calls, Summary: "Cluster " + j.Cluster + " is not watched", Description: "No monitor of the cluster is scraped.", Next: "pgrepl monitor"},
	}
}

func (j Judged) whole() []Alert {
	return []Alert{
		{Name: "PgreplCommitsHang", Rule: "commits_hang", Expr: fmt.Sprintf("%s > %s", j.of("pgrepl_commit_waiting_seconds"), inSeconds(commitLeast)), Severity: calls,
			Summary: "A commit of {{ $labels.cluster }} has waited for its synchronous replicas for " + inTime, Next: "pgrepl plan --allow=synchronous"},
		{Name: "PgreplPrimaries", Rule: "primaries", Expr: j.of("pgrepl_primaries") + " != 1", Severity: calls, Summary: "{{ $value }} nodes of {{ $labels.cluster }} take writes", Next: "pgrepl plan"},
		{Name: "PgreplNoReplica", Rule: "no_replica", Expr: fmt.Sprintf("sum by (cluster) (%s) == 0", j.of("pgrepl_replica_connected")), Severity: calls, Summary: "No replica of {{ $labels.cluster }} is connected", Next: "pgrepl plan"},
	}
}

func (j Judged) nodes() []Alert {
	free, segment := j.of("pgrepl_node_disk_free_bytes"), j.of("pgrepl_node_wal_segment_bytes") // which a server that a full disk took down does not tell
	return []Alert{
		{Name: "PgreplNodeDown", Rule: "node", Expr: j.of("pgrepl_node_up") + " == 0", For: missingCritical, Severity: calls, Summary: ofNode + " does not answer", Next: "docker logs -n 20 " + ofNode},
		{Name: "PgreplNodeUnknown", Rule: "node", Expr: j.of("pgrepl_finding", "rule", "node", "level", string(Unknown)) + " == 1", For: missingCritical, Severity: warns, Summary: ofNode + " lets the monitor not in: nothing is known of it", Next: "pgrepl plan"},
		{Name: "PgreplNodePart", Rule: "part", Expr: j.of("pgrepl_node_as_declared") + " == 0", Severity: calls, Summary: ofNode + " is not what the file makes of it", Next: "pgrepl plan"},
		{Name: "PgreplDiskFull", Rule: "room", Expr: fmt.Sprintf("%s / %s < %d or %s < %d unless %s", free, segment, roomFiles, free, roomFiles*usualSegment, segment), Severity: calls,
			Summary: "The disk of " + ofNode + " has no room for two WAL files", Next: "docker exec " + ofNode + " df -h"},
		{Name: "PgreplPendingRestart", Rule: "pending_restart", Expr: j.of("pgrepl_node_pending_restart_settings") + " > 0", Severity: warns, Summary: "{{ $value }} settings of " + ofNode + " wait for a restart", Next: "pgrepl plan"},
	}
}

func (j Judged) replicas() []Alert {
	out := []Alert{
		{Name: "PgreplReplayPaused", Rule: "replay_paused", Expr: j.of("pgrepl_replica_replay_paused") + " == 1", Severity: calls, Summary: ofNode + " receives and does not replay", Next: "pgrepl plan"},
		{Name: "PgreplReplicaSilent", Rule: "replica_silent", Expr: fmt.Sprintf("%s > %s", j.of("pgrepl_replica_silent_seconds"), j.of("pgrepl_replica_silent_limit_seconds")), Severity: warns,
			Summary: ofNode + " has not replied for " + inTime, Next: "docker logs -n 20 " + ofNode},
	}
	for _, level := range []struct {
		severity string
		time     time.Duration
		bytes    int64
	}{{warns, j.Limits.LagTimeWarning, j.Limits.LagWarning}, {calls, j.Limits.LagTimeCritical, j.Limits.LagCritical}} {
		delay := j.of("pgrepl_replica_delay_seconds")
		out = append(out,
			Alert{Name: "PgreplReplicaLagTime", Rule: "lag_time", Severity: level.severity, Expr: fmt.Sprintf("%s - %s > %s", j.of("pgrepl_replica_lag_seconds"), delay, inSeconds(level.time)),
				Summary: ofNode + " is " + inTime + " behind, on top of its declared delay", Next: "pgrepl verify"},
			Alert{Name: "PgreplReplicaLagBytes", Rule: "lag_bytes", Severity: level.severity, Expr: fmt.Sprintf("%s > %d and %s == 0 or %s > %d and %s > 0",
				j.of("pgrepl_replica_replay_lag_bytes"), level.bytes, delay, j.of("pgrepl_replica_flush_lag_bytes"), level.bytes, delay),
				Summary: ofNode + " is " + inBytes + " behind", Next: "pgrepl verify"})
	}
	return out
}

func (j Judged) slots() []Alert {
	idle := fmt.Sprintf("%s == 0 and %s >= 0", j.of("pgrepl_slot_active"), j.of("pgrepl_slot_retained_bytes"))
	out := []Alert{
		{Name: "PgreplSlotAtRisk", Rule: "slot_status", Expr: j.of("pgrepl_slot_wal_status", "status", "unreserved") + " == 1", Severity: warns, Summary: ofSlot + " may be lost at the next checkpoint", Next: "pgrepl plan"},
		{Name: "PgreplSlotLost", Rule: "slot_status", Expr: j.of("pgrepl_slot_wal_status", "status", "lost") + " == 1", Severity: calls, Summary: ofSlot + " is lost", Next: "pgrepl plan"},
		{Name: "PgreplSlotInactive", Rule: "slot_inactive", Expr: idle, Severity: warns, Summary: ofSlot + " holds WAL and nothing reads it", Next: "pgrepl plan"},
		{Name: "PgreplSlotInactive", Rule: "slot_inactive", Expr: idle, For: slotIdleCritical, Severity: calls, Summary: ofSlot + " holds WAL and nothing reads it", Next: "pgrepl plan"},
	}
	retained := func(severity, expr string) {
		out = append(out, Alert{Name: "PgreplSlotRetained", Rule: "slot_retained", Severity: severity, Expr: expr, Summary: ofSlot + " holds " + inBytes + " of WAL", Next: "pgrepl plan"})
	}
	others := j.of("pgrepl_slot_retained_bytes")
	for _, s := range j.Own { // by what is left of the others once it is taken out
		others += fmt.Sprintf(" unless %s", j.of("pgrepl_slot_retained_bytes", "node", s.Node, "slot", s.Slot))
		own := j.of("pgrepl_slot_retained_bytes", "node", s.Node, "slot", s.Slot)
		retained(warns, fmt.Sprintf("%s > %d", own, s.Warning))
		retained(calls, fmt.Sprintf("%s > %d", own, max(j.Limits.SlotCritical, s.Warning)))
	}
	if len(j.Own) > 0 {
		others = "(" + others + ")"
	}
	retained(warns, fmt.Sprintf("%s > %d", others, j.Limits.SlotWarning))
	retained(calls, fmt.Sprintf("%s > %d", others, j.Limits.SlotCritical))
	for _, end := range []struct{ metric, name, text string }{{"pgrepl_slot_disk_full_seconds", "PgreplSlotFillsDisk", " will have filled its disk in "}, {"pgrepl_slot_lost_seconds", "PgreplSlotWillBeLost", " will be lost in "}} {
		for _, level := range []struct {
			severity string
			left     time.Duration
		}{{warns, roomWarning}, {calls, roomCritical}} {
			out = append(out, Alert{Name: end.name, Rule: "room", Severity: level.severity, Expr: fmt.Sprintf("%s < %s", j.of(end.metric), inSeconds(level.left)), Summary: ofSlot + end.text + inTime, Next: "pgrepl plan"})
		}
	}
	return out
}

func (j Judged) rest() []Alert {
	return []Alert{
		{Name: "PgreplDrift", Rule: "drift", Expr: j.of("pgrepl_drift_changes") + " > 0", Severity: warns, Summary: "{{ $value }} objects of {{ $labels.cluster }} differ from the file", Next: "pgrepl plan"},
		{Name: "PgreplAppDown", Rule: "app", Expr: j.of("pgrepl_app_running") + " == 0", For: missingCritical, Severity: calls, Summary: "{{ $labels.app }} does not run", Next: "docker logs -n 20 {{ $labels.app }}"},
	}
}

// inSeconds is a duration as a number of PromQL.
func inSeconds(d time.Duration) string { return fmt.Sprintf("%g", d.Seconds()) }
