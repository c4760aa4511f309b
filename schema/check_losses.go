package schema

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"pgrepl/schema/catalogue"
)

// checkLosses warns of settings that a server takes in silence, and that lose data or do not what they seem to.
func (d *decoder) checkLosses() {
	said := map[hcl.Range]bool{}
	for _, n := range d.cluster.Nodes {
		value := func(name string) string {
			if s, written := n.Settings[name]; written && !s.Sensitive && !s.Unset {
				return strings.TrimSpace(s.Value)
			}
			return ""
		}
		warn := func(c code, name, text, hint, detail string) {
			if at := d.settingAt[n.Settings[name].Origin]; !said[at] {
				said[at] = true
				d.warnf(c, at, "%s", text).hint(hint).detail("%s", detail)
			}
		}
		off := func(name string) bool {
			on, err := Canonical(catalogue.Setting{Type: "bool"}, value(name))
			return value(name) != "" && err == nil && on == "off"
		}
		if off("fsync") {
			warn(codeLoss, "fsync", "fsync = off: a crash of the machine destroys the cluster", "leave it out",
				"A standby of such a server is no safety either: it follows what was never written.")
		}
		if off("full_page_writes") {
			warn(codeLoss, "full_page_writes", "full_page_writes = off: a page that was half written at a crash stays broken", "leave it out", "")
		}
		if value("archive_command") != "" && value("archive_library") != "" && d.cluster.Version >= 16 {
			warn(codeSilent, "archive_library", "archive_command and archive_library are both set, and the server archives nothing", "leave one of them out",
				"Version 16 and later take no part of the two; WAL is kept until the disk is full.")
		}
		for _, name := range []string{"shared_preload_libraries", "session_preload_libraries", "local_preload_libraries"} {
			if text := value(name); text != "" && !strings.ContainsAny(text, `,"/`) && strings.ContainsAny(text, blanks) {
				warn(codeSilent, name, name+" is one library with blanks in its name", `write "`+strings.Join(strings.Fields(text), ", ")+`"`,
					"The server looks for a file of that name, and does not start without it.")
			}
		}
	}
}
