package postgres

import (
	"fmt"

	"pgrepl/engine"
	"pgrepl/schema"
)

// shadowFacts are the declared settings that some sessions do not get, because their role or their database has another value
// (chapter "Parameter Interaction via SQL"). What a role block declares itself is meant so.
func (s *server) shadowFacts() []engine.Fact {
	if s.seen.reach != up {
		return nil
	}
	var out []engine.Fact
	for _, sh := range s.seen.live.Shadows {
		v, declared := s.node.Settings[sh.Name]
		if !declared && sh.waitsForNobody() && s.site.file.Synchronous != nil { // which says that commits wait
			v, declared = schema.Setting{Value: "on", Origin: s.site.file.Synchronous.Origin}, true
		}
		if !declared || v.Sensitive || s.site.meansSo(sh) || equalSetting(s.describe(sh.Name), v.Value, sh.Value) {
			continue
		}
		out = append(out, engine.Fact{Code: "PGR236", On: settingsID(s.node.Name), Path: settingPath + sh.Name, Addr: engine.Address{Block: "cluster"}, Origin: origin(v.Origin),
			Text:   fmt.Sprintf("%s is %s for %s, whatever the file says", sh.Name, shown(s.describe(sh.Name), sh.Value), sh.whose()),
			Detail: "a value of the role or the database comes before the server's files",
			Next:   fmt.Sprintf("take it away (%s), or declare it in the role's settings", sh.reset())})
	}
	return out
}

// waitsForNobody reports whether commits with the setting return before any standby has them.
func (sh shadow) waitsForNobody() bool {
	return sh.Name == "synchronous_commit" && (sh.Value == "local" || isOff(sh.Value))
}

// meansSo reports whether the file itself gives the role the setting.
func (s *Site) meansSo(sh shadow) bool {
	_, declared := s.declaredFor(sh)
	return declared
}

// declaredFor is what the file itself gives the role of the setting.
func (s *Site) declaredFor(sh shadow) (schema.Setting, bool) {
	for _, r := range s.file.Roles {
		if v, declared := r.Settings[sh.Name]; declared && r.Name == sh.Role && sh.Database == "" {
			return v, true
		}
	}
	return schema.Setting{}, false
}

func (sh shadow) whose() string {
	switch {
	case sh.Database == "":
		return "role " + sh.Role
	case sh.Role == "":
		return "everybody in database " + sh.Database
	}
	return "role " + sh.Role + " in database " + sh.Database
}

func (sh shadow) reset() string {
	switch {
	case sh.Database == "":
		return fmt.Sprintf("ALTER ROLE %s RESET %s", ident(sh.Role), sh.Name)
	case sh.Role == "":
		return fmt.Sprintf("ALTER DATABASE %s RESET %s", ident(sh.Database), sh.Name)
	}
	return fmt.Sprintf("ALTER ROLE %s IN DATABASE %s RESET %s", ident(sh.Role), ident(sh.Database), sh.Name)
}
