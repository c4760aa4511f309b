package schema

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// maxShown is how many replicas an advice spells out.
const maxShown = 10

// synchronousAdvice shows the block to write for a value of synchronous_standby_names, with the replicas of the file where its
// names are theirs.
func (r *reader) synchronousAdvice(s *Setting) string {
	mode, count, names := "first", "1", []string(nil)
	if !s.Sensitive {
		mode, count, names = looseStandbyNames(s.Value)
	}
	replicas, unknown := r.standbysCalled(names)
	text := fmt.Sprintf("Write this in the cluster block, which also proves that commits come back:\n  synchronous {\n    mode     = %q\n    count    = %s\n    replicas = [%s]\n  }",
		mode, count, strings.Join(replicas, ", "))
	switch {
	case len(unknown) > 0:
		text += "\nNo replica of this file has the name " + strings.Join(unknown, " or ") + "."
	case slices.Contains(names, "walreceiver"):
		text += "\nwalreceiver is what a standby without an application_name calls itself; here every replica has its own name."
	}
	return text
}

var standbysPattern = regexp.MustCompile(`(?is)^\s*(first|any)?\s*([0-9]+)\s*\((.*)\)`)

// looseStandbyNames also reads what the server would not take: node-1 without quotes.
func looseStandbyNames(text string) (mode, count string, names []string) {
	mode, count = "first", "1"
	if m := standbysPattern.FindStringSubmatch(text); m != nil {
		mode, count, text = cmp.Or(lower(m[1]), mode), m[2], m[3]
	}
	for _, name := range strings.Split(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return mode, count, names
}

// standbysCalled are the replicas that names of a list mean, in its order, and the names that are no replica's. A name that every
// standby answers to means all of them.
func (r *reader) standbysCalled(names []string) (replicas, unknown []string) {
	called := map[string]string{}
	var all []string
	for _, b := range r.blocks {
		if b.kind != "replica" {
			continue
		}
		copies, _ := r.copies(b, b.at)
		for _, in := range copies {
			address := in.address().String()
			all = append(all, address)
			for _, name := range in.standbyNames(r.loader) {
				called[alike(name)] = cmp.Or(called[alike(name)], address)
			}
		}
	}
	for _, quoted := range names {
		name := strings.ReplaceAll(strings.Trim(quoted, `"`), `""`, `"`)
		switch address := called[alike(name)]; {
		case name == "*" || name == "walreceiver":
			replicas = append(replicas, all...)
		case address != "":
			replicas = append(replicas, address)
		default:
			unknown = append(unknown, quoted)
		}
	}
	if len(names) == 0 {
		replicas = all
	}
	replicas = firstOfEach(replicas)
	switch {
	case len(replicas) == 0:
		replicas = []string{"replica.NAME"}
	case len(replicas) > maxShown:
		replicas = append(replicas[:maxShown], "…")
	}
	return replicas, unknown
}

// standbyNames are what a replica may be called elsewhere: its label and key, and its names as far as they are plain.
func (in *instance) standbyNames(l *loader) []string {
	out := []string{in.defaultName(), in.label}
	if in.each != nil {
		out = out[:1]
	}
	for _, attribute := range []string{"name", "application_name"} {
		if a := in.body.Attributes[attribute]; a != nil {
			if v, ok := l.eval(a.Expr, in.each); ok && !v.IsMarked() && v.IsKnown() && v.Type() == cty.String && !v.IsNull() {
				out = append(out, v.AsString())
			}
		}
	}
	return out
}

// alike takes a name as people carry it over: node_1 and Node-1 are one.
func alike(name string) string { return strings.ReplaceAll(lower(name), "_", "-") }

func firstOfEach(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}
