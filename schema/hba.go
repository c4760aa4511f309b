package schema

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

var (
	hbaTypes   = []string{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}
	hbaFiles   = []string{"include", "include_if_exists", "include_dir"}
	hbaMethods = []string{"trust", "reject", "scram-sha-256", "md5", "password", "gss", "sspi", "ident", "peer", "pam",
		"ldap", "radius", "cert", "bsd"}
)

// hba reads a list of pg_hba.conf lines, or one text of such lines; false where none is written.
func (r *reader) hba(version int) ([]HBALine, bool) {
	if !r.written("hba") {
		return nil, false
	}
	lines := []HBALine{}
	for _, e := range r.hbaTexts() {
		v, ok := r.open(e.value, e.at, "hba")
		if !ok {
			continue
		}
		if v, ok = r.convert(v, cty.String, e.at, "hba", "a list of lines, or one text of lines"); ok {
			lines = append(lines, r.hbaLines(r.writtenText(v.AsString(), e.expr, r.each), version)...)
		}
	}
	return lines, true
}

func (r *reader) hbaTexts() []element {
	if _, spelled := unwrap(r.attribute("hba").Expr).(*hclsyntax.TupleConsExpr); spelled {
		elements, _ := r.elements("hba") // one by one: a mistake in one line does not hide another
		return elements
	}
	v, ok := r.raw("hba")
	if !ok {
		return nil
	}
	if plain, _ := v.Unmark(); plain.Type() == cty.String {
		return []element{{r.where("hba"), v, r.attribute("hba").Expr}}
	}
	elements, _ := r.elements("hba")
	return elements
}

func (r *reader) hbaLines(w written, version int) []HBALine {
	var lines []HBALine
	from := 0
	for line := range strings.Lines(w.text) {
		fields := hbaFields(strings.TrimRight(line, "\r\n"), from)
		from += len(line)
		if len(fields) == 0 {
			continue
		}
		checked := hbaRule{reader: r, text: w, fields: fields, version: version}
		checked.check()
		lines = append(lines, HBALine{Text: checked.String(), Origin: originOf(checked.at(0))})
	}
	return lines
}

// hbaField is one field of a line: a token, or several joined by commas. Quotes are kept: they take a keyword's meaning.
type hbaField struct {
	text     string
	from, to int
	open     bool // a quote that is not closed
}

// hbaFields splits a line as the server does: blanks part fields, a comma joins what follows, # begins a comment.
func hbaFields(line string, offset int) []hbaField {
	var fields []hbaField
	i, joined := 0, false
	for {
		for i < len(line) && strings.IndexByte(" \t,", line[i]) >= 0 {
			joined = joined || line[i] == ','
			i++
		}
		if i == len(line) || line[i] == '#' {
			return fields
		}
		from, quoted := i, false
		for i < len(line) && (quoted || strings.IndexByte(" \t,#", line[i]) < 0) {
			quoted = quoted != (line[i] == '"')
			i++
		}
		field := hbaField{text: line[from:i], from: offset + from, to: offset + i, open: quoted}
		if last := len(fields) - 1; joined && last >= 0 {
			fields[last] = hbaField{fields[last].text + "," + field.text, fields[last].from, field.to, quoted}
		} else {
			fields = append(fields, field)
		}
		joined = false
	}
}

// hbaRule is one line under check.
type hbaRule struct {
	*reader
	text    written
	fields  []hbaField
	version int
}

func (h hbaRule) String() string {
	var texts []string
	for _, f := range h.fields {
		texts = append(texts, f.text)
	}
	return strings.Join(texts, " ")
}

func (h hbaRule) at(i int) hcl.Range { return h.place(h.text, h.fields[i].from, h.fields[i].to) }

func (h hbaRule) whole() hcl.Range {
	return h.place(h.text, h.fields[0].from, h.fields[len(h.fields)-1].to)
}

// word is a field without its quotes.
func (h hbaRule) word(i int) string { return strings.Trim(h.fields[i].text, `"`) }

