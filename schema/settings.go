package schema

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"pgrepl/schema/catalogue"
)

var settingPattern = regexp.MustCompile(`^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$`)

// owned are the settings that pgrepl derives: its own value, where that may be written, and what to use instead.
var owned = map[string]struct {
	own     string
	may     bool // own may be written
	instead string
}{
	"primary_conninfo":          {instead: "leave it out: upstream and role of the replica say it"},
	"primary_slot_name":         {instead: "leave it out: slot of the replica says it"},
	"recovery_min_apply_delay":  {instead: "write delay = in the replica"},
	"synchronous_standby_names": {may: true, instead: "write a synchronous block in the cluster"},
	"restore_command":           {instead: "leave it out: replicas are cloned from their upstream"},
	"promote_trigger_file":      {instead: "leave it out: promotion is pgrepl's"},
	"recovery_target_timeline":  {own: "latest", may: true, instead: `leave it out: it is "latest", and replicas follow their upstream`},
	"hot_standby":               {own: "on", may: true, instead: "leave it out: it is always on, replicas are checked by queries"},
	"cluster_name":              {instead: "leave it out, or write application_name = in the replica"},
	"port":                      {own: "5432", may: true, instead: "the server's port is 5432; write port = in the node to publish it"},
	"listen_addresses":          {own: "*", may: true, instead: "leave it out: it is '*', and the container's network and hba decide who comes in"},
	"unix_socket_directories":   {instead: "leave it out: the image decides it"},
	"data_directory":            {instead: "leave it out: volume of the node says where the data is"},
	"config_file":               {instead: "leave it out: settings of the cluster and the nodes say what is in it"},
	"hba_file":                  {instead: "leave it out: hba of the cluster or the node says what is in it"},
	"ident_file":                {instead: "leave it out"},
	"external_pid_file":         {instead: "leave it out"},
	"allow_alter_system":        {instead: "leave it out: pgrepl itself needs ALTER SYSTEM"},
}

const recoveryTarget = "recovery_target"

// layer is the settings of one block, by lower-case name; a nil one drops what is inherited.
type layer map[string]*Setting

// settings reads a settings map of a server or a role. Without a catalogue, as the version is not known, names and
// values are taken as they are. What is wrong stays as a setting that nobody knows the value of: what would follow from it
// is no mistake of its own.
func (r *reader) settings(of place, known *catalogue.Catalogue) layer {
	out := layer{}
	if known != nil && r.lost("settings") {
		for _, name := range known.Names() {
			out[name] = unknownSetting(r.where("settings"))
		}
	}
	var entries []entry
	for _, e := range r.entries("settings") {
		e.key = strings.ToLower(e.key)
		if known != nil {
			e.key = r.today(e, known)
		}
		entries = append(entries, e)
	}
	for _, e := range r.onceEach(sortedEntries(entries), "settings") {
		if !settingPattern.MatchString(e.key) {
			note := r.errorf(codeSettingName, e.keyAt, "%q is not the name of a setting", e.key)
			if word := strings.TrimSpace(e.key); settingPattern.MatchString(word) {
				note.hint(fmt.Sprintf("write %q, without blanks", word))
			} else if known := r.catalogue(known); known != nil {
				note.hint(didYouMean(word, known.Names()))
			}
			continue
		}
		s, ok := r.setting(e)
		if ok {
			ok = r.fitsAny(e, s, of, known)
		}
		if !ok {
			s = unknownSetting(e.keyAt)
		}
		out[e.key] = s
	}
	return out
}

// catalogue is the known one, or the newest.
func (r *reader) catalogue(known *catalogue.Catalogue) *catalogue.Catalogue {
	if known == nil {
		return catalogue.Of(catalogue.Newest)
	}
	return known
}

