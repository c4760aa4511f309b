package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgrepl/engine"
)

// effect is what a row ends in.
func (f Field) effect() string {
	if f.Reason == "" || f.Effect == engine.Recreate || f.Effect == "" { // "new container, same data" says it
		return string(f.Effect)
	}
	return fmt.Sprintf("%s (%s)", f.Effect, f.Reason)
}

// fieldOf tells of one attribute, and of a secret only that it changes.
func fieldOf(f engine.Field) Field {
	out := Field{Path: f.Path, Effect: f.Effect, Reason: f.Reason, Source: f.Origin.String(), Sensitive: f.Before.Secret || f.After.Secret, Rewritten: f.Before.Source != "" && f.After.Source != "" && f.Before.Source != f.After.Source, Implied: !f.Had && f.After.Default, at: f.Origin}
	tell := func(a engine.Attr) *Value {
		switch {
		case out.Sensitive:
			return &Value{Text: "(sensitive)"}
		case len(f.Before.List)+len(f.After.List) > 0:
			return &Value{Text: a.Value, List: listed(a.List)}
		}
		return &Value{Text: a.Value}
	}
	if f.Had {
		out.Before = tell(f.Before)
	}
	if f.Has {
		out.After = tell(f.After)
	}
	return out
}

// marker is that of the row.
func (f Field) marker() string {
	switch {
	case f.Before == nil:
		return "+"
	case f.After == nil:
		return "-"
	}
	return "~"
}

// change is the middle of a row: old -> new, and never a secret.
func (f Field) change() string {
	if f.Sensitive {
		switch {
		case f.Before == nil:
			return "(sensitive)"
		case f.After == nil:
			return "(sensitive) -> none"
		case f.Rewritten:
			return "source changed"
		}
		return "changes (sensitive)"
	}
	if f.list() {
		return f.listChange()
	}
	switch {
	case f.Before == nil:
		return orNone(f.After.Text)
	case f.After == nil && strings.HasPrefix(f.Path, "settings."):
		return orNone(f.Before.Text) + " -> default"
	case f.After == nil:
		return orNone(f.Before.Text) + " -> none"
	}
	return orNone(f.Before.Text) + " -> " + orNone(f.After.Text)
}

func (f Field) list() bool {
	return f.Before != nil && f.Before.List != nil || f.After != nil && f.After.List != nil
}

func (f Field) listChange() string {
	rules := func(v *Value) string { return counted(len(v.List), "rule") }
	switch {
	case f.Before == nil:
		return rules(f.After)
	case f.After != nil && slices.Equal(f.Before.List, f.After.List):
		return rules(f.After) + " " + f.Before.Text
	case f.After == nil:
		return strings.TrimSpace(rules(f.Before)+" "+f.Before.Text) + " -> 0"
	}
	return strings.TrimSpace(rules(f.Before)+" "+f.Before.Text) + " -> " + fmt.Sprint(len(f.After.List))
}

// lines are the entries of a list, each with its own marker.
func (f Field) lines() []string {
	if !f.list() || f.Sensitive {
		return nil
	}
	return listDiff(f.Before.entries(), f.After.entries())
}

// entries are those of a list; none of what is not there.
func (v *Value) entries() []string {
	if v == nil {
		return nil
	}
	return v.List
}

func orNone(v string) string {
	if v == "" {
		return "none"
	}
	return v
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sortFields puts rows in the order of the file; what is in no file, last.
func sortFields(fields []Field) {
	nowhere := func(f Field) int { return map[bool]int{true: 1, false: 0}[f.at == (engine.Origin{})] }
	slices.SortStableFunc(fields, func(a, b Field) int {
		return cmp.Or(cmp.Compare(nowhere(a), nowhere(b)), strings.Compare(a.at.File, b.at.File), cmp.Compare(a.at.Line, b.at.Line), strings.Compare(a.Path, b.Path))
	})
}
