package e2e

import (
	"regexp"
	"strings"
)

var labels = regexp.MustCompile(`(?m)^(cluster|network|master|replica|app) "([^"]+)"`)

// prefixed gives an example names of the test's own: % is the prefix. The cluster's name becomes the prefix itself.
func prefixed(text string) string {
	for _, m := range labels.FindAllStringSubmatch(text, -1) {
		block, label := m[1], m[2]
		if block == "cluster" {
			text = strings.ReplaceAll(text, m[0], `cluster "%"`)
			continue
		}
		text = strings.ReplaceAll(text, m[0], block+` "%-`+label+`"`)
		text = regexp.MustCompile(`\b`+block+`\.`+regexp.QuoteMeta(label)+`\b`).ReplaceAllString(text, block+".%-"+label)
	}
	return text
}
