package render

import (
	"fmt"
	"io"
	"strings"
)

// GitHub writes findings as commands of a GitHub workflow, a line each, which it shows beside the lines of a pull request.
func GitHub(w io.Writer, findings []Finding) error {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.github())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// GitHubPlan writes the risks of a plan so, behind a notice that has it in one line.
func GitHubPlan(w io.Writer, d Document) error {
	return GitHub(w, append([]Finding{{Rule: "pgrepl", Object: d.Command, Level: LevelNote, Message: d.Cluster + ": " + d.oneLine()}}, d.Findings()...))
}

func (f Finding) github() string {
	var properties []string
	add := func(name, value string) {
		if value != "" && value != "0" {
			properties = append(properties, name+"="+githubProperty.Replace(printable(value)))
		}
	}
	add("file", f.Place.File)
	add("line", fmt.Sprint(f.Place.Line))
	add("endLine", fmt.Sprint(f.Place.EndLine))
	add("col", fmt.Sprint(f.Place.Column))
	if f.Place.EndLine == f.Place.Line { // columns of different lines are refused
		add("endColumn", fmt.Sprint(f.Place.EndColumn))
	}
	add("title", f.title())
	command := map[Level]string{LevelNote: "notice", LevelWarning: "warning", LevelError: "error"}[f.Level]
	return fmt.Sprintf("::%s %s::%s\n", command, strings.Join(properties, ","), githubMessage.Replace(printable(f.text())))
}

// What GitHub's own toolkit escapes: nothing in a name can end a property, a message or a line.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// printable keeps control characters out of a log that a terminal or a browser shows; line breaks stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\r' && r != '\t' && unprintable(r) {
			return '?'
		}
		return r
	}, s)
}
