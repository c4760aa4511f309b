package render

import (
	"fmt"
	"io"
	"strings"

	"pgrepl/engine"
)

// Nodes are nodes that no plan does anything to.
func Nodes(all []engine.Node) []Node {
	out := []Node{}
	for _, n := range all {
		out = append(out, nodeOf(n))
	}
	return out
}

// Tree writes a topology as text, the upstream of each standby above it.
func Tree(w io.Writer, title string, all []Node) error {
	var b strings.Builder
	b.WriteString(title + "\n")
	places := forest(all)
	var branch func(below []int, indent string)
	branch = func(below []int, indent string) {
		for k, i := range below {
			joint, further := "|-- ", "|   "
			if k == len(below)-1 {
				joint, further = "`-- ", "    "
			}
			fmt.Fprintf(&b, "%s%s%s\n", indent, joint, marked(places[i].node, ", "))
			branch(places[i].below, indent+further)
		}
	}
	for _, i := range tree(places).tops() {
		fmt.Fprintf(&b, "%s\n", marked(places[i].node, ", "))
		branch(places[i].below, "")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// marked is its label with what comes to it.
func marked(n Node, sep string) string {
	word, _ := fate(n)
	return strings.TrimSuffix(label(n, sep)+": "+word, ": ")
}

// label says of a node what a drawing tells.
func label(n Node, sep string) string {
	parts := []string{n.Name}
	if n.Part == master {
		parts[0] += " (master)"
	}
	if n.Part == app {
		parts[0] += " (app)"
	}
	if len(n.Uses) > 0 {
		parts = append(parts, "uses "+enumerated(n.Uses))
	}
	if n.Slot != "" {
		parts = append(parts, "slot "+n.Slot)
	}
	if n.Synchronous {
		parts = append(parts, "synchronous")
	}
	if n.Port != "" {
		parts = append(parts, n.Port)
	}
	if n.Delay != "" {
		parts = append(parts, "delayed by "+n.Delay)
	}
	if n.Down {
		parts = append(parts, "down")
	}
	return strings.Join(parts, sep)
}

// DOT draws a topology for Graphviz.
func DOT(w io.Writer, title string, all []Node) error {
	var b strings.Builder
	quoted := func(text string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
	}
	fmt.Fprintf(&b, "digraph %s {\n  node [shape=box, style=rounded, fontname=\"sans-serif\"]\n  edge [fontname=\"sans-serif\", fontsize=10]\n", quoted(title))
	places := forest(all)
	for _, p := range places {
		n := p.node
		n.Slot, n.Synchronous, n.Uses = "", false, nil // the edge says it
		fmt.Fprintf(&b, "  %s [label=%s]\n", quoted(n.Name), quoted(marked(n, "\n")))
	}
	for _, p := range places {
		for _, used := range p.node.Uses {
			fmt.Fprintf(&b, "  %s -> %s [style=dotted, dir=none]\n", quoted(used), quoted(p.node.Name))
		}
		if p.above < 0 || p.node.Part == app {
			continue
		}
		style, kind := "dashed", "async"
		if p.node.Synchronous {
			style, kind = "solid", "sync"
		}
		fmt.Fprintf(&b, "  %s -> %s [style=%s, label=%s]\n", quoted(places[p.above].node.Name), quoted(p.node.Name), style, quoted(strings.TrimPrefix(p.node.Slot+"\n"+kind, "\n")))
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// enumerated is a list as it is spoken.
func enumerated(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
