package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// describe writes a model for golden files: every field that is not empty, references as addresses.
func describe(c *Cluster) string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %s%s\n", c.Name, fields(reflect.ValueOf(*c)))
	describeAll(&b, c.Networks)
	describeAll(&b, c.Nodes)
	describeAll(&b, c.Roles)
	describeAll(&b, c.Slots)
	describeAll(&b, c.Databases)
	describeAll(&b, c.Apps)
	return b.String()
}

func describeAll[T any](b *strings.Builder, objects []*T) {
	for _, o := range objects {
		v := reflect.ValueOf(o).Elem()
		head := v.FieldByName("Object").Interface().(Object)
		implied := ""
		if head.Implied {
			implied = " implied"
		}
		fmt.Fprintf(b, "%s %q %s%s%s\n", head.Address, head.Name, head.Origin, implied, fields(v))
	}
}

func fields(v reflect.Value) string {
	var b strings.Builder
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		if f.IsZero() || !v.Type().Field(i).IsExported() || slices.Contains([]string{"Object", "Origin", "Name", "File", "Written", "Networks", "Nodes", "Roles", "Slots", "Databases", "Apps"}, name) {
			continue
		}
		if text := plainText(f.Interface()); text != "" {
			fmt.Fprintf(&b, "\n  %s %s", name, text)
		}
	}
	return b.String()
}

func plainText(v any) string {
	switch v := v.(type) {
	case *Network:
		return v.Address.String()
	case *Node:
		return v.Address.String()
	case *Role:
		return v.Address.String()
	case *Slot:
		return v.Address.String()
	case *Build:
		return v.Folder + " " + pairs(v.Args, func(s string) string { return s })
	case []Reach:
		var out []string
		for _, r := range v {
			out = append(out, fmt.Sprintf("%s as %s to %s (%s)", r.Node.Address, r.Role.Address, r.Database.Address, r.Path))
		}
		return strings.Join(out, ", ")
	case Secret:
		return secretText(v)
	case Superuser:
		return v.Name + " " + secretText(v.Password)
	case *Synchronous:
		var names []string
		for _, n := range v.Replicas {
			names = append(names, n.Address.String())
		}
		return fmt.Sprintf("%s %d of %s", v.Mode, v.Count, strings.Join(names, ", "))
	case Monitor:
		return monitorText(v)
	case Initdb:
		return fmt.Sprintf("locale=%q encoding=%s checksums=%t segsize=%d", v.Locale, v.Encoding, v.DataChecksums, v.WalSegsize)
	case map[string]Secret:
		return pairs(v, secretText)
	case map[string]string:
		return pairs(v, func(s string) string { return s })
	case map[string]Setting:
		return pairs(v, settingText)
	case []HBALine:
		var lines []string
		for _, l := range v {
			lines = append(lines, fmt.Sprintf("%s (%d:%d)", l.Text, l.Origin.Line, l.Origin.Column))
		}
		return "\n    " + strings.Join(lines, "\n    ")
	}
	return fmt.Sprint(v)
}

// monitorText says nothing of the limits of a file that has none.
func monitorText(m Monitor) string {
	if m.Origin == (Origin{}) {
		return ""
	}
	role := "itself"
	if m.Role != nil {
		role = m.Role.Address.String()
	}
	return fmt.Sprintf("lag %d %d, time %s %s, slot %d %d, as %s", m.LagWarning, m.LagCritical, m.LagTimeWarning, m.LagTimeCritical, m.SlotWarning, m.SlotCritical, role)
}

func secretText(s Secret) string {
	switch {
	case s.IsSet():
		return "set from " + s.Source()
	case s.IsUnset():
		return "unset from " + s.Source()
	}
	return "none"
}

func settingText(s Setting) string {
	switch {
	case s.Unset:
		return "unset"
	case s.Sensitive:
		return Hidden
	}
	return s.Value
}

func pairs[T any](m map[string]T, show func(T) string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+show(m[k]))
	}
	return strings.Join(out, " ")
}
