package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"pgrepl/engine"
)

// Explain writes an explanation for a reader. One attribute is told in full, several a row each; what is the same on several
// nodes is told once.
func Explain(w io.Writer, e engine.Explanation, o Options) error {
	out := &text{color: o.Color}
	e.Objects = slices.SortedStableFunc(slices.Values(e.Objects), byPart)
	of := out.table
	if e.Path != "" && !slices.ContainsFunc(e.Objects, func(o engine.Explained) bool { return len(o.Attrs) != 1 || o.Attrs[0].Path != e.Path }) {
		of = func(o engine.Explained) string { return attribute(o, e.Word) }
	}
	if len(e.Objects) == 0 {
		out.linef("%s: nothing live is compared with it", asked(e))
	} else {
		out.linef("%s: %s", asked(e), standing(e.Objects))
		if blind(e.Objects) != "" { // said once
			for i := range e.Objects {
				e.Objects[i].Why = ""
			}
		}
	}
	if e.Path != "" {
		out.word(e)
	}
	for _, group := range together(e.Objects, of) {
		out.linef("")
		out.WriteString(group)
	}
	out.after(e)
	_, err := io.WriteString(w, out.String())
	return err
}

// word is what the language says of an attribute; where nothing live is compared with it, all there is.
func (t *text) word(e engine.Explanation) {
	if e.Word.Says != "" {
		t.linef("  %s", e.Word.Says)
	}
	if len(e.Objects) > 0 {
		return
	}
	t.linef("")
	t.linef("  %-9s  %s", "declared", cmp.Or(position(e.Word.Origin), "nowhere"))
	if e.Word.Default != "" {
		t.linef("  %-9s  %s", "default", e.Word.Default)
	}
	t.linef("  %-9s  %s", "a change", cmp.Or(e.Word.Change, "touches nothing that exists"))
}

// parts is the order in which the parts of a node are told, from the outside in.
var parts = []string{"node", "volume", "server", "settings", "hba", "replication", "synchronous", "ledger"}

func byPart(a, b engine.Explained) int {
	return cmp.Compare(slices.Index(parts, a.ID.Kind), slices.Index(parts, b.ID.Kind))
}

func asked(e engine.Explanation) string {
	if e.Path == "" {
		return e.Address
	}
	return e.Address + "." + e.Path
}

