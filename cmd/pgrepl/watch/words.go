package watch

import (
	"cmp"
	"strings"

	"pgrepl/engine/health"
)

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// said is all that was found on a row.
func said(found []health.Finding) string {
	var texts []string
	for _, f := range found {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, "; ")
}

func subjectName(s health.Subject) string { return cmp.Or(s.String(), "cluster") }
