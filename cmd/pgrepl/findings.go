package main

import (
	"slices"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/schema"
)

// findingFormats are those in which a program is told of every diagnostic and every risk by its place in the file.
var findingFormats = []string{"sarif", "junit", "github"}

func (a *app) tellsFindings() bool { return slices.Contains(findingFormats, a.format) }

// writeFindings writes findings in the format that was asked for; what was done to find them gives a report its name.
func (a *app) writeFindings(name string, all []render.Finding) error {
	switch a.format {
	case "sarif":
		return render.SARIF(a.out, version(), all, helps())
	case "junit":
		return render.JUnit(a.out, "pgrepl "+name, all)
	}
	return render.GitHub(a.out, all)
}

// writeProblems writes why nothing can be planned.
func (a *app) writeProblems(name string, problems []engine.Problem) error {
	var all []render.Finding
	for _, p := range problems {
		all = append(all, render.FindingOf(p))
	}
	return a.writeFindings(name, all)
}

// findingsOf are the diagnostics of a file.
func findingsOf(diags schema.Diagnostics) []render.Finding {
	var all []render.Finding
	for _, d := range diags {
		level := render.LevelError
		if d.Severity == schema.Warning {
			level = render.LevelWarning
		}
		at := d.Range
		all = append(all, render.Finding{Rule: d.Code, Level: level, Message: d.Summary, Detail: d.Detail, Suggestion: d.Hint,
			Place: render.Place{File: at.Filename, Line: at.Start.Line, Column: at.Start.Column, EndLine: at.End.Line, EndColumn: at.End.Column}})
	}
	return all
}

// helps are what the documentation says of every rule that a finding can name.
func helps() map[string]render.Help {
	out := render.ClassHelps()
	for _, r := range allRules() {
		out[r.Code] = render.Help{Title: r.Title, Why: r.Why, Do: r.Do}
	}
	return out
}
