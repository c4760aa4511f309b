package postgres

import (
	"slices"
	"testing"

	"pgrepl/schema"
	"pgrepl/schema/hba"
)

// TestAnotherSpellingIsNoDifference reads a live file in the spelling of the wanted rules, one by one: two that are the same
// to the server and spelt differently stay as they are.
func TestAnotherSpellingIsNoDifference(t *testing.T) {
	wanted := []string{"host a,b all 10.0.0.0/8 md5", "host all all 10.0.0.0/8 md5", "host all all 10.0.0.0 255.0.0.0 md5", "local all all peer"}
	var lines []schema.HBALine
	for _, text := range wanted {
		rules, _ := hba.Parse(text, 17)
		lines = append(lines, schema.HBALine{Text: text, Rule: rules[0]})
	}
	live := "# c\nhost all pgrepl 127.0.0.1 255.255.255.255 scram-sha-256\nhost \"b\", a all 10.1.0.0 255.0.0.0 md5\nhost all all 10.0.0.0/8 md5\nhost all all 10.0.0.0 255.0.0.0 md5\nlocal all all ident\n"
	if got, want := seenRules(live, lines, 17), append([]string{managementLine}, wanted...); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	live = "host \"all\" all 10.0.0.0/8 md5\nhosts all\n"
	if got, want := seenRules(live, lines, 17), []string{`host "all" all 10.0.0.0/8 md5`, "hosts all"}; !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