func (h hbaRule) check() {
	for i, f := range h.fields {
		if f.open {
			h.errorf(codeHBA, h.at(i), "the quote is not closed")
			return
		}
	}
	first := h.fields[0].text
	switch {
	case slices.Contains(hbaFiles, first):
		h.checkInclude(first)
	case first == "local":
		h.checkFields(3)
	case slices.Contains(hbaTypes, first):
		h.checkAddress()
	default:
		h.errorf(codeHBA, h.at(0), "%q is not a connection type", first).hint(didYouMean(first, hbaTypes))
	}
}

func (h hbaRule) checkInclude(word string) {
	switch {
	case h.version < 16:
		h.errorf(codeHBA, h.at(0), "PostgreSQL %d has no %s in pg_hba.conf: 16 brought it", h.version, word)
	case len(h.fields) != 2:
		h.errorf(codeHBA, h.whole(), "%s wants one path", word)
	}
}

func (h hbaRule) checkAddress() {
	if len(h.fields) < 5 {
		h.tooFew("TYPE DATABASE USER ADDRESS METHOD")
		return
	}
	word := h.word(3)
	_, notAddress := netip.ParseAddr(word)
	switch {
	case slices.Contains([]string{"all", "samehost", "samenet"}, word):
	case strings.Contains(word, "/"):
		if _, err := netip.ParsePrefix(word); err != nil {
			h.errorf(codeHBA, h.at(3), "%q is not a network", word).hint("write it like 10.0.0.0/8; a host name takes no mask")
			return
		}
	case notAddress == nil:
		if mask, err := netip.ParseAddr(h.word(4)); err != nil || !contiguous(mask) {
			h.errorf(codeHBA, h.at(4), "%q is not a mask", h.word(4)).hint("write " + word + "/32, or a mask such as 255.255.255.0")
			return
		}
		h.checkFields(5)
		return
	case strings.Trim(word, "0123456789.") == "":
		h.errorf(codeHBA, h.at(3), "%q is not an address", word).hint("write it like 10.0.0.0/8")
		return
	}
	h.checkFields(4)
}

func contiguous(mask netip.Addr) bool {
	ended := false
	for _, b := range mask.AsSlice() {
		for bit := 7; bit >= 0; bit-- {
			one := b>>bit&1 == 1
			if one && ended {
				return false
			}
			ended = ended || !one
		}
	}
	return true
}

func (h hbaRule) tooFew(form string) {
	h.errorf(codeHBA, h.whole(), "the rule has too few fields").hint(form)
}

// checkFields checks the method, which is field n, and its options.
func (h hbaRule) checkFields(n int) {
	if len(h.fields) <= n {
		form := "TYPE DATABASE USER ADDRESS METHOD"
		if n == 3 {
			form = "local DATABASE USER METHOD"
		}
		h.tooFew(form)
		return
	}
	method, methods := h.word(n), hbaMethods
	if h.version >= 18 {
		methods = with(hbaMethods, "oauth")
	}
	switch {
	case !slices.Contains(methods, method):
		h.errorf(codeHBA, h.at(n), "%q is not an authentication method", method).hint(didYouMean(method, methods))
	case method == "peer" && n != 3:
		h.errorf(codeHBA, h.at(n), "peer works on local connections only")
	case method == "cert" && h.fields[0].text != "hostssl":
		h.errorf(codeHBA, h.at(n), "cert works on hostssl connections only")
	}
	for i := n + 1; i < len(h.fields); i++ {
		if !strings.Contains(h.fields[i].text, "=") {
			h.errorf(codeHBA, h.at(i), "%q is not an option", h.fields[i].text).hint("options are NAME=VALUE")
			return
		}
	}
}

// hbaName writes a role or database so that pg_hba.conf takes it literally.
func hbaName(name string) string {
	plain := strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
	if plain && !slices.Contains([]string{"all", "sameuser", "samerole", "samegroup", "replication"}, name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
