package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stranger is a file that no code was written for: other names, another superuser, a cascade of three, and every block
// of the language.
const stranger = `
variable "image" { default = "postgres:16" }
variable "secret" {
  sensitive = true
  default   = "a secret with : and \\ and ' and ü"
}
cluster "%" {
  image = var.image
  superuser { name = "chief" }
  initdb { data_checksums = false }
  settings = {
    work_mem                         = "8MB"
    shared_preload_libraries         = "auto_explain"
    "auto_explain.log_min_duration"  = "5s"
    log_line_prefix                  = "%%m it's \\ [%%p] "
  }
  labels = { team = "dba" }
}
network "office" { name = "%-office" }
role "copier" {
  login       = true
  replication = true
  password    = var.secret
}
role "shopkeeper" {
  login            = true
  password         = var.secret
  connection_limit = 7
  valid_until      = "2038-01-01 12:00:00+02"
  member_of        = [role.readers, "pg_monitor"]
  settings         = { search_path = "shop, public" }
}
role "readers" {}
database "shop" { owner = role.shopkeeper }
slot "archiver" {}
master "%-top" {
  stop_timeout = 60
  shm_size     = "128MB"
}
replica "%-mid" {
  memory = "512MB"
  cpus   = 1
}
replica "%-low" {
  upstream = replica.%-mid
  settings = { work_mem = "16MB" }
}
replica "%-last" {
  upstream = replica.%-low
  volume   = "%-other-volume"
  delay    = "1s"
}
`

func TestAFileNobodyWroteTheCodeFor(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, image string) {
		c := newCluster(t, image, strings.ReplaceAll(stranger, "%%", "{percent}"))
		c.edit("{percent}", "%%")
		c.edit("%%", "%")
		c.apply()
		for _, standby := range []string{"mid", "low"} {
			c.replicated("top", standby)
		}
		for query, want := range map[string]string{
			"SHOW work_mem": "8MB",
			"SELECT rolsuper FROM pg_roles WHERE rolname = 'chief'":          "t",
			"SHOW shared_preload_libraries":                                  "auto_explain",
			"SHOW auto_explain.log_min_duration":                             "5s",
			"SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shopkeeper'": "7",
			"SELECT string_agg(roleid::regrole::text, ' ' ORDER BY roleid::regrole::text) FROM pg_auth_members WHERE member = 'shopkeeper'::regrole": "pg_monitor readers",
			"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'":                                                                 "shopkeeper",
			"SELECT slot_type FROM pg_replication_slots WHERE slot_name = 'archiver'":                                                                "physical",
		} {
			if got := c.sql("top", query); got != want {
				t.Errorf("%s: %q, wanted %q", query, got, want)
			}
		}
		if got := c.sql("low", "SHOW work_mem"); got != "16MB" {
			t.Errorf("work_mem of low: %s", got)
		}
		if got := c.docker("inspect", "-f", `{{index .Config.Labels "team"}}`, c.name("top")); got != "dba" {
			t.Errorf("label team: %q", got)
		}
	})
}

// TestLayouts starts from images that are made differently: with an entrypoint and a VOLUME of their own, and without bash.
func TestLayouts(t *testing.T) {
	for _, layout := range []string{"official", "small"} {
		for _, v := range []int{17, 18} {
			t.Run(fmt.Sprint(layout, v), func(t *testing.T) {
				img, ok := image(t, v, layout)
				if !ok {
					t.Fatalf("no image of PostgreSQL %d in layout %s", v, layout)
				}
				c := newCluster(t, img, small)
				before := c.nameless()
				c.apply()
				c.docker("restart", c.name("b"))
				c.want(0, "apply", "--auto-approve")
				c.settled()
				c.want(0, "destroy", "--auto-approve", "--allow=data")
				for _, v := range c.nameless() {
					if !slices.Contains(before, v) {
						t.Errorf("a nameless volume was left behind: %s", v)
					}
				}
			})
		}
	}
}

// nameless are the volumes that Docker made for an image's own VOLUME and that no container has any more.
func (c *cluster) nameless() []string {
	c.t.Helper()
	return regexp.MustCompile("(?m)^[0-9a-f]{64}$").FindAllString(c.docker("volume", "ls", "-q", "--filter", "dangling=true"), -1)
}

// TestExamples makes each of them, and no rule has anything to say about it, neither before nor after.
func TestExamples(t *testing.T) {
	t.Parallel()
	for example, on := range map[string][]int{"quickstart": versions, "fleet": versions, "sync": someVersions(15, 16, 18, 17), "infra-repo": someVersions(15, 16, 18, 17)} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("../../examples/" + example + "/pgrepl.hcl")
			if err != nil {
				t.Fatal(err)
			}
			onVersions(t, on, func(t *testing.T, image string) {
				c := newCluster(t, image, prefixed(string(text)))
				c.env = append(c.env, "PGREPL_VAR_app_password=test")
				c.silent("PGR")
				c.apply()
				c.silent("PGR")
				c.want(0, "destroy", "--auto-approve", "--allow=data")
				c.nothingLeft()
			})
		})
	}
}

// TestExampleAsync runs under its real names: they are the point of it. Where they are taken it says so and fails.
func TestExampleAsync(t *testing.T) {
	eachVersion(t, func(t *testing.T, image string) {
		text, err := os.ReadFile("../../examples/async/pgrepl.hcl")
		if err != nil {
			t.Fatal(err)
		}
		c := newCluster(t, image, string(text))
		c.env = append(c.env, "PGREPL_VAR_app_password=test")
		if r := c.want(0, "plan"); !strings.Contains(r.out, "7 objects are added.") {
			t.Fatalf("something of it is there already (make demo-down?), and is left alone:\n%s", r)
		}
		t.Cleanup(func() { c.run("destroy", "--auto-approve", "--allow=data") })
		c.silent("PGR")
		c.apply()
		c.silent("PGR")
		c.edit("max_wal_senders       = 10", "max_wal_senders       = 20")
		rule := `"host  all          all                      samenet                                scram-sha-256",`
		c.edit(rule, rule+"\n    \"host  app  app  10.0.0.0/8  scram-sha-256\",")
		slot := "  slot   = slot.standby_slot1\n}\n"
		c.edit(slot, slot+"\nreplica \"db-late\" {\n  delay = \"1h\"\n}\n")
		if r := c.want(0, "plan"); r.out != readme(t) {
			t.Errorf("README.md shows another plan than this:\n%s", r.out)
		}
		c.apply()
		c.want(0, "destroy", "--auto-approve", "--allow=data")
	})
}

// readme is the plan that README.md shows.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```text\n")
	plan, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("README.md shows no plan")
	}
	return plan
}

// nothingLeft fails where anything of the cluster is still on the engine.
func (c *cluster) nothingLeft() {
	c.t.Helper()
	for _, list := range [][]string{{"ps", "-aq"}, {"volume", "ls", "-q"}, {"network", "ls", "-q"}} {
		if out := c.docker(append(list, "--filter", "label=io.pgrepl.cluster="+c.prefix)...); out != "" {
			c.t.Errorf("docker %s: left behind: %s", strings.Join(list, " "), out)
		}
	}
}
