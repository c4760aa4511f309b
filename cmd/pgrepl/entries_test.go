package main

import (
	"slices"
	"testing"

	"pgrepl/engine"
)

func TestAnAddressThatNamesNothing(t *testing.T) {
	there := []engine.Address{{Block: "replica", Label: "b"}, {Block: "replica", Label: "standby", Key: "a"}}
	for want, said := range map[string]string{
		"replica.b":            "",
		"replica.standby":      "",
		`replica.standby["a"]`: "",
		"replica.stanby":       `there is no replica.stanby in the file or in the cluster`,
		"repica.b":             `there is no repica.b in the file or in the cluster; did you mean "replica.b"?`,
		"nope.x":               "there is no nope.x in the file or in the cluster",
	} {
		if got := unknown(want, there); got != said {
			t.Errorf("%s: %q", want, got)
		}
	}
}

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
