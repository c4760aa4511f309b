package test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var rules = flag.String("rules", "", "take these rules out, or all, and see that the test in which each fires fails")

// TestRulesTakenOut runs, for each rule of the plan, the test in which it fires with a program that does not have the rule, and
// notes in docs/risks.md how many were missed. Rules that have a part of one test each are taken out together, and each part has
// to fail.
func TestRulesTakenOut(t *testing.T) {
	if *rules == "" {
		return // make rules: about a quarter of an hour
	}
	binary := filepath.Join(t.TempDir(), "e2e.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, "./e2e").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	missed, all := 0, 0
	for _, run := range runsOf(ruleTests(t)) {
		began := time.Now()
		cmd := exec.Command(binary, "-test.v", "-test.timeout=10m", "-test.run="+run.pattern)
		cmd.Dir, cmd.Env = "e2e", append(os.Environ(), "PGREPL_TEST_WITHOUT="+strings.Join(run.codes, ","))
		out, _ := cmd.CombinedOutput() // what failed is in it
		for i, code := range run.codes {
			all++
			if !strings.Contains(string(out), run.failures[i]) {
				t.Errorf("without %s there is no %q:\n%s", code, run.failures[i], out)
				continue
			}
			missed++
		}
		t.Logf("%s without %s: %d s", run.test, strings.Join(run.codes, ", "), int(time.Since(began).Seconds()))
	}
	said := fmt.Sprintf("%d of %d were missed when it ran last.", missed, all)
	t.Log(said)
	if *rules == "all" {
		noteTakenOut(t, said)
	}
}

// ruleRun is one run of a test without some rules, and what it says when it misses each of them.
type ruleRun struct {
	test, pattern   string
	codes, failures []string
}

// runsOf are the runs that take out the rules which the flag names.
func runsOf(all []ruleTest) []*ruleRun {
	var out []*ruleRun
	together := map[string]*ruleRun{}
	for _, r := range all {
		if *rules != "all" && !strings.Contains(*rules, r.code) {
			continue
		}
		test, part, isPart := strings.Cut(r.fires, "/")
		run := together[test]
		if run == nil || !isPart {
			run = &ruleRun{test: test, pattern: "^" + test + "$"}
			out = append(out, run)
		}
		failure := "--- FAIL: " + test
		if isPart {
			together[test] = run
			failure += "/" + part
		}
		run.codes, run.failures = append(run.codes, r.code), append(run.failures, failure)
	}
	for _, run := range together {
		run.pattern += "/(" + strings.Join(run.codes, "|") + ")"
	}
	return out
}

var takenOut = regexp.MustCompile(`[0-9]+ of [0-9]+ were missed[^.]*\.`)

// noteTakenOut writes into docs/risks.md how many rules were missed.
func noteTakenOut(t *testing.T, said string) {
	t.Helper()
	text, err := os.ReadFile(risksPage)
	if err == nil && !takenOut.Match(text) {
		err = fmt.Errorf("it does not say how many were missed")
	}
	if err == nil {
		err = os.WriteFile(risksPage, takenOut.ReplaceAll(text, []byte(said)), 0o644)
	}
	if err != nil {
		t.Errorf("docs/risks.md: %v", err)
	}
}
