package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const explained = `
variable "image" { default = "postgres:16" }
cluster "%" {
  image = var.image
  settings = {
    max_connections = 50
    work_mem        = "8MB"
  }
}
role "app" {
  login            = true
  connection_limit = 3
}
master "%-a" {}
replica "r" {
  for_each = toset(["1"])
  name     = "%-b"
}
`

// explains fails unless what is said of an address, in any spacing, has all the parts. % stands for the prefix.
func (c *cluster) explains(address string, parts ...string) {
	c.t.Helper()
	address = strings.ReplaceAll(address, "%", c.prefix)
	r := c.want(0, "explain", address)
	said := strings.Join(strings.Fields(r.out), " ")
	for _, p := range parts {
		if p = strings.ReplaceAll(p, "%", c.prefix); !strings.Contains(said, p) {
			c.t.Errorf("explain %s has no %q:\n%s", address, p, r.out)
		}
	}
}

const pgdata = "/var/lib/postgresql/pgdata"

// TestExplain asks a living cluster for every way in which a value can have come to be.
func TestExplain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), explained)
	c.explains("master.%-a", "does not exist", "+ port none (default)")
	c.apply()
	reload := func(node string) { c.sql(node, "SELECT pg_reload_conf()") }

	c.sub("nothing differs", func(t *testing.T) {
		for _, address := range []string{"cluster", "master.%-a", `replica.r["1"]`, "replica.r", "role.app", "superuser", "network.%", "cluster.settings", "cluster.hba"} {
			address = strings.ReplaceAll(address, "%", c.prefix)
			contains(t, c.want(0, "explain", address).out, address+": matches\n")
		}
		c.explains("cluster.settings.work_mem", "settings on %-b declared 8MB, at pgrepl.hcl:7:5 live 8MB set by ALTER SYSTEM, which wrote "+pgdata+"/postgresql.auto.conf:",
			"a change reload: the server reads its files again (context user:", "the plan nothing: it matches")
		c.explains("role.app.connection_limit", "declared 3, at pgrepl.hcl:12:3 live 3 a change live: takes effect at once the plan nothing: it matches")
		c.explains("cluster.settings.jit", ": not declared", "settings on %-a, %-b declared nowhere live on set by nobody: it is the server's default", "the plan nothing: it is not declared")
		c.explains("master.%-a.settings.shared_memory_type", "set by nobody", "a change restart: the server stops and starts (context postmaster:")
		c.explains("master.%-a.settings.block_size", "live 8192", "a change is not possible (context internal:")
		c.explains(`replica.r["1"].settings.primary_conninfo`, "live (sensitive)")
		c.explains(`replica.r["1"].upstream`, "live %-a", "the plan nothing: it matches")
		c.explains("cluster.settings.synchronous_commit", "live on set by nobody: it is the server's default")
	})
	c.sub("ALTER SYSTEM by hand", func(t *testing.T) {
		c.sql("b", "ALTER SYSTEM SET work_mem = '99MB'")
		c.explains("replica.r.settings.work_mem", "live 8MB", "in files 99MB in "+pgdata+"/postgresql.auto.conf:", "waits 99MB, for a reload", "99MB (in the file, not in force) -> 8MB, which takes a reload")
		reload("b")
		c.explains("replica.r.settings.work_mem", "live 99MB set by ALTER SYSTEM, which wrote "+pgdata+"/postgresql.auto.conf:", "the plan 99MB -> 8MB, which takes a reload")
		c.explains("replica.r", "1 differs, ", "~ settings.work_mem 99MB -> 8MB reload pgrepl.hcl:7:5", "The plan %-b: ")
		c.explains("cluster.settings.work_mem", "1 differs, 1 matches")
		c.apply()
	})
	c.sub("the server's own file", func(t *testing.T) {
		c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "echo \"maintenance_work_mem = '77MB'\" >> "+pgdata+"/postgresql.conf")
		c.explains("master.%-a.settings.maintenance_work_mem", "live 64MB", "in files 77MB in "+pgdata+"/postgresql.conf:", "waits 77MB, for a reload", "the plan nothing: it is not declared")
		reload("a")
		line := strings.TrimSpace(c.docker("exec", c.name("a"), "sh", "-c", "wc -l < "+pgdata+"/postgresql.conf"))
		c.explains("master.%-a.settings.maintenance_work_mem", "live 77MB set by "+pgdata+"/postgresql.conf:"+line+" a change")
		c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "sed -i '$d' "+pgdata+"/postgresql.conf")
		c.explains("master.%-a.settings.maintenance_work_mem", "live 77MB", "waits the server's default, for a reload")
		reload("a")
	})
	c.sub("a role and a database have their own", func(t *testing.T) {
		c.sql("a", "ALTER ROLE app SET work_mem = '16MB'")
		c.sql("a", "ALTER DATABASE postgres SET work_mem = '32MB'")
		c.explains("cluster.settings.work_mem", "live 8MB", "32MB for everybody in database postgres", `others 16MB for role app, before what the files say (ALTER ROLE "app" RESET work_mem takes it away)`, "[PGR236]")
		c.explains("role.app.settings.work_mem", "declared nowhere live 16MB set by ALTER ROLE \"app\" SET work_mem", "the plan 16MB -> default")
		c.sql("a", "ALTER DATABASE postgres RESET work_mem")
		c.apply()
	})
	c.sub("pending restart", func(t *testing.T) {
		c.sql("a", "ALTER SYSTEM SET max_connections = 70")
		reload("a")
		c.explains("master.%-a.settings.max_connections", "live 50", "waits 70, for a restart", "a change restart: the server stops and starts (context postmaster:", "the plan 70 (in the file, not in force) -> 50, which takes a reload")
		c.apply()
		c.edit("max_connections = 50", "max_connections = 60")
		c.explains("cluster.settings.max_connections", "settings on %-a declared 60, at pgrepl.hcl:6:5 live 50", "the plan 50 -> 60, which takes a restart")
		c.edit("max_connections = 60", "max_connections = 50")
	})
	c.sub("a port", func(t *testing.T) {
		c.edit("master \"%-a\" {}", "master \"%-a\" {\n  port = 1\n}")
		c.explains("master.%-a.port", "declared 127.0.0.1:1, at pgrepl.hcl:15:3 live none a change recreate: a new container on the same data (fixed when a container is made)")
		c.edit("master \"%-a\" {\n  port = 1\n}", "master \"%-a\" {}")
	})
	c.sub("what is not declared", func(t *testing.T) {
		c.sql("a", "CREATE ROLE legacy LOGIN")
		c.explains("role.legacy", "role.legacy: not in the file, and not made by pgrepl", "login true")
		contains(t, c.want(64, "explain", "role.legcy").err, `there is no role.legcy in the file or in the cluster; did you mean "role.legacy"?`)
		contains(t, c.want(64, "explain", "role.legacy.loginn").err, "role.legacy has no loginn")
	})
	c.sub("as JSON", func(t *testing.T) {
		var doc struct {
			Format  string
			Objects []struct {
				Object, State string
				Attributes    []struct {
					Path     string
					Declared struct{ Value, Origin string }
					Live     struct{ Value string }
					SetBy    string `json:"set_by"`
					Effect   string
				}
			}
		}
		r := c.want(0, "explain", "cluster.settings.work_mem", "-o", "json")
		if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
			t.Fatal(err)
		}
		if a := doc.Objects[0].Attributes[0]; doc.Format != "pgrepl.explain/1" || len(doc.Objects) != 2 || a.Declared.Value != "8MB" || a.Declared.Origin != "pgrepl.hcl:7:5" || a.Live.Value != "8MB" ||
			!strings.HasPrefix(a.SetBy, "ALTER SYSTEM") || a.Effect != "reload" || doc.Objects[0].State != "matches" {
			t.Errorf("%s", r)
		}
	})
	c.sub("nodes that are stopped", func(t *testing.T) {
		c.docker("stop", c.name("b"))
		c.explains("replica.r.settings.work_mem", "not looked at (container is exited)", "declared 8MB, at pgrepl.hcl:7:5", "a change reload")
		c.explains("cluster.settings.work_mem", "1 not looked at, 1 matches", "settings on %-b declared 8MB, at pgrepl.hcl:7:5 live not looked at (container is exited)")
		c.explains("replica.r", "~ state exited -> running live", "settings on %-b not looked at (container is exited)", "The plan %-b: start")
		c.docker("stop", c.name("a"))
		c.explains("role.app", "role.app: not looked at (container is exited)", "connection_limit 3 live pgrepl.hcl:12:3")
		c.explains("master.%-a.port", "live none", "the plan nothing: it matches")
	})
	c.apply()
}

// TestExplainOfWhatWasMadeByHand: an argument of the container's command beats every file, and is named as what it is.
func TestExplainOfWhatWasMadeByHand(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.env = append(c.env, "PGREPL_VAR_superuser_password="+handSuper)
	before := c.lives()
	c.explains("master.%-master.settings.max_wal_size", "declared 2GB, at pgrepl.hcl:", "live 2GB set by an argument of the container's command, which beats every file (command line)",
		"a change recreate: a new container on the same data (given as an argument of its container")
	c.explains("master.%-master.settings.max_connections", "declared nowhere live 100 set by /var/lib/postgresql/data/postgresql.conf:")
	c.explains("replica.%-replica.settings.primary_conninfo", "live (sensitive) set by ALTER SYSTEM")
	for _, address := range []string{"master.%-master", "replica.%-replica"} {
		if r := c.want(0, "explain", strings.ReplaceAll(address, "%", c.prefix)); strings.Contains(fmt.Sprint(r), handReplicator) || strings.Contains(fmt.Sprint(r), handSuper) {
			t.Errorf("a password is told: %s", r)
		}
	}
	if c.lives() != before {
		t.Error("something was changed")
	}
}
