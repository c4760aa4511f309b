package render

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"pgrepl/engine"
)

// drawingStyle is the look of all drawings, with colours for light and dark.
//
//go:embed drawing.css
var drawingStyle string

// margin is what a drawing leaves free around itself; above, the words on the boxes stand in it.
const margin = 16

// SVG draws the topology that a file declares as a picture of its own, with its own style.
func SVG(w io.Writer, title string, all []Node) error {
	p := picture{id: "topology", title: title, alone: true}
	_, err := io.WriteString(w, p.topology(all, nil))
	return err
}

// picture is a drawing on its way. The ids in it begin with id.
type picture struct {
	strings.Builder
	id, title string
	alone     bool // not in a page, which would have the style and the name space
}

// put writes markup; what is a string among args is text, and cannot be more.
func (p *picture) put(format string, args ...any) {
	for i, a := range args {
		if text, is := a.(string); is {
			args[i] = escaped(text)
		}
	}
	fmt.Fprintf(p, format+"\n", args...)
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

func (p *picture) open(width, height int, description string) {
	space := ""
	if p.alone {
		space = ` xmlns="http://www.w3.org/2000/svg"`
	}
	p.put(`<svg`+space+` class="drawing" role="img" aria-labelledby="%s-title %s-desc" width="%d" height="%d" viewBox="0 0 %d %d">`, p.id, p.id, width, height, width, height)
	p.put(`<title id="%s-title">%s</title>`, p.id, p.title)
	p.put(`<desc id="%s-desc">%s</desc>`, p.id, description)
	if p.alone {
		p.put("<style>\n" + strings.ReplaceAll(drawingStyle, "%", "%%") + "</style>")
		p.put(`<rect class="paper" width="%d" height="%d"/>`, width, height)
	}
}

func (p *picture) close() { p.put(`</svg>`) }

// topology draws nodes; other is the other side of the plan, with which the lines are compared.
func (p *picture) topology(nodes, other []Node) string {
	places := arrange(nodes)
	width, height := 0, 0
	for _, n := range places {
		width, height = max(width, n.x+boxWidth), max(height, n.y()+boxHeight)
	}
	legend := legendOf(nodes)
	inset := max(0, legend.width()-width) / 2
	width += 2 * inset
	p.open(width+2*margin, height+2*margin+legend.height(), strings.Join(sentences(places), " "))
	p.put(`<g transform="translate(%d %d)">`, margin+inset, margin)
	for _, synchronous := range []bool{false, true} { // on top where lines run together
		for _, n := range places {
			if n.above >= 0 && n.node.Synchronous == synchronous {
				p.line(places[n.above], n)
			}
		}
	}
	for _, n := range places {
		for _, used := range n.node.Uses {
			if i := slices.IndexFunc(places, func(o place) bool { return o.node.Name == used }); i >= 0 && i != n.above {
				p.use(places[i], n)
			}
		}
	}
	for _, n := range places {
		if n.node.Part == app {
			continue
		}
		if n.above >= 0 || n.node.Slot != "" {
			p.slot(n, relinked(n.node, other))
		}
	}
	for _, n := range places {
		p.box(n)
	}
	p.put(`</g>`)
	legend.draw(p, margin, margin+height)
	p.close()
	return p.String()
}

// line draws the way of the WAL from one node to the next.
func (p *picture) line(from, to place) {
	x, y := from.x+boxWidth/2, from.y()+boxHeight
	end, top := to.x+boxWidth/2, y+pitch-boxHeight // of the boxes on the level below
	if to.hangs {
		end = to.x - indent/2
	}
	way := fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, x, y+26, end, y, end, y+26)
	p.put(`<g class="link %s">`, linkClass(to.node))
	if to.hangs {
		middle := to.y() + boxHeight/2
		p.put(`<path class="line" d="%sV%dq0 6 6 6H%d"/>`, way, middle-6, to.x-7)
		p.put(`<path class="head" d="M%d %dl-8 -4v8z"/>`, to.x, middle)
	} else {
		p.put(`<path class="line" d="%sV%d"/>`, way, top-7)
		p.put(`<path class="head" d="M%d %dl-4 -8h8z"/>`, end, top)
	}
	p.put(`</g>`)
}

// use draws that an app logs in to a node that it does not stand below.
func (p *picture) use(node, by place) {
	x, end := node.x+boxWidth/2, by.x+boxWidth/2
	y, top, bend := node.y()+boxHeight, by.y(), 26
	switch {
	case node.level == by.level: // round below
		top, bend = by.y()+boxHeight, 18
		p.put(`<g class="link %s"><path class="line" d="M%d %dC%d %d %d %d %d %d"/></g>`, linkClass(by.node), x, y, x, y+bend, end, top+bend, end, top)
		return
	case node.level > by.level:
		y, top, bend = node.y(), by.y()+boxHeight, -26
	}
	p.put(`<g class="link %s"><path class="line" d="M%d %dC%d %d %d %d %d %d"/></g>`, linkClass(by.node), x, y, x, y+bend, end, top-bend, end, top)
}

// slot writes what a line carries, above the box that it leads to.
func (p *picture) slot(n place, again bool) {
	text := shortened(n.node.Slot, 16)
	if n.node.Synchronous {
		text = strings.TrimPrefix(text+", sync", ", ")
	}
	full := "slot " + n.node.Slot
	class := "slot"
	switch {
	case n.node.Action == added:
		text, class = "+ "+text, "slot add"
	case n.node.Action == removed:
		text, class = "- "+text, "slot remove"
	case again:
		text, full, class = "~ "+text, full+", changed", "slot change"
	}
	x, anchor := n.x+boxWidth/2, "middle"
	if n.hangs {
		x, anchor = n.x, "start"
	}
	p.put(`<text class="%s" x="%d" y="%d" text-anchor="%s">%s<title>%s</title></text>`, class, x, n.y()-17, anchor, text, full)
}

