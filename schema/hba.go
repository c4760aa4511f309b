package schema

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"pgrepl/schema/catalogue"
	"pgrepl/schema/hba"
)

// hba reads a list of pg_hba.conf lines, or one text of such lines; false where none is written.
func (r *reader) hba(version int) ([]HBALine, bool) {
	if !r.written("hba") {
		return nil, false
	}
	lines := []HBALine{}
	texts, all := r.hbaTexts()
	for _, e := range texts {
		v, ok := r.open(e.value, e.at, "hba")
		if ok {
			v, ok = r.convert(v, cty.String, e.at, "hba", "a list of lines, or one text of lines")
		}
		if !ok {
			all = false
			continue
		}
		lines = append(lines, r.hbaLines(r.writtenText(v.AsString(), e.expr, r.each), version)...)
	}
	if !all {
		return nil, false // whom they let in is not known, and no mistake of its own
	}
	return lines, true
}

// hbaTexts are the texts of an hba, and whether they are all of them.
func (r *reader) hbaTexts() ([]element, bool) {
	written, e := r.origin(r.attribute("hba").Expr, r.each)
	if tuple, spelled := written.(*hclsyntax.TupleConsExpr); spelled { // one by one: a mistake in one line does not hide another
		var out []element
		for _, expr := range tuple.Exprs {
			if v, ok := r.eval(expr, e); ok {
				out = append(out, element{expr.Range(), v, expr})
			}
		}
		return out, len(out) == len(tuple.Exprs)
	}
	v, ok := r.raw("hba")
	if !ok {
		return nil, false
	}
	if plain, _ := v.Unmark(); plain.Type() == cty.String {
		return []element{{r.where("hba"), v, r.attribute("hba").Expr}}, true
	}
	return r.elements("hba")
}

func (r *reader) hbaLines(w written, version int) []HBALine {
	rules, problems := hba.Parse(w.text, version)
	for _, p := range problems {
		r.hbaProblem(w, p)
	}
	var lines []HBALine
	for _, rule := range rules {
		at := r.place(w, rule.From, rule.To)
		lines = append(lines, HBALine{Text: rule.String(), Rule: rule, Origin: originOf(at), at: at})
	}
	return lines
}

func (r *reader) hbaProblem(w written, p hba.Problem) {
	severity, c := Error, codeHBA
	if p.Warning {
		severity, c = Warning, codeHBASilent
	}
	hint := didYouMean(p.Word, p.Known)
	if hint == "" {
		hint = p.Hint
	}
	if text := strings.TrimSpace(w.text); strings.HasSuffix(text, ".conf") && !strings.ContainsAny(text, " \t\n") {
		hint = fmt.Sprintf("what a file says is file(%q)", text)
	}
	at := r.place(w, p.From, p.To)
	d := r.note(severity, c, at, "%s", p.Text).hint(hint)
	if at == w.whole {
		number, column, line := lineOf(w.text, p.From)
		if strings.Contains(strings.TrimSpace(w.text), "\n") {
			d.detail("Line %d, column %d: %s", number, column, line)
		} else {
			d.detail("The rule, column %d: %s", column, line)
		}
	}
}

// lineOf is the number of the line that a byte of a text is in, its column, and the line, without what may be a password.
func lineOf(text string, at int) (number, column int, line string) {
	begin := strings.LastIndexByte(text[:at], '\n') + 1
	line, _, _ = strings.Cut(text[begin:], "\n")
	line = strings.TrimSpace(line)
	if secret := literalSecret(line); secret >= 0 {
		line = line[:secret] + Hidden
	}
	return strings.Count(text[:at], "\n") + 1, utf8.RuneCountInString(text[begin:at]) + 1, line
}

// hbaName writes a role or database so that pg_hba.conf takes it literally.
func hbaName(name string) string {
	plain := strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
	if plain && !slices.Contains([]string{"all", "sameuser", "samerole", "samegroup", "replication"}, name) {
		return name
	}
	return hba.Quote(name)
}

// hbaLine is a rule of our own making.
func hbaLine(text string, version int, origin Origin) HBALine {
	rules, _ := hba.Parse(text, version)
	return HBALine{Text: text, Rule: rules[0], Origin: origin}
}

// checkHBA looks at what a rule needs of the settings of the servers that have it.
func (d *decoder) checkHBA() {
	silent := map[hcl.Range][]string{}
	for _, n := range d.cluster.Nodes {
		for _, l := range n.HBA {
			switch {
			case l.Rule.Type == hba.HostSSL && sslOff(n.Settings["ssl"]):
				silent[l.at] = append(silent[l.at], n.Address.String())
			case l.Rule.Valid && l.Rule.Method == "oauth":
				d.checkValidator(n, l)
			}
		}
	}
	for at, nodes := range silent {
		d.warnf(codeHBASilent, at, "hostssl matches no connection to %s: ssl is off", strings.Join(slices.Compact(nodes), ", ")).
			hint("set ssl to on, with a certificate")
	}
}

func sslOff(s Setting) bool {
	if s.Unset || s.Sensitive {
		return false
	}
	value, err := Canonical(catalogue.Setting{Type: "bool"}, s.Value)
	return s.Value == "" || err == nil && value == "off"
}

// checkValidator: a server takes an oauth rule only where it knows the library that checks the tokens.
func (d *decoder) checkValidator(n *Node, l HBALine) {
	s := n.Settings["oauth_validator_libraries"]
	if s.Unset || s.Sensitive {
		return
	}
	libraries := strings.FieldsFunc(s.Value, func(r rune) bool { return r == ',' || r == ' ' })
	wanted, named := l.Rule.Option("validator")
	switch {
	case len(libraries) == 0:
		d.errorf(codeHBA, l.at, "oauth needs the setting oauth_validator_libraries on %s", n.Address)
	case named && !slices.Contains(libraries, wanted):
		d.errorf(codeHBA, l.at, "validator %q is not among the oauth_validator_libraries of %s", wanted, n.Address).hint(didYouMean(wanted, libraries))
	case !named && len(libraries) > 1:
		d.errorf(codeHBA, l.at, "oauth on %s needs the option validator: there are several oauth_validator_libraries", n.Address)
	}
}
