package outputs

import (
	"strings"
	"testing"

	"pgrepl/docs"
)

// TestTheSchemasAreStrict: a text that is as it should be passes, and one with a member, or a word, that nobody told of does not.
func TestTheSchemasAreStrict(t *testing.T) {
	const history = `{"format": "pgrepl.history/1", "cluster": "shop", "applies": [
		{"at": "2026-01-01T00:00:00Z", "who": "a", "tool": "1", "plan": "0123456789ab", "steps": [], "writes_stopped_seconds": 0.5}]}`
	if err := Held("history", []byte(history)); err != nil {
		t.Error(err)
	}
	for old, new := range map[string]string{
		`"who": "a"`:            `"who": "a", "whose": "b"`,
		`"cluster": "shop", `:   ``,
		`"0123456789ab"`:        `"another"`,
		`"2026-01-01T00:00:00Z`: `"yesterday`,
		`history/1`:             `history/2`,
	} {
		if Held("history", []byte(strings.Replace(history, old, new, 1))) == nil {
			t.Errorf("%s passes as %s", old, new)
		}
	}
}

// TestEverySchemaCompiles, and there is one for each output.
func TestEverySchemaCompiles(t *testing.T) {
	if got := strings.Join(docs.Outputs(), " "); got != "explain history plan status validate verify" {
		t.Errorf("schemas of %s", got)
	}
	for _, output := range docs.Outputs() {
		if _, err := compiled(output); err != nil {
			t.Errorf("%s: %v", output, err)
		}
	}
}
