package hba

import (
	"slices"
	"strconv"
	"strings"
)

// optionRule is what the server makes of one option.
type optionRule struct {
	methods []string // that have it; nil: all
	hostssl bool     // only such rules have it
	since   int      // the version that brought it; 0: an older one than 15
	check   func(p *parser, w word, value string)
}

var ldapOnly, radiusOnly, gssOnly, oauthOnly = []string{"ldap"}, []string{"radius"}, []string{"gss", "sspi"}, []string{"oauth"}

// optionRules are the options by name (chapters "The pg_hba.conf File" and "Authentication Methods"). Yes is written 1;
// everything else is no.
var optionRules = map[string]optionRule{
	"map":              {methods: []string{"ident", "peer", "gss", "sspi", "cert", "oauth"}},
	"clientcert":       {hostssl: true, check: clientCert},
	"clientname":       {hostssl: true, check: clientName},
	"pamservice":       {methods: []string{"pam"}},
	"pam_use_hostname": {methods: []string{"pam"}},

	"ldapurl":             {methods: ldapOnly, check: ldapURLValue},
	"ldaptls":             {methods: ldapOnly},
	"ldapscheme":          {methods: ldapOnly, check: ldapScheme},
	"ldapserver":          {methods: ldapOnly},
	"ldapport":            {methods: ldapOnly, check: ldapPort},
	"ldapbinddn":          {methods: ldapOnly},
	"ldapbindpasswd":      {methods: ldapOnly},
	"ldapsearchattribute": {methods: ldapOnly},
	"ldapsearchfilter":    {methods: ldapOnly},
	"ldapbasedn":          {methods: ldapOnly},
	"ldapprefix":          {methods: ldapOnly},
	"ldapsuffix":          {methods: ldapOnly},

	"krb_realm":     {methods: gssOnly},
	"include_realm": {methods: gssOnly},
	"compat_realm":  {methods: []string{"sspi"}},
	"upn_username":  {methods: []string{"sspi"}},

	"radiusservers":     {methods: radiusOnly, check: radiusList},
	"radiusports":       {methods: radiusOnly, check: radiusPorts},
	"radiussecrets":     {methods: radiusOnly, check: radiusList},
	"radiusidentifiers": {methods: radiusOnly, check: radiusList},

	"issuer":                 {methods: oauthOnly, since: 18},
	"scope":                  {methods: oauthOnly, since: 18},
	"validator":              {methods: oauthOnly, since: 18},
	"delegate_ident_mapping": {methods: oauthOnly, since: 18},
}

func clientCert(p *parser, w word, value string) {
	switch {
	case value == "verify-full":
	case value == "verify-ca" && p.rule.Method == "cert":
		p.wrongWord(w, "cert checks the whole certificate already").hint("write clientcert=verify-full, or leave it out")
	case value != "verify-ca":
		p.wrongWord(w, "%q is not a value of clientcert", value).hint("verify-ca and verify-full are")
	}
}

func clientName(p *parser, w word, value string) {
	if value != "CN" && value != "DN" {
		p.wrongWord(w, "%q is not a value of clientname", value).hint("CN and DN are")
	}
}

// number is C's atoi, with which the server reads ports: what the text begins with, 0 where that is no number.
func number(text string) int {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end == 0 && (text[0] == '+' || text[0] == '-') {
		rest := strings.IndexFunc(text[1:], func(r rune) bool { return r < '0' || r > '9' })
		end = rest + 1
		if rest < 0 {
			end = len(text)
		}
	}
	if end < 0 {
		end = len(text)
	}
	n, _ := strconv.Atoi(text[:end])
	return n
}

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
	if len(parts) > 5 || len(parts) == 5 && parts[4] == "" {
		return u, "it has too many question marks"
	}
	parts = append(parts, make([]string, 5-len(parts))...)
	u.attribute, u.filter = parts[1] != "", parts[3] != ""
	scopes := []string{"", "base", "one", "onelevel", "sub", "subtree", "subordinate", "children"}
	if !slices.Contains(scopes, strings.ToLower(parts[2])) {
		return u, "its scope is base, one, sub or children"
	}
	return u, ""
}

func ldapHost(text string) bool {
	port := text
	if strings.HasPrefix(text, "[") {
		_, after, ok := strings.Cut(text, "]")
		if !ok || after != "" && after[0] != ':' {
			return false
		}
		port = after
	}
	_, port, has := strings.Cut(port, ":")
	if !has {
		return true
	}
	_, err := strconv.ParseInt(port, 10, 64)
	return err == nil
}

// list splits a value as the server splits lists: names between commas, in quotes where need be; false where one is empty
// or a quote is open.
func list(text string) ([]string, bool) {
	const blanks = " \t\n\r\f\v"
	rest := strings.TrimLeft(text, blanks)
	if rest == "" {
		return nil, true
	}
	var out []string
	for {
		var name string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for end < len(rest) && (rest[end] != '"' || strings.HasPrefix(rest[end+1:], `"`)) {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			if end >= len(rest) {
				return nil, false
			}
			name, rest = strings.ReplaceAll(rest[1:end], `""`, `"`), rest[end+1:]
		} else {
			end := strings.IndexAny(rest, ","+blanks)
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, false
			}
			name, rest = rest[:end], rest[end:]
		}
		out = append(out, name)
		rest = strings.TrimLeft(rest, blanks)
		if rest == "" {
			return out, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(rest[1:], blanks)
	}
}

// radiusList checks a list of a RADIUS rule. Whether the names of servers are known, only the server can say.
func radiusList(p *parser, w word, value string) {
	if _, ok := list(value); !ok {
		p.wrongWord(w, "%q is not a list", value).hint(`write it in quotes: "a,b"`)
	}
}

func radiusPorts(p *parser, w word, value string) {
	ports, ok := list(value)
	if !ok || slices.ContainsFunc(ports, func(port string) bool { return number(port) == 0 }) {
		p.wrongWord(w, "%q is not a list of ports", value).hint(`write it in quotes: "1812,1812"`)
	}
}

func (p *parser) radius() string {
	count := func(name string) int {
		value, _ := p.rule.Option(name)
		names, _ := list(value)
		return len(names)
	}
	servers := count("radiusservers")
	fits := func(n int) bool { return n <= 1 || n == servers }
	switch {
	case servers == 0:
		return "radius needs the option radiusservers"
	case count("radiussecrets") == 0:
		return "radius needs the option radiussecrets"
	case !fits(count("radiussecrets")):
		return "radiussecrets names one, or one for each server"
	case !fits(count("radiusports")):
		return "radiusports names one, or one for each server"
	case !fits(count("radiusidentifiers")):
		return "radiusidentifiers names one, or one for each server"
	}
	return ""
}
