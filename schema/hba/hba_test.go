package hba

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// problems are what Parse says of a text: line:column, a ! for a warning, and the text.
func problems(text string, version int) string {
	_, found := Parse(text, version)
	var out []string
	for _, p := range found {
		before := text[:p.From]
		mark := ""
		if p.Warning {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s%d:%d-%d %s", mark, strings.Count(before, "\n")+1, p.From-strings.LastIndex(before, "\n"), p.To-p.From, p.Text))
	}
	return strings.Join(out, "; ")
}

func TestProblemsStandAtTheirPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"local all all trust", ""},
		{"# only a comment", ""},
		{"", ""},
		{"  hots all all trust", `1:3-4 "hots" is not a connection type`},
		{"local,host all all trust", `1:1-10 a rule has one connection type`},
		{"local all", "1:1-9 the rule ends before its user"},
		{"host all all", "1:1-12 the rule ends before its address"},
		{"host all all 10.0.0.1", "1:1-21 the rule ends before its mask"},
		{"host all all 10.0.0.1 md5", `1:14-8 "10.0.0.1" has no mask`},
		{"host all all 10.0.0.1 /8 md5", `1:23-2 "/8" is not a mask`},
		{"local a ,b trust", "!1:9-1 a comma behind a blank joins nothing"},
		{"local , a, b all trust", "!1:7-1 a comma behind a blank joins nothing"},
		{"host all all 10.0.0.1 ffff:: md5", "1:23-6 the mask is IPv6, the address IPv4"},
		{"host all all ::1/129 md5", `1:14-7 "::1/129" is not a network`},
		{"host all all x.org/8 md5", `1:14-7 "x.org/8" is not a network`},
		{"host all all 10.0.0.0/8,11.0.0.0/8 md5", "1:14-21 a rule has one address"},
		{"host all all samenet # md5", "1:1-20 the rule ends before its method"},
		{"host all all samenet trst", `1:22-4 "trst" is not an authentication method`},
		{"local all all peer\nhost all all all peer", "2:18-4 peer works on local connections only"},
		{"local all all \\\n  trst\nlocal all all trust", `2:3-4 "trst" is not an authentication method`},
		{"local all all tr\\\n  ust", `1:15-2 "tr" is not an authentication method`},
		{"local all all t\\\nr", `1:15-4 "tr" is not an authentication method`},
		{"host all all all md5 mpa=x", `1:22-5 "mpa" is not an option`},
		{"host all all all md5 map=x", `1:22-5 md5 has no option map`},
		{"host all all all md5 x", `1:22-1 "x" is not an option`},
		{"host all all all md5 clientcert=verify-ca", "1:22-20 clientcert works on hostssl connections only"},
		{"hostssl all all all cert clientcert=verify-ca", "1:26-20 cert checks the whole certificate already"},
		{"local all all ldap \"ldapurl=ldap://x/y?,\"", `1:20-22 "ldap://x/y?," is not an LDAP URL: its attributes are empty, which crashes the server`},
		{"local all all ldap ldapurl=ldap://x/y?a%2", `1:20-22 "ldap://x/y?a%2" is not an LDAP URL: its attributes are empty, which crashes the server`},
		{"local all all ldap ldapserver=x", "1:15-17 ldap needs the option ldapbasedn, ldapprefix or ldapsuffix"},
		{"host a /b[ ::/0 md5", "1:8-3 the regular expression is not valid: a bracket is not closed"},
		{"host all \"all samenet trust", "1:10-18 the quote is not closed"},
		{"local all all \"trust", "!1:15-6 the quote is not closed"},
		{"local all *,ALL trust", `!1:11-1 "*" is taken for a name; !1:13-3 "ALL" is taken for a name`},
		{"local all \"ALL\" trust", ""},
		{"host all all 10.0.0.256 md5", `!1:14-10 "10.0.0.256" is not an address, and is taken for a host name`},
		{"host all all 10/8 md5", `!1:14-4 "10" is the address 0.0.0.10`},
		{"host all all Samenet md5", `!1:14-7 "Samenet" is taken for a host name`},
		{"host all all 10.0.0.0 255.0.255.0 md5", "!1:23-11 the mask 255.0.255.0 is not ones and then zeros"},
		{"host all all all ldap ldapprefix=x ldapscheme=http", `!1:36-15 "http" is not a value of ldapscheme, and nobody gets in`},
		{"local all a\x00b trust", "1:11-3 a NUL byte cannot stand in pg_hba.conf"},
		{"include a b", "1:1-11 include wants one path"},
		{"include \"\"", "!1:9-2 the path is empty, and nothing is included"},
		{"include_dir \"\"", "1:13-2 the path is empty"},
		{"local all all oauth", "1:15-5 oauth needs the option scope"},
		{"local all all sspi", "1:15-4 sspi is there on Windows only"},
	} {
		if got := problems(c.text, 18); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestVersionsDiffer(t *testing.T) {
	for _, c := range []struct {
		text      string
		last      int // the last version that does not take it
		want, hit string
	}{
		{"include x", 15, "1:1-7 PostgreSQL 15 has no include in pg_hba.conf: 16 brought it", ""},
		{"host /^a all all md5", 15, `!1:6-3 PostgreSQL 15 takes "/^a" for a name: 16 brought regular expressions`, ""},
		{"host all all all oauth issuer=x scope=y", 17, "1:18-5 PostgreSQL 17 has no oauth: 18 brought it", ""},
		{"host all all all md5 scope=y", 17, `1:22-7 "scope" is not an option`, "1:22-7 md5 has no option scope"},
	} {
		if got := problems(c.text, c.last); got != c.want {
			t.Errorf("%d: %s\n got %s\nwant %s", c.last, c.text, got, c.want)
		}
		if got := problems(c.text, c.last+1); got != c.hit {
			t.Errorf("%d: %s\n got %s\nwant %s", c.last+1, c.text, got, c.hit)
		}
	}
}

func TestWordsMean(t *testing.T) {
	for text, want := range map[string]Token{
		`all`: {Keyword, "all"}, `"all"`: {Name, "all"}, `a"ll"`: {Keyword, "all"}, `""all`: {Name, "all"},
		`+a`: {Member, "a"}, `+"a b"`: {Member, "a b"}, `"+a"`: {Name, "+a"}, `/a`: {Regexp, "a"}, `"/a b"`: {Regexp, "a b"},
		`@x`: {File, "x"}, `@"x y"`: {File, "x y"}, `"@x"`: {Name, "@x"}, `@`: {Name, "@"}, `"a""b"`: {Name, `a"b`}, `""`: {Name, ""},
	} {
		rules, found := Parse("local all "+text+" trust", 17)
		if len(rules) != 1 || len(found) > 0 || !reflect.DeepEqual(rules[0].Users, []Token{want}) {
			t.Errorf("%s: %+v %v", text, rules, found)
		}
	}
}

func TestQuoteMeansTheNameAlone(t *testing.T) {
	for _, name := range []string{"all", "replication", "+a", "/a[", "@a", "a b", `a"b`, `"`, "a,b", "#", "äöü"} {
		rules, found := Parse("local all "+Quote(name)+" trust", 15)
		if len(rules) != 1 || len(found) > 0 || !reflect.DeepEqual(rules[0].Users, []Token{{Name, name}}) {
			t.Errorf("%s: %+v %v", name, rules, found)
		}
	}
}

// TestKeys says which rules are one and the same: in each group all are, and none is in two groups.
func TestKeys(t *testing.T) {
	groups := [][]string{
		{"host all all 10.0.0.0/8 md5", "host  all\tall 10.1.2.3/8 md5 # x", "host all all 10.0.0.0 255.0.0.0 md5", "host all all 10.1/8 \"md5\"", "\"host\" a\"ll\" all 10.0.0.9 255.0.0.0 md5"},
		{"host all all 10.0.0.0/9 md5"},
		{"host all all ::ffff:10.0.0.0/104 md5", "host all all ::FFFF:a00:0/104 md5"},
		{"host all all 0.0.0.0/0 md5"}, {"host all all all md5"}, {"host all all \"all\" md5", "host all all \"ALL\" md5"},
		{"host all all x.org md5", "host all all X.org md5"}, {"host all all .x.org md5"},
		{"local a,b all trust", "local b, a all trust", "local a,b,a all trust"}, {"local a all trust"},
		{"local all all trust"}, {`local "all" all trust`}, {"local samerole all trust", "local samegroup all trust"},
		{"local all +a trust"}, {`local all "+a" trust`}, {"local all a trust", `local all "a" trust`}, {"local all /a trust", `local all "/a" trust`},
		{"local all all peer", "local all all ident"}, {"host all all all ident"},
		{"hostssl all all all cert map=x clientname=DN", "hostssl all all all cert clientname=DN map=x", "hostssl all all all cert map=y,clientname=DN map=x"},
		{"host all all all ldap ldapurl=ldap://x/y ldapserver=z"}, {"host all all all ldap ldapserver=z ldapurl=ldap://x/y"},
		{"include x", `include "x"`}, {"include_if_exists x"}, {"hots x"}, {"hots  y"}, {"local all all @x"}, {"local all all @y"},
	}
	group := map[string]int{}
	for i, texts := range groups {
		for _, text := range texts {
			rules, _ := Parse(text, 17)
			if len(rules) != 1 {
				t.Fatalf("%s: %d rules", text, len(rules))
			}
			key := rules[0].Key()
			if first, seen := group[key]; seen && first != i || !seen && text != texts[0] {
				t.Errorf("%s is in the wrong group: %s", text, key)
			}
			group[key] = i
		}
	}
}

func TestTextAsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"  host\tall , b  \"c d\",e all  md5 # x": "",
		"host a, b  \"c d\",e all  md5 # x":       `host a,b "c d",e all md5`,
		"local all \\\n all trust":                "local all all trust",
		"local all all peer map=x\\\\\n\n":        `local all all peer map=x\ `,
		"local all all \"trust":                   `local all all "trust"`,
	} {
		rules, _ := Parse(text, 17)
		if want != "" && (len(rules) != 1 || rules[0].String() != want) {
			t.Errorf("%q: %q", text, rules)
		}
	}
}

