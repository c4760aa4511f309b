package hba

import (
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
