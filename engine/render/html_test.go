package render

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"pgrepl/engine"
)

// review is a plan with something of everything in it.
func review() Document {
	value := func(text string) *Value { return &Value{Text: text} }
	node := func(name, upstream string, change func(*Node)) Node {
		n := Node{Name: name, Object: "replica." + name, Part: replica, Upstream: upstream, Slot: name}
		if upstream == "" {
			n.Object, n.Part, n.Slot = "master."+name, master, ""
		}
		change(&n)
		return n
	}
	return Document{Format: Format, Tool: "v1", Command: "plan", Cluster: "shop", File: File{"pgrepl.hcl", "c0ffee"}, Vars: Vars{"image": "postgres:17"}, Options: Narrowed{Target: []string{"replica.ra"}},
		Summary: Summary{Objects: 4, Add: 1, Change: 2, Remove: 1, Restart: []string{"master.db"}, Restarts: 1, Loss: []string{"data"}, Writes: true},
		Risks: []Risk{{Class: engine.ClassData, Severity: "needs", Object: "replica.rb", Text: "volume rb is deleted", Allow: "data:replica.rb"},
			{Class: engine.ClassRestart, Severity: "note", Object: "master.db", Text: "max_connections"},
			{Code: "PGR201", Severity: "warning", Object: "slot.cdc", Text: "slot cdc holds WAL", Reason: "nobody reads it", Do: "drop it", Source: "pgrepl.hcl:4"}},
		Standing: []Risk{{Code: "PGR203", Severity: "warning", Object: "master.db", Text: "commits are lost at a crash"}},
		Policies: []Violation{{"images", "error", "only images of ours", "policy.hcl:1"}},
		Hints:    []Hint{{"role.old", "role.new", "old", "what it owns"}},
		Topology: Topology{
			Before: []Node{node("db", "", func(n *Node) { n.Action, n.Effect, n.Port = changed, engine.Restart, "127.0.0.1:5432" }), node("ra", "db", func(n *Node) { n.Synchronous = true }),
				node("rb", "db", func(n *Node) { n.Action, n.Down = removed, true })},
			After: []Node{node("db", "", func(n *Node) { n.Action, n.Effect, n.Port = changed, engine.Restart, "127.0.0.1:5432" }), node("ra", "db", func(*Node) {}),
				node("rc", "ra", func(n *Node) { n.Action, n.Delay = added, "1h" })}},
		Changes: []Change{
			{Object: "cluster (all nodes)", Action: changed, Fields: []Field{
				{Path: "settings.max_connections", Before: value("100"), After: value("200"), Effect: engine.Restart, Source: "pgrepl.hcl:5"},
				{Path: "settings.jit", Before: value("off"), Effect: engine.Reload},
				{Path: "hba", Before: &Value{List: []string{"local all all peer", "host all old samenet md5"}}, After: &Value{List: []string{"host all app samenet scram-sha-256", "local all all peer"}}, Effect: engine.Reload, Source: "pgrepl.hcl:7"}}},
			{Object: "role.app", Action: changed, Source: "pgrepl.hcl:20", Fields: []Field{{Path: "password", Before: value("(sensitive)"), After: value("(sensitive)"), Sensitive: true, Rewritten: true, Effect: engine.Live}}},
			{Object: "replica.rc", Made: "container, volume", Action: added, Source: "pgrepl.hcl:30", Fields: []Field{{Path: "delay", After: value("1h"), Source: "pgrepl.hcl:31"}}},
			{Object: "replica.rb", Made: "container, volume", Action: removed}},
		Steps: []Step{{N: 1, Nodes: []string{"rb"}, Do: "stop, remove volume rb", Allow: []string{"data:replica.rb"}}, {N: 2, Nodes: []string{"ra", "rc"}, Do: "reload"}, {N: 3, Nodes: []string{"db"}, Do: "restart", Needs: []int{1, 2}},
			{N: 4, Do: "remove network old", Needs: []int{3}}},
		LookAgain: true, Undeclared: []string{"role legacy"}, Unseen: []Remark{{"settings on rb", "container is exited"}}, Unchecked: []Remark{{"role.app", "password: variable is not set"}}, LeftOut: []string{"database.shop"},
		Promise: []string{"1"}, Facts: Facts{"PGR201 slot.cdc": "about 1 MiB"}}
}

