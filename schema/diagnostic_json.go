package schema

import "encoding/json"

// The field names are those of `terraform validate -json` (format_version 1.0), so that what reads that reads this;
// code is ours.
type (
	jsonReport struct {
		FormatVersion string           `json:"format_version"`
		Valid         bool             `json:"valid"`
		ErrorCount    int              `json:"error_count"`
		WarningCount  int              `json:"warning_count"`
		Diagnostics   []jsonDiagnostic `json:"diagnostics"`
	}
	jsonDiagnostic struct {
		Severity string       `json:"severity"`
		Code     string       `json:"code"`
		Summary  string       `json:"summary"`
		Detail   string       `json:"detail"`
		Hint     string       `json:"hint,omitempty"`
		Range    *jsonRange   `json:"range,omitempty"`
		Snippet  *jsonSnippet `json:"snippet,omitempty"`
	}
	jsonRange struct {
		Filename string  `json:"filename"`
		Start    jsonPos `json:"start"`
		End      jsonPos `json:"end"`
	}
	jsonPos struct {
		Line   int `json:"line"`
		Column int `json:"column"`
		Byte   int `json:"byte"`
	}
	jsonSnippet struct {
		Context              *string  `json:"context"`
		Code                 string   `json:"code"`
		StartLine            int      `json:"start_line"`
		HighlightStartOffset int      `json:"highlight_start_offset"`
		HighlightEndOffset   int      `json:"highlight_end_offset"`
		Values               []string `json:"values"`
	}
)

// JSON is the diagnostics as one document.
func (d Diagnostics) JSON() ([]byte, error) {
	out := jsonReport{
		FormatVersion: "1.0",
		Valid:         !d.HasErrors(),
		ErrorCount:    d.count(Error),
		WarningCount:  d.count(Warning),
		Diagnostics:   make([]jsonDiagnostic, 0, len(d)),
	}
	for _, one := range d {
		out.Diagnostics = append(out.Diagnostics, one.json())
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}

func (d Diagnostic) json() jsonDiagnostic {
	out := jsonDiagnostic{Severity: d.Severity.String(), Code: d.Code, Summary: d.Summary, Detail: d.Detail, Hint: d.Hint}
	if d.Range.Filename == "" {
		return out
	}
	out.Range = &jsonRange{Filename: d.Range.Filename, Start: jsonPos(d.Range.Start), End: jsonPos(d.Range.End)}
	if d.Snippet != "" {
		out.Snippet = d.jsonSnippet()
	}
	return out
}

// jsonSnippet counts the highlight in bytes of its code, as Terraform does.
func (d Diagnostic) jsonSnippet() *jsonSnippet {
	line := []rune(d.Snippet)
	from := min(max(d.Range.Start.Column-1, 0), len(line))
	to := len(line)
	if d.Range.End.Line == d.Range.Start.Line {
		to = max(min(d.Range.End.Column-1, to), from)
	}
	return &jsonSnippet{
		Code:                 d.Snippet,
		StartLine:            d.Range.Start.Line,
		HighlightStartOffset: len(string(line[:from])),
		HighlightEndOffset:   len(string(line[:to])),
		Values:               []string{},
	}
}
