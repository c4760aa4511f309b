package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// rule is what is known of one code: docs/diagnostics.md and `pgrepl explain CODE` both tell it from here.
type rule struct {
	Code     string `json:"code"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	Why      string `json:"why"`
	Do       string `json:"do"`
}

// rules are all codes that a message can end in, in the order of the documentation: of the file, of the cluster, of the run.
func rules() (file, cluster, run []rule) {
	for _, r := range schema.Codes() {
		file = append(file, rule{r.Code, r.Title, r.Says(), r.Why, r.Do})
	}
	for _, r := range engine.Rules() {
		cluster = append(cluster, rule{r.Code, r.Title, r.Severity.String(), r.Why, r.Do})
	}
	for _, r := range engine.RunTime() {
		run = append(run, rule{r.Code, r.Title, "Error of the run", r.Why, r.Do})
	}
	return file, cluster, run
}

func allRules() []rule {
	file, cluster, run := rules()
	return append(append(file, cluster...), run...)
}

// isCode reports whether an argument is meant as a code: no address is a word without a dot that begins so.
func isCode(word string) bool {
	return strings.HasPrefix(strings.ToUpper(word), "PGR") && !strings.Contains(word, ".")
}

// findRule finds the rule of a code, in any case of its letters.
func findRule(code string) (rule, error) {
	code = strings.ToUpper(code)
	var known []string
	for _, r := range allRules() {
		if r.Code == code {
			return r, nil
		}
		known = append(known, r.Code)
	}
	return rule{}, usageError{fmt.Errorf("there is no code %s%s", code, didYouMean(code, known, ""))}
}

func (r rule) write(w io.Writer, format string) error {
	if format == "json" {
		return writeJSON(w, struct {
			Format string `json:"format"`
			rule
		}{"pgrepl.rule/1", r})
	}
	_, err := fmt.Fprintf(w, "%s %s\n\n%s. %s\n\n%s\n", r.Code, r.Title, r.Severity, r.Why, r.Do)
	return err
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