func pageFor(t *testing.T, d Document) string {
	t.Helper()
	var b strings.Builder
	if err := HTML(&b, d, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPageGolden leaves out the style, which is looked at in a browser.
func TestPageGolden(t *testing.T) {
	page := pageFor(t, review())
	if page != pageFor(t, review()) {
		t.Error("the same plan is another page")
	}
	page = regexp.MustCompile(`(?s)<style>.*</style>`).ReplaceAllString(page, "<style>…</style>")
	page = regexp.MustCompile(`sha256-[^&]*`).ReplaceAllString(page, "sha256-…")
	golden(t, "html/page.html", page)
}

// evil is a name that would break out of a page that does not quote it.
const evil = `"><script>alert(1)</script><img src=http://evil.test/x onerror=alert(1)>'{{.}}</title></svg></style>&` + "\x00\x1b"

// named is a plan in which everything has one name.
func named(name string) Document {
	d := review()
	d.Cluster, d.File.Path, d.Tool, d.Vars = name, name, name, Vars{name: name}
	for i := range d.Risks {
		d.Risks[i].Object, d.Risks[i].Text, d.Risks[i].Do, d.Risks[i].Allow = name, name, name, name
	}
	for _, side := range [][]Node{d.Topology.Before, d.Topology.After} {
		for i := range side {
			n := &side[i]
			n.Name, n.Slot, n.Port, n.Delay, n.Effect = name+fmt.Sprint(i), name, name, name, engine.Effect(name)
		}
	}
	for i := range d.Changes {
		c := &d.Changes[i]
		c.Object, c.Made, c.Source = name, name, name
		for k := range c.Fields {
			c.Fields[k].Path, c.Fields[k].Effect, c.Fields[k].Reason = name, engine.Effect(name), name
			c.Fields[k].After = &Value{Text: name}
		}
	}
	for i := range d.Steps {
		d.Steps[i].Do, d.Steps[i].Nodes = name, []string{name}
	}
	d.Undeclared, d.LeftOut = []string{name}, []string{name}
	d.Policies[0] = Violation{name, name, name, name}
	return d
}

// TestPageIsSound parses pages as a browser does.
func TestPageIsSound(t *testing.T) {
	nothing := Document{Format: Format, Command: "plan", Cluster: "shop", File: File{Path: "pgrepl.hcl"}, Facts: Facts{streaming: "1 replica streaming"}}
	for name, d := range map[string]Document{"review": review(), "hostile": named(evil), "nothing": nothing} {
		t.Run(name, func(t *testing.T) {
			page := pageFor(t, d)
			found := outline(t, page)
			if name == "hostile" && !slices.Equal(found, outline(t, pageFor(t, named("harmless")))) {
				t.Error("names became markup")
			}
			for _, want := range []string{"header", "main", "footer", "nav", "h1", "title"} {
				if n := len(slices.DeleteFunc(slices.Clone(found), func(e string) bool { return e != want })); n < 1 || n > 1 && want != "title" {
					t.Errorf("%d times <%s>", n, want)
				}
			}
			if name == "review" && strings.Contains(page, "://") {
				t.Error("it names an address")
			}
		})
	}
}

// outline lists the elements of a page, and reports what no page may have.
func outline(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ids, refs, level := map[string]bool{}, []string{}, 0
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			out = append(out, n.Data)
			attrs := map[string]string{}
			for _, a := range n.Attr {
				attrs[a.Key] = a.Val
				if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"style", "src", "srcset", "action"}, a.Key) {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
			if id, has := attrs["id"]; has {
				if ids[id] {
					t.Errorf("two elements are %q", id)
				}
				ids[id] = true
			}
			if href, has := attrs["href"]; has {
				if !strings.HasPrefix(href, "#") {
					t.Errorf("it leads to %s", href)
				}
				refs = append(refs, strings.TrimPrefix(href, "#"))
			}
			for _, key := range []string{"aria-labelledby", "aria-describedby"} {
				refs = append(refs, strings.Fields(attrs[key])...)
			}
			switch n.Data {
			case "script", "iframe", "object", "embed", "link", "base", "form", "img":
				t.Errorf("there is a <%s>", n.Data)
			case "h1", "h2", "h3":
				next := int(n.Data[1] - '0')
				if next > level+1 {
					t.Errorf("<%s> follows level %d", n.Data, level)
				}
				level = next
			case "th":
				if attrs["scope"] == "" {
					t.Error("a <th> of nothing")
				}
			case "svg":
				if attrs["role"] != "img" || attrs["aria-labelledby"] == "" {
					t.Error("a drawing without a name")
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	for _, ref := range refs {
		if !ids[ref] {
			t.Errorf("nothing is %q", ref)
		}
	}
	return out
}

// TestPolicyFitsTheStyle holds that the page lets its own style in: the browser compares digests.
func TestPolicyFitsTheStyle(t *testing.T) {
	page := pageFor(t, review())
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	if !strings.Contains(html.UnescapeString(page), policy(style)) {
		t.Error("the policy is of another style")
	}
}

func TestPicturesGolden(t *testing.T) {
	d := review()
	fan := []engine.Node{{Name: "db", Primary: true}}
	for i := range 6 {
		fan = append(fan, engine.Node{Name: fmt.Sprint("standby-with-a-long-name-", i), Upstream: "db", Slot: fmt.Sprint("standby_with_a_long_name_", i), Synchronous: i == 0})
	}
	for name, draw := range map[string]func() string{
		"before.svg":   func() string { return (&picture{id: "x", title: "x"}).topology(d.Topology.Before, d.Topology.After) },
		"after.svg":    func() string { return (&picture{id: "x", title: "x"}).topology(d.Topology.After, d.Topology.Before) },
		"fan.svg":      func() string { return (&picture{id: "x", title: "x"}).topology(Nodes(fan), nil) },
		"timeline.svg": func() string { return (&picture{id: "x", title: "x"}).timeline(pageOf(d, false).Steps) },
	} {
		t.Run(name, func(t *testing.T) { golden(t, "html/"+name, draw()) })
	}
}

// TestPictureIsXML holds that a picture by itself can be read by what knows no HTML.
func TestPictureIsXML(t *testing.T) {
	var b bytes.Buffer
	if err := SVG(&b, "a & b \x00", Nodes([]engine.Node{{Name: `<"db">`, Primary: true}, {Name: "ra", Upstream: `<"db">`, Delay: "]]>"}})); err != nil {
		t.Fatal(err)
	}
	in := xml.NewDecoder(&b)
	for {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
