package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// shape is a large file that validate has to get through: 10,000 lines of pg_hba.conf and 1,000 roles, unless it says otherwise.
type shape struct {
	name string
	file string
}

const lines = 10_000

func shapes() []shape {
	line := func(i int) string {
		return fmt.Sprintf("    host  db%d,shop  u%d,+team%d  10.%d.%d.0/24  scram-sha-256\n", i%50, i%1000, i%20, i/256, i%256)
	}
	each := func(form func(int) string) string {
		var b strings.Builder
		for i := range lines {
			b.WriteString(form(i))
		}
		return b.String()
	}
	heredoc := func(text string) string {
		return "<<-EOT\n    host replication all samenet scram-sha-256\n" + text + "  EOT\n"
	}
	usual := each(line)
	changed := func(old, new string) string { return heredoc(strings.Replace(usual, old, new, 1)) }
	const roles = 1_000
	return []shape{
		{"a heredoc", cluster(heredoc(usual), roles)},
		{"one `${}` in it", cluster(changed("10.19.0.0", `${"10.19.0.0"}`), roles)},
		{"one `$${` in it", cluster(changed("10.19.0.0/24  scram-sha-256", "10.19.0.0/24  scram-sha-256 # $${"), roles)},
		{"one line that is not ASCII, at column 0", cluster(changed("10.19.0.0/24  scram-sha-256\n", "10.19.0.0/24  scram-sha-256\n\u00fcber\n"), roles)},
		{"`${}` in every line", cluster(heredoc(strings.ReplaceAll(usual, "scram-sha-256", `${"scram-sha-256"}`)), roles)},
		{"`/^db1$` in every line", cluster(heredoc(each(func(i int) string { return fmt.Sprintf("    host  /^db%d$  u%d  samenet  scram-sha-256\n", i, i%1000) })), roles)},
		{"roles that the last line lets in", cluster(heredoc(each(func(i int) string { return fmt.Sprintf("    host  all  v%d  samenet  scram-sha-256\n", i) })+"    host all all samenet scram-sha-256\n"), roles)},
		{"roles that the last line lets in, behind groups", cluster(heredoc(each(func(i int) string { return fmt.Sprintf("    host  all  v%d,+g%d  samenet  reject\n", i, i) })+"    host all all samenet scram-sha-256\n"), roles)},
		{"2,000 replicas, no lines", replicas(2_000)},
	}
}

func cluster(hba string, roles int) string {
	var b strings.Builder
	b.WriteString("cluster \"big\" {\n  hba = " + hba + "}\nmaster \"big-1\" {}\nreplica \"big-2\" {}\n")
	for i := range roles {
		fmt.Fprintf(&b, "role \"u%d\" {\n  login            = true\n  connection_limit = %d\n  member_of        = [\"pg_monitor\"]\n  settings = {\n    work_mem = \"%dMB\"\n  }\n}\n", i, i+1, i%100+1)
	}
	return b.String()
}

func replicas(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster \"big\" {\n  settings = {\n    max_wal_senders = %d\n    max_replication_slots = %d\n  }\n}\nmaster \"big-1\" {}\n", 2*n, 2*n)
	for i := range n {
		fmt.Fprintf(&b, "replica \"big-r%d\" {\n  port = %d\n}\n", i, 10_000+i)
	}
	return b.String()
}

// shapes measures the processor time and memory of validate on large files; wrong ones are as large.
func (b *bench) shapes(ctx context.Context, runs int) error {
	fmt.Print("\n| `validate`, 10,000 lines and 1,000 roles | processor, median | most | memory | target |\n|---|---|---|---|---|\n")
	for i, s := range shapes() {
		dir := filepath.Join(b.dir, fmt.Sprint("shape", i))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "pgrepl.hcl"), []byte(s.file), 0o644)); err != nil {
			return err
		}
		var took []time.Duration
		memory := int64(0)
		for range runs {
			cmd := exec.CommandContext(ctx, b.program, "validate")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if code := cmd.ProcessState.ExitCode(); err != nil && code != 65 || !ok {
				return fmt.Errorf("%s: %w\n%.500s", s.name, err, out)
			}
			took = append(took, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			memory = max(memory, usage.Maxrss)
		}
		fmt.Printf("| %s | %d ms | %d ms | %d MB | 1 s, 100 MB |\n", s.name, middle(took).Milliseconds(), slices.Max(took).Milliseconds(), memory>>10)
	}
	return nil
}
