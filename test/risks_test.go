package test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/schema"
)

var update = flag.Bool("update", false, "write what docs/risks.md says of each code anew")

const risksPage = "../docs/risks.md"

// TestRisksPage holds docs/risks.md: every rule of the plan is in it with both of its tests, the codes are there and weigh what
// it says. Which codes a failure has, and which tests a rule, is written by hand.
func TestRisksPage(t *testing.T) {
	text, err := os.ReadFile(risksPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	known := weights()
	var lines []string
	for _, line := range strings.Split(page, "\n") {
		cells := cellsOf(line)
		switch {
		case len(cells) == 4 && strings.Contains(cells[1], "PGR"):
			lines = append(lines, row(cells[0], cells[1], strings.Join(weigh(t, known, strings.Fields(cells[1])), "; "), cells[3]))
		case len(cells) == 5 && strings.HasPrefix(cells[0], "PGR"):
			if _, there := known[cells[0]]; !there {
				t.Errorf("%s is no code", cells[0])
			}
			lines = append(lines, row(cells[0], known[cells[0]].title, known[cells[0]].says, cells[3], cells[4]))
		default:
			lines = append(lines, line)
		}
	}
	if derived := strings.Join(lines, "\n"); derived != page {
		if !*update {
			t.Error("docs/risks.md says something else than the tables of codes: make golden")
		} else if err := os.WriteFile(risksPage, []byte(derived), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if all := fmt.Sprintf(" of %d were missed", len(engine.Rules())); !strings.Contains(page, all) {
		t.Errorf("docs/risks.md does not say how many%s: make rules", all)
	}
	for _, r := range engine.Rules() {
		if n := strings.Count(page, "\n| "+r.Code+" |"); n != 1 {
			t.Errorf("%s is in the table of docs/risks.md %d times: a rule takes a test in which it fires, and one in which it does not", r.Code, n)
		}
	}
}

// TestEveryRuleHasItsTests looks for the tests that docs/risks.md names, and for the code in the text of each.
func TestEveryRuleHasItsTests(t *testing.T) {
	tests := testsOfE2E(t)
	for _, r := range ruleTests(t) {
		for what, test := range map[string]string{"fires": r.fires, "is silent": r.silent} {
			test, part, _ := strings.Cut(test, "/")
			body, there := tests[test]
			if !there || part != "" && part != r.code {
				t.Errorf("%s %s in %q, and test/e2e has no such test", r.code, what, test)
				continue
			}
			if !strings.Contains(body, r.code) && (what == "fires" || !strings.Contains(body, `silent("PGR")`)) {
				t.Errorf("%s %s in %s, which does not name it", r.code, what, test)
			}
		}
	}
}

// TestEveryCodeOfAFailureIsTested looks for the codes that are not of the plan: those of the language in the files of its own
// tests, those of the run in tests with real servers.
func TestEveryCodeOfAFailureIsTested(t *testing.T) {
	page, err := os.ReadFile(risksPage)
	if err != nil {
		t.Fatal(err)
	}
	in := func(pattern string) string {
		files, _ := filepath.Glob(pattern)
		var all strings.Builder
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	language, run := in("../schema/testdata/*.txtar"), in("e2e/*_test.go")
	for _, code := range regexp.MustCompile("PGR[13][0-9]{2}").FindAllString(string(page), -1) {
		if where := map[byte]string{'1': language, '3': run}[code[3]]; !strings.Contains(where, code) {
			t.Errorf("no test names %s", code)
		}
	}
}

type ruleTest struct{ code, fires, silent string }

// ruleTests are the rows of the rules in docs/risks.md.
func ruleTests(t *testing.T) []ruleTest {
	t.Helper()
	text, err := os.ReadFile(risksPage)
	if err != nil {
		t.Fatal(err)
	}
	var out []ruleTest
	for line := range strings.Lines(string(text)) {
		if cells := cellsOf(line); len(cells) == 5 && strings.HasPrefix(cells[0], "PGR") {
			out = append(out, ruleTest{cells[0], cells[3], cells[4]})
		}
	}
	return out
}

// testsOfE2E are the end-to-end tests, each with the text of its file up to the next one.
func testsOfE2E(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("e2e/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no end-to-end tests: %v", err)
	}
	begins := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	out := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		at := begins.FindAllSubmatchIndex(text, -1)
		for i, m := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			out[string(text[m[2]:m[3]])] = string(text[m[0]:end])
		}
	}
	return out
}

type weight struct{ title, says string }

// weights are all codes, with what they are about and how they weigh.
func weights() map[string]weight {
	out := map[string]weight{}
	for _, r := range schema.Codes() {
		out[r.Code] = weight{r.Title, r.Says()}
	}
	for _, r := range engine.Rules() {
		out[r.Code] = weight{r.Title, r.Severity.String()}
	}
	for _, r := range engine.RunTime() {
		out[r.Code] = weight{r.Title, "Error of the run"}
	}
	return out
}

// weigh puts into words how some codes weigh, each way once.
func weigh(t *testing.T, known map[string]weight, codes []string) []string {
	t.Helper()
	var out []string
	for _, code := range codes {
		w, there := known[code]
		if !there {
			t.Errorf("%s is no code", code)
		}
		if !slices.Contains(out, w.says) {
			out = append(out, w.says)
		}
	}
	return out
}

// cellsOf are the cells of a line of a table; nil of another line.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") || !strings.HasSuffix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }
