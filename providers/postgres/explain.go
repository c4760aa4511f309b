package postgres

import (
	"fmt"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// contexts say what the words of pg_settings.context mean, as the manual does (chapter "System Views", pg_settings).
var contexts = map[string]string{
	"internal":          "context internal: it cannot be changed directly, the server determines it",
	"postmaster":        "context postmaster: it can only be applied when the server starts",
	"sighup":            "context sighup: the files can change it without a restart, and nothing else can",
	"superuser-backend": "context superuser-backend: the files can change it without a restart; a session that runs keeps what it began with",
	"backend":           "context backend: the files can change it without a restart; a session that runs keeps what it began with",
	"superuser":         "context superuser: the files can change it without a restart; a session may have a value of its own, if its role is allowed to",
	"user":              "context user: the files can change it without a restart; any session may have a value of its own",
}

// LookAlsoFor has the next look ask for settings that the file does not name.
func (s *Site) LookAlsoFor(settings ...string) { s.lookFor = append(s.lookFor, settings...) }

// Account tells of a setting what no plan needs: who set it, and what every file says; nil for anything else.
func (s *Site) Account(id engine.ID, path string) *engine.Account {
	name, isSetting := strings.CutPrefix(path, settingPath)
	srv := s.server(id.On)
	switch {
	case isSetting && id.Kind == "role":
		a := engine.Account{Effect: engine.Live, Reason: "for sessions of the role that begin from then on"}
		if s.hasSet(id.Name, name) {
			a.SetBy = fmt.Sprintf("ALTER ROLE %s SET %s", ident(id.Name), name)
		}
		return &a
	case isSetting && id.Kind == "settings" && srv != nil:
		return srv.account(name)
	}
	return nil
}

// hasSet reports whether a role was seen to have a value of its own.
func (s *Site) hasSet(role, name string) bool {
	return slices.ContainsFunc(s.primary().seen.live.Shadows, func(sh shadow) bool {
		return sh.Role == role && sh.Database == "" && sh.Name == name
	})
}

func (s *server) account(name string) *engine.Account {
	known, want := s.describe(name), s.settings()[name]
	a := engine.Account{Reason: contexts[known.Context]}
	if known.Context != "internal" {
		a.Effect = effectOf(known)
	}
	if s.seen.reach != up {
		return &a
	}
	show := s.discreet(name, known, want)
	for _, f := range s.seen.live.Files {
		if f.Name == name && f.File != "" {
			a.Places = append(a.Places, engine.Place{File: f.File, Line: f.Line, Value: show(f.Value)})
		}
	}
	if live, exists := s.seen.live.Settings[name]; exists {
		a.InForce, a.SetBy = orDefault(show(s.ofServer(name, live)), "''"), s.setBy(name, live)
		a.Waits = s.waits(name, known, live, show)
		if s.argued(name, live) {
			a.Effect, a.Reason = engine.Recreate, "given as an argument of its container, which no file and no restart changes"
		}
	}
	a.Others = s.site.others(name, show)
	return &a
}

// discreet is how the values of a setting are shown: not at all where they are or may hold a secret.
func (s *server) discreet(name string, known catalogue.Setting, want schema.Setting) func(string) string {
	if want.Sensitive || name == "primary_conninfo" {
		return func(string) string { return schema.Hidden }
	}
	return func(v string) string { return shown(known, v) }
}

// ofServer is the value that the server has for whoever brings none along. What our own role or connection has instead shows
// in reset_val; what our session has set does not.
func (s *server) ofServer(name string, l liveSetting) string {
	if !shadowed(l) || l.Source == "session" {
		return l.Reset
	}
	if f, written := s.lastPlace(name); written {
		return f.Value
	}
	return l.Boot
}

// lastPlace is the line of the server's files that counts for a setting.
func (s *server) lastPlace(name string) (fileSetting, bool) {
	for _, f := range slices.Backward(s.seen.live.Files) {
		if f.Name == name && f.File != "" {
			return f, true
		}
	}
	return fileSetting{}, false
}

// setBy says who set the value that is in force (pg_settings.source).
func (s *server) setBy(name string, l liveSetting) string {
	switch {
	case s.argued(name, l):
		return "an argument of the container's command, which beats every file (command line)"
	case shadowed(l):
		if f, written := s.lastPlace(name); written {
			return inFile(f.File, f.Line)
		}
		return builtIn
	case l.File != "":
		return inFile(l.File, l.Line)
	}
	if word, known := sources[l.Source]; known {
		return word
	}
	return l.Source
}

const builtIn = "nobody: it is the server's default"

// sources put into words where a value comes from that is in no file.
var sources = map[string]string{
	"default":              builtIn,
	"override":             "the server itself: it follows from other values, or from how the data was made (override)",
	"command line":         "an argument of the server's command, which beats every file (command line)",
	"environment variable": "the environment of the server (environment variable)",
}

func inFile(file string, line int) string {
	if strings.HasSuffix(file, autoConfFile) {
		return fmt.Sprintf("ALTER SYSTEM, which wrote %s:%d; pgrepl keeps there what is declared", file, line)
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// waits says what the files have that is not in force, "" where they agree with what is.
func (s *server) waits(name string, known catalogue.Setting, l liveSetting, show func(string) string) string {
	f, written := s.lastPlace(name)
	word := string(effectOf(known))
	switch {
	case s.argued(name, l), l.Source == "command line", shadowed(l) && l.Source != "session":
		return ""
	case written && !equalSetting(known, f.Value, l.Reset) && !computes(known, l, f.Value):
		return fmt.Sprintf("%s, for a %s", show(f.Value), word)
	case !written && (l.Pending || l.File != ""):
		return fmt.Sprintf("the server's default, for a %s", word)
	}
	return ""
}

// others are the values that roles, and whoever is in a database, have instead (ALTER ROLE, ALTER DATABASE … SET).
func (s *Site) others(name string, show func(string) string) []string {
	var out []string
	for _, sh := range s.primary().seen.live.Shadows {
		if sh.Name != name {
			continue
		}
		value, by := show(sh.Value), sh.reset()+" takes it away"
		if declared, is := s.declaredFor(sh); is {
			by = "its role declares it"
			if declared.Sensitive {
				value = schema.Hidden
			}
		}
		out = append(out, fmt.Sprintf("%s for %s, before what the files say (%s)", value, sh.whose(), by))
	}
	return out
}
