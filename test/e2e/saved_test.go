package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgrepl/test/outputs"
)

const approved = `
variable "image"    { default = "postgres:16" }
variable "work_mem" { default = "8MB" }
variable "password" { sensitive = true }
cluster "%" {
  image    = var.image
  settings = { work_mem = var.work_mem }
}
role "app" {
  login    = true
  password = var.password
}
master "%-a" {}
replica "%-b" {}
`

const savedSecret = "canary-saved-4b1d"

// plan saves a plan, holds it to its schema and looks for the secret in it.
func (c *cluster) plan(file string, args ...string) string {
	c.t.Helper()
	c.want(0, append([]string{"plan", "--out", file}, args...)...)
	return c.held(file)
}

func (c *cluster) held(file string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := outputs.Held("plan", text); err != nil {
		c.t.Errorf("%s: %v", file, err)
	}
	if strings.Contains(string(text), savedSecret) {
		c.t.Errorf("%s holds the secret", file)
	}
	return string(text)
}

// idOf is the id of a saved plan.
func idOf(t *testing.T, saved string) string {
	var d struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(saved), &d); err != nil || d.ID == "" {
		t.Fatalf("no id: %v", err)
	}
	return d.ID
}

// stale fails unless a plan is refused for a reason, with nothing changed.
func (c *cluster) stale(file, because string, args ...string) {
	c.t.Helper()
	before := c.sql("a", "SHOW work_mem")
	r := c.want(4, append([]string{"apply", file}, args...)...)
	contains(c.t, r.err, "stale: "+because, "the saved plan is stale", "nothing was changed", "[PGR312]")
	if after := c.sql("a", "SHOW work_mem"); after != before {
		c.t.Errorf("work_mem was %s and is %s", before, after)
	}
}

// TestSavedPlans takes one cluster through its life by plans that are saved, approved elsewhere and applied without a terminal.
func TestSavedPlans(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), approved)
	secret := "PGREPL_VAR_password=" + savedSecret
	stage := func(name string, f func(*testing.T)) { // each goes on where the one before ended
		if !t.Failed() {
			c.sub(name, f)
		}
	}
	var made string

	stage("a secret is given anew, and its lack is said before anything moves", func(t *testing.T) {
		made = c.plan("made.json")
		r := c.want(1, "apply", "made.json")
		contains(t, r.err, "[PGR309]", "PGREPL_VAR_NAME")
		if left := c.objects(); left != "" {
			t.Errorf("there is %s", left)
		}
		c.env = append(c.env, secret)
	})
	stage("killed half way, the same plan goes on until it is done", func(t *testing.T) {
		kills := 0
		for n := 5; ; n += 2 {
			c.env = append(c.env, fmt.Sprintf("PGREPL_CRASH_AT=%d", n))
			r := c.run("apply", "made.json")
			c.env = c.env[:len(c.env)-1]
			if r.code == 0 {
				break
			}
			if r.code != 137 {
				t.Fatalf("killed at side effect %d: %s", n, r)
			}
			if kills++; kills == 2 {
				contains(t, r.err, "a part of the saved plan is done already")
			}
		}
		if kills < 3 {
			t.Errorf("only %d kills", kills)
		}
		c.settled()
	})
	stage("twice is once", func(t *testing.T) {
		contains(t, c.want(0, "apply", "made.json").out, " matches ")
	})
	stage("history names the plan, with the master down too", func(t *testing.T) {
		c.remembers(idOf(t, made))
		c.docker("stop", c.name("a"))
		c.remembers(idOf(t, made))
		c.want(0, "apply", "--auto-approve")
	})

	larger := c.plan("larger.json", "--var", "work_mem=12MB")
	stage("drift makes it stale", func(t *testing.T) {
		alter := func(value string) {
			c.sql("a", "ALTER SYSTEM SET work_mem = '"+value+"'")
			c.sql("a", "SELECT pg_reload_conf()")
			c.eventually("the reload", func() bool { return c.sql("a", "SHOW work_mem") == value })
		}
		alter("64MB")
		c.stale("larger.json", "settings on "+c.name("a")+": settings.work_mem was 8MB, is 64MB")
		alter("8MB")
	})
	stage("another file makes it stale", func(t *testing.T) {
		c.edit("master", "# another\nmaster")
		c.stale("larger.json", "pgrepl.hcl is not the file that the plan was made from")
		c.edit("# another\nmaster", "master")
	})
	stage("other variables make it stale", func(t *testing.T) {
		r := c.want(64, "apply", "larger.json", "--var", "work_mem=13MB")
		contains(t, r.err, "--var work_mem: the plan was made with another value of it")
		c.edit("role \"app\" {\n", "role \"app\" {\n  connection_limit = 5\n")
		c.plan("limit.json")
		c.stale("limit.json", `variable "work_mem" is given now`, "--var", "work_mem=13MB")
		c.edit("  connection_limit = 5\n", "")
	})
	stage("a busy cluster does not", func(t *testing.T) {
		stop := c.busy()
		defer stop()
		if again := c.plan("again.json", "--var", "work_mem=12MB"); again != larger {
			t.Errorf("under load the plan is\n%s\nand was\n%s", again, larger)
		}
		c.want(0, "apply", "larger.json")
		for _, node := range []string{"a", "b"} {
			if got := c.sql(node, "SHOW work_mem"); got != "12MB" {
				t.Errorf("work_mem on %s is %s", node, got)
			}
		}
		c.remembers(idOf(t, larger))
	})
	stage("it is narrowed as it was", func(t *testing.T) {
		c.edit("role \"app\" {\n", "role \"app\" {\n  connection_limit = 5\n")
		c.plan("role.json", "--target", "role.app")
		contains(t, c.want(64, "apply", "role.json", "--target", "role.app").err, "--target does not go with a saved plan")
		c.want(0, "apply", "role.json")
		if got := c.sql("a", "SELECT rolconnlimit || ' ' || current_setting('work_mem') FROM pg_roles WHERE rolname = 'app'"); got != "5 12MB" {
			t.Errorf("the role and work_mem: %s", got)
		}
	})
	stage("two at once", func(t *testing.T) {
		c.plan("smaller.json") // work_mem back to 8MB
		first, second := c.start("apply", "smaller.json"), c.start("apply", "smaller.json", "--lock-timeout=0s")
		codes := []int{first.wait(), second.wait()}
		if codes[0] != 0 || codes[1] != 0 && codes[1] != 5 {
			t.Errorf("they end with %v:\n%s\n%s", codes, first.err, second.err)
		}
		c.settled()
	})
	stage("as far as could be seen", func(t *testing.T) {
		c.docker("stop", c.name("a"))
		c.edit("connection_limit = 5", "connection_limit = 6")
		c.plan("start.json")
		contains(t, c.want(6, "apply", "start.json").err, "the steps of the saved plan are done", "next: make and approve the next plan")
		c.plan("rest.json")
		c.want(0, "apply", "rest.json")
		c.settled()
	})
	stage("what is explained is as its schema says", func(t *testing.T) {
		for _, address := range []string{"cluster", "master." + c.name("a"), "role.app", "replica." + c.name("b") + ".settings.work_mem"} {
			if err := outputs.Held("explain", []byte(c.want(0, "explain", address, "-o", "json").out)); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		}
	})
	stage("history of a cluster without a ledger", func(t *testing.T) {
		c.sql("a", "DROP SCHEMA pgrepl CASCADE")
		c.eventually("the replica has none either", func() bool { return c.sql("b", "SELECT to_regclass('pgrepl.apply') IS NULL") == "t" })
		contains(t, c.want(0, "history").out, "nothing was applied yet")
	})
	stage("an end is approved with what it takes along", func(t *testing.T) {
		no := []typed{{"Type " + c.prefix, "no\n"}}
		if r := c.onTerminal(no, "destroy", "--out", "end.json", "--allow=data"); r.code != 7 {
			t.Fatal(r)
		}
		c.held("end.json")
		contains(t, c.want(3, "apply", "end.json").err, "[PGR307]", "--allow=data:master."+c.name("a"))
		if c.objects() == "" {
			t.Fatal("it was carried out all the same")
		}
		c.want(0, "apply", "end.json", "--allow=data")
		c.nothingLeft()
		contains(t, c.want(0, "apply", "end.json", "--allow=data").out, "nothing of it is on this Docker engine")
	})
}

