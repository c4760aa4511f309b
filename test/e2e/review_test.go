package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// reference is the cluster of which other tools were shown a change (docs/review.md): a master with settings, rules and a
// password, and two replicas with their slots.
const reference = `
variable "image" { default = "postgres:17" }
variable "app_password" {
  sensitive = true
}
cluster "%" { image = var.image }
master "%-1" {
  settings = {
    max_wal_senders = 10
    shared_buffers  = "128MB"
  }
  hba = [
    "host replication replicator samenet scram-sha-256",
    "host all app 10.0.0.0/8 scram-sha-256",
  ]
}
replica "%-a" {}
replica "%-b" {}
role "app" {
  login    = true
  password = var.app_password
}
`

// TestReviewFigures measures what docs/review.md says of a plan to be reviewed.
func TestReviewFigures(t *testing.T) {
	t.Parallel()
	const canary = "canary-8c1f0d6a"
	c := newCluster(t, usualImage(t), reference)
	c.env = append(c.env, "PGREPL_VAR_app_password="+canary)
	c.apply()

	c.edit("max_wal_senders = 10", "max_wal_senders = 20")
	c.edit(`"128MB"`, `"256MB"`)
	c.edit(`  hba = [`, "  hba = [\n    \"local all all peer\",")
	c.edit(`replica "%-b"`, `replica "%-c"`)
	c.env[len(c.env)-1] = "PGREPL_VAR_app_password=another-" + canary

	plan := c.want(0, "plan")
	lines := strings.Split(strings.TrimRight(plan.out, "\n"), "\n")
	t.Logf("lines of the reference change: %d (Terraform: 110)", len(lines))
	if len(lines) > 35 {
		t.Errorf("more than 35 lines:\n%s", plan.out)
	}
	inside, changes := regexp.MustCompile(`^\s+[+~-] `), 0
	for _, l := range lines {
		if inside.MatchString(l) {
			t.Errorf("a marker that is not in column 0: %q", l)
		}
		if strings.ContainsRune("+-~!?", rune((l + " ")[0])) {
			changes++
		}
	}
	t.Logf("markers in column 0: %d of %d", changes, changes)
	contains(t, plan.out, "max_wal_senders", "restart", "volume", "needs --allow=data", "? rename", "pgrepl.hcl:")

	contains(t, c.want(0, "graph", "--plan").out, c.name("1")+" (master): ~ restart", c.name("b"), ": - removed", c.name("c"), ": + added")
	contains(t, c.want(0, "graph", "--plan", "-o", "svg").out, "- removed", "+ added")

	secrets, escapes := 0, 0
	for _, args := range [][]string{{"plan"}, {"plan", "--full"}, {"plan", "-o", "json"}, {"diff", "git:HEAD", "pgrepl.hcl"}} {
		r := c.run(args...)
		secrets += strings.Count(r.out+r.err, canary)
		escapes += strings.Count(r.out+r.err, "\x1b")
	}
	t.Logf("secrets: %d, escape codes into a pipe: %d", secrets, escapes)
	if secrets+escapes > 0 {
		t.Errorf("%d secrets, %d escape codes", secrets, escapes)
	}

	busy := make(chan error, 1)
	c.sql("1", "CREATE TABLE public.load AS SELECT 1 AS n")
	go func() {
		_, err := c.trySQL("1", "postgres", "DO $$ BEGIN FOR i IN 1..5000000 LOOP UPDATE public.load SET n = i; COMMIT; PERFORM pg_logical_emit_message(false, 'load', repeat('x', 1000)); END LOOP; END $$")
		busy <- err
	}()
	distinct := map[string]bool{}
	for range runs() {
		distinct[c.want(0, "plan").out] = true
	}
	c.sql("1", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %'")
	<-busy
	t.Logf("distinct outputs in %d runs under load: %d", runs(), len(distinct))
	if len(distinct) != 1 {
		t.Errorf("%d outputs: %v", len(distinct), distinct)
	}
}

// runs is how often the same plan is asked for: as often as docs/review.md says in chaos.
func runs() int {
	if chaos() {
		return 100
	}
	return 10
}
