package schema

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkReplicas is a file of 2,000 replica blocks.
func BenchmarkReplicas(b *testing.B) {
	var text strings.Builder
	text.WriteString("cluster \"big\" {\n  settings = {\n    max_wal_senders = 4000\n    max_replication_slots = 4000\n  }\n}\nmaster \"big-1\" {}\n")
	for i := range 2_000 {
		fmt.Fprintf(&text, "replica \"big-r%d\" {\n  port = %d\n}\n", i, 10_000+i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if c, diags := loadText(text.String()); c == nil {
			b.Fatal(diags)
		}
	}
}
