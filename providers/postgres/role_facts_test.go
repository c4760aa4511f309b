package postgres

import (
	"strings"
	"testing"

	"pgrepl/schema"
)

// seenAs is the site of a file, with every server in the same reach.
func seenAs(t *testing.T, text string, reach reach) *Site {
	t.Helper()
	file, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) { return []byte(text), nil }})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	site := NewSite(file, func(*schema.Node) Machine { return still{} }, nil)
	for _, s := range site.servers {
		s.seen.reach = reach
	}
	return site
}

func TestAnotherSuperuserThanInitdbMadeIsRefused(t *testing.T) {
	for _, c := range []struct{ block, said string }{
		{"", ""},
		{"superuser { name = \"boss\" }\n", `the superuser of this cluster is "postgres", the file says "boss"`},
	} {
		site := seenAs(t, "cluster \"c\" {\n"+c.block+"}\nmaster \"c-1\" {}\n", up)
		site.servers[0].seen.live.Roles = []liveRole{{Name: "postgres", Superuser: true, Bootstrap: true}, {Name: "pgrepl", Superuser: true}}
		facts := roleKind{site}.Facts(nil, nil)
		switch {
		case c.said == "" && len(facts) > 0:
			t.Errorf("%s: %s", c.block, facts[0].Text)
		case c.said != "" && (len(facts) != 1 || facts[0].Code != "PGR224" || facts[0].Text != c.said || !strings.Contains(facts[0].Next, `name = "postgres"`)):
			t.Errorf("%s: %+v", c.block, facts)
		}
	}
}

func TestAMemberOfNothingIsRefused(t *testing.T) {
	const text = "cluster \"c\" {}\nmaster \"c-1\" {}\nrole \"reader\" {}\nrole \"app\" {\n  member_of = [%]\n}\n"
	for _, c := range []struct {
		group string
		reach reach
		next  string
	}{
		{"role.reader", absent, ""},
		{`"pg_monitor"`, absent, ""},
		{`"legacy"`, up, ""},
		{`"legacy"`, down, ""},
		{`"legacy"`, absent, `role "legacy" {}`},
		{`"pg_monitr"`, up, `did you mean "pg_monitor"?`},
		{`"pg_maintain"`, up, "PostgreSQL 16 has pg_checkpoint, pg_create_subscription, "},
	} {
		site := seenAs(t, strings.Replace(text, "%", c.group, 1), c.reach)
		if c.reach == up {
			site.servers[0].seen.live.Roles = []liveRole{{Name: "legacy"}}
		}
		facts := roleKind{site}.Facts(nil, nil)
		switch {
		case c.next == "" && len(facts) > 0:
			t.Errorf("%s: %s", c.group, facts[0].Text)
		case c.next != "" && (len(facts) != 1 || facts[0].Code != "PGR261" || !strings.Contains(facts[0].Next, c.next)):
			t.Errorf("%s: %+v", c.group, facts)
		}
	}
}
