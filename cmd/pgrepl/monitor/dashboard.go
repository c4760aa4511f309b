package monitor

import (
	"encoding/json"
	"fmt"
	"io"

	"pgrepl/engine/health"
)

// object is one of Grafana's model, which has far more members than are set here.
type object = map[string]any

// graph is one panel of the dashboard.
type graph struct {
	title, kind, unit string
	expr, legend      string
	across, down      int      // in Grafana's grid, which is 24 wide
	limits            []object // steps of its thresholds
	more              object   // of its defaults
}

// The colours of Grafana's thresholds, from a value on.
func step(color string, from any) object { return object{"color": color, "value": from} }

func limits(warning, critical float64) []object {
	return []object{step("green", nil), step("orange", warning), step("red", critical)}
}

// graphs are the panels, in reading order, by the same limits as all else.
func graphs(l health.Limits) []graph {
	const (
		of     = `{cluster="$cluster"}`
		delay  = "pgrepl_replica_delay_seconds" + of
		late   = "pgrepl_replica_lag_seconds" + of + " - " + delay
		behind = "pgrepl_replica_replay_lag_bytes" + of + " and " + delay + " == 0 or pgrepl_replica_flush_lag_bytes" + of + " and " + delay + " > 0" // it has what it holds back
	)
	verdicts := object{"mappings": []object{{"type": "value", "options": object{"0": object{"text": "OK"}, "1": object{"text": "WARNING"}, "2": object{"text": "CRITICAL"}, "3": object{"text": "UNKNOWN"}}}}}
	health := []object{step("green", nil), step("orange", 1), step("red", 2), step("purple", 3)}
	upDown := object{"mappings": []object{{"type": "value", "options": object{"0": object{"text": "down"}, "1": object{"text": "up"}}}}}
	return []graph{
		{"Verdict", "stat", "none", "pgrepl_health" + of, "", 6, 4, health, verdicts},
		{"Fresh", "stat", "none", "pgrepl_up" + of, "", 3, 4, []object{step("red", nil), step("green", 1)}, upDown},
		{"Replicas streaming", "stat", "none", "pgrepl_replicas_streaming" + of, "", 5, 4, []object{step("blue", nil)}, nil},
		{"Worst true lag, beyond delays", "stat", "s", "max(" + late + ")", "", 5, 4, limits(l.LagTimeWarning.Seconds(), l.LagTimeCritical.Seconds()), nil},
		{"Objects that differ from the file", "stat", "none", "pgrepl_drift_changes" + of, "", 5, 4, []object{step("green", nil), step("orange", 1)}, nil},
		{"True lag, beyond delays", "timeseries", "s", late, "{{node}}", 12, 8, limits(l.LagTimeWarning.Seconds(), l.LagTimeCritical.Seconds()), nil},
		{"Bytes behind", "timeseries", "bytes", behind, "{{node}}", 12, 8, limits(float64(l.LagWarning), float64(l.LagCritical)), nil},
		{"WAL written and replayed", "timeseries", "binBps", "pgrepl_node_wal_bytes_per_second" + of, "{{node}}", 12, 8, []object{step("green", nil)}, nil},
		{"WAL held by slots", "timeseries", "bytes", "pgrepl_slot_retained_bytes" + of, "{{slot}} on {{node}}", 12, 8, limits(float64(l.SlotWarning), float64(l.SlotCritical)), nil},
		{"Time until a slot fills its disk", "timeseries", "s", "pgrepl_slot_disk_full_seconds" + of, "{{slot}} on {{node}}", 8, 7, []object{step("red", nil), step("orange", 3600), step("green", 86400)}, nil},
		{"Time until a slot is lost", "timeseries", "s", "pgrepl_slot_lost_seconds" + of, "{{slot}} on {{node}}", 8, 7, []object{step("red", nil), step("orange", 3600), step("green", 86400)}, nil},
		{"Disk left", "timeseries", "bytes", "pgrepl_node_disk_free_bytes" + of, "{{node}}", 8, 7, []object{step("green", nil)}, nil},
		{"Servers", "state-timeline", "none", "pgrepl_node_up" + of, "{{node}}", 12, 7, []object{step("red", nil), step("green", 1)}, upDown},
		{"Replicas connected", "state-timeline", "none", "pgrepl_replica_connected" + of, "{{node}}", 12, 7, []object{step("red", nil), step("green", 1)}, upDown},
		{"Findings", "state-timeline", "none", "pgrepl_finding" + of, "{{level}} {{rule}} {{node}} {{slot}}{{app}}", 24, 8, []object{step("orange", nil)}, nil},
	}
}

// Dashboard writes a dashboard for Grafana.
func Dashboard(w io.Writer, j health.Judged) error {
	source := object{"type": "prometheus", "uid": "${source}"}
	panels, x, y, row := []object{}, 0, 0, 0
	for i, g := range graphs(j.Limits) {
		if x+g.across > 24 {
			x, y, row = 0, y+row, 0
		}
		defaults := object{"unit": g.unit, "thresholds": object{"mode": "absolute", "steps": g.limits}, "min": 0}
		if g.kind == "timeseries" && len(g.limits) > 1 {
			defaults["custom"] = object{"thresholdsStyle": object{"mode": "dashed"}}
		}
		for name, v := range g.more {
			defaults[name] = v
		}
		target := object{"refId": "A", "datasource": source, "expr": g.expr, "legendFormat": g.legend}
		panels = append(panels, object{"id": i + 1, "title": g.title, "type": g.kind, "datasource": source, "gridPos": object{"x": x, "y": y, "w": g.across, "h": g.down},
			"fieldConfig": object{"defaults": defaults, "overrides": []any{}}, "targets": []object{target}})
		x, row = x+g.across, max(row, g.down)
	}
	board := object{
		"title": "pgrepl " + j.Cluster, "uid": fmt.Sprintf("%.40s", "pgrepl-"+j.Cluster), "tags": []string{"pgrepl", "postgresql"}, "schemaVersion": 39, "editable": true,
		"refresh": "10s", "time": object{"from": "now-1h", "to": "now"}, "panels": panels,
		"templating": object{"list": []object{
			{"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"},
			{"name": "cluster", "label": "Cluster", "type": "query", "datasource": source, "query": "label_values(pgrepl_up, cluster)", "current": object{"text": j.Cluster, "value": j.Cluster}},
		}},
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(board)
}
