package schema

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// WriteText writes the diagnostics in the compiler form that editors and CI systems annotate, then how many there were.
// It writes nothing when there are none.
func (d Diagnostics) WriteText(w io.Writer) {
	for _, one := range d {
		io.WriteString(w, one.String())
	}
	if len(d) > 0 {
		fmt.Fprintln(w, d.summary())
	}
}

// String is the whole diagnostic, several lines, each with its line break.
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s: %s [%s]\n", d.Range.prefix(), d.Severity, printable(d.Summary), d.Code)
	if d.Snippet != "" {
		fmt.Fprintf(&b, "%5d | %s\n", d.Range.Start.Line, printable(d.Snippet))
		fmt.Fprintf(&b, "      | %s\n", strings.TrimRight(d.carets()+" "+d.Hint, " "))
	} else if d.Hint != "" {
		fmt.Fprintf(&b, "    %s\n", printable(d.Hint))
	}
	for line := range strings.Lines(d.Detail) {
		fmt.Fprintf(&b, "    %s\n", printable(strings.TrimRight(line, "\n")))
	}
	return b.String()
}

func (r Range) prefix() string {
	if r.Filename == "" {
		return ""
	}
	if r.Start.Line == 0 {
		return r.Filename + ": "
	}
	return fmt.Sprintf("%s:%d:%d: ", r.Filename, r.Start.Line, r.Start.Column)
}

// carets underlines the range in its first line; tabs stay tabs, so that both lines move alike.
func (d Diagnostic) carets() string {
	line := []rune(d.Snippet)
	from := min(d.Range.Start.Column-1, len(line))
	to := len(line)
	if d.Range.End.Line == d.Range.Start.Line {
		to = min(d.Range.End.Column-1, to)
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(line[:from]))
	return pad + strings.Repeat("^", max(to-from, 1))
}

// printable keeps control characters of a file out of the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || r == unicode.ReplacementChar) {
			return '?'
		}
		return r
	}, s)
}

func (d Diagnostics) summary() string {
	return strings.Join([]string{plural(d.count(Error), "error"), plural(d.count(Warning), "warning")}, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