// remembers fails unless the last apply was of a plan, and is told as its schema says.
func (c *cluster) remembers(plan string) {
	c.t.Helper()
	out := c.want(0, "history", "-o", "json").out
	if err := outputs.Held("history", []byte(out)); err != nil {
		c.t.Error(err)
	}
	var h struct {
		Applies []struct {
			Plan  string   `json:"plan"`
			Steps []string `json:"steps"`
		} `json:"applies"`
	}
	if err := json.Unmarshal([]byte(out), &h); err != nil {
		c.t.Fatal(err)
	}
	if len(h.Applies) == 0 || h.Applies[0].Plan != plan || len(h.Applies[0].Steps) == 0 {
		c.t.Errorf("the last apply was not of plan %s:\n%s", plan, out)
	}
	contains(c.t, c.want(0, "history").out, " "+plan+" ")
}

// busy has a writer at work until it is stopped, which first waits until it has written.
func (c *cluster) busy() (stop func()) {
	c.sql("a", "CREATE TABLE IF NOT EXISTS load (n int)")
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				_, _ = c.trySQL("a", "postgres", "INSERT INTO load SELECT generate_series(1, 20000)")
			}
		}
	}()
	c.eventually("the writer writes", func() bool { return c.sql("a", "SELECT count(*) > 0 FROM load") == "t" })
	return func() { close(done); <-ended }
}

// TestARefusalForPrograms: what a plan is refused for is said in the format that was asked for.
func TestARefusalForPrograms(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.docker("create", "--name", c.name("a"), usualImage(t), "sleep", "1")
	for format, said := range map[string]string{
		"github": "::error file=pgrepl.hcl,line=4,col=1,title=PGR2",
		"sarif":  `"ruleId": "PGR2`,
		"junit":  `failures="1"`,
	} {
		r := c.want(1, "plan", "-o", format)
		contains(t, r.out, said)
		contains(t, r.err, "pgrepl.hcl:4:1: error: ", "1 error: nothing was changed")
	}
}
