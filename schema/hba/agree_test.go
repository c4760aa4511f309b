package hba

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// everybody are clients of each kind that the lists of randomRules tell apart.
func everybody() []Client {
	own := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.5.0.2/24")}
	var out []Client
	for _, role := range []string{"app", "report", "repl", "legacy", "somebody"} {
		for _, database := range []string{"shop", "stock", "readers", "other", role, "replication"} {
			for _, from := range strings.Fields("- 10.5.0.9 10.5.0.200 10.6.0.1 10.200.0.1 8.8.8.8 2001:db8::1 127.0.0.1 ::1") {
				for _, tls := range []bool{false, true} {
					c := Client{Role: role, Database: database, Server: own, TLS: tls && from != "-", Replication: database == "replication"}
					if role == "report" {
						c.Groups = []string{"readers"}
					}
					if from != "-" {
						c.From = netip.MustParseAddr(from)
					}
					if !c.Replication || role != "app" && role != "report" {
						out = append(out, c)
					}
				}
			}
		}
	}
	return out
}

func randomRules(r *rand.Rand) []Rule {
	some := func(text string) string {
		words := strings.Fields(text)
		return words[r.IntN(len(words))]
	}
	var b strings.Builder
	for range 1 + r.IntN(5) {
		kind, address := some("local host host host hostssl hostnossl"), some("all samenet 10.5.0.0/24 10.5.0.0/25 10.0.0.0/8 10.0.0.0/9 0.0.0.0/0 ::/0 127.0.0.0/8")
		if kind == "local" {
			address = ""
		}
		fmt.Fprintf(&b, "%s %s %s %s %s\n", kind, some("all all all shop shop,stock sameuser samerole replication all,replication"),
			some("all all app +readers legacy repl app,report"), address, some("md5 md5 trust reject"))
	}
	rules, _ := Parse(b.String(), 17)
	return rules
}

// way is how a client gets in; "" not at all.
func way(rules []Rule, c Client) string {
	rule, _ := First(rules, c)
	if rule < 0 || rules[rule].Method == "reject" {
		return ""
	}
	return rules[rule].Method
}

// TestDifferenceAgreesWithFirst changes lists at random: what is said to happen to somebody happens to somebody, and nothing
// happens that is not said.
func TestDifferenceAgreesWithFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	clients := everybody()
	for range 3000 {
		old := randomRules(r)
		new := randomRules(r)
		if r.IntN(2) == 0 {
			new = slices.Insert(slices.Clone(old), r.IntN(len(old)+1), new[0])
		}
		is := map[Turn]bool{}
		for _, c := range clients {
			before, after := way(old, c), way(new, c)
			switch {
			case before == "" && after != "":
				is[Gains] = true
			case before != "" && after == "":
				is[Loses] = true
			case before != "trust" && after == "trust":
				is[Opens] = true
			}
		}
		shifts, whole := Difference(old, new, shopWorld)
		said := map[Turn]bool{}
		for _, s := range shifts {
			said[s.Turn] = true
		}
		if !whole || fmt.Sprint(is) != fmt.Sprint(said) {
			t.Fatalf("%s\n=>\n%s\nit is %v, said is %v: %+v", old, new, is, said, shifts)
		}
	}
}

// TestShadowedRulesDecideNothing holds what is said to never match against all clients.
func TestShadowedRulesDecideNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	clients, found := everybody(), 0
	for range 1000 {
		rules := randomRules(r)
		shadowed := Shadowed(rules)
		found += len(shadowed)
		for _, c := range clients {
			rule, _ := First(rules, c)
			if by, is := shadowed[rule]; is {
				t.Fatalf("rule %d of %s decides %+v, and not %v", rule, rules, c, by)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d are shadowed", found)
	}
}
