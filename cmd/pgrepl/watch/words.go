package watch

import (
	"cmp"

	"pgrepl/engine/health"
)

func subjectName(s health.Subject) string { return cmp.Or(s.String(), "cluster") }
