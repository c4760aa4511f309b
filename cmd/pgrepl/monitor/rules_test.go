package monitor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"gopkg.in/yaml.v3"

	"pgrepl/engine/health"
)

func shop() health.Judged {
	l := health.DefaultLimits()
	l.LagTimeWarning, l.SlotWarning = 7*time.Second, 64<<20
	return health.Judged{Cluster: "shop", Limits: l, Own: []health.SlotLimit{{Node: "pg1", Slot: "cdc", Warning: 1 << 30}}}
}

// emitted are the labels of each metric that there is, by its name.
func emitted() map[string][]string {
	out := map[string][]string{}
	for _, m := range health.Metrics() {
		out[m.Name] = append([]string{"cluster"}, m.Labels...)
	}
	return out
}

// TestExpressionsResolve parses every expression as Prometheus does, and looks its metrics and labels up in what is really told.
func TestExpressionsResolve(t *testing.T) {
	var rules, board bytes.Buffer
	if err := Rules(&rules, shop()); err != nil {
		t.Fatal(err)
	}
	if err := Dashboard(&board, shop()); err != nil {
		t.Fatal(err)
	}
	golden(t, "rules.yaml", rules.String())
	golden(t, "dashboard.json", board.String())
	var file rulesFile
	if err := yaml.Unmarshal(rules.Bytes(), &file); err != nil {
		t.Fatal(err)
	}
	var exprs []string
	for _, r := range file.Groups[0].Rules {
		exprs = append(exprs, r.Expr)
	}
	var shown struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(board.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	for _, p := range shown.Panels {
		exprs = append(exprs, p.Targets[0].Expr)
	}
	r := judged()
	really := exposed(t, health.Metrics(), watched(&r), "")
	resolved := 0
	for _, expr := range exprs {
		if err := resolves(expr, emitted(), really); err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		resolved++
	}
	t.Logf("%d/%d expressions resolve", resolved, len(exprs))
	if len(exprs) < 30 {
		t.Errorf("only %d expressions", len(exprs))
	}
	if err := resolves(`pgrepl_lag > 1`, emitted(), really); err == nil {
		t.Error("a metric that there is not resolves")
	}
}

// rarely are metrics that the sample of the tests has no figure of.
var rarely = []string{"pgrepl_slot_disk_full_seconds"}

func resolves(expr string, has map[string][]string, really string) error {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return err
	}
	var wrong error
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			known, is := has[n.Name]
			if !is || !strings.Contains(really, "\n"+n.Name+"{") && !strings.HasPrefix(really, n.Name+"{") && !slices.Contains(rarely, n.Name) {
				wrong = fmt.Errorf("nothing is called %s", n.Name)
			}
			for _, m := range n.LabelMatchers {
				if m.Name != "__name__" && !slices.Contains(known, m.Name) {
					wrong = fmt.Errorf("%s has no label %s", n.Name, m.Name)
				}
			}
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil && m.On {
				wrong = fmt.Errorf("on %v: with two monitors that is many to many", m.MatchingLabels)
			}
			left, right := labelsOf(n.LHS, has), labelsOf(n.RHS, has)
			if left != nil && right != nil && !slices.Equal(left, right) {
				wrong = fmt.Errorf("%s has %v, %s has %v: they never match", n.LHS, left, n.RHS, right)
			}
		}
		return nil
	})
	return wrong
}

// labelsOf are the labels of what an expression gives; nil of a number.
func labelsOf(e parser.Expr, has map[string][]string) []string {
	switch e := e.(type) {
	case *parser.VectorSelector:
		return has[e.Name]
	case *parser.ParenExpr:
		return labelsOf(e.Expr, has)
	case *parser.BinaryExpr:
		if left := labelsOf(e.LHS, has); left != nil {
			return left
		}
		return labelsOf(e.RHS, has)
	}
	return nil
}

// TestEveryRuleAlerts: whatever can be found calls somebody, by the limits of the file.
func TestEveryRuleAlerts(t *testing.T) {
	alerts := health.Alerts(shop())
	for _, r := range health.Rules() {
		if !slices.ContainsFunc(alerts, func(a health.Alert) bool { return a.Rule == r.Name }) {
			t.Errorf("nothing alerts of %s", r.Name)
		}
	}
	var all strings.Builder
	for _, a := range alerts {
		fmt.Fprintln(&all, a.Expr)
		if a.Summary == "" || a.Next == "" || a.Description == "" || !regexp.MustCompile(`^Pgrepl[A-Z]`).MatchString(a.Name) {
			t.Errorf("%+v does not say enough", a)
		}
	}
	for _, limit := range []string{"> 7\n", "> 300\n", "> 67108864\n", "> 1073741824\n", "> 10485760 and"} {
		if !strings.Contains(all.String(), limit) {
			t.Errorf("no alert is by the limit %q", limit)
		}
	}
}
