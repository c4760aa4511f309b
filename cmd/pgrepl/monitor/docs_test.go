package monitor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine/health"
)

const monitoringPage = "../../../docs/monitoring.md"

// TestMonitoringPage holds the tables of docs/monitoring.md to the tables that they are written from.
func TestMonitoringPage(t *testing.T) {
	text, err := os.ReadFile(monitoringPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for begin, table := range map[string]string{"alerts": alertTable(), "metrics": metricTable(health.Metrics()), "compat": compatTable()} {
		before, rest, ok1 := strings.Cut(page, "<!-- "+begin+": ")
		line, rest, ok2 := strings.Cut(rest, "\n")
		_, after, ok3 := strings.Cut(rest, "<!-- end of "+begin+" -->")
		if !ok1 || !ok2 || !ok3 {
			t.Fatalf("the page has lost the marks of its %s", begin)
		}
		page = before + "<!-- " + begin + ": " + line + "\n\n" + table + "\n<!-- end of " + begin + " -->" + after
	}
	if page == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what engine/health says; run make golden", monitoringPage)
	}
	if err := os.WriteFile(monitoringPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func metricTable(metrics []health.Metric) string {
	out := "| metric | labels | says |\n|---|---|---|\n"
	for _, m := range metrics {
		kind := ""
		if m.Type == health.Counter {
			kind = "Counter. "
		}
		out += fmt.Sprintf("| `%s` | %s | %s%s |\n", m.Name, strings.Join(m.Labels, ", "), kind, m.Help)
	}
	return out
}

func compatTable() string {
	var out []string
	for _, exporter := range health.Exporters() {
		metrics, _ := health.Compatible(exporter)
		var names []string
		for _, m := range metrics {
			names = append(names, "`"+m.Name+"`")
		}
		out = append(out, "| "+exporter+" | "+strings.Join(names, ", ")+" |\n")
	}
	return "| exporter | metrics |\n|---|---|\n" + strings.Join(out, "")
}

// alertTable are the alerts of a file without limits of its own.
func alertTable() string {
	out := "| alert | rule | severity | after | expression, without its limits to the cluster |\n|---|---|---|---|---|\n"
	var seen []string
	for _, a := range health.Alerts(health.Judged{Cluster: "shop", Limits: health.DefaultLimits()}) {
		severity, after := a.Severity, ""
		if strings.Contains(severity, "{{") {
			severity = "as found"
		}
		if a.For > 0 {
			after = health.Time(a.For)
		}
		expr := strings.NewReplacer(`{cluster="shop", `, "{", `{cluster="shop"}`, "", "|", `\|`).Replace(a.Expr)
		row := fmt.Sprintf("| %s | %s | %s | %s | `%s` |\n", a.Name, a.Rule, severity, after, expr)
		if !slices.Contains(seen, row) {
			out, seen = out+row, append(seen, row)
		}
	}
	return out
}
