package render

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	source "github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"pgrepl/engine"
)

func markdown(t interface{ Fatal(...any) }, d Document, o Options) string {
	var b strings.Builder
	if err := Markdown(&b, d, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	// ourHTML is all the HTML that a comment may hold.
	ourHTML = regexp.MustCompile("^(<!-- pgrepl:[A-Za-z0-9._%-]*:[A-Za-z0-9._%-]* -->" +
		"|<details><summary>(<code>[^<>]*</code>|[A-Za-z0-9:,() ])*</summary>\n|</details>\n)$")
	// acting is what a forge makes something of wherever it is no code: mentions, references, links, emoji, mathematics.
	acting = regexp.MustCompile(`(?i)[@#$&~^!\\]|://|www\.|:[a-z_]+:|\bgh-[0-9]|\b[0-9a-f]{7,}\b`)
	// drawing is every line that a topology may hold.
	drawing = regexp.MustCompile(`^(flowchart TD|n\d+\["` + drawn + `(<br>` + drawn + `)?"\]|n\d+ (-->|==>|-\.->)(\|"` + drawn + `"\|)? n\d+` +
		`|classDef [a-z]+ [a-z0-9:#,-]+|class [n0-9,]+ [a-z]+)$`)
)

const drawn = `([A-Za-z0-9 ._,:()-]|#\d+;)*`

// wrong reads a comment as a forge does, and says what is in it that may not be.
func wrong(md string) error {
	const last = "The end of the page."
	page := []byte(md + "\n\n" + last + "\n")
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(source.NewReader(page))
	if end := root.LastChild(); end.Kind() != ast.KindParagraph || strings.TrimSpace(string(end.Lines().Value(page))) != last {
		return fmt.Errorf("something is left open")
	}
	open := 0
	return ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.TextBlock, *ast.Blockquote, *ast.List, *ast.ListItem:
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Emphasis:
			if n.Level != 2 {
				return ast.WalkStop, fmt.Errorf("emphasis")
			}
		case *ast.Heading:
			if n.PreviousSibling() != nil {
				return ast.WalkStop, fmt.Errorf("a second heading")
			}
		case *ast.HTMLBlock, *ast.RawHTML:
			html := ""
			if block, is := n.(*ast.HTMLBlock); is {
				html = string(block.Lines().Value(page))
				open += strings.Count(html, "<details>") - strings.Count(html, "</details>")
			} else {
				html = string(n.(*ast.RawHTML).Segments.Value(page))
			}
			if !ourHTML.MatchString(html) || open != 0 && open != 1 {
				return ast.WalkStop, fmt.Errorf("HTML: %q", html)
			}
		case *ast.FencedCodeBlock:
			for line := range strings.Lines(string(n.Lines().Value(page))) {
				language := string(n.Language(page))
				isDiff := language == "diff" && strings.Contains("+-! ", line[:1])
				if isDrawn := language == "mermaid" && drawing.MatchString(strings.TrimRight(line, "\n")); !isDiff && !isDrawn {
					return ast.WalkStop, fmt.Errorf("in a fence of %q: %q", language, line)
				}
			}
		case *ast.Text:
			value := string(n.Value(page))
			if alert := value == "[" || value == "!CAUTION" || value == "!WARNING" || value == "]"; !alert && acting.MatchString(value) {
				return ast.WalkStop, fmt.Errorf("live text: %q", value)
			}
		default:
			return ast.WalkStop, fmt.Errorf("a %s", n.Kind())
		}
		return ast.WalkContinue, nil
	})
}

var hostile = []string{"`", "```", "~~~", "````````", "</details>", "<details>", "<script>alert(1)</script>", "<!--", "-->", "]]>", "@everyone", "#123", "GH-7", "owner/repo#7", "deadbeefcafe",
	"https://evil.example/", "www.evil.example", "a@evil.example", "mailto:a@evil.example", "[click](https://evil.example)", "![x](https://evil.example/x.png)", "\n", "\r\n", "\n\n", "\n```\n", "\n> ", "\n# ", "\n/approve",
	"|", "| a |\n|---|\n", `]`, `"`, `"]`, "end", "click n0 href \"https://evil.example\"", "%%{init: {}}%%", ";", "*", "**", "_", "__", "~~", "\\", "\\`", "&lt;", "&#64;all", ":tada:", "$x$", "!5", "%2", "~label", "1.", "- ", "---", "===",
	"\u202e", "\u200b", "\u2066", "\ufeff", "\u3164", "\ufe0f", "\x1b[31m", "\x00", "\xff", "é", "数据", "replica.a", " "}

// TestHostileTexts puts each hostile text wherever a text can stand.
func TestHostileTexts(t *testing.T) {
	for _, h := range hostile {
		for _, s := range []string{h, "a" + h + "b", h + h, "a " + h + " b", h + "everyone"} {
			d := everywhere(s)
			for _, limit := range []int{0, LeastMaxBytes, 3000} {
				md := markdown(t, d, Options{Full: true, MaxBytes: limit})
				if err := wrong(md); err != nil {
					t.Errorf("%q, %d bytes: %v\n%s", s, limit, err, md)
				}
				if strings.ContainsAny(md, "\x1b\x00\u202e\u200b\u2066\ufeff\u3164\ufe0f\r") {
					t.Errorf("%q is not made visible:\n%q", s, md)
				}
			}
		}
	}
}

