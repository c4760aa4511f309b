package schema

import (
	"fmt"
	"strings"
)

// Excerpt is the line of the file at a place, with what begins there underlined: two lines, as in the diagnostics of the file
// itself, secrets blanked. It is "" where there is no such place.
func (c *Cluster) Excerpt(at Origin) string {
	if c.src == nil || at.Line < 1 || at.Column < 1 {
		return ""
	}
	d := Diagnostic{Range: Range{Filename: at.File, Start: Pos{Line: at.Line, Column: at.Column}}}
	d.Snippet = c.src.snippet(d.Range)
	line := []rune(d.Snippet)
	if at.Column > len(line) {
		return ""
	}
	rest := string(line[at.Column-1:])
	for _, end := range []string{" {", " =", "="} { // the head of a block, or the name of an attribute
		rest, _, _ = strings.Cut(rest, end)
	}
	d.Range.End = Pos{Line: at.Line, Column: at.Column + len([]rune(strings.TrimRight(rest, " \t")))}
	return fmt.Sprintf("%5d | %s\n      | %s\n", at.Line, printable(d.Snippet), d.carets())
}
