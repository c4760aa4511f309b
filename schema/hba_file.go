package schema

import "strings"

// HBARules reads the rules of a pg_hba.conf as they are compared: the fields of each line joined by one space, comments
// and empty lines left out. Nothing is checked.
func HBARules(text string) []string {
	var rules []string
	for line := range strings.Lines(text) {
		if fields := hbaFields(strings.TrimRight(line, "\r\n"), 0); len(fields) > 0 {
			rules = append(rules, hbaRule{fields: fields}.String())
		}
	}
	return rules
}