// TestTenThousandRules holds the reader to the time that a long file may take.
func TestTenThousandRules(t *testing.T) {
	text := strings.Repeat("host app,\"my db\" +admin,/^u[0-9]+$ 10.0.0.0/8 scram-sha-256 # a comment\n", 10_000)
	start := time.Now()
	rules, found := Parse(text, 17)
	if took := time.Since(start); len(rules) != 10_000 || len(found) > 0 || took > time.Minute {
		t.Errorf("%d rules, %d problems in %s", len(rules), len(found), took)
	}
}

// TestAMillionJoinedLines holds a rule that never ends to the same time.
func TestAMillionJoinedLines(t *testing.T) {
	start := time.Now()
	rules, _ := Parse(strings.Repeat("a,\\\n", 1_000_000), 17)
	if took := time.Since(start); len(rules) != 1 || took > time.Minute {
		t.Errorf("%d rules in %s", len(rules), took)
	}
}

func BenchmarkParse(b *testing.B) {
	text := strings.Repeat("host app,\"my db\" +admin,/^u[0-9]+$ 10.0.0.0/8 scram-sha-256 # a comment\n", 10_000)
	for b.Loop() {
		Parse(text, 17)
	}
}

func FuzzParse(f *testing.F) {
	lines, err := os.ReadFile("testdata/lines.conf")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		f.Add(line, byte(len(line)))
	}
	f.Add("local \\\n all all trust\n\nhost all all \\\\\n\n", byte(1))
	f.Fuzz(func(t *testing.T, text string, v byte) {
		version := 15 + int(v%4)
		rules, found := Parse(text, version)
		bad := 0
		for _, p := range found {
			if p.From < 0 || p.From > p.To || p.To > len(text) {
				t.Fatalf("%+v is outside the text of %d bytes", p, len(text))
			}
			if !p.Warning {
				bad++
			}
		}
		var written []string
		for _, r := range rules {
			if r.From < 0 || r.From >= r.To || r.To > len(text) {
				t.Fatalf("%+v is outside the text of %d bytes", r, len(text))
			}
			if !r.Valid {
				bad--
			}
			written = append(written, r.String())
		}
		if bad != 0 {
			t.Fatalf("rules with an error, and errors: they differ by %d: %+v", bad, found)
		}
		again, _ := Parse(strings.Join(written, "\n"), version)
		if len(again) != len(rules) {
			t.Fatalf("%q has %d rules, written again %d: %q", text, len(rules), len(again), written)
		}
		for i, r := range again {
			r.Line, r.From, r.To = rules[i].Line, rules[i].From, rules[i].To
			if !reflect.DeepEqual(r, rules[i]) || r.Key() != rules[i].Key() {
				t.Fatalf("%+v\nwritten again:\n%+v", rules[i], r)
			}
		}
	})
}
