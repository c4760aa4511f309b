package render

import (
	"encoding/xml"
	"io"
)

type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes findings as a report of tests under a name: each is a test, which fails where the finding is an error. Without
// one there is a single test, that passes: an empty report counts as a lost one.
func JUnit(w io.Writer, name string, findings []Finding) error {
	suite := junitSuite{Name: name}
	for _, f := range findings {
		c := junitCase{Name: f.Message, Class: f.Rule, File: f.Place.File, Line: f.Place.Line}
		if f.Level == LevelError {
			suite.Failures++
			c.Failure = &junitFailure{f.Message, f.Rule, f.text()}
		} else {
			c.Out = string(f.Level) + ": " + f.text()
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(findings) == 0 {
		suite.Cases = []junitCase{{Name: "nothing to say", Class: "pgrepl"}}
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