// everywhere is a document with a text in each of its places.
func everywhere(s string) Document {
	list := &Value{Text: s, List: []string{s, "local all all peer"}}
	return Document{Command: "plan", Cluster: s, File: File{Path: s}, Was: s, Facts: Facts{streaming: s, writesStop: s, "data " + s: s}, Summary: Summary{Writes: true},
		Risks:    []Risk{{Class: engine.ClassData, Severity: "needs", Object: s, Text: s, Allow: "data:" + s}, {Class: engine.ClassRestart, Object: s, Text: s}, {Code: s, Severity: s, Object: s, Text: s}},
		Standing: []Risk{{Code: engine.CodeHangs, Text: s, Object: s}, {Code: s, Text: s}},
		Hints:    []Hint{{s, s, s, s}},
		Topology: Topology{Before: []Node{{Name: s + "1", Action: removed, Upstream: s}},
			After: []Node{{Name: s, Part: "master", Action: changed, Effect: engine.Effect(s)}, {Name: s + "2", Upstream: s, Slot: s, Delay: s, Action: added}}},
		Changes: []Change{{Object: s, Name: s, Made: s, Action: changed, Source: s, Fields: []Field{
			{Path: s, Before: &Value{Text: s}, After: &Value{Text: s}, Effect: engine.Effect(s), Reason: s, Source: s}, {Path: s, Before: list, After: &Value{Text: s, List: []string{s}}}}},
			{Object: s, Made: s, Action: removed}, {Object: "cluster (" + s, Action: added, Fields: []Field{{Path: s, After: list}}}},
		Steps:      []Step{{N: 1, Nodes: []string{s}, Do: s, Allow: []string{"data:" + s}}},
		LookAgain:  true,
		Undeclared: []string{s}, Unseen: []Remark{{s, s}}, Unchecked: []Remark{{s, s}}, LeftOut: []string{s}, Promise: []string{s}}
}

// texts are made of the hostile ones, of names, and of anything.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(hostile), rapid.StringMatching(`[a-z][a-z0-9_-]{0,62}`), rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom(hostile), 1, 6), func(s []string) string { return strings.Join(s, "") }))
}

// documents are many copies of what can stand in one, each with texts of its own.
func documents() *rapid.Generator[Document] {
	return rapid.Custom(func(t *rapid.T) Document {
		text := texts()
		d := everywhere(text.Draw(t, "text"))
		d.Command = rapid.SampledFrom([]string{"plan", "apply", "destroy", "diff", "<!--"}).Draw(t, "command")
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			n := rapid.SampledFrom([]int{0, 1, 3, 40}).Draw(t, "times")
			other := everywhere(text.Draw(t, "text"))
			for range n {
				d.Risks = append(d.Risks, other.Risks...)
				d.Changes = append(d.Changes, other.Changes...)
				d.Steps = append(d.Steps, other.Steps...)
				d.Undeclared = append(d.Undeclared, other.Undeclared...)
				d.Standing = append(d.Standing, other.Standing...)
				d.Topology.After = append(d.Topology.After, other.Topology.After...)
			}
		}
		if rapid.IntRange(0, 5).Draw(t, "empty") == 0 {
			d.Steps, d.Changes, d.Risks = nil, nil, nil
		}
		return d
	})
}

// TestCommentsKeepTheirBudget: whatever a document holds and however little room there is, the comment is whole, not longer
// than that, and begins with the verdict; what is not in it, it says.
func TestCommentsKeepTheirBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := documents().Draw(t, "document")
		o := Options{Full: rapid.Bool().Draw(t, "full")}
		all := markdown(t, d, o)
		if err := wrong(all); err != nil {
			t.Fatalf("%v\n%s", err, all)
		}
		o.MaxBytes = rapid.IntRange(LeastMaxBytes, max(LeastMaxBytes, len(all)+100)).Draw(t, "budget")
		md := markdown(t, d, o)
		if err := wrong(md); err != nil {
			t.Fatalf("%v\n%s", err, md)
		}
		if len(md) > o.MaxBytes {
			t.Fatalf("%d bytes of %d", len(md), o.MaxBytes)
		}
		first, rest, _ := strings.Cut(md, "\n")
		if !strings.Contains(first, hidden(d.Command, d.Cluster)) || !d.Empty() && !strings.Contains(first, prose(d.counts())) {
			t.Fatalf("the first line is %s", first)
		}
		if cut := strings.HasPrefix(rest, "\n`") && strings.Contains(rest, "\n**Left out** to stay within "); cut == (md == all) && cut {
			t.Fatalf("it says that something is left out:\n%s", md)
		} else if !cut && len(all) <= o.MaxBytes && md != all {
			t.Fatalf("it is cut without need:\n%s", md)
		}
	})
}
