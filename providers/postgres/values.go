package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// The server has the last word on values that only it can judge: a time zone, a locale, a text search configuration. It is asked
// before anything moves, for what would be new to it, all at once. It answers for settings that a session may change; of the
// others it says nothing before its files are read.

// newValue is a declared value that a server does not work with yet.
type newValue struct {
	name string
	of   string // the role that is to have it; "": the server
	set  schema.Setting
}

// refusedValue is what a server answered to one.
type refusedValue struct {
	value newValue
	why   string
}

// askable reports whether a session may try the value: the try is rolled back.
func askable(l liveSetting, v schema.Setting) bool {
	return (l.Context == "user" || l.Context == "superuser") && !v.Sensitive && !v.Unset
}

// newValues are the declared values to ask for, in a fixed order.
func (s *server) newValues(l live) []newValue {
	known := func(name string) catalogue.Setting {
		described, _ := catalogue.Of(s.site.file.Version).Lookup(name)
		described.Type, described.Unit, described.Enum = l.Settings[name].Type, l.Settings[name].Unit, l.Settings[name].Enum
		return described
	}
	var out []newValue
	for _, name := range slices.Sorted(maps.Keys(s.node.Settings)) {
		v := s.node.Settings[name]
		if askable(l.Settings[name], v) && !equalSetting(known(name), l.Settings[name].Reset, v.Value) {
			out = append(out, newValue{name: name, set: v})
		}
	}
	if !s.isPrimary() {
		return out
	}
	for _, r := range s.site.file.Roles {
		has := map[string]string{}
		for _, one := range l.Roles {
			for _, setting := range one.Settings {
				if name, value, ok := strings.Cut(setting, "="); ok && one.Name == r.Name {
					has[strings.ToLower(name)] = value
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
			v := r.Settings[name]
			if now, set := has[name]; askable(l.Settings[name], v) && !(set && equalSetting(known(name), now, v.Value)) {
				out = append(out, newValue{name: name, of: r.Address.String(), set: v})
			}
		}
	}
	return out
}

// tryValuesSQL tries one value after the other and undoes each: an exception rolls back what its block has set. The answer goes
// out in a setting of the transaction, as DO returns nothing.
const tryValuesSQL = `DECLARE
  n text[] := %s; v text[] := %s; refused jsonb := '[]';
BEGIN
  FOR i IN 1 .. pg_catalog.cardinality(n) LOOP
    BEGIN
      PERFORM pg_catalog.set_config(n[i], v[i], true);
      RAISE EXCEPTION USING ERRCODE = 'PG999';
    EXCEPTION
      WHEN SQLSTATE 'PG999' THEN NULL;
      WHEN invalid_parameter_value OR undefined_object OR syntax_error OR invalid_text_representation OR undefined_file OR feature_not_supported THEN
        refused := refused || pg_catalog.jsonb_build_object('at', i, 'why', SQLERRM);
      WHEN OTHERS THEN NULL; -- says nothing of the value
    END;
  END LOOP;
  PERFORM pg_catalog.set_config('pgrepl.refused', refused::text, true);
END`

// askValues asks a running server for what would be new to it.
func (s *server) askValues(ctx context.Context, l live) ([]refusedValue, error) {
	values := s.newValues(l)
	if len(values) == 0 {
		return nil, nil
	}
	var names, texts []string
	for _, v := range values {
		names, texts = append(names, v.name), append(texts, v.set.Value)
	}
	rows, err := s.session.query(ctx, "DO "+literal(fmt.Sprintf(tryValuesSQL, nameArray(names), nameArray(texts)))+"; SELECT current_setting('pgrepl.refused')")
	if err != nil {
		return nil, fmt.Errorf("ask for the declared values: %w", said(err))
	}
	var answers []struct {
		At  int
		Why string
	}
	if err := json.Unmarshal([]byte(rows[0][0]), &answers); err != nil {
		return nil, fmt.Errorf("ask for the declared values: %w", err)
	}
	var out []refusedValue
	for _, a := range answers {
		out = append(out, refusedValue{values[a.At-1], a.Why})
	}
	return out, nil
}

// refusedFacts are the values that the server does not take.
func (s *server) refusedFacts() []engine.Fact {
	var out []engine.Fact
	for _, r := range s.seen.refused {
		on, whose := s.address().String(), ""
		if r.value.of != "" {
			whose = " of " + r.value.of
		}
		out = append(out, engine.Fact{Code: "PGR270", On: settingsID(s.node.Name), Path: settingPath + r.value.name, Addr: s.address(), Origin: origin(r.value.set.Origin),
			Text: fmt.Sprintf("%s does not take %s%s: %s", on, r.value.name, whose, r.why), Next: "write a value that this server knows"})
	}
	return out
}
