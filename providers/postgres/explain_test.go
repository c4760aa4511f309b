package postgres

import (
	"fmt"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/schema"
)

// argued is a machine whose container gives settings as arguments.
type argued struct {
	Machine
	names []string
}

func (m argued) Arguments() []string { return m.names }

// TestAccount holds what is said of one setting, for each way in which a server can have got its value.
func TestAccount(t *testing.T) {
	const file = `cluster "c" {
  settings = {
    work_mem           = "8MB"
    max_connections    = 200
    synchronous_commit = "on"
    log_min_messages   = sensitive("fatal")
  }
}
role "app" {
  settings = { jit = "off" }
}
master "c-1" {}
replica "c-2" {}
`
	const auto, conf = "/data/postgresql.auto.conf", "/data/postgresql.conf"
	memory := func(reset, source string) liveSetting {
		return liveSetting{Reset: reset, Boot: "4096", Type: "integer", Unit: "kB", Context: "user", Source: source}
	}
	from := func(l liveSetting, file string, line int) liveSetting {
		l.File, l.Line = file, line
		return l
	}
	connections := liveSetting{Reset: "100", Boot: "100", Type: "integer", Context: "postmaster", Source: "configuration file", File: conf, Line: 64}
	for _, c := range []struct {
		about, name string
		live        liveSetting
		files       []fileSetting
		shadows     []shadow
		byHand      bool
		want        string
	}{
		{"written by ALTER SYSTEM", "work_mem", from(memory("8192", "configuration file"), auto, 3), []fileSetting{{File: auto, Line: 3, Name: "work_mem", Value: "8MB", Applied: true}}, nil, false,
			"8MB | ALTER SYSTEM, which wrote /data/postgresql.auto.conf:3; pgrepl keeps there what is declared | 8MB in /data/postgresql.auto.conf:3 | | | reload user"},
		{"in the server's own file", "work_mem", from(memory("65536", "configuration file"), conf, 130), []fileSetting{{File: conf, Line: 130, Name: "work_mem", Value: "64MB", Applied: true}}, nil, false,
			"64MB | /data/postgresql.conf:130 | 64MB in /data/postgresql.conf:130 | | | reload user"},
		{"in two files, and the last is not read", "work_mem", from(memory("65536", "configuration file"), conf, 130),
			[]fileSetting{{File: conf, Line: 130, Name: "work_mem", Value: "64MB"}, {File: auto, Line: 3, Name: "work_mem", Value: "8MB", Applied: true}}, nil, false,
			"64MB | /data/postgresql.conf:130 | 64MB in /data/postgresql.conf:130, 8MB in /data/postgresql.auto.conf:3 | 8MB, for a reload | | reload user"},
		{"pending restart", "max_connections", connections, []fileSetting{{File: auto, Line: 4, Name: "max_connections", Value: "200", Error: "setting could not be applied"}}, nil, false,
			"100 | /data/postgresql.conf:64 | 200 in /data/postgresql.auto.conf:4 | 200, for a restart | | restart postmaster"},
		{"taken out of the files and still in force", "work_mem", from(memory("65536", "configuration file"), conf, 130), nil, nil, false,
			"64MB | /data/postgresql.conf:130 | | the server's default, for a reload | | reload user"},
		{"the default", "work_mem", memory("4096", "default"), nil, nil, false,
			"4MB | nobody: it is the server's default | | | | reload user"},
		{"an argument of a container made by hand", "max_connections", liveSetting{Reset: "77", Boot: "100", Type: "integer", Context: "postmaster", Source: "command line", Pending: true},
			[]fileSetting{{File: conf, Line: 64, Name: "max_connections", Value: "100"}}, nil, true,
			"77 | an argument of the container's command, which beats every file (command line) | 100 in /data/postgresql.conf:64 | | | recreate given"},
		{"a role has its own", "work_mem", memory("4096", "default"), nil, []shadow{{Role: "app", Name: "work_mem", Value: "16MB"}, {Database: "shop", Name: "work_mem", Value: "1GB"}}, false,
			`4MB | nobody: it is the server's default | | | 16MB for role app, before what the files say (ALTER ROLE "app" RESET work_mem takes it away); 1GB for everybody in database shop, before what the files say (ALTER DATABASE "shop" RESET work_mem takes it away) | reload user`},
		{"a role's block says so", "jit", liveSetting{Reset: "on", Boot: "on", Type: "bool", Context: "user", Source: "default"}, nil, []shadow{{Role: "app", Name: "jit", Value: "off"}}, false,
			"on | nobody: it is the server's default | | | off for role app, before what the files say (its role declares it) | reload user"},
		{"our own session has another", "synchronous_commit", liveSetting{Reset: "on", Boot: "on", Type: "enum", Enum: []string{"local", "on"}, Context: "user", Source: "session"},
			[]fileSetting{{File: auto, Line: 5, Name: "synchronous_commit", Value: "on", Applied: true}}, nil, false,
			"on | ALTER SYSTEM, which wrote /data/postgresql.auto.conf:5; pgrepl keeps there what is declared | on in /data/postgresql.auto.conf:5 | | | reload user"},
		{"our own role has another", "work_mem", memory("1024", "user"), []fileSetting{{File: auto, Line: 3, Name: "work_mem", Value: "8MB", Applied: true}}, nil, false,
			"8MB | ALTER SYSTEM, which wrote /data/postgresql.auto.conf:3; pgrepl keeps there what is declared | 8MB in /data/postgresql.auto.conf:3 | | | reload user"},
		{"a secret", "log_min_messages", liveSetting{Reset: "panic", Boot: "warning", Type: "enum", Enum: []string{"fatal", "panic", "warning"}, Context: "superuser", Source: "configuration file", File: auto, Line: 6},
			[]fileSetting{{File: auto, Line: 6, Name: "log_min_messages", Value: "panic", Applied: true}}, []shadow{{Role: "app", Name: "log_min_messages", Value: "fatal"}}, false,
			`(sensitive) | ALTER SYSTEM, which wrote /data/postgresql.auto.conf:6; pgrepl keeps there what is declared | (sensitive) in /data/postgresql.auto.conf:6 | | (sensitive) for role app, before what the files say (ALTER ROLE "app" RESET log_min_messages takes it away) | reload superuser`},
		{"a password", "primary_conninfo", liveSetting{Reset: "password=secret", Type: "string", Context: "sighup", Source: "configuration file", File: auto, Line: 9}, nil, nil, false,
			"(sensitive) | ALTER SYSTEM, which wrote /data/postgresql.auto.conf:9; pgrepl keeps there what is declared | | the server's default, for a reload | | reload sighup"},
		{"what the server determines", "block_size", liveSetting{Reset: "8192", Boot: "8192", Type: "integer", Context: "internal", Source: "default"}, nil, nil, false,
			"8192 | nobody: it is the server's default | | | | internal"},
	} {
		t.Run(c.about, func(t *testing.T) {
			loaded, diags := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) { return []byte(file), nil }})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			var m argued
			if c.byHand {
				m.names = []string{c.name}
			}
			site := NewSite(loaded, func(*schema.Node) Machine { return m }, nil)
			p := site.primary()
			p.seen = look{reach: up, byHand: c.byHand, live: live{Settings: map[string]liveSetting{c.name: c.live}, Files: c.files, Shadows: c.shadows}}
			if got := told(site.Account(settingsID("c-1"), settingPath+c.name)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// told is an account in one line; of the reason, the word of pg_settings.context.
func told(a *engine.Account) string {
	var places []string
	for _, p := range a.Places {
		places = append(places, fmt.Sprintf("%s in %s:%d", p.Value, p.File, p.Line))
	}
	reason, _, _ := strings.Cut(strings.TrimPrefix(a.Reason, "context "), ":")
	reason, _, _ = strings.Cut(reason, " ")
	text := strings.Join([]string{a.InForce, a.SetBy, strings.Join(places, ", "), a.Waits, strings.Join(a.Others, "; "), string(a.Effect) + " " + reason}, " | ")
	return strings.Join(strings.Fields(text), " ")
}

func TestAccountOfARolesSetting(t *testing.T) {
	loaded, _ := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) {
		return []byte("cluster \"c\" {}\nmaster \"c-1\" {}\n"), nil
	}})
	site := NewSite(loaded, func(*schema.Node) Machine { return argued{} }, nil)
	site.primary().seen = look{reach: up, live: live{Shadows: []shadow{{Role: "app", Name: "jit", Value: "off"}, {Role: "app", Database: "shop", Name: "geqo", Value: "off"}}}}
	if got, want := told(site.Account(roleID("app"), "settings.jit")), `| ALTER ROLE "app" SET jit | | | | live for`; got != want {
		t.Errorf("%q, wanted %q", got, want)
	}
	if by := site.Account(roleID("app"), "settings.geqo").SetBy; by != "" {
		t.Errorf("what the role has in one database only is told of it everywhere: %s", by)
	}
}

// TestAccountOfWhatIsNotLookedAt: the catalogue knows what a change takes, and nothing else is known.
func TestAccountOfWhatIsNotLookedAt(t *testing.T) {
	loaded, _ := schema.Load(schema.Options{Path: "pgrepl.hcl", ReadFile: func(string) ([]byte, error) {
		return []byte("cluster \"c\" {}\nmaster \"c-1\" {}\n"), nil
	}})
	site := NewSite(loaded, func(*schema.Node) Machine { return argued{} }, nil)
	site.primary().seen.reach = down
	if got, want := told(site.Account(settingsID("c-1"), "settings.shared_buffers")), "| | | | | restart postmaster"; got != want {
		t.Errorf("%q, wanted %q", got, want)
	}
	for _, id := range []engine.ID{serverID("c-1"), settingsID("other")} {
		if site.Account(id, "settings.shared_buffers") != nil {
			t.Errorf("%s has an account", id)
		}
	}
}
