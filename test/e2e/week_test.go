package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const week = `
variable "image" { default = "postgres:16" }
variable "copier" { sensitive = true }
cluster "%" {
  image    = var.image
  settings = { max_connections = 50 }
}
role "copier" {
  login       = true
  replication = true
  password    = var.copier
}
master "%-a" {}
replica "%-b" {}
`

// TestAWeekInTheLifeOfACluster does what comes up in a week, one day after the other, with nothing but what the tool prints:
// where it refuses, it says which flag lets it go on.
func TestAWeekInTheLifeOfACluster(t *testing.T) {
	t.Parallel()
	img := usualImage(t)
	c := newCluster(t, img, week)
	c.env = append(c.env, "PGREPL_VAR_copier=monday")
	c.apply()
	day := func(name string, change func(), says ...string) {
		c.sub(name, func(t *testing.T) {
			change()
			r := c.run("apply", "--auto-approve")
			if needs := regexp.MustCompile(`--allow=\S+`).FindString(r.err); r.code == 3 && needs != "" {
				r = c.run("apply", "--auto-approve", needs)
			}
			if r.code != 0 {
				t.Fatalf("%s", r)
			}
			contains(t, r.out+r.err, says...)
			c.settled()
			c.replicated("a", "b")
		})
	}
	day("monday: another standby", func() {
		c.edit("replica \"%-b\" {}\n", "replica \"%-b\" {}\nreplica \"%-c\" { upstream = replica.%-b }\n")
	},
		"No restart, no data touched.", "1 object is added", "base backup of replica."+c.name("b"), "Now: 2 replicas streaming")
	day("tuesday: more connections", func() { c.edit("max_connections = 50", "max_connections = 80") },
		"Writes stop once, for about", "! restart  replica."+c.name("c")+", replica."+c.name("b")+", master."+c.name("a")+": max_connections", "writes stopped for ")
	day("wednesday: the replication password", func() { c.env[1] = "PGREPL_VAR_copier=wednesday" },
		"No restart, no data touched.", "password  changes (sensitive)", "forget the old password of role copier")
	day("thursday: a patched image", func() {
		patched := c.prefix + "-patched:17"
		c.docker("tag", img, patched)
		t.Cleanup(func() { _ = exec.Command("docker", "rmi", patched).Run() })
		c.env[0] = "PGREPL_VAR_image=" + patched
	}, "3 new containers", "! recreate replica."+c.name("c")+", replica."+c.name("b")+", master."+c.name("a")+": image", "writes stopped for ")
	day("friday: fewer connections", func() { c.edit("max_connections = 80", "max_connections = 40") },
		"wait until it has replayed the lower values", "Writes stop once, for about")
	day("saturday: one standby less", func() { c.edit("replica \"%-c\" { upstream = replica.%-b }\n", "") },
		"volume "+c.name("c")+" is deleted", "Now: 1 replica streaming")
	if out := c.docker("volume", "ls", "-q", "--filter", "name="+c.name("c")); strings.TrimSpace(out) != "" {
		t.Errorf("left behind: %s", out)
	}
}