// standing is all that is explained in a few words: how many attributes do not match, or what all of it comes to.
func standing(objects []engine.Explained) string {
	if why := blind(objects); why != "" {
		return fmt.Sprintf("%s (%s)", engine.NotLooked, why)
	}
	count, all := map[engine.State]int{}, 0
	for _, o := range objects {
		if len(o.Attrs) == 0 {
			count[o.State]++
			all++
		}
		for _, a := range o.Attrs {
			count[a.State]++
			all++
		}
	}
	var words []string
	for _, s := range []engine.State{engine.Differs, engine.Missing, engine.Surplus, engine.Foreign, engine.NotLooked, engine.Silent, engine.Matches} {
		n := count[s]
		word := string(s)
		if several, has := plural[s]; has && n > 1 {
			word = several
		}
		switch {
		case n == all:
			return string(s)
		case n > 0:
			words = append(words, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(words, ", ")
}

// plural are the states that are said of several in other words.
var plural = map[engine.State]string{engine.Matches: "match", engine.Differs: "differ", engine.Missing: "do not exist"}

// together writes the objects of one kind that come out the same once, under the names of all of them.
func together(objects []engine.Explained, write func(engine.Explained) string) []string {
	type group struct {
		kind, body string
		names      []string
	}
	var groups []group
	for _, o := range objects {
		g := group{o.ID.Kind, write(o), []string{o.ID.String()}}
		i := slices.IndexFunc(groups, func(other group) bool { return other.kind == g.kind && other.body == g.body })
		if i < 0 {
			groups = append(groups, g)
			continue
		}
		groups[i].names = append(groups[i].names, cmp.Or(o.ID.Name, o.ID.On))
	}
	var out []string
	for _, g := range groups {
		out = append(out, strings.Join(g.names, ", ")+g.body)
	}
	return out
}

// blind is the reason for which none of the objects could be looked at, where it is one for all.
func blind(objects []engine.Explained) string {
	for _, o := range objects {
		if o.State != engine.NotLooked || o.Why != objects[0].Why {
			return ""
		}
	}
	return objects[0].Why
}

// table is one object with its attributes, a row each.
func (t *text) table(o engine.Explained) string {
	var rows [][4]string
	var width [3]int
	for _, a := range o.Attrs {
		r := [4]string{markerOf(a.State) + "  " + a.Path, inShort(o, a), string(a.Effect), position(a.Declared.Origin)}
		for i := range width {
			width[i] = max(width[i], len(r[i]))
		}
		rows = append(rows, r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s\n", heading(o))
	for _, r := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %-*s  %s", width[0], r[0], width[1], r[1], width[2], r[2], r[3])
		b.WriteString(t.paint(strings.TrimRight(line, " ")) + "\n")
	}
	return b.String()
}

func heading(o engine.Explained) string {
	at := ""
	if o.Origin != (engine.Origin{}) {
		at = ", " + position(o.Origin)
	}
	return state(o) + at
}

// state is an object's state, with what there is to say of that.
func state(o engine.Explained) string {
	switch {
	case o.State == engine.NotLooked && o.Why != "":
		return fmt.Sprintf("%s (%s)", o.State, o.Why)
	case o.Held != "":
		return fmt.Sprintf("%s (%s)", o.State, o.Held)
	}
	return string(o.State)
}

func markerOf(s engine.State) string {
	switch s {
	case engine.Missing:
		return "+"
	case engine.Surplus:
		return "-"
	case engine.Differs:
		return "~"
	}
	return " "
}

// inShort is the attribute in one cell: as it is, or what it becomes.
func inShort(o engine.Explained, a engine.ExplainedAttr) string {
	if a.State == engine.Differs {
		return fieldOf(a.Change).change()
	}
	if a.Has {
		return wanted(o, a)
	}
	return written(a.Live)
}

// wanted is the value that the file asks for, by itself or by being silent.
func wanted(o engine.Explained, a engine.ExplainedAttr) string {
	if silent(o, a) {
		return written(a.Declared) + " (default)"
	}
	return written(a.Declared)
}

// silent reports whether the file does not say what it wants: neither in the object's own block nor in that of the cluster.
func silent(o engine.Explained, a engine.ExplainedAttr) bool {
	return a.Declared.Default && (a.Declared.Origin == o.Origin || a.Declared.Origin == (engine.Origin{}))
}

// written is one value, and never a secret.
func written(a engine.Attr) string {
	v := orNone(a.Value)
	if a.Secret {
		v = "(sensitive)"
	}
	if len(a.List) > 0 {
		v = strings.TrimSpace(counted(len(a.List), "rule") + " " + a.Value)
	}
	return v
}

// position is a place in the file, to the column.
func position(o engine.Origin) string {
	if o.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
}

// attribute is the whole of one attribute of one object.
func attribute(o engine.Explained, word engine.Word) string {
	a := o.Attrs[0]
	var b strings.Builder
	b.WriteString("\n")
	for _, line := range lines(o, a, word) {
		label := line.label
		for text := range strings.SplitSeq(line.text, "\n") {
			b.WriteString(strings.TrimRight(fmt.Sprintf("  %-9s  %s", label, text), " ") + "\n")
			label = ""
		}
	}
	return b.String()
}

type labelled struct{ label, text string }

func lines(o engine.Explained, a engine.ExplainedAttr, word engine.Word) []labelled {
	out := []labelled{{"declared", declared(o, a)}, {"live", live(o, a)}}
	add := func(label string, texts ...string) {
		if text := strings.Join(texts, "\n"); text != "" {
			out = append(out, labelled{label, text})
		}
	}
	add("set by", a.SetBy)
	var places []string
	for _, p := range a.Places {
		places = append(places, fmt.Sprintf("%s in %s:%d", orNone(p.Value), p.File, p.Line))
	}
	if len(places) > 1 || a.Waits != "" { // a single one is who set it
		add("in files", places...)
	}
	add("waits", a.Waits)
	add("others", a.Others...)
	add("a change", takes(a, word))
	if o.State != engine.NotLooked {
		add("the plan", planned(o, a))
	}
	return out
}

func declared(o engine.Explained, a engine.ExplainedAttr) string {
	if !a.Has {
		return "nowhere"
	}
	text := wanted(o, a)
	if at := position(a.Declared.Origin); at != "" {
		text += ", at " + at
	}
	if rules := a.Declared.List; len(rules) > 0 {
		before := rules
		if a.Had {
			before = a.Live.List
		}
		text += "\n" + strings.Join(listDiff(before, rules), "\n")
	}
	return text
}

func live(o engine.Explained, a engine.ExplainedAttr) string {
	switch {
	case o.State == engine.NotLooked:
		return state(o)
	case a.InForce != "":
		return a.InForce
	case o.State == engine.Missing:
		return "does not exist yet"
	case !a.Had:
		return "none"
	}
	return written(engine.Attr{Value: a.Live.Value, List: a.Live.List, Secret: a.Live.Secret})
}

// takes is what a change of the attribute takes, and why. Where that is none of the effects, the language has the words for it.
func takes(a engine.ExplainedAttr, word engine.Word) string {
	why := ""
	if a.Reason != "" {
		why = " (" + a.Reason + ")"
	}
	switch {
	case word.Change == "refused":
		return "refused: no plan changes it on what exists"
	case word.Change != "" && !slices.Contains(engine.Effects(), engine.Effect(word.Change)):
		return word.Change + why
	case a.Effect != "":
		return fmt.Sprintf("%s: %s%s", a.Effect, a.Effect.Means(), why)
	case a.Reason != "":
		return "is not possible" + why
	}
	return ""
}

// planned is what the present plan does.
func planned(o engine.Explained, a engine.ExplainedAttr) string {
	switch {
	case a.State == engine.Foreign:
		return "leaves it alone: it is not in the file, and was not made by pgrepl"
	case a.State == engine.Differs && a.Held != "":
		return fmt.Sprintf("%s, but %s", fieldOf(a.Change).change(), why(a.Held))
	case a.State == engine.Differs:
		f := fieldOf(a.Change)
		return fmt.Sprintf("%s, which takes %s", f.change(), takesEffect(f.effect()))
	case a.Held != "":
		return "nothing: " + why(a.Held)
	case a.State == engine.Silent:
		return "nothing: it is not declared"
	case a.State == engine.Missing:
		return "makes it so"
	case a.State == engine.Surplus:
		return "removes it, with the " + o.ID.Kind
	}
	return "nothing: it matches"
}

func why(h engine.Held) string {
	if h == engine.HeldRefused {
		return "it is refused, see below"
	}
	return "it waits for what could not be looked at"
}

// takesEffect is an effect in a sentence.
func takesEffect(e string) string {
	switch {
	case e == "":
		return "nothing"
	case strings.HasPrefix(e, string(engine.Live)):
		return "effect at once" + strings.TrimPrefix(e, string(engine.Live))
	case strings.HasPrefix(e, string(engine.Recreate)):
		return "a new container"
	}
	return "a " + e
}

// after says what the objects have in common: what the plan does, what there is to know, why it is refused.
func (t *text) after(e engine.Explanation) {
	var rows []string
	for _, s := range e.Steps {
		rows = append(rows, strings.TrimSpace(fmt.Sprintf("%s: %s", s.Node(), s)))
	}
	if len(rows) > 0 {
		t.linef("")
		t.linef("The plan")
	}
	for _, r := range slices.Compact(rows) {
		t.linef("  %s", strings.TrimPrefix(r, ": "))
	}
	rows = nil
	d := Document{Facts: Facts{}}
	for _, l := range d.riskLines(d.risks(e.Risks)) {
		row := strings.TrimRight(fmt.Sprintf("! %s   %s", l, l.permission()), " ")
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	for _, p := range e.Refused {
		rows = append(rows, fmt.Sprintf("! %-8s %s [%s]", "refused", p.Summary, p.Code))
	}
	if len(rows) > 0 {
		t.linef("")
	}
	for _, r := range rows {
		t.linef("%s", r)
	}
}
