package e2e

import (
	"strings"
	"testing"
)

// TestServerHasTheLastWord: values that only the server can judge are refused before anything moves, all at once, each at its line;
// asking leaves no trace in what the session works with.
func TestServerHasTheLastWord(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.edit("cluster \"%\" { image = var.image }", `cluster "%" {
  image = var.image
  settings = {
    lc_messages                = "xx_YY.nope"
    default_text_search_config = "nope"
    statement_timeout          = 1
    work_mem                   = "8MB"
  }
}
role "app" {
  login = true
  settings = {
    default_text_search_config = "none_either"
    search_path                = "app, public"
  }
}`)
	r := c.want(1, "plan")
	for _, part := range []string{":6:", ":7:", ":15:"} {
		contains(t, r.err, "pgrepl.hcl"+part)
	}
	contains(t, r.err, "lc_messages", "default_text_search_config", "of role.app", "[PGR270]")
	if n := strings.Count(r.err, "[PGR270]"); n != 3 {
		t.Errorf("%d values are refused:\n%s", n, r)
	}
	c.want(1, "apply", "--auto-approve")
	c.edit("    lc_messages                = \"xx_YY.nope\"\n    default_text_search_config = \"nope\"\n    statement_timeout          = 1\n", "    default_text_search_config = \"english\"\n")
	c.edit("none_either", "german")
	c.apply()
	c.silent("PGR270")
}
