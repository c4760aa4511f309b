// Command write writes schema/catalogue/pg*.tsv: `make catalogue`.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	known "pgrepl/schema/catalogue"
	"pgrepl/test/catalogue"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "catalogue:", err)
		os.Exit(1)
	}
}

func write() error {
	images := map[int]string{}
	for v := known.Oldest; v <= known.Newest; v++ {
		cmd := exec.Command("test/image/build", fmt.Sprint(v))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("image of PostgreSQL %d: %w", v, err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		images[v] = lines[len(lines)-1]
	}
	tables, err := catalogue.Ask(images)
	if err != nil {
		return err
	}
	for v, t := range tables {
		if err := os.WriteFile(fmt.Sprintf("schema/catalogue/pg%d.tsv", v), []byte(t.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
