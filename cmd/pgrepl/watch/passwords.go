package watch

import "regexp"

// passwordParts are the places of a log line where a password may stand. pgrepl's own statements are in no log; a statement of
// somebody else's may be.
var passwordParts = regexp.MustCompile(`(?i)(password\s*[=:]?\s*)('(?:[^']|'')*'|"[^"]*"|\$\$.*?\$\$|[^\s'",;)]+)|(://[^:/@\s]*:)[^@/\s]+(@)|SCRAM-SHA-256\$\S+|\bmd5[0-9a-f]{32}\b`)

// hidePasswords leaves out what looks like one.
func hidePasswords(text string) string {
	return passwordParts.ReplaceAllString(text, "${1}${3}(sensitive)${4}")
}