// fitsAny is fits; while the version is not known, what any version takes is right, and otherwise the newest says why not.
func (r *reader) fitsAny(e entry, s *Setting, of place, known *catalogue.Catalogue) bool {
	if known != nil {
		return r.fits(e, s, of, known)
	}
	before := len(r.found)
	var newest []*Diagnostic
	for version := catalogue.Newest; version >= catalogue.Oldest; version-- {
		ok := r.fits(e, s, of, catalogue.Of(version))
		if version == catalogue.Newest {
			newest = slices.Clone(r.found[before:])
		}
		r.found = r.found[:before]
		if ok {
			return true
		}
	}
	r.found = append(r.found, newest...)
	return false
}

// lost reports whether a map is written and cannot be read at all.
func (r *reader) lost(name string) bool {
	if a := r.attribute(name); a == nil || isSpelled(a.Expr) || !r.written(name) {
		return false
	}
	v, ok := r.raw(name)
	v, _ = v.Unmark()
	return !ok || !v.IsKnown() || !v.Type().IsObjectType() && !v.Type().IsMapType()
}

func unknownSetting(at hcl.Range) *Setting {
	return &Setting{Unset: true, Sensitive: true, Origin: originOf(at)}
}

// setting reads one value; nil drops an inherited one.
func (r *reader) setting(e entry) (*Setting, bool) {
	if e.value == cty.NilVal {
		return nil, false
	}
	v, _ := e.value.UnmarkDeep()
	r.settingAt[originOf(e.keyAt)] = e.keyAt
	s := &Setting{Sensitive: hides(e.value), Unset: !v.IsKnown(), Origin: originOf(e.keyAt)}
	switch {
	case !v.IsKnown():
		s.Sensitive = true
	case v.IsNull():
		return nil, true
	case v.Type() == cty.String:
		s.Value = v.AsString()
	case v.Type() == cty.Bool:
		s.Value = fmt.Sprint(v.True())
	case v.Type() == cty.Number:
		if f, _ := v.AsBigFloat().Float64(); math.IsInf(f, 0) {
			r.errorf(codeSetting, e.at, "%s is out of range", e.key)
			return nil, false
		}
		s.Value = number(v.AsBigFloat())
	default:
		d := r.errorf(codeSetting, e.at, "%s wants a string, a number or a bool", e.key)
		if v.Type().IsTupleType() || v.Type().IsListType() {
			d.hint(`a list is one string: "a, b"`)
		}
		return nil, false
	}
	if strings.ContainsRune(s.Value, 0) {
		r.errorf(codeSetting, e.at, "%s holds a null character", e.key)
		return nil, false
	}
	return s, r.notOwned(e, s)
}

// number is a decimal without an exponent.
func number(n *big.Float) string {
	text := n.Text('f', -1)
	if len(text) > 40 {
		f, _ := n.Float64()
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}

// notOwned reports whether a setting may be written; one of pgrepl's own may say only what pgrepl says.
func (r *reader) notOwned(e entry, s *Setting) bool {
	own, found := owned[e.key]
	if !found && strings.HasPrefix(e.key, recoveryTarget) {
		own.instead, found = "leave it out: point-in-time recovery is not part of a streaming cluster", true
	}
	if !found || own.may && !s.Sensitive && sameOwn(own.own, s.Value) {
		return true
	}
	if e.key == "primary_conninfo" {
		r.src.secrets = append(r.src.secrets, e.at) // it may hold a password
	}
	d := r.errorf(codeOwned, e.keyAt, "%s is pgrepl's own setting", e.key).hint(own.instead)
	if e.key == "synchronous_standby_names" {
		d.detail("%s", r.synchronousAdvice(s))
	}
	return false
}

func sameOwn(own, value string) bool {
	if own != "on" {
		return strings.TrimSpace(value) == own
	}
	on, err := Canonical(catalogue.Setting{Type: "bool"}, value)
	return err == nil && on == own
}

// over lays the settings of a block over inherited ones, key by key.
func (inner layer) over(outer layer) layer {
	out := maps.Clone(outer)
	maps.Copy(out, inner)
	return out
}

// all are the settings that apply in the end.
func (s layer) all() map[string]Setting {
	out := map[string]Setting{}
	for name, one := range s {
		if one != nil {
			out[name] = *one
		}
	}
	return out
}
