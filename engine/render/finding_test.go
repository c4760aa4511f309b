package render

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"pgrepl/engine"
	"pgrepl/test/outputs"
)

// hostileText are names that try to end a line, a property, an element or a string, and to begin one of their own.
var hostileText = []string{
	"a\n::error file=x::owned", "a\r\n::set-output name=x::y", "100%0A::error::owned", "%", "a,line=1::b", "a::b", `a"b'c`, "</testcase><failure/>", "]]>", "&amp;",
	"\x1b[31mred", "\x00", "tab\tbed", "\u202etxt.exe", "\u2028::error::x", "\xff\xfe", "::stop-commands::x", "##[error]x", `\`, `{"create":9}`, "ä€𝄞",
}

func hostilePlan(name string) Document {
	addr := engine.Address{Block: "replica", Label: name}
	id := engine.ID{Kind: "node", Name: name}
	risks := []engine.Risk{
		{Class: engine.ClassData, Severity: engine.Needs, Addrs: []engine.Address{addr}, Text: "volume " + name + " is deleted", Allow: "data:" + addr.String()},
		{Class: engine.ClassRestart, Severity: engine.Warns, Addrs: []engine.Address{addr}, Why: name, Origin: engine.Origin{File: name, Line: 3, Column: 1}},
		{Code: "PGR283", Severity: engine.Note, Addrs: []engine.Address{addr}, Text: name, Figure: name, Next: name, Origin: engine.Origin{File: name, Line: 4}},
	}
	return Tell(Title{Command: "plan", Cluster: name, Tool: name, File: File{Path: name}}, engine.Plan{Risks: risks,
		Changes: []engine.Change{{ID: id, Addr: addr, Action: engine.Delete, Old: engine.Resource{ID: id, Addr: addr}}}})
}

// TestNothingBreaksOutOfAReport writes hostileText names in every format and reads them back as its readers would.
func TestNothingBreaksOutOfAReport(t *testing.T) {
	sarif, err := os.ReadFile("testdata/sarif-2.1.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range hostileText {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			d := hostilePlan(name)
			findings := append(d.Findings(), FindingOf(engine.Problem{Code: "PGR210", Origin: engine.Origin{File: name, Line: 1, Column: 2}, Object: name, Summary: name, Detail: name, Next: name}))
			if len(findings) != 4 {
				t.Fatalf("%d findings", len(findings))
			}
			readsAsSARIF(t, sarif, name, findings)
			readsAsJUnit(t, name, findings)
			readsAsGitHub(t, findings)
			readsAsOneLine(t, d)
		})
	}
}

func readsAsSARIF(t *testing.T, schema []byte, tool string, findings []Finding) {
	t.Helper()
	var b strings.Builder
	if err := SARIF(&b, tool, findings, ClassHelps()); err != nil {
		t.Fatal(err)
	}
	if err := outputs.By(schema, []byte(b.String())); err != nil {
		t.Errorf("%v\n%s", err, &b)
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(b.String()), &log); err != nil {
		t.Fatal(err)
	}
	for i, r := range log.Runs[0].Results {
		if want := strings.ToValidUTF8(findings[i].text(), "\ufffd\ufffd"); r.Message.Text != want && !strings.Contains(want, "\ufffd") {
			t.Errorf("the message is read as %q, want %q", r.Message.Text, want)
		}
		if id := log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID; id != r.RuleID || id != findings[i].Rule {
			t.Errorf("the rule is %s, and by its index %s", r.RuleID, id)
		}
	}
	if len(log.Runs[0].Results) != len(findings) {
		t.Errorf("%d results of %d findings", len(log.Runs[0].Results), len(findings))
	}
}

func readsAsJUnit(t *testing.T, name string, findings []Finding) {
	t.Helper()
	var b strings.Builder
	if err := JUnit(&b, name, findings); err != nil {
		t.Fatal(err)
	}
	var report junitSuites
	if err := xml.Unmarshal([]byte(b.String()), &report); err != nil {
		t.Fatalf("%v\n%s", err, &b)
	}
	failures := 0
	for _, c := range report.Suite.Cases {
		if c.Failure != nil {
			failures++
		}
	}
	if len(report.Suite.Cases) != len(findings) || report.Tests != len(findings) || failures != 2 || report.Failures != 2 {
		t.Errorf("%d tests (said: %d), %d failures (said: %d)\n%s", len(report.Suite.Cases), report.Tests, failures, report.Failures, &b)
	}
}

// readsAsGitHub reads the lines as the runner does.
func readsAsGitHub(t *testing.T, findings []Finding) {
	t.Helper()
	var b strings.Builder
	if err := GitHub(&b, findings); err != nil {
		t.Fatal(err)
	}
	lines := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' })
	if len(lines) != len(findings) {
		t.Fatalf("%d lines of %d findings:\n%s", len(lines), len(findings), &b)
	}
	unescape := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
	for i, line := range lines {
		head, message, _ := strings.Cut(strings.TrimPrefix(line, "::"), "::")
		command, rest, _ := strings.Cut(head, " ")
		properties := map[string]string{}
		for p := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(p, "=")
			properties[key] = unescape.Replace(value)
		}
		f := findings[i]
		if want := map[Level]string{LevelError: "error", LevelWarning: "warning", LevelNote: "notice"}[f.Level]; command != want {
			t.Errorf("the command is %q, want %q", command, want)
		}
		if got := unescape.Replace(message); got != printable(f.text()) {
			t.Errorf("the message is read as %q, want %q", got, f.text())
		}
		if properties["file"] != printable(f.Place.File) || properties["title"] != printable(f.title()) {
			t.Errorf("read as %q of %+v", properties, f)
		}
		for key := range properties {
			if !strings.Contains(" file line endLine col endColumn title ", " "+key+" ") {
				t.Errorf("a property %q got in:\n%s", key, line)
			}
		}
		if strings.ContainsFunc(line, unicode.IsControl) && !strings.Contains(line, "\t") {
			t.Errorf("a control character in %q", line)
		}
	}
}

func readsAsOneLine(t *testing.T, d Document) {
	t.Helper()
	var line, report strings.Builder
	if err := OneLine(&line, d); err != nil {
		t.Fatal(err)
	}
	if text := strings.TrimSuffix(line.String(), "\n"); strings.ContainsFunc(text, unprintable) || !strings.HasPrefix(text, "0 to add, 0 to change, 1 to destroy") {
		t.Errorf("in one line: %q", text)
	}
	if err := GitLab(&report, d); err != nil || report.String() != `{"create":0,"update":0,"delete":1}`+"\n" {
		t.Errorf("for GitLab: %s %v", &report, err)
	}
}

// TestAPlanInOneLine holds the line against plans of every kind.
func TestAPlanInOneLine(t *testing.T) {
	step := []Step{{N: 1}}
	for want, d := range map[string]Document{
		"no changes":                          {},
		"no changes; 2 objects not looked at": {Unseen: []Remark{{}, {}}},
		"2 to add, 1 to change, 0 to destroy; 1 restart (master.db); no data loss":                           {Steps: step, Summary: Summary{Add: 2, Change: 1, Restarts: 1, Restart: []string{"master.db"}}},
		"0 to add, 0 to change, 1 to destroy; data loss, loss of slot and role":                              {Steps: step, Summary: Summary{Remove: 1, Loss: []string{"data", "slot", "role"}}},
		"0 to add, 5 to change, 0 to destroy; 6 new containers (a, b, c and 2 more); no data loss":           {Steps: step, Summary: Summary{Change: 5, Renewals: 6, Recreate: []string{"a", "b", "c", "d", "e"}}},
		"0 to add, 1 to change, 0 to destroy; refused; no data loss":                                         {Steps: step, Summary: Summary{Change: 1}, Risks: []Risk{{Severity: never}}},
		"1 to add, 0 to change, 0 to destroy; no data loss, loss of role; more can be planned then":          {Steps: step, Summary: Summary{Add: 1, Loss: []string{"synchronous", "role"}}, LookAgain: true},
		"0 to add, 4 to change, 0 to destroy; 5 restarts (a, b, c, d); no data loss; 1 object not looked at": {Steps: step, Summary: Summary{Change: 4, Restarts: 5, Restart: []string{"a", "b", "c", "d"}}, Unseen: []Remark{{}}},
	} {
		if got := d.oneLine(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWhatIsAllowedFailsNoTest: levels follow what the flags of the run say.
func TestWhatIsAllowedFailsNoTest(t *testing.T) {
	for _, c := range []struct {
		risk Risk
		want Level
	}{
		{Risk{Severity: "needs", Allow: "data:x"}, LevelError},
		{Risk{Severity: "needs", Allow: "data:x", allowed: true}, LevelWarning},
		{Risk{Severity: "warning"}, LevelWarning},
		{Risk{Severity: "warning", denied: true}, LevelError},
		{Risk{Severity: "note"}, LevelNote},
		{Risk{Severity: never}, LevelError},
	} {
		if got := c.risk.level(); got != c.want {
			t.Errorf("%+v is told as %s, want %s", c.risk, got, c.want)
		}
	}
}
