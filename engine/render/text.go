package render

import (
	"fmt"
	"io"
	"strings"
)

// Options choose how a plan is written.
type Options struct {
	Full     bool // attributes that nobody wrote too
	Color    bool // repeats the markers, and nothing else
	MaxBytes int  // of Markdown; 0: without limit
}

// Text writes a plan for a reader: the net result, the risks, the changes, the steps, and what stands. The same plan is
// the same bytes.
func Text(w io.Writer, d Document, o Options) error {
	out := &text{color: o.Color}
	if text := d.hangs(); text != "" {
		out.linef("! commits hang: %s", text)
	}
	if d.Empty() {
		out.linef("%s", d.matches())
		out.risks(d)
	} else {
		out.linef("%s", d.title())
		out.net(d)
		out.risks(d)
		out.changes(d, o.Full)
		out.steps(d)
	}
	out.rest(d)
	_, err := io.WriteString(w, out.String())
	return err
}

type text struct {
	strings.Builder
	color bool
}

func (t *text) linef(format string, args ...any) {
	line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	t.WriteString(t.paint(line) + "\n")
}

var colors = map[byte]string{'+': "32", '-': "31", '~': "33", '!': "1;31", '?': "36"}

func (t *text) paint(line string) string {
	if !t.color || line == "" || colors[line[0]] == "" {
		return line
	}
	return "\x1b[" + colors[line[0]] + "m" + line + "\x1b[0m"
}

func (t *text) net(d Document) {
	t.linef("")
	t.linef("  %s", d.verdict())
	t.linef("  %s", d.counts())
}

func (t *text) risks(d Document) {
	lines := append(d.policyLines(), d.riskLines(d.Risks)...)
	if len(lines)+len(d.Hints) == 0 {
		return
	}
	width := 0
	for _, l := range lines {
		if l.permission() != "" {
			width = max(width, len(l.String()))
		}
	}
	t.linef("")
	for _, l := range lines {
		t.linef("! %-*s   %s", width, l, l.permission())
	}
	for _, h := range d.Hints {
		t.linef("? rename   %s -> %s look alike; renamed_from = %q would keep %s", h.From, h.To, h.Was, h.Keeps)
	}
}

// placed is a line of the changes together with the place in the file that it ends in.
type placed struct{ left, where string }

func (t *text) changes(d Document, full bool) {
	t.linef("")
	for _, row := range d.rows(d.Changes, full) {
		t.linef("%s", row)
	}
}

// rows are the changes in columns; the lines of lists stand between the rows and have none.
func (d Document) rows(changes []Change, full bool) []string {
	path, change, effect := 0, 0, 0
	for _, c := range changes {
		for _, f := range c.fields(full) {
			path, change, effect = max(path, len(f.Path)), max(change, len(f.change())), max(effect, len(f.effect()))
		}
	}
	var lines []placed
	for _, c := range changes {
		if !c.told(full) {
			continue
		}
		head := placed{left: markers[c.Action] + " " + c.Object}
		if names := c.names(); names != "" {
			head.left = fmt.Sprintf("%-28s %s", head.left, names)
		}
		if !c.shared() {
			head.where = d.where(c.Source)
		}
		lines = append(lines, head)
		for _, f := range c.fields(full) {
			lines = append(lines, placed{fmt.Sprintf("%s   %-*s  %-*s  %-*s", f.marker(), path, f.Path, change, f.change(), effect, f.effect()), d.where(f.Source)})
			for _, l := range f.lines() {
				lines = append(lines, placed{left: l})
			}
		}
	}
	width := 0
	for _, l := range lines {
		if l.where != "" {
			width = max(width, len(strings.TrimRight(l.left, " ")))
		}
	}
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimRight(fmt.Sprintf("%-*s  %s", width, strings.TrimRight(l.left, " "), l.where), " "))
	}
	return out
}

func (t *text) steps(d Document) {
	if len(d.Steps) == 0 {
		return
	}
	t.linef("")
	t.linef("Steps")
	where := 0
	for _, s := range d.Steps {
		where = max(where, min(len(s.Where()), 40))
	}
	for _, s := range d.Steps {
		t.linef("%3d  %-*s  %s%s", s.N, where, s.Where(), s.Do, d.needs(s))
	}
	if d.LookAgain {
		t.linef("%3d  %-*s  %s", len(d.Steps)+1, where, "", lookAgain)
	}
}

// needs is the end of a step's line: what it follows, and what has to be allowed for it.
func (d Document) needs(s Step) string {
	var out []string
	if len(s.Needs) > 0 {
		out = append(out, "after "+strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Needs), " ", ", "), "[]"))
	}
	out = append(out, d.permissions(s)...)
	if len(out) == 0 {
		return ""
	}
	return "   " + strings.Join(out, ", ")
}

// rest says what the plan leaves as it is.
func (t *text) rest(d Document) {
	lines := d.left()
	if len(lines) > 0 && !d.Empty() {
		t.linef("")
	}
	for _, l := range lines {
		t.linef("%s", l)
	}
}
