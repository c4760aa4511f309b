package postgres

import (
	"slices"
	"testing"

	"pgrepl/engine"
)

// TestPgreplIsNeverShutOut holds which rules of a server leave pgrepl no way in, of itself or of one that it is to adopt.
func TestPgreplIsNeverShutOut(t *testing.T) {
	for _, c := range []struct {
		name  string
		login string
		rules []string
		want  []string
	}{
		{"its own line", "", []string{managementLine, "host all all all reject"}, nil},
		{"another line that lets it in", "", []string{"host all all samehost trust", "host postgres +dba 127.0.0.0/8 reject"}, nil},
		{"one for others before", "", []string{"host all app all reject", "host all all 127.0.0.1/32 md5"}, nil},
		{"what only the server can tell", "", []string{"host all all localhost reject", managementLine}, nil},
		{"no rule", "", []string{"host all app all md5", "local all all peer"}, []string{"pg_hba.conf of master.aa has no rule that lets pgrepl in"}},
		{"no file", "", nil, []string{"pg_hba.conf of master.aa has no rule that lets pgrepl in"}},
		{"a reject before", "", []string{"host all all 127.0.0.0/8 reject", managementLine}, []string{`pg_hba.conf of master.aa turns pgrepl away by the rule "host all all 127.0.0.0/8 reject"`}},
		{"one that no server takes", "", []string{"host all all all cert", managementLine}, nil},
		{"a method that its password is not good for", "", []string{"host all all all ldap ldapserver=x ldapprefix=a", managementLine}, []string{`pg_hba.conf of master.aa turns pgrepl away by the rule "host all all all ldap ldapserver=x ldapprefix=a"`}},
		{"made by hand, and not entered", "postgres", []string{"local all all trust"}, nil},
		{"made by hand, entered", managementRole, []string{managementLine}, nil},
		{"made by hand, and its rules are ours before that", "postgres", []string{managementLine}, []string{"master.aa has pgrepl's rules in pg_hba.conf, and no role pgrepl that may come by them"}},
	} {
		site := seenAs(t, "cluster \"c\" {}\nmaster \"aa\" {}\n", up)
		w := engine.Snapshot{}.With(engine.Resource{ID: nodeID("aa"), Attrs: map[string]engine.Attr{"state": {Value: "running"}}}).
			With(engine.Resource{ID: serverID("aa"), Attrs: map[string]engine.Attr{"server": {Value: acceptingConnections}, loginPath: {Value: c.login}}}).
			With(engine.Resource{ID: hbaID("aa"), Attrs: map[string]engine.Attr{"hba": {List: c.rules}}})
		if got := site.Broken(w); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, wanted %q", c.name, got, c.want)
		}
	}
}

// TestALinkThatNobodyLookedAt: the upstream of a standby is new, so nothing was seen of its link; steps of it can be simulated.
func TestALinkThatNobodyLookedAt(t *testing.T) {
	site := seenAs(t, "cluster \"c\" {}\nmaster \"aa\" {}\nreplica \"bb\" {}\n", up)
	s := replicationKind{site}.server("bb")
	w := engine.Snapshot{}.With(engine.Resource{ID: replicaID("bb")})
	if got := (replicationKind{site}).resume(s).After(w)[replicaID("bb")].Attrs["replay"].Value; got != "running" {
		t.Errorf("replay is %q", got)
	}
}
