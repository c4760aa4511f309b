package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Facts refuses a bootstrap superuser of another name than the one that is there, and memberships in what does not exist.
func (k roleKind) Facts(_, _ engine.Snapshot) []engine.Fact {
	return append(k.otherSuperuser(), k.missingGroups()...)
}

// otherSuperuser holds the name that the file gives the bootstrap superuser against the one that initdb gave it: it owns what
// every database begins with, and the server does not let it go.
func (k roleKind) otherSuperuser() []engine.Fact {
	var out []engine.Fact
	want := k.file.Superuser
	at := want.Origin
	if at == (schema.Origin{}) {
		at = k.file.Origin
	}
	for _, r := range k.primary().seen.live.Roles {
		if !r.Bootstrap || r.Name == want.Name {
			continue
		}
		out = append(out, engine.Fact{Code: "PGR224", On: roleID(want.Name), Addr: engine.Address{Block: "superuser"}, Origin: origin(at),
			Text:   fmt.Sprintf("the superuser of this cluster is %q, the file says %q", r.Name, want.Name),
			Detail: "initdb made it, and it owns what every database begins with: it can be renamed, and never dropped",
			Next:   fmt.Sprintf("write `name = %q` in the superuser block; another superuser is a role with `superuser = true`", r.Name)})
	}
	return out
}

// predefined are the roles that a server of a version has from the beginning. Nobody can make others: the prefix pg_ is reserved.
func predefined(version int) []string {
	out := []string{"pg_checkpoint", "pg_database_owner", "pg_execute_server_program", "pg_monitor", "pg_read_all_data", "pg_read_all_settings", "pg_read_all_stats",
		"pg_read_server_files", "pg_signal_backend", "pg_stat_scan_tables", "pg_write_all_data", "pg_write_server_files"}
	for since, names := range map[int][]string{
		16: {"pg_create_subscription", "pg_use_reserved_connections"},
		17: {"pg_maintain"},
		18: {"pg_signal_autovacuum_worker"},
	} {
		if version >= since {
			out = append(out, names...)
		}
	}
	slices.Sort(out)
	return out
}

// missingGroups finds roles that are to be members of what is neither declared nor there.
func (k roleKind) missingGroups() []engine.Fact {
	if reach := k.primary().seen.reach; reach != up && reach != absent {
		return nil
	}
	known := map[string]bool{}
	for _, name := range predefined(k.file.Version) {
		known[name] = true
	}
	for _, r := range k.roles() {
		known[r.Name] = true
	}
	for _, r := range k.primary().seen.live.Roles {
		known[r.Name] = true
	}
	var out []engine.Fact
	for _, r := range k.file.Roles {
		for _, group := range r.MemberOf {
			if known[group] {
				continue
			}
			f := engine.Fact{Code: "PGR261", On: roleID(r.Name), Path: "member_of", Addr: address(r.Address), Origin: origin(r.At("member_of")),
				Text: fmt.Sprintf("%s is to be a member of %q, and there is no such role", address(r.Address), group),
				Next: "declare it (role \"" + group + "\" {}), or name one that is there"}
			if strings.HasPrefix(group, "pg_") {
				f.Next = fmt.Sprintf("PostgreSQL %d has %s", k.file.Version, strings.Join(predefined(k.file.Version), ", "))
			}
			if near := schema.Nearest(group, slices.Collect(maps.Keys(known))); near != "" {
				f.Next = fmt.Sprintf("did you mean %q?", near)
			}
			out = append(out, f)
		}
	}
	return out
}
