package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pgrepl/engine"
)

// mostOfPicture is how long a drawing may be: GitLab draws nothing when all those of a page have more than 2,000 characters.
const mostOfPicture = 1900

// Drawn is the topology as the plan leaves it, with what the plan removes.
func (d Document) Drawn() []Node {
	nodes := slices.Clone(d.Topology.After)
	for _, n := range d.Topology.Before {
		if n.Action == removed {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// picture is that as a drawing; "" where the plan changes no node.
func (d Document) picture() string {
	nodes := d.Drawn()
	if !slices.ContainsFunc(nodes, func(n Node) bool { return n.Action != "" }) {
		return ""
	}
	text := mermaid(nodes)
	if len(text) > mostOfPicture {
		return fmt.Sprintf("The topology takes %d characters to draw, and is left out above %d: `pgrepl graph` draws what the file declares.\n\n", len(text), mostOfPicture)
	}
	return fence("mermaid", strings.Split(strings.TrimRight(text, "\n"), "\n")) + "\n"
}

// colours are those of what happens to a node, readable on light and on dark ground.
var colours = []struct{ class, style string }{
	{added, "fill:#dafbe1,stroke:#1a7f37,color:#1f2328"},
	{changed, "fill:#fff8c5,stroke:#9a6700,color:#1f2328"},
	{restarted, "fill:#ffd8b5,stroke:#bc4c00,color:#1f2328"},
	{removed, "fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-dasharray:4"},
}

// restarted is the class of a node that is down for a while.
const restarted = "restart"

// Mermaid draws a topology for Markdown.
func Mermaid(w io.Writer, all []Node) error {
	_, err := io.WriteString(w, mermaid(all))
	return err
}

// mermaid draws nodes, each below the one that it follows. Thick lines are synchronous, dotted ones are removed.
func mermaid(nodes []Node) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	number := map[string]int{}
	for i, n := range nodes {
		number[n.Name] = i
		fmt.Fprintf(&b, "n%d[\"%s\"]\n", i, strings.Join(n.words(), "<br>"))
	}
	for i, n := range nodes {
		if up, drawn := number[n.Upstream]; drawn && n.Upstream != "" && n.Upstream != n.Name {
			fmt.Fprintf(&b, "n%d %s%s n%d\n", up, n.line(), n.stream(), i)
		}
	}
	for i, n := range nodes {
		for _, used := range n.Uses {
			if up, drawn := number[used]; drawn {
				fmt.Fprintf(&b, "n%d %s n%d\n", up, map[bool]string{true: "-.-", false: "---"}[n.Action == removed], i)
			}
		}
	}
	for _, c := range colours {
		var of []string
		for i, n := range nodes {
			if n.class() == c.class {
				of = append(of, fmt.Sprintf("n%d", i))
			}
		}
		if len(of) > 0 {
			fmt.Fprintf(&b, "classDef %s %s\nclass %s %s\n", c.class, c.style, strings.Join(of, ","), c.class)
		}
	}
	return b.String()
}

// words are the lines in the box of a node.
func (n Node) words() []string {
	name := inert(n.Name)
	if n.Part == "master" {
		name += " (master)"
	}
	if n.Part == app {
		name += " (app)"
	}
	if n.Down {
		name += ", down"
	}
	out := []string{name}
	if n.Port != "" {
		out = append(out, inert(n.Port))
	}
	switch n.Action {
	case added:
		out = append(out, "new")
	case removed:
		out = append(out, "removed")
	case changed:
		out = append(out, strings.TrimSuffix("changes: "+inert(string(n.Effect)), ": "))
	}
	return out
}

// class says how a node is coloured; "" where it stays as it is.
func (n Node) class() string {
	if n.Action == changed && !worse(engine.Restart, n.Effect) {
		return restarted
	}
	return n.Action
}

func (n Node) line() string {
	switch {
	case n.Action == removed:
		return "-.->"
	case n.Synchronous:
		return "==>"
	}
	return "-->"
}

// stream says how a standby follows, or what goes with it.
func (n Node) stream() string {
	var out []string
	if n.Action != removed {
		out = append(out, map[bool]string{true: "sync", false: "async"}[n.Synchronous])
	}
	if n.Slot != "" {
		out = append(out, "slot "+inert(n.Slot))
	}
	if n.Delay != "" {
		out = append(out, "delayed by "+inert(n.Delay))
	}
	if len(out) == 0 {
		return ""
	}
	return `|"` + strings.Join(out, ", ") + `"|`
}

// inert is a text in a drawing, between quotes: whatever could be its syntax, HTML or Markdown is a number.
func inert(s string) string {
	var b strings.Builder
	for _, r := range visible(s) {
		if r == ' ' || r == '.' || r == '_' || r == '-' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
