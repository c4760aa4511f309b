package render

import (
	"strings"
	"testing"

	"pgrepl/engine"
)

// TestSecretsAreNeverTold puts a secret everywhere where an attribute can stand.
func TestSecretsAreNeverTold(t *testing.T) {
	const canary = "canary-5d41402a"
	secret := engine.Attr{Value: canary, Secret: true, Effect: engine.Live}
	plain := engine.Attr{Value: "none", Effect: engine.Live}
	id := engine.ID{Kind: "role", Name: "app"}
	addr := engine.Address{Block: "role", Label: "app"}
	for name, f := range map[string]engine.Field{
		"new":     {Path: "password", After: secret, Has: true},
		"changed": {Path: "password", Before: secret, After: secret, Had: true, Has: true},
		"set":     {Path: "password", Before: plain, After: secret, Had: true, Has: true},
		"unset":   {Path: "password", Before: secret, After: plain, Had: true, Has: true},
		"gone":    {Path: "password", Before: secret, Had: true},
	} {
		p := engine.Plan{Changes: []engine.Change{{ID: id, Addr: addr, Action: engine.Update, Fields: []engine.Field{f}}},
			Seen: engine.Snapshot{id: {ID: id, Addr: addr}}, Wanted: engine.Snapshot{id: {ID: id, Addr: addr}}}
		var b strings.Builder
		if err := Text(&b, Tell(Title{Command: "plan", Cluster: "shop"}, p), Options{Full: true}); err != nil {
			t.Fatal(err)
		}
		if err := JSON(&b, Tell(Title{Command: "plan", Cluster: "shop"}, p)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), canary) || !strings.Contains(b.String(), "(sensitive)") {
			t.Errorf("%s:\n%s", name, &b)
		}
	}
}
