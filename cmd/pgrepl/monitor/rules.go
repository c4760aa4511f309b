package monitor

import (
	"errors"
	"io"

	"gopkg.in/yaml.v3"

	"pgrepl/engine/health"
)

// rulesFile is a file of Prometheus' alerting rules.
type rulesFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name  string      `yaml:"name"`
	Rules []alertRule `yaml:"rules"`
}

type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// Rules writes the alerts as a file that Prometheus reads.
func Rules(w io.Writer, j health.Judged) error {
	group := ruleGroup{Name: "pgrepl " + j.Cluster}
	for _, a := range health.Alerts(j) {
		r := alertRule{Alert: a.Name, Expr: a.Expr, Labels: map[string]string{"severity": a.Severity}, Annotations: map[string]string{"summary": a.Summary, "description": a.Description, "next": a.Next}}
		if a.For > 0 {
			r.For = a.For.String()
		}
		group.Rules = append(group.Rules, r)
	}
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	return errors.Join(out.Encode(rulesFile{[]ruleGroup{group}}), out.Close())
}
