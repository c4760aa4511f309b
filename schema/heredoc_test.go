package schema

import (
	"strings"
	"testing"
)

// TestLongHeredocs: a heredoc that the parser does not see is what it would have made of it, places and all.
func TestLongHeredocs(t *testing.T) {
	for _, heredoc := range []string{
		"<<EOT\nhost all all samenet trst\nEOT\n",
		"<<EOT\nEOT\n",
		"<<-EOT\n    host all all samenet trst\n      hots all all\n\n  \n   local all all trust\n  EOT\n",
		"<<-EOT\n\n  hots all all\n  EOT\n",
		"<<-EOT\n\thots all all\n  \tlocal all all md4 # ü */ \\n $ % $$ {\n  EOT\n",
		"<<-EOT\n  \u00a0hots all all\n   \u0301hots all\n  EOT\n",
		"<<-E\n  hots all all\n  E\n",
		"<<EOT\n  hots all ${upper(\"x\")}\nEOT\n",
		"<<EOT\n  hots all $${x} %%{y}\nEOT\n",
		"<<EOT\n  hots ${upper(\"x\")} all $${ $ $$ %%{ /^a$\n${lower(<<E\nX\nE\n)} x ${1}${2}\nEOT\n",
		"<<-EOT\n    hots ${upper(\"x\")} all\n  ${lower(\"Y\")} x\n   /^db$\n\n  EOT\n",
		"<<-EOT\n  ö hots\n    hots all\n  EOT\n",
		"<<-EOT\n  hots ${~ 1 ~} all\n  hots\n  EOT\n",
		"<<-EOT\n  hots %{ if true } all %{ endif }\n  hots\n  EOT\n",
		"<<-EOT\n  hots ${upper( } all\n  hots\n  EOT\n",
		"<<-EOT\n  hots ${} all\n  hots\n  EOT\n",
		"<<-EOT\n  hots ${{a = 1}.b} all\n  hots ${[1,\n2][0]}\n  EOT\n",
		"[<<EOT\nhots all all\nEOT\n, \"hots\"]\n",
		"[\n<<-EOT\n  hots all all\n  EOT\n,\n\"hots\",\n]\n",
		"upper(<<EOT\nhots all all\nEOT\n)\n",
		"<<EOT\nhots all all\nEOT\n  labels = <<EOT\nx\nEOT\n",
		"<<EOT\nhots all all\n",
	} {
		text := "cluster \"demo\" {\n  hba = " + heredoc + "  imag = 1\n}\nmaster \"pg1\" { prt = 1 }\n"
		if got, want := withLongHeredocs(text, 0), withLongHeredocs(text, len(text)+1); got != want {
			t.Errorf("%s\nis\n%s\nto the parser\n%s", text, got, want)
		}
	}
	text := "cluster \"demo\" {\n  hba = <<EOT\n" + strings.Repeat("local all all peer\n", longHeredoc) + "EOT\n}\n"
	var r report
	if found, _ := r.sound([]byte(text), "t.hcl"); len(found) != 1 {
		t.Error("a long heredoc is left to the parser")
	}
}
