package schema

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTenThousandHBARulesLoad holds Load to the time that a long list may take, as one text and as a list of lines.
func TestTenThousandHBARulesLoad(t *testing.T) {
	var text, list strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "    host  all  app  10.%d.%d.0/24  scram-sha-256 # ${\"x\"}\n", i/256, i%256)
		fmt.Fprintf(&list, "    \"host  all  app  10.%d.%d.0/24  scram-sha-256\",\n", i/256, i%256)
	}
	for name, hba := range map[string]string{"text": "<<-HBA\n" + text.String() + "  HBA\n", "list": "[\n" + list.String() + "  ]\n"} {
		start := time.Now()
		c, diags := loadText("cluster \"demo\" {\n  hba = " + hba + "}\nmaster \"pg1\" {}\n")
		took := time.Since(start)
		if c == nil || len(c.Primary().HBA) != 10_000 || c.Primary().HBA[9_999].Origin.Line != 10_002 || took > 3*time.Second {
			t.Errorf("%s: %s, %d diagnostics: %.300s", name, took, len(diags), fmt.Sprint(diags))
		}
		t.Logf("%s: %s", name, took)
	}
}
