package main

import (
	"slices"
	"testing"
)

func TestEntriesOfAFlag(t *testing.T) {
	for text, want := range map[string][]string{
		"data":                       {"data"},
		"data,slot:slot.a":           {"data", "slot:slot.a"},
		`data:replica.s["a,b"],role`: {`data:replica.s["a,b"]`, "role"},
		`data:replica.s["a"]`:        {`data:replica.s["a"]`},
		"":                           nil,
	} {
		var got entries
		if err := got.Set(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("--allow=%s is %q, %v; want %q", text, got, err, want)
		}
	}
}
