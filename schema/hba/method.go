package hba

import (
	"slices"
	"strings"
)

// methods are the ways to authenticate of all servers on Linux; whether a build has gss, ldap and pam, only the server knows.
var methods = []string{"trust", "reject", "scram-sha-256", "md5", "password", "gss", "ident", "peer", "pam", "ldap", "radius", "cert"}

func (p *parser) methods() []string {
	if p.version < 18 {
		return methods
	}
	return append(slices.Clone(methods), "oauth")
}

func (p *parser) method() {
	w, ok := p.single("method")
	if !ok {
		return
	}
	p.methodWord, p.rule.Method = w, w.text
	t := p.rule.Type
	switch known := p.methods(); {
	case w.text == "sspi":
		p.wrongWord(w, "sspi is there on Windows only")
	case w.text == "bsd":
		p.wrongWord(w, "bsd is there on OpenBSD only")
	case w.text == "oauth" && p.version < 18:
		p.wrongWord(w, "PostgreSQL %d has no oauth: 18 brought it", p.version)
	case w.text == "gssapi" || w.text == "krb5" || w.text == "kerberos":
		p.wrongWord(w, "%q is not an authentication method", w.text).hint("write gss")
	case !slices.Contains(known, w.text):
		p.wrongWord(w, "%q is not an authentication method", w.text).misspelt(w.text, known)
	case t == Local && w.text == "gss":
		p.wrongWord(w, "gss does not work on local connections")
	case t != Local && w.text == "peer":
		p.wrongWord(w, "peer works on local connections only")
	case t != HostSSL && w.text == "cert":
		p.wrongWord(w, "cert works on hostssl connections only")
	}
}

// effective is the method that the server uses.
func (r Rule) effective() string {
	if r.Type == Local && r.Method == "ident" {
		return "peer"
	}
	return r.Method
}

func (p *parser) options() {
	for !p.done() && p.next < len(p.fields) {
		f := p.fields[p.next]
		p.next++
		for _, w := range f {
			if !p.option(w) {
				return
			}
		}
	}
}

// option reads one NAME=VALUE; false where nothing more is to be read.
func (p *parser) option(w word) bool {
	if w.file() {
		p.rule.Open = true
		return false
	}
	name, value, ok := strings.Cut(w.text, "=")
	if !ok {
		p.wrongWord(w, "%q is not an option", w.text).hint("options are NAME=VALUE")
		return false
	}
	rule, known := optionRules[name]
	switch {
	case !known || rule.since > p.version:
		p.wrongWord(w, "%q is not an option", name).misspelt(name, p.optionNames())
	case rule.methods != nil && !slices.Contains(rule.methods, p.rule.effective()):
		p.wrongWord(w, "%s has no option %s", p.rule.Method, name).hint("it belongs to " + p.methodsWith(rule.methods))
	case rule.hostssl && p.rule.Type != HostSSL:
		p.wrongWord(w, "%s works on hostssl connections only", name)
	case rule.check != nil:
		rule.check(p, w, value)
	}
	p.rule.Options = append(p.rule.Options, Option{name, value})
	return !p.stopped
}

// methodsWith are those of the methods that this version's servers have.
func (p *parser) methodsWith(all []string) string {
	var out []string
	for _, m := range all {
		if slices.Contains(p.methods(), m) {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return strings.Join(all, ", ")
	}
	return strings.Join(out, ", ")
}

// optionNames are the options that this version has.
func (p *parser) optionNames() []string {
	var out []string
	for name, rule := range optionRules {
		if rule.since <= p.version {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Option is the value of an option that holds: the last one.
func (r Rule) Option(name string) (string, bool) {
	for _, o := range slices.Backward(r.Options) {
		if o.Name == name {
			return o.Value, true
		}
	}
	return "", false
}

// has is true where one of the options is given.
func (r Rule) has(names ...string) bool {
	return slices.ContainsFunc(r.Options, func(o Option) bool { return slices.Contains(names, o.Name) })
}

// together checks what the options must be with one another.
func (p *parser) together() {
	if p.done() {
		return
	}
	var text string
	switch p.rule.Method {
	case "ldap":
		text = p.ldap()
	case "radius":
		text = p.radius()
	case "oauth":
		text = p.oauth()
	}
	if text != "" {
		last := p.fields[len(p.fields)-1]
		p.wrong(p.methodWord.from, last[len(last)-1].to, "%s", text)
	}
}

func (p *parser) oauth() string {
	skip, _ := p.rule.Option("delegate_ident_mapping")
	switch {
	case !p.rule.has("scope"):
		return "oauth needs the option scope"
	case !p.rule.has("issuer"):
		return "oauth needs the option issuer"
	case skip == "1" && p.rule.has("map"):
		return "map and delegate_ident_mapping=1 exclude each other"
	}
	return ""
}
