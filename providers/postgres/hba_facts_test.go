package postgres

import (
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/schema/hba"
)

// TestWhoGetsInByAChangeOfRules holds the facts of pg_hba.conf: each code where it is due, and nothing where it is not.
func TestWhoGetsInByAChangeOfRules(t *testing.T) {
	const file = `
cluster "c" {
  hba = [%]
}
network "n" { subnet = "10.5.0.0/24" }
master "c-1" { network = network.n }
role "app" {
  login    = true
  password = "x"
}
database "shop" {}
`
	const usual = "host all all samenet scram-sha-256"
	for _, c := range []struct {
		name      string
		live      string // "-": there is no server yet
		want      []string
		said      []string
		turns     bool
		unchanged bool
	}{
		{name: "the same", live: usual, want: []string{usual}},
		{name: "the same in other words", live: "host all all 10.5.0.0 255.255.255.0 scram-sha-256", want: []string{"host all all 10.5.0.0/24 scram-sha-256"}},
		{name: "a new server", live: "-", want: []string{"host all all all trust"}},
		{name: "a new server with a rule for nothing", live: "-", want: []string{usual, "host shop app samenet md5"},
			said: []string{`PGR282 "host shop app samenet md5" never matches on master.c-1: "host all all samenet scram-sha-256" is before it`}},
		{name: "loses", live: usual + "\nhost shop app 10.0.0.0/8 md5", want: []string{usual}, turns: true,
			said: []string{"PGR280 role app: loses shop from 10.0.0.0/8 except 10.5.0.0/24"}},
		{name: "gains", live: usual, want: []string{usual, "host shop app 10.0.0.0/8 md5"}, turns: true,
			said: []string{"PGR283 role app: gains shop from 10.0.0.0/8 except 10.5.0.0/24"}},
		{name: "the world", live: usual, want: []string{usual, "host all all all md5"}, turns: true,
			said: []string{"PGR281 any role: gains all databases from 0.0.0.0/0 except 10.5.0.0/24, ::/0"}},
		{name: "trust beyond", live: usual, want: []string{usual, "host shop all 10.9.0.0/16 trust"}, turns: true,
			said: []string{"PGR281 any role: gains shop from 10.9.0.0/16 with trust"}},
		{name: "trust inside", live: usual, want: []string{"host all all 10.5.0.0/24 trust"}, turns: true,
			said: []string{"PGR280 any role: loses all databases from 127.0.0.0/8, ::1/128", "PGR283 any role: needs no password for all databases from 10.5.0.0/24"}},
		{name: "no password any more", live: "host all all all md5", want: []string{"host all all all trust"}, turns: true,
			said: []string{"PGR281 any role: needs no password for all databases from anywhere"}},
		{name: "open as before", live: "host all all all md5", want: []string{"host all all all md5"},
			said: []string{`PGR281 "host all all all md5" on master.c-1 lets in from anywhere`}},
		{name: "trust as before", live: "host all all 10.9.0.0/16 trust", want: []string{"host all all 10.9.0.0/16 trust"},
			said: []string{`PGR281 "host all all 10.9.0.0/16 trust" on master.c-1 lets in from beyond the declared networks without a password`}},
		{name: "includes", live: "include a.conf\n" + usual, want: []string{usual}, turns: true,
			said: []string{"PGR284 who gets in by its pg_hba.conf can be told in part only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var quoted []string
			for _, l := range c.want {
				quoted = append(quoted, `"`+l+`"`)
			}
			site := seenAs(t, strings.Replace(file, "%", strings.Join(quoted, ", "), 1), up)
			k := hbaKind{site}
			id := hbaID("c-1")
			want, seen := engine.Snapshot{id: k.want(site.servers[0])}, engine.Snapshot{}
			if c.live != "-" {
				site.servers[0].seen.live.HBA = managementLine + "\n" + c.live
				site.servers[0].seen.live.HBARead = true
				seen[id] = k.Seen()[0]
			}
			var got []string
			for _, f := range k.Facts(want, seen) {
				got = append(got, f.Code+" "+f.Text)
				if f.Turn != c.turns {
					t.Errorf("%s: it is what the change does: %t", f.Text, f.Turn)
				}
			}
			if !slices.Equal(got, c.said) {
				t.Errorf("\n got %q\nwant %q", got, c.said)
			}
		})
	}
}

// TestNodesWithTheSameRulesAreToldOfOnce has a cluster of three, one of them with rules of its own.
func TestNodesWithTheSameRulesAreToldOfOnce(t *testing.T) {
	site := seenAs(t, "cluster \"c\" {\n  hba = [\"host all,replication all samenet md5\"]\n}\nmaster \"aa\" {}\nreplica \"bb\" {}\nreplica \"dd\" {\n  hba = []\n}\n", up)
	k := hbaKind{site}
	want, seen := engine.Snapshot{}, engine.Snapshot{}
	for _, s := range site.servers {
		s.seen.live.HBARead = true
		s.seen.live.HBA = managementLine + "\nhost all,replication all samenet md5\nlocal all all peer"
	}
	for _, r := range k.Want() {
		want[r.ID] = r
	}
	for _, r := range k.Seen() {
		seen[r.ID] = r
	}
	var got []string
	for _, f := range k.Facts(want, seen) {
		got = append(got, f.Addr.String()+": "+f.Text)
	}
	wanted := []string{
		"master.aa: any role: loses all databases from the local socket (and 1 more with the same rules)",
		"replica.dd: any role: loses all databases from samenet, the local socket",
		"replica.dd: any role: loses replication from samenet",
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("%q", got)
	}
}

// TestALongChangeIsCut keeps a plan readable.
func TestALongChangeIsCut(t *testing.T) {
	var lines []string
	for _, name := range strings.Fields("a b c d e f g h i") {
		lines = append(lines, "host d"+name+" "+name+" 10."+"1.0.0/16 md5")
	}
	rules, _ := hba.Parse(strings.Join(lines, "\n"), 17)
	facts := shiftFacts(engine.Fact{}, "", rules, nil, hba.World{})
	if len(facts) != mostShifts+1 || facts[mostShifts].Text != "and 3 more such lines" {
		t.Errorf("%+v", facts)
	}
}
