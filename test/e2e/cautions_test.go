package e2e

import (
	"strings"
	"testing"
	"time"
)

const careless = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image = var.image
}
master "%-a" {
  stop_timeout = 45
}
replica "%-b" {
  settings = { hot_standby_feedback = true }
}
replica "%-c" {
  delay    = "1h"
  settings = { hot_standby_feedback = true }
}
`

// TestCautions lets each caution be given by a real cluster, and no more when its cause is gone.
func TestCautions(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), careless)
	c.apply()
	given := func(code string, want bool) {
		c.t.Helper()
		if out := c.want(0, "plan").out; strings.Contains(out, code) != want {
			c.t.Errorf("%s is said: %t\n%s", code, !want, out)
		}
	}
	c.sub("PGR206 a master that is killed before it lets go of a standby", func(t *testing.T) {
		given("PGR206", true)
		c.edit("  stop_timeout = 45\n", "")
		given("PGR206", false)
		c.apply()
	})
	c.sub("PGR207 a delayed replica with feedback", func(t *testing.T) {
		given("PGR207", true)
		c.edit("  delay    = \"1h\"\n", "")
		given("PGR207", false)
		c.apply()
	})
	c.sub("PGR245 a master without a connection for superusers", func(t *testing.T) {
		given("PGR245", false)
		c.edit("master \"%-a\" {\n", "master \"%-a\" {\n  settings = { superuser_reserved_connections = 0 }\n")
		given("PGR245", true)
		c.apply()
		given("PGR245", true)
		c.edit("  settings = { superuser_reserved_connections = 0 }\n", "")
		given("PGR245", false)
		c.apply()
	})
	c.sub("PGR204 a slot that keeps dead rows", func(t *testing.T) {
		for end := time.Now().Add(time.Minute); c.sql("a", "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE '%b' AND xmin IS NOT NULL") != "1"; time.Sleep(time.Second) {
			if time.Now().After(end) {
				t.Fatal("the standby does not say what it still sees")
			}
		}
		given("PGR204", false)
		c.docker("stop", c.name("b"))
		contains(t, c.want(0, "plan").out, "keeps dead rows from being vacuumed, and nothing reads it", "[PGR204]")
		c.apply()
		given("PGR204", false)
	})
	c.sub("PGR205 a collation of another version", func(t *testing.T) {
		given("PGR205", false)
		c.sql("a", "CREATE DATABASE words TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
		given("PGR205", false)
		c.sql("a", "UPDATE pg_database SET datcollversion = '0.1' WHERE datname = 'words'")
		contains(t, c.want(0, "plan").out, "database words was made with collation version 0.1", "[PGR205]")
		c.sql("a", "ALTER DATABASE words REFRESH COLLATION VERSION")
		c.settled()
		given("PGR205", false)
	})
}
