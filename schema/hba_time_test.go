package schema

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestTenThousandHBARulesLoad holds Load to what a long list may take, in whatever form: copying what there is for each line
// would be gigabytes. (make bench has the times.)
func TestTenThousandHBARulesLoad(t *testing.T) {
	line := func(i int) string {
		return fmt.Sprintf("    host  all  app  10.%d.%d.0/24  scram-sha-256", i/256, i%256)
	}
	var plain, escaped, dollars, expressions, list strings.Builder
	for i := range 10_000 {
		fmt.Fprintln(&plain, line(i))
		fmt.Fprintln(&escaped, line(i)+" # $${x}")
		fmt.Fprintf(&dollars, "    host  /^db%d$  app  samenet  scram-sha-256\n", i)
		fmt.Fprintln(&expressions, line(i)+" # ${\"x\"} %{ if true }y%{ endif }")
		fmt.Fprintf(&list, "    %q,\n", strings.TrimSpace(line(i)))
	}
	half := strings.SplitAfterN(plain.String(), "\n", 5_000)
	heredoc := func(text string) string { return "<<-HBA\n" + text + "  HBA\n" }
	for name, hba := range map[string]string{
		"text": heredoc(plain.String()), "escaped": heredoc(escaped.String()), "dollars": heredoc(dollars.String()), "expressions": heredoc(expressions.String()),
		"one expression":  heredoc(strings.Replace(plain.String(), "10.3.3.0", "${\"10.3.3.0\"}", 1)),
		"one escape":      heredoc(strings.Replace(plain.String(), "10.3.3.0/24  scram-sha-256", "10.3.3.0/24  scram-sha-256 # $${", 1)),
		"column 0":        heredoc(strings.Join(half[:4_999], "") + "# note\n" + half[4_999]),
		"not ASCII":       heredoc(strings.Join(half[:4_999], "") + "     # größer\n" + half[4_999]),
		"behind no blank": heredoc(strings.Join(half[:4_999], "") + "\u00a0# note\n" + half[4_999]),
		"list":            "[\n" + list.String() + "  ]\n",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, diags := loadText("cluster \"demo\" {\n  hba = " + hba + "}\nmaster \"pg1\" {}\n")
		runtime.ReadMemStats(&after)
		made := (after.TotalAlloc - before.TotalAlloc) >> 20
		if c == nil || len(c.Primary().HBA) != 10_000 || c.Primary().HBA[4_000].Origin.Line != 4_003 || made > 400 {
			t.Errorf("%s: %d MB, %d diagnostics: %.300s", name, made, len(diags), fmt.Sprint(diags))
		}
		t.Logf("%s: %d MB", name, made)
	}
}
