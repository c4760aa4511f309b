package schema

import (
	"fmt"
	"slices"
	"strings"

	"pgrepl/schema/catalogue"
)

// place is whose settings are written: a server's, or a role's (ALTER ROLE SET).
type place int

const (
	inServer place = iota
	inRole
)

// fits holds a setting against the catalogue of the version. Of a sensitive value it shows nothing.
func (r *reader) fits(e entry, s *Setting, of place, known *catalogue.Catalogue) bool {
	if of == inServer && s != nil && strings.ContainsRune(s.Value, '\n') {
		r.errorf(codeUnfit, e.at, "%s holds a line break", e.key).
			hint("trimspace(…) removes one at its end").detail("PostgreSQL cannot write one into its configuration file.")
		return false
	}
	if strings.Contains(e.key, ".") {
		return true // an extension's: only the extension knows
	}
	described, found := known.Lookup(e.key)
	switch {
	case !found:
		r.noSuchSetting(e, known)
		return false
	case of == inServer && described.NoFile, of == inRole && described.NoRole:
		r.misplaced(e, of, described)
		return false
	case s == nil || s.Unset:
		return true
	}
	return r.value(e, s, described)
}

// today is the name of a setting that may be written by an old one.
func (r *reader) today(e entry, known *catalogue.Catalogue) string {
	name := known.Today(e.key)
	if name == "" {
		return e.key
	}
	r.warnf(codeSettingName, e.keyAt, "%s is an old name of %s", e.key, name).hint("write " + name)
	return name
}

// includes are the lines of postgresql.conf that are no settings.
var includes = []string{"include", "include_dir", "include_if_exists"}

func (r *reader) noSuchSetting(e entry, known *catalogue.Catalogue) {
	if slices.Contains(includes, e.key) {
		r.errorf(codeSettingName, e.keyAt, "%s is no setting, and pgrepl reads no other files of settings", e.key).
			hint("write here what that file says")
		return
	}
	d := r.errorf(codeSettingName, e.keyAt, "%q is not a PostgreSQL %d setting", e.key, known.Version)
	if fate, advice := known.Elsewhere(e.key); fate != "" {
		d.hint(fate).detail("%s", advice)
		return
	}
	d.hint(didYouMean(e.key, known.Names()))
}

// instead says what to write for a setting that no file may hold.
var instead = map[string]string{
	"data_checksums":         "write initdb { data_checksums = … } in the cluster",
	"lc_collate":             "write initdb { locale = … } in the cluster",
	"lc_ctype":               "write initdb { locale = … } in the cluster",
	"role":                   "a role's own settings may hold it",
	"server_encoding":        "write initdb { encoding = … } in the cluster",
	"server_version":         "the image decides it",
	"server_version_num":     "the image decides it",
	"session_authorization":  "a session sets it for itself",
	"transaction_deferrable": "write default_transaction_deferrable",
	"transaction_isolation":  "write default_transaction_isolation",
	"transaction_read_only":  "write default_transaction_read_only",
	"wal_segment_size":       "write initdb { wal_segsize = … } in the cluster",
}

func (r *reader) misplaced(e entry, of place, described catalogue.Setting) {
	switch {
	case described.Context == "internal":
		d := r.errorf(codePlace, e.keyAt, "%s cannot be set: it shows what the server is", e.key)
		d.hint(instead[e.key])
	case of == inServer:
		r.errorf(codePlace, e.keyAt, "%s cannot be set for a server", e.key).hint(instead[e.key])
	case strings.HasSuffix(described.Context, "backend"):
		r.errorf(codePlace, e.keyAt, "%s cannot be set for a role: it is read before the role is known", e.key).
			hint("write it in the settings of the cluster")
	default:
		r.errorf(codePlace, e.keyAt, "%s cannot be set for a role: it is the whole server's", e.key).
			hint("write it in the settings of the cluster")
	}
}

// value reports whether PostgreSQL takes the value.
func (r *reader) value(e entry, s *Setting, described catalogue.Setting) bool {
	if isDecimalMode(described, s.Value) && !s.Sensitive {
		r.warnf(codeMode, e.at, "%s = %s is decimal, which is the mode %s", e.key, s.Value, Show(described, s.Value)).
			hint(fmt.Sprintf("a mode begins with 0 and stands in quotes: \"0%s\"", s.Value))
	}
	err := Takes(described, s.Value)
	if err == nil {
		return true
	}
	d := r.errorf(codeUnfit, e.at, "%s %s", e.key, err)
	if !s.Sensitive {
		d.hint(suggestion(described, s.Value))
	}
	return false
}

// isDecimalMode is true for the mode of a file that was most likely meant to be octal, and is not.
func isDecimalMode(s catalogue.Setting, text string) bool {
	return s.Octal && text != "" && strings.Trim(text, "01234567") == "" && text[0] != '0' && len(text) == 3 && Takes(s, text) == nil
}
