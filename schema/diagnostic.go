package schema

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// Severity says whether a diagnostic stops the command.
type Severity int

// An Error makes the file invalid; a Warning does not.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Pos is a place in a file: line and column count from 1, bytes from 0.
type Pos struct{ Line, Column, Byte int }

// Range is a stretch of a file; without a Filename it is nowhere (a flag, an environment variable).
type Range struct {
	Filename   string
	Start, End Pos
}

// Diagnostic is one mistake of the author, with everything a reader needs to mend it.
type Diagnostic struct {
	Severity Severity
	Code     string // "PGR104"; Codes explains it
	Summary  string // one line: what is wrong
	Detail   string // why it matters and what to do; "" where the summary says it all
	Hint     string // stands under the caret: did you mean "x"?
	Range    Range
	Snippet  string // the first line of Range as written, secrets blanked; "" without one
}

// Diagnostics are sorted by file, line, column and code, each said once.
type Diagnostics []Diagnostic

// HasErrors reports whether one of them makes the file invalid.
func (d Diagnostics) HasErrors() bool { return d.count(Error) > 0 }

func (d Diagnostics) count(s Severity) int {
	n := 0
	for _, one := range d {
		if one.Severity == s {
			n++
		}
	}
	return n
}

func (d Diagnostics) sorted() Diagnostics {
	out := slices.Clone(d)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Range.Filename, b.Range.Filename),
			cmp.Compare(a.Range.Start.Line, b.Range.Start.Line),
			cmp.Compare(a.Range.Start.Column, b.Range.Start.Column),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Summary, b.Summary),
		)
	})
	return slices.CompactFunc(out, func(a, b Diagnostic) bool {
		return a.Code == b.Code && a.Summary == b.Summary && a.Range == b.Range
	})
}

// report collects diagnostics while a file is read.
type report struct{ found []*Diagnostic }

// errorf notes an error at a place; the result takes a hint and details.
func (r *report) errorf(c code, at hcl.Range, format string, args ...any) *Diagnostic {
	return r.note(Error, c, at, format, args...)
}

func (r *report) warnf(c code, at hcl.Range, format string, args ...any) *Diagnostic {
	return r.note(Warning, c, at, format, args...)
}

func (r *report) note(s Severity, c code, at hcl.Range, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Severity: s, Code: string(c), Summary: sprintf(format, args), Range: rangeOf(at)}
	r.found = append(r.found, d)
	return d
}

func (r *report) hasErrors() bool { return r.errors() > 0 }

func (r *report) errors() int {
	n := 0
	for _, d := range r.found {
		if d.Severity == Error {
			n++
		}
	}
	return n
}

// diagnostics hands over what was found, in order, with the lines it points at.
func (r *report) diagnostics(src *sources) Diagnostics {
	out := make(Diagnostics, 0, len(r.found))
	for _, d := range r.found {
		if d.Snippet == "" {
			d.Snippet = src.snippet(d.Range)
		}
		out = append(out, *d)
	}
	return out.sorted()
}

func (d *Diagnostic) hint(text string) *Diagnostic {
	d.Hint = text
	return d
}

func (d *Diagnostic) detail(format string, args ...any) *Diagnostic {
	d.Detail = sprintf(format, args)
	return d
}

func rangeOf(r hcl.Range) Range {
	return Range{Filename: r.Filename, Start: Pos(r.Start), End: Pos(r.End)}
}

func originOf(r hcl.Range) Origin {
	return Origin{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column}
}
