package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pgrepl/schema"
)

func newGraph(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "graph", Short: "Draw the topology that the file declares", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text", "mermaid"); err != nil {
				return err
			}
			file, err := a.load(c.Context())
			if err != nil {
				return err
			}
			if a.format == "mermaid" {
				fmt.Fprint(a.out, mermaid(file))
				return nil
			}
			fmt.Fprint(a.out, tree(file))
			return nil
		},
	}
}

// tree draws the topology with the upstream of each standby above it.
func tree(file *schema.Cluster) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (PostgreSQL %d)\n", file.Name, file.Version)
	fmt.Fprintf(&b, "%s\n", label(file.Primary(), ", "))
	branch(&b, file, file.Primary(), "")
	return b.String()
}

func branch(b *strings.Builder, file *schema.Cluster, of *schema.Node, indent string) {
	below := downstream(file, of)
	for i, n := range below {
		joint, further := "|-- ", "|   "
		if i == len(below)-1 {
			joint, further = "`-- ", "    "
		}
		fmt.Fprintf(b, "%s%s%s\n", indent, joint, label(n, ", "))
		branch(b, file, n, indent+further)
	}
}

func downstream(file *schema.Cluster, of *schema.Node) []*schema.Node {
	var out []*schema.Node
	for _, n := range file.Standbys() {
		if n.Upstream == of {
			out = append(out, n)
		}
	}
	return out
}

func label(n *schema.Node, sep string) string {
	parts := []string{n.Name}
	if n.Part == schema.Primary {
		parts[0] += " (master)"
	} else {
		parts = append(parts, "slot "+n.Slot.Name)
	}
	if n.Port.Port != 0 {
		parts = append(parts, n.Port.String())
	}
	if n.Delay != "" {
		parts = append(parts, "delayed by "+n.Delay)
	}
	return strings.Join(parts, sep)
}

// mermaid draws the same for Markdown.
func mermaid(file *schema.Cluster) string {
	var b strings.Builder
	b.WriteString("graph TD\n")
	number := map[*schema.Node]int{}
	for i, n := range file.Nodes {
		number[n] = i
		fmt.Fprintf(&b, "  n%d[%q]\n", i, strings.ReplaceAll(label(n, "<br/>"), `"`, "#quot;"))
	}
	for _, n := range file.Standbys() {
		fmt.Fprintf(&b, "  n%d -->|async| n%d\n", number[n.Upstream], number[n])
	}
	return b.String()
}