// box draws a node, and on its edge what comes to it.
func (p *picture) box(n place) {
	word, class := fate(n.node)
	p.put(`<g class="%s" transform="translate(%d %d)">`, strings.TrimSpace("node "+n.node.Part+" "+class), n.x, n.y())
	p.put(`<title>%s</title>`, marked(n.node, ", "))
	p.put(`<rect class="box" width="%d" height="%d" rx="8"/>`, boxWidth, boxHeight)
	p.put(`<text class="name" x="12" y="22">%s</text>`, shortened(n.node.Name, 18))
	p.put(`<text class="about" x="12" y="38">%s</text>`, strings.TrimSuffix(n.node.Part+" "+shortened(n.node.Port, 17), " "))
	var state []string
	if n.node.Down {
		state = append(state, "down")
	}
	if n.node.Delay != "" {
		state = append(state, "delayed by "+shortened(n.node.Delay, 10))
	}
	if len(state) > 0 {
		p.put(`<text class="state" x="12" y="53">%s</text>`, strings.Join(state, ", "))
	}
	if word != "" {
		width := 14 + 13*utf8.RuneCountInString(word)/2
		p.put(`<rect class="tab" x="%d" y="-9" width="%d" height="18" rx="9"/>`, boxWidth-width+4, width)
		p.put(`<text class="word" x="%d" y="4" text-anchor="middle">%s</text>`, boxWidth-width/2+4, word)
	}
	p.put(`</g>`)
}

// fate is the sign and the word for what comes to a node, and its class; "" where it stays as it is.
func fate(n Node) (word, class string) {
	switch n.Action {
	case added:
		return "+ added", "add"
	case removed:
		return "- removed", "remove"
	case changed:
		switch n.Effect {
		case engine.Data:
			return "~ data lost", "change lost"
		case engine.Live, "":
			return "~ changed", "change"
		}
		return "~ " + string(n.Effect), "change"
	}
	return "", ""
}

func linkClass(n Node) string {
	class := "async"
	switch {
	case n.Part == app:
		class = "uses"
	case n.Synchronous:
		class = "sync"
	}
	return strings.TrimSpace(class + " " + map[string]string{added: "add", removed: "remove"}[n.Action])
}

// relinked reports whether a node is on both sides, and follows in another way on the other.
func relinked(n Node, other []Node) bool {
	i := slices.IndexFunc(other, func(o Node) bool { return o.Name == n.Name })
	if i < 0 {
		return false
	}
	o := other[i]
	return o.Upstream != n.Upstream || o.Slot != n.Slot || o.Synchronous != n.Synchronous
}

// shortened takes from the middle of a text what is over n characters: the ends tell names apart.
func shortened(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:n/2]) + "…" + string(r[len(r)-(n-1-n/2):])
}

// sentences tell what a drawing shows.
func sentences(places []place) []string {
	var out []string
	for _, p := range places {
		text := p.node.Name
		switch {
		case p.node.Part == master:
			text += " is the master"
		case p.node.Part == app && len(p.node.Uses) > 0:
			text += " is an app that uses " + enumerated(p.node.Uses)
		case p.node.Part == app:
			text += " is an app"
		case p.node.Upstream != "":
			text += " follows " + p.node.Upstream
		default:
			text += " follows nobody that is known"
		}
		if p.node.Synchronous {
			text += ", and commits wait for it"
		}
		if word, _ := fate(p.node); word != "" {
			text += " (" + word[2:] + ")"
		}
		out = append(out, text+".")
	}
	return out
}

// legend explains the signs of a drawing: those that are in it.
type legend []sign

type sign struct{ class, text string }

const (
	legendColumn = 150
	legendRow    = 20
)

func legendOf(nodes []Node) legend {
	var k legend
	add := func(s sign, is func(Node) bool) {
		if slices.ContainsFunc(nodes, is) {
			k = append(k, s)
		}
	}
	add(sign{"sync", "synchronous"}, func(n Node) bool { return n.Synchronous })
	add(sign{"async", "asynchronous"}, func(n Node) bool { return !n.Synchronous && n.Upstream != "" })
	add(sign{"uses", "used by an app"}, func(n Node) bool { return len(n.Uses) > 0 })
	add(sign{"add", "+ added"}, func(n Node) bool { return n.Action == added })
	add(sign{"change", "~ changed"}, func(n Node) bool { return n.Action == changed })
	add(sign{"remove", "- removed"}, func(n Node) bool { return n.Action == removed })
	return k
}

func (k legend) width() int { return min(len(k), 2) * legendColumn }

func (k legend) height() int { return (len(k)+1)/2*legendRow + 8 }

func (k legend) draw(p *picture, x, y int) {
	for i, s := range k {
		x, y := x+i%2*legendColumn, y+24+i/2*legendRow
		switch s.class {
		case "sync", "async", "uses":
			p.put(`<g class="link %s"><path class="line" d="M%d %dh28"/></g>`, s.class, x, y-4)
		default:
			p.put(`<rect class="sample %s" x="%d" y="%d" width="28" height="12" rx="3"/>`, s.class, x, y-10)
		}
		p.put(`<text class="key" x="%d" y="%d">%s</text>`, x+36, y, s.text)
	}
}
