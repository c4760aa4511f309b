package watch

import "regexp"

// passwordParts are the places of a log line where a password may stand: in statements of PostgreSQL, connection strings, URLs,
// YAML and JSON. pgrepl's own statements are in no log; a statement of somebody else's may be. A bare word is one only after a
// sign of assignment, or in a statement, where passwords are in quotes: otherwise "password authentication failed" would be none.
var passwordParts = regexp.MustCompile(`(?is)(pass(?:word|wd)?"?\s*[=:]\s*|password\s+)(` + quoted + `)` +
	`|(pass(?:word|wd)?"?\s*[=:]\s*)([^\s'",;)&]+)` +
	`|(://[^:/@\s]*:)[^@/\s]+(@)` +
	`|SCRAM-SHA-256\$\S+|\bmd5[0-9a-f]{32}\b`)

// quoted is a string of SQL (chapter "SQL Syntax": with escapes, with Unicode escapes, between dollars), or one of JSON.
const quoted = `(?:E|U&)?'(?:[^'\\]|''|\\.)*'?|"(?:[^"\\]|\\.)*"?|\$\$.*?(?:\$\$|$)|\$[A-Za-z_]\w*\$.*?(?:\$[A-Za-z_]\w*\$|$)`

// hidePasswords leaves out what looks like one.
func hidePasswords(text string) string {
	return passwordParts.ReplaceAllString(text, "${1}${3}${5}(sensitive)${6}")
}
