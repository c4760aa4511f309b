package schema

import (
	"fmt"
	"strings"
	"testing"
)

// large is a file of 10,000 pg_hba.conf lines and 1,000 roles.
func large() string {
	var b strings.Builder
	b.WriteString("cluster \"big\" {\n  hba = <<-EOT\n    host replication all samenet scram-sha-256\n")
	for i := range 9_999 {
		fmt.Fprintf(&b, "    host  db%d,shop  u%d,+team%d  10.%d.%d.0/24  scram-sha-256 # line %d\n", i%50, i%1000, i%20, i/256, i%256, i)
	}
	b.WriteString("  EOT\n}\nmaster \"big-1\" {}\nreplica \"big-2\" {}\n")
	for i := range 1_000 {
		fmt.Fprintf(&b, "role \"u%d\" {\n  login            = true\n  connection_limit = %d\n  member_of        = [\"pg_monitor\"]\n  settings = {\n    work_mem = \"%dMB\"\n  }\n}\n", i, i+1, i%100+1)
	}
	return b.String()
}

func BenchmarkLoad(b *testing.B) {
	text := large()
	b.ReportAllocs()
	for b.Loop() {
		if c, diags := loadText(text); c == nil {
			b.Fatal(diags)
		}
	}
}
