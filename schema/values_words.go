package schema

import (
	"errors"
	"slices"
	"strings"

	"pgrepl/schema/catalogue"
)

// wordRules are what a server's own code asks of a text, as far as that needs no server: its check hooks. What it has files for
// (locales, text search configurations), it is asked itself when there is one.
var wordRules = map[string]func(text string) error{
	"backtrace_functions": func(text string) error {
		if strings.Trim(lower(text), "abcdefghijklmnopqrstuvwxyz0123456789_, \n\t") != "" {
			return errors.New("must be a list of C functions: letters, digits and _")
		}
		return nil
	},
	"client_encoding":            takesEncoding,
	"log_timezone":               takesZone,
	"synchronized_standby_slots": takesSlots,
	"timezone":                   takesZone,
}

// encodings are the names of pg_encname_tbl (encnames.c), without what is no letter or digit.
var encodings = strings.Fields(`abc alt big5 euccn eucjis2004 eucjp euckr euctw gb18030 gbk iso88591 iso885910 iso885913 iso885914 iso885915 iso885916
iso88592 iso88593 iso88594 iso88595 iso88596 iso88597 iso88598 iso88599 johab koi8 koi8r koi8u latin1 latin10 latin2 latin3 latin4 latin5 latin6
latin7 latin8 latin9 mskanji muleinternal shiftjis shiftjis2004 sjis sqlascii tcvn tcvn5712 uhc unicode utf8 vscii win win1250 win1251 win1252
win1253 win1254 win1255 win1256 win1257 win1258 win866 win874 win932 win936 win949 win950 windows1250 windows1251 windows1252 windows1253
windows1254 windows1255 windows1256 windows1257 windows1258 windows866 windows874 windows932 windows936 windows949 windows950`)

func takesEncoding(text string) error {
	word := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, lower(text))
	if !slices.Contains(encodings, word) {
		return errors.New("must be an encoding such as UTF8 or LATIN1")
	}
	return nil
}

// takesZone judges what can be nothing but the name of a zone. EST5EDT, <+02>-02, 5.5 and the like are rules of their own.
func takesZone(text string) error {
	if text == "" || strings.Trim(lower(text), "abcdefghijklmnopqrstuvwxyz_/-") != "" {
		return nil
	}
	name := strings.TrimPrefix(strings.TrimPrefix(text, "posix/"), "right/")
	if !slices.ContainsFunc(catalogue.Zones(), func(zone string) bool { return equalFold(zone, name) }) {
		return errors.New("must be a time zone such as Europe/Berlin or UTC")
	}
	return nil
}

func takesSlots(text string) error {
	names, err := lists["synchronized_standby_slots"].names(text)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := slotName(name); err != nil {
			return errors.New("must be a list of slots, whose names have a-z, 0-9 and _ only")
		}
	}
	return nil
}
