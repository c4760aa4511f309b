package render

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// comment is what is said on a pull request, on its way into its budget.
type comment []*piece

// piece is one stretch of the comment. It starts out as the first of its forms, and each further one says more.
type piece struct {
	kind  kindOfPiece
	forms []string
	now   int
}

type kindOfPiece string

const (
	aFrame   kindOfPiece = "frame" // stands in any case
	aDanger  kindOfPiece = "danger"
	aRisk    kindOfPiece = "risk"
	aPicture kindOfPiece = "picture"
	anObject kindOfPiece = "object"
	theSteps kindOfPiece = "steps"
	aRemark  kindOfPiece = "remark"
)

// The forms of parts. A picture, the steps and a remark are there or not.
const (
	nothing   = 0
	shortly   = 1 // a risk
	inFull    = 2
	headline  = 1 // an object
	withRows  = 2
	withLists = 3
)

// rounds say what gets its room first. Where the smallest do, most of them are whole.
var rounds = []struct {
	kind     kindOfPiece
	form     int
	smallest bool
}{
	{kind: aDanger, form: shortly},
	{kind: aDanger, form: inFull},
	{kind: aRisk, form: shortly},
	{kind: aRisk, form: inFull},
	{kind: anObject, form: headline},
	{kind: aRemark, form: shortly},
	{kind: aPicture, form: shortly},
	{kind: theSteps, form: shortly},
	{kind: anObject, form: withRows, smallest: true},
	{kind: anObject, form: withLists, smallest: true},
}

// frame adds what stands in any case.
func (p *comment) frame(text string) { *p = append(*p, &piece{kind: aFrame, forms: []string{text}}) }

// add adds what stands where there is room for it.
func (p *comment) add(kind kindOfPiece, forms ...string) {
	*p = append(*p, &piece{kind: kind, forms: slices.Insert(forms, nothing, "")})
}

// fit is the comment under its heading, in so many bytes at most; 0 is without limit.
func (p comment) fit(d Document, limit int) string {
	if limit == 0 {
		limit = math.MaxInt
	}
	worst := d.omitted(limit, p.worst())
	clip := 400
	for len(d.heading(clip))+len(worst)+p.size() > limit && clip > 10 {
		clip /= 2
	}
	head := d.heading(clip)
	p.fill(limit - len(head))
	if out := p.leftOut(); out != (leftOut{}) {
		p.fill(limit - len(head) - len(worst))
		head += d.omitted(limit, p.leftOut())
	}
	for _, t := range p {
		head += t.forms[t.now]
	}
	for strings.Contains(head, "\n\n\n") { // between parts, of which some are nothing; no line inside of one is empty
		head = strings.ReplaceAll(head, "\n\n\n", "\n\n")
	}
	return strings.TrimRight(head, "\n") + "\n"
}

// fill gives the parts as much of the room as there is, round by round.
func (p comment) fill(room int) {
	for _, t := range p {
		t.now = 0
	}
	room -= p.size()
	for _, r := range rounds {
		round := slices.DeleteFunc(slices.Clone(p), func(t *piece) bool { return t.kind != r.kind || t.now != r.form-1 })
		more := func(t *piece) int { return len(t.forms[r.form]) - len(t.forms[t.now]) }
		if r.smallest {
			slices.SortStableFunc(round, func(a, b *piece) int { return cmp.Compare(more(a), more(b)) })
		}
		for _, t := range round {
			if cost := more(t); cost <= room {
				t.now, room = r.form, room-cost
			}
		}
	}
}

func (p comment) size() int {
	n := 0
	for _, t := range p {
		n += len(t.forms[t.now])
	}
	return n
}

// leftOut counts what there was no room for.
type leftOut struct{ risks, names, objects, rows, lists, picture, steps, remarks int }

func (p comment) leftOut() leftOut {
	var out leftOut
	for _, t := range p {
		if t.forms[t.now] == t.forms[len(t.forms)-1] {
			continue
		}
		switch t.kind {
		case aDanger, aRisk:
			*[]*int{nothing: &out.risks, shortly: &out.names}[t.now]++
		case anObject:
			*[]*int{nothing: &out.objects, headline: &out.rows, withRows: &out.lists}[t.now]++
		case aPicture:
			out.picture++
		case theSteps:
			out.steps++
		case aRemark:
			out.remarks++
		}
	}
	return out
}

// worst is no less of anything than what leftOut can say.
func (p comment) worst() leftOut {
	n := len(p)
	return leftOut{n, n, n, n, n, n, n, n}
}

// omitted says what was left out, and where it is.
func (d Document) omitted(limit int, out leftOut) string {
	var parts []string
	say := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, strings.Replace(map[bool]string{true: one, false: many}[n == 1], "N", fmt.Sprint(n), 1))
		}
	}
	say(out.risks, "1 risk", "N risks")
	say(out.names, "part of 1 risk", "parts of N risks")
	say(out.objects, "1 object", "N objects")
	say(out.rows, "the rows of 1 object", "the rows of N objects")
	say(out.lists, "unchanged rows of 1 object", "unchanged rows of N objects")
	say(out.picture, "the topology", "the topology")
	say(out.steps, counted(len(d.Steps), "step"), counted(len(d.Steps), "step"))
	say(out.remarks, "1 remark", "N remarks")
	all := "`pgrepl show` of the saved plan"
	if d.Command == "diff" {
		all = "`pgrepl diff`"
	}
	return fmt.Sprintf("\n**Left out** to stay within %d bytes: %s. %s has all of it.\n", limit, strings.Join(parts, ", "), all)
}
