package render

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine/health"
)

// StatusPrometheus writes the health of a cluster in Prometheus' text format, for a textfile collector or a push.
func StatusPrometheus(w io.Writer, r health.Report, _ Options) error {
	return prometheus(w, health.Watched{Cluster: r.Cluster, Fresh: &r, Last: r.At})
}

// BlindPrometheus writes that a cluster cannot be looked at, so that no figures from before go on being told.
func BlindPrometheus(w io.Writer, cluster string) error {
	return prometheus(w, health.Watched{Cluster: cluster})
}

func prometheus(w io.Writer, of health.Watched) error {
	var out strings.Builder
	for _, m := range health.Metrics() {
		values := m.Values(of)
		if len(values) == 0 {
			continue
		}
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", m.Name, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(m.Help), m.Name, m.Type)
		for _, v := range values {
			labels := []string{exposedLabel("cluster", of.Cluster)}
			for i, name := range m.Labels {
				labels = append(labels, exposedLabel(name, v.Labels[i]))
			}
			slices.Sort(labels)
			fmt.Fprintf(&out, "%s{%s} %s\n", m.Name, strings.Join(labels, ","), strconv.FormatFloat(v.Value, 'g', -1, 64))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func exposedLabel(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(value, "�")) + `"`
}
