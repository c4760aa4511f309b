package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema/catalogue"
)

// alterSystem writes settings into postgresql.auto.conf; the server checks each value on the spot.
type alterSystem struct {
	engine.Order
	server *server
	names  []string
	fields []engine.Field // of the settings, or of the link

	interim numbers // what a server with two turns has until the second
	slot    string  // what a standby is to stream through
}

func (s alterSystem) String() string {
	var out []string
	for _, name := range s.names {
		if n, between := s.interim[name]; between {
			name = fmt.Sprintf("%s (%d for now)", name, n)
		}
		if name == "primary_slot_name" && s.slot != s.server.node.Slot.Name {
			name = fmt.Sprintf("%s (%s for now)", name, s.slot)
		}
		out = append(out, name)
	}
	return "set " + strings.Join(out, ", ")
}

// After the file is as wanted, and the server works with what it had before.
func (s alterSystem) After(w engine.Snapshot) engine.Snapshot {
	r := w[s.Self.On]
	r.Attrs = copied(r.Attrs)
	for _, f := range s.fields {
		if name := strings.TrimPrefix(f.Path, settingPath); s.interim[name] != 0 && !slices.Contains(s.names, name) {
			continue // stays as it is for now
		}
		a := f.After
		effect := f.Effect
		if effect == engine.Recreate { // brings the restart along
			effect = engine.Restart
		}
		if effect == engine.Reload || effect == engine.Restart {
			a = r.Attrs[f.Path]
			a.Value = inForce(a.Value) + " " + waiting(effect)
			if f.Path == "slot" {
				a.Reason = ""
				if s.slot != s.server.node.Slot.Name {
					a.Reason = fileHas + s.slot
				}
			}
		}
		r.Attrs[f.Path] = a
	}
	return w.With(r)
}

// fileHas says of a slot that waits for a reload which one it is, where that is not the one that is wanted in the end.
const fileHas = "the file has "

// waiting says of a value that it stands in the file and is not what the server works with.
func waiting(e engine.Effect) string { return "(the file waits for a " + string(e) + ")" }

// inForce is the value without that.
func inForce(v string) string {
	for _, e := range []engine.Effect{engine.Reload, engine.Restart} {
		v = strings.TrimSuffix(v, " "+waiting(e))
	}
	return v
}

// reads is what is true when a server has read its files: what waited for that is in force.
func (s *server) reads(w engine.Snapshot, effects ...engine.Effect) engine.Snapshot {
	wanted := []engine.Resource{settingsKind{s.site}.want(s), hbaKind{s.site}.want(s)}
	if !s.isPrimary() {
		wanted = append(wanted, replicationKind{s.site}.want(s))
	}
	for _, want := range wanted {
		r := w[want.ID]
		r.Attrs = copied(r.Attrs)
		for path, a := range r.Attrs {
			if !slices.ContainsFunc(effects, func(e engine.Effect) bool { return strings.HasSuffix(a.Value, waiting(e)) }) {
				continue
			}
			delete(r.Attrs, path)
			if now, declared := want.Attrs[path]; declared {
				r.Attrs[path] = now
			}
			if slot, told := strings.CutPrefix(a.Reason, fileHas); told {
				r.Attrs[path] = engine.Attr{Value: slot, Effect: engine.Reload}
			}
		}
		w = w.With(r)
	}
	return w
}

func (s alterSystem) Run(ctx context.Context) error {
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	values := s.server.fileValues(dir)
	for name, n := range s.interim {
		values[name] = strconv.Itoa(n)
	}
	if s.slot != "" {
		values["primary_slot_name"] = s.slot
	}
	for _, name := range s.names {
		for _, sql := range alterStatements(s.server.describe(name), name, values) {
			if err := s.server.session.change(ctx, "set "+name, sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// alterStatements are what brings one setting to its wanted value, or back to what the server's other files say. An
// extension's setting that no loaded library knows is taken only where the session has it.
func alterStatements(known catalogue.Setting, name string, values map[string]string) []string {
	v, wanted := values[name]
	if !wanted {
		return []string{"ALTER SYSTEM RESET " + settingName(name)}
	}
	set := "ALTER SYSTEM SET " + settingName(name) + " = " + alterValue(known, v)
	if !strings.Contains(name, ".") {
		return []string{set}
	}
	return []string{"SELECT set_config(" + literal(name) + ", " + literal(v) + ", false)", set}
}

// settingName quotes the name of a setting: prefix.name is two identifiers.
func settingName(name string) string {
	prefix, rest, two := strings.Cut(name, ".")
	if !two {
		return ident(name)
	}
	return ident(prefix) + "." + ident(rest)
}
