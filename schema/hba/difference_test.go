package hba

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var shopWorld = World{
	Roles:     []Person{{Name: "app"}, {Name: "report", Groups: []string{"readers"}}, {Name: "repl", Replication: true}},
	Databases: []string{"shop", "stock"},
	Subnet:    netip.MustParsePrefix("10.5.0.0/24"),
	Networks:  []netip.Prefix{netip.MustParsePrefix("10.5.0.0/24")},
	TLS:       Yes,
}

func said(t *testing.T, old, new string, w World) []string {
	t.Helper()
	before, _ := Parse(old, 18)
	after, _ := Parse(new, 18)
	shifts, whole := Difference(before, after, w)
	var out []string
	for _, s := range shifts {
		text := s.Text
		if s.Trust || s.Beyond || s.World {
			text += fmt.Sprintf(" [trust %t, beyond %t, world %t]", s.Trust, s.Beyond, s.World)
		}
		out = append(out, text)
	}
	if !whole {
		out = append(out, "not whole")
	}
	return out
}

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		old, new string
		want     []string
	}{
		{"host all all samenet scram-sha-256", "host all all samenet scram-sha-256", nil},
		{"host all all 10.5.0.0/24 md5", "host all all samenet md5\nhost all all 10.5.0.7/32 trust", []string{"any role: gains all databases from 127.0.0.0/8, ::1/128"}},
		{"host all all 10.5.0.0/24 md5", "host all all 10.5.0.0/24 scram-sha-256", nil},
		{"host shop app 10.5.0.0/24 md5", "", []string{"role app: loses shop from 10.5.0.0/24"}},
		{"", "host shop,stock app,report 10.5.0.0/24 md5", []string{"roles app, report: gains shop, stock from 10.5.0.0/24"}},
		{"", "host all all all trust", []string{"any role: gains all databases from anywhere with trust [trust true, beyond true, world true]"}},
		{"host all all all scram-sha-256", "host all all all trust", []string{"any role: needs no password for all databases from anywhere [trust true, beyond true, world true]"}},
		{"host all all all trust", "host all all all scram-sha-256", nil},
		{"", "host all,replication all samenet trust", []string{"any role: gains all databases, replication from 10.5.0.0/24 with trust [trust true, beyond false, world false]"}},
		{"host all all all md5", "host all all samenet md5", []string{"any role: loses all databases from 0.0.0.0/0 except 10.5.0.0/24, ::/0 [trust false, beyond true, world true]"}},
		{"host all all 10.0.0.0/8 md5", "host all app 10.0.0.0/8 reject\nhost all all 10.0.0.0/8 md5", []string{"role app: loses all databases from 10.0.0.0/8 [trust false, beyond true, world false]"}},
		{"host all all 10.0.0.0/8 md5", "host all all 10.0.0.0/9 md5", []string{"any role: loses all databases from 10.0.0.0/8 except 10.0.0.0/9 [trust false, beyond true, world false]"}},
		{"", "host all all 10.5.0.0/24 reject\nhost all all 10.0.0.0/8 md5", []string{"any role: gains all databases from 10.0.0.0/8 except 10.5.0.0/24 [trust false, beyond true, world false]"}},
		{"host all app samenet md5", "hostssl all app samenet md5", []string{"role app: loses all databases from 10.5.0.0/24 without TLS"}},
		{"local all all peer", "local all all trust", []string{"any role: needs no password for all databases from the local socket [trust true, beyond false, world false]"}},
		{"host all +readers 10.5.0.0/24 md5", "", []string{"role report: loses all databases from 10.5.0.0/24"}},
		{"host all +writers 10.5.0.0/24 md5", "", []string{"members of writers: loses all databases from 10.5.0.0/24"}},
		{"host /^s app 10.5.0.0/24 md5", "", []string{"role app: loses shop, stock, /^s from 10.5.0.0/24"}},
		{"", "host all app office.example md5", []string{"role app: gains all databases from office.example [trust false, beyond true, world false]"}},
		{"host replication all samenet md5", "host replication repl samenet md5", []string{"any role except repl: loses replication from 10.5.0.0/24"}},
		{"local sameuser all md5", "", []string{"any role: loses the database of its name from the local socket"}},
		{"host all legacy 10.5.0.0/24 md5", "", []string{"role legacy: loses all databases from 10.5.0.0/24"}},
		{"host all @names all md5", "", []string{"not whole"}},
		{"host all @names all md5", "host all @names all md5\nhost shop app 10.5.0.0/24 md5", []string{"role app: gains shop from 10.5.0.0/24"}},
		{"host all all all md5\nhost all all samenet trust", "host all all all md5", nil},
		{"host all app samehost md5", "", []string{"role app: loses all databases from samehost"}},
	} {
		if got := said(t, c.old, c.new, shopWorld); !slices.Equal(got, c.want) {
			t.Errorf("%s\n=>\n%s\n got %q\nwant %q", c.old, c.new, got, c.want)
		}
	}
}

func TestDifferenceOfANetworkThatIsNotKnown(t *testing.T) {
	w := shopWorld
	w.Subnet, w.Networks = netip.Prefix{}, nil
	if got, want := said(t, "host all app samenet md5", "", w), []string{"role app: loses all databases from samenet"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestDifferenceOfTenThousandRules holds the comparison of long files to a time, also where it has to give up.
func TestDifferenceOfTenThousandRules(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "host db%d u%d 10.%d.%d.0/24 md5\n", i%100, i, i/256, i%256)
	}
	var all strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&all, "host all all 10.%d.%d.0/24 md5\n", i/256, i%256)
	}
	for _, c := range []struct {
		old, new string
		lines    int
		whole    bool
	}{
		{b.String(), b.String() + "host shop app 10.5.0.0/24 md5\n", 1, true},
		{b.String(), "host all u7 all reject\n" + b.String(), 1, true},
		{b.String(), "", 10_000, true},
		{all.String(), "", 0, false},
	} {
		start := time.Now()
		got := said(t, c.old, c.new, shopWorld)
		if took := time.Since(start); took > time.Minute || len(got) < c.lines || c.whole == slices.Contains(got, "not whole") {
			t.Errorf("%s: %d lines: %.500s", took, len(got), strings.Join(got, "; "))
		}
	}
}
