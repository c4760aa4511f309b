package render

import (
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
)

// The part of SARIF 2.1.0 that is written here.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
		Full  sarifText `json:"fullDescription"`
		Help  sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     Level           `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

// SARIF writes findings as a SARIF 2.1.0 log, with what is known of the rules that they name.
func SARIF(w io.Writer, tool string, findings []Finding, helps map[string]Help) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "pgrepl", Version: tool, Rules: []sarifRule{}}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	named := map[string]bool{}
	for _, f := range findings {
		named[f.Rule] = true
	}
	rules := slices.Sorted(maps.Keys(named))
	for _, id := range rules {
		h := helps[id]
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: id, Short: sarifText{h.Title}, Full: sarifText{h.Why}, Help: sarifText{h.Do}})
	}
	for _, f := range findings {
		run.Results = append(run.Results, sarifResult{RuleID: f.Rule, RuleIndex: slices.Index(rules, f.Rule), Level: f.Level, Message: sarifText{f.text()}, Locations: f.sarifLocations()})
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func (f Finding) sarifLocations() []sarifLocation {
	var at sarifLocation
	if f.Place.File != "" {
		at.Physical = &sarifPhysical{Artifact: sarifArtifact{uriOf(f.Place.File)}}
		if f.Place.Line > 0 {
			at.Physical.Region = &sarifRegion{f.Place.Line, f.Place.Column, f.Place.EndLine, f.Place.EndColumn}
		}
	}
	if f.Object != "" {
		at.Logical = []sarifLogical{{f.Object}}
	}
	if at.Physical == nil && at.Logical == nil {
		return nil
	}
	return []sarifLocation{at}
}

// uriOf is a path as a URI: relative where the path is, so that it stays true in another checkout.
func uriOf(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	return u.String()
}
