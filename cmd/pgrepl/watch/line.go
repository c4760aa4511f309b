package watch

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"pgrepl/engine/health"
)

// line is a line of the screen in parts. Looks only repeat what the words say.
type line []span

type span struct {
	text string
	look look
}

// look is how a text looks.
type look int

const (
	plain look = iota
	faint
	strong
	good
	unsure
	warn
	bad
	chosen // the selected row
)

// of is how a verdict looks.
func of(l health.Level) look {
	switch l {
	case health.OK:
		return good
	case health.Warning:
		return warn
	case health.Critical:
		return bad
	}
	return unsure
}

// fit cuts a line to a width, with a sign that it was cut.
func (l line) fit(width int) line {
	var out line
	l = l.trimmed()
	for i, s := range l {
		s.text = plainText(s.text)
		w := ansi.StringWidth(s.text)
		rest := l[i+1:].width()
		switch {
		case w <= width && (w < width || rest == 0):
			out = append(out, s)
			width -= w
			continue
		case width > 0:
			out = append(out, span{ansi.Truncate(s.text+strings.Repeat(" ", min(rest, 1)), width, "…"), s.look})
		}
		break
	}
	return out
}

// trimmed is a line without the blanks at its end.
func (l line) trimmed() line {
	for i := len(l) - 1; i >= 0; i-- {
		if text := strings.TrimRight(l[i].text, " "); text != "" {
			return append(l[:i:i], span{text, l[i].look})
		}
	}
	return nil
}

func (l line) width() int {
	n := 0
	for _, s := range l {
		n += ansi.StringWidth(plainText(s.text))
	}
	return n
}

func (l line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

// selected marks a row as the selected one, over the whole width.
func (l line) selected(width int) line {
	l = l.fit(width)
	out := line{}
	for _, s := range l {
		out = append(out, span{s.text, chosen})
	}
	return append(out, span{strings.Repeat(" ", max(width-l.width(), 0)), chosen})
}

// heading is a line that begins a part of the screen.
func heading(text string) line { return line{{text, strong}} }

// wrapped is a text over as many lines as it takes, each after an indent.
func wrapped(text, indent string, width int, how look) []line {
	var out []line
	room := max(width-ansi.StringWidth(indent), 1)
	for part := range strings.SplitSeq(ansi.Wrap(plainText(text), room, ""), "\n") {
		out = append(out, line{{indent, plain}, {part, how}})
	}
	return out
}

// background is that of the terminal, where it says it.
type background int

const (
	unknown background = iota
	dark
	light
)

// palette are the styles on a background: on one that is not known, the terminal's own colours, which its user can read.
func palette(on background) map[look]lipgloss.Style {
	color := func(own, onDark, onLight string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(lipgloss.Color([...]string{own, onDark, onLight}[on]))
	}
	styles := map[look]lipgloss.Style{
		faint:  color("", "#9e9e9e", "#5f5f5f"),
		strong: lipgloss.NewStyle().Bold(true),
		good:   color("2", "#5fd787", "#006b2d"),
		unsure: color("6", "#5fd7ff", "#005f87"),
		warn:   color("3", "#ffd75f", "#875f00"),
		bad:    color("1", "#ff5f5f", "#af0000").Bold(true),
		chosen: lipgloss.NewStyle().Reverse(true),
	}
	if on == unknown {
		styles[faint] = lipgloss.NewStyle().Faint(true)
	}
	return styles
}

// paint writes lines with their looks.
func paint(lines []line, on background) string {
	styles := palette(on)
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, s := range l {
			if style, has := styles[s.look]; has && s.text != "" {
				b.WriteString(style.Render(s.text))
				continue
			}
			b.WriteString(s.text)
		}
	}
	return b.String()
}
