package hba

import (
	"slices"
	"strconv"
	"strings"
)

// ldap checks the two ways to ask a directory, which exclude each other: to log in with a name made of prefix and suffix,
// or to search for the user first.
func (p *parser) ldap() string {
	search := p.rule.has("ldapbinddn", "ldapbindpasswd")
	base, attribute, filter := p.rule.has("ldapbasedn"), p.rule.has("ldapsearchattribute"), p.rule.has("ldapsearchfilter")
	for _, o := range p.rule.Options {
		if o.Name == "ldapurl" {
			u, _ := parseLDAPURL(o.Value)
			base, attribute, filter = base || u.base, attribute || u.attribute, filter || u.filter
		}
	}
	simple := p.rule.has("ldapprefix", "ldapsuffix")
	switch {
	case simple && (search || base || attribute || filter):
		return "ldapprefix and ldapsuffix exclude the options of a search"
	case !simple && !base:
		return "ldap needs the option ldapbasedn, ldapprefix or ldapsuffix"
	case attribute && filter:
		return "ldapsearchattribute and ldapsearchfilter exclude each other"
	}
	return ""
}

func ldapScheme(p *parser, w word, value string) {
	if value != "ldap" && value != "ldaps" {
		p.warn(w, "%q is not a value of ldapscheme, and nobody gets in", value).hint("ldap and ldaps are")
	}
}

func ldapPort(p *parser, w word, value string) {
	if number(value) == 0 {
		p.wrongWord(w, "%q is not a port", value)
	}
}

func ldapURLValue(p *parser, w word, value string) {
	if _, text := parseLDAPURL(value); text != "" {
		p.wrongWord(w, "%q is not an LDAP URL: %s", value, text).hint("write it like ldap://host:389/basedn?attribute?sub?filter")
	}
}

// ldapURL is which parts of a search an LDAP URL gives.
type ldapURL struct{ base, attribute, filter bool }

// parseLDAPURL reads scheme://host:port/basedn?attributes?scope?filter?extensions as OpenLDAP does.
func parseLDAPURL(text string) (ldapURL, string) {
	enclosed := strings.HasPrefix(text, "<")
	text = strings.TrimPrefix(text, "<")
	if len(text) >= 4 && strings.EqualFold(text[:4], "URL:") {
		text = text[4:]
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "ldap" && scheme != "ldaps" {
		return ldapURL{}, "it does not begin with ldap:// or ldaps://"
	}
	if enclosed {
		if rest, ok = strings.CutSuffix(rest, ">"); !ok {
			return ldapURL{}, "the > at its end is missing"
		}
	}
	host, path, has := strings.Cut(rest, "/")
	if !has {
		host, _, _ = strings.Cut(rest, "?")
	}
	if !ldapHost(host) {
		return ldapURL{}, "its host or port"
	}
	if !has {
		return ldapURL{}, "" // and whatever it asks is left out
	}
	return parseLDAPSearch(strings.Split(path, "?"))
}

func parseLDAPSearch(parts []string) (ldapURL, string) {
	u := ldapURL{base: true}
	if len(parts) > 5 || len(parts) == 5 && commaFields(parts[4]) == 0 {
		return u, "it has too many question marks"
	}
	parts = append(parts, make([]string, 5-len(parts))...)
	u.attribute, u.filter = parts[1] != "", parts[3] != ""
	scopes := []string{"base", "one", "onelevel", "sub", "subtree", "subordinate", "children"}
	switch {
	case u.attribute && commaFields(percent(parts[1])) == 0:
		return u, "its attributes are empty, which crashes the server"
	case parts[2] != "" && !slices.Contains(scopes, strings.ToLower(percent(parts[2]))):
		return u, "its scope is base, one, sub or children"
	case u.filter && percent(parts[3]) == "":
		return u, "its filter"
	}
	return u, ""
}

// commaFields counts what stands between commas.
func commaFields(text string) int {
	return len(strings.FieldsFunc(text, func(r rune) bool { return r == ',' }))
}

// percent undoes %XX. Where one is broken, nothing is left of the text.
func percent(text string) string {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out = append(out, text[i])
			continue
		}
		if i+2 >= len(text) {
			return ""
		}
		n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return ""
		}
		out = append(out, byte(n))
		i += 2
	}
	return string(out)
}

func ldapHost(text string) bool {
	if strings.HasPrefix(text, "[") {
		_, after, ok := strings.Cut(text, "]")
		if !ok {
			return false
		}
		text = after
	}
	_, port, has := strings.Cut(text, ":")
	if !has {
		return true
	}
	port = strings.TrimLeft(percent(port), " \t\n\v\f\r")
	if port != "" && (port[0] == '+' || port[0] == '-') {
		port = port[1:]
	}
	return port != "" && strings.Trim(port, "0123456789") == ""
}
