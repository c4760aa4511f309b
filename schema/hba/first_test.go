package hba

import (
	"net/netip"
	"testing"
)

// TestTheFirstThatMatchesDecides asks lists of rules for one client each; test/e2e asks servers for thousands.
func TestTheFirstThatMatchesDecides(t *testing.T) {
	own := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("10.0.0.5/24"), netip.MustParsePrefix("::1/128")}
	app := Client{Role: "app", Groups: []string{"staff", "shop"}, Database: "shop", From: netip.MustParseAddr("10.0.0.9"), Server: own}
	with := func(change func(*Client)) Client {
		c := app
		change(&c)
		return c
	}
	local := with(func(c *Client) { c.From = netip.Addr{} })
	standby := with(func(c *Client) { c.Database, c.Replication = "", true })
	secure := with(func(c *Client) { c.TLS = true })
	ghost := with(func(c *Client) { c.Missing, c.Groups = true, nil })
	far := with(func(c *Client) { c.From = netip.MustParseAddr("2001:db8::1") })
	lost := with(func(c *Client) { c.Server = nil })
	for _, c := range []struct {
		text   string
		client Client
		rule   int
		known  bool
	}{
		{"", app, -1, true},
		{"local all all trust\nhost all all all reject\nhost all all all trust", app, 1, true},
		{"host all all all trust\nlocal all all trust", local, 1, true},
		{"hostssl all all all trust\nhostnossl all all all trust", app, 1, true},
		{"hostnossl all all all trust\nhostssl all all all trust", secure, 1, true},
		{"hostgssenc all all all trust\nhostnogssenc all all all trust", app, 1, true},
		{"host all all all trust\nhost shop all all trust\nhost replication all all trust", standby, 2, true},
		{"host replication all all trust\nhost \"replication\" all all trust", app, -1, true},
		{"host sameuser all all trust\nhost samerole all all trust", app, 1, true},
		{"host all +app all trust", app, 0, true},
		{"host all +staff all trust", app, 0, true},
		{"host all +app all trust\nhost all app all md5", ghost, 1, true},
		{"host all all 10.0.1.0/24 trust\nhost all all 10.0.0.8/29 trust", app, 1, true},
		{"host all all 10.0.0.9 255.0.255.255 trust", app, 0, true},
		{"host all all samehost trust\nhost all all samenet trust", app, 1, true},
		{"host all all samenet trust\nhost all all 0.0.0.0/0 trust\nhost all all ::/0 trust", far, 2, true},
		{"host all all samenet trust", lost, 0, false},
		{"host all all office.example trust", app, 0, false},
		{"host other all office.example trust\nhost all all all trust", app, 1, true},
		{"host all @names all trust", app, 0, false},
		{"host all @names 11.0.0.0/8 trust", app, -1, true},
		{"include other.conf", app, 0, false},
		{`host "/^s(h|t)op$" /^a[a-z]{2}$ all trust`, app, 0, true},
		{"host all /pp all trust", app, 0, true},
		{"host all /^pp all trust", app, -1, true},
		{`host all "/(?i)^APP$" all trust`, app, 0, false},
		{"host all /[[:alpha:]] all trust", app, 0, false},
	} {
		rules, _ := Parse(c.text, 18)
		if rule, known := First(rules, c.client); rule != c.rule || known != c.known {
			t.Errorf("%s\n%+v: rule %d, known %t; want %d, %t", c.text, c.client, rule, known, c.rule, c.known)
		}
	}
}
