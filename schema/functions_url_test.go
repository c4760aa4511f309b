package schema

import (
	"net/url"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"
)

const urls = `
variable "password" { sensitive = true }
cluster "demo" {}
role "app" {
  login    = true
  name     = "the app"
  password = var.password
}
role "plain" { login = true }
database "shop" { name = "shop/1" }
master "pg1" {
  env = {
    APP   = url(master.pg1, role.app, database.shop)
    PLAIN = url(replica.pg2, role.plain, database.shop)
  }
}
replica "pg2" {}
`

// TestURL holds that whatever the password is made of, a reader of the URL gets it back (in the normal form of Unicode that
// every string of the language has, and that a login makes of it as well: SASLprep).
func TestURL(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringN(1, 40, -1).Filter(func(s string) bool {
			for _, c := range s {
				if c == 0 || c == '\n' || c == '\r' {
					return false
				}
			}
			return true
		}).Draw(t, "password")
		c, diags := loadText(urls, "PGREPL_VAR_password="+password)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		env := c.Primary().Env
		u, err := url.Parse(env["APP"].Reveal())
		if err != nil {
			t.Fatal(err)
		}
		got, _ := u.User.Password()
		if got != cty.NormalizeString(password) || u.User.Username() != "the app" || u.Host != "pg1:5432" || u.Path != "/shop/1" || u.EscapedPath() != "/shop%2F1" {
			t.Errorf("%q gives %s", password, u)
		}
	})
	c, _ := loadText(urls)
	env := c.Primary().Env
	if got := env["PLAIN"].Reveal(); got != "postgresql://plain@pg2:5432/shop%2F1" {
		t.Errorf("without a password: %s", got)
	}
	if app := env["APP"]; !app.IsUnset() || app.Source() != "url(master.pg1, role.app, database.shop)" {
		t.Errorf("without a value for the variable: unset %v, from %s", app.IsUnset(), app.Source())
	}
}
