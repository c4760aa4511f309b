package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// promoted makes a replica a primary of its own, with a row that the master does not have.
func (c *cluster) promoted(node string) {
	c.t.Helper()
	c.sql(node, "SELECT pg_promote()")
	c.eventually(node+" is promoted", func() bool { return c.sql(node, "SELECT pg_is_in_recovery()") == "f" })
	c.sql(node, "CREATE TABLE public.written_here AS SELECT 1 AS n")
}

func (c *cluster) hasWrittenHere(node string) bool {
	c.t.Helper()
	return c.sql(node, "SELECT to_regclass('public.written_here') IS NOT NULL") == "t"
}

// TestAPromotedReplicaIsRebuiltOnlyWithLeave: without both flags nothing is touched, and both histories are shown.
func TestAPromotedReplicaIsRebuiltOnlyWithLeave(t *testing.T) {
	t.Parallel()
	onVersions(t, someVersions(versions...), func(t *testing.T, image string) {
		c := newCluster(t, image, small)
		c.apply()
		c.promoted("b")
		b := "replica." + c.name("b")
		histories := []string{b + " is not in recovery, on timeline 2 since 0/", "master." + c.name("a") + " is on timeline 1", "they part at 0/", " of timeline 1",
			b + " is at 0/", "master." + c.name("a") + " at 0/"}
		c.refuses(append(histories, "PGR218", fmt.Sprintf("pgrepl apply --rebuild %[1]s --allow=data:%[1]s", b))...)

		before := c.objects()
		r := c.want(3, "apply", "--auto-approve", "--rebuild", b)
		contains(t, r.err, "PGR307", "--allow=data:"+b)
		contains(t, r.out, append(histories, "needs --allow=data:"+b)...)
		c.want(1, "apply", "--auto-approve", "--allow=data:"+b) // one flag alone asks for nothing
		if after := c.objects(); after != before || !c.hasWrittenHere("b") {
			t.Fatalf("something was touched:\n%s\n--- before\n%s", after, before)
		}

		c.apply("--rebuild", b, "--allow=data:"+b)
		c.replicated("a", "b")
		if c.hasWrittenHere("b") {
			t.Error("its own row is still there")
		}
		if got := c.entries("b"); got != onlyData {
			t.Errorf("left behind: %s", got)
		}
	})
}

// TestAPromotedReplicaThatIsDownIsRebuiltOnlyWithLeave tells its history from its files.
func TestAPromotedReplicaThatIsDownIsRebuiltOnlyWithLeave(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.promoted("b")
	c.docker("stop", c.name("b"))
	b := "replica." + c.name("b")
	c.refuses("PGR218", b+" is not in recovery, on timeline 2 since 0/", "they part at 0/")
	c.want(3, "apply", "--auto-approve", "--rebuild", b)
	c.apply("--rebuild", b, "--allow=data")
	c.replicated("a", "b")
}

// TestAForkOnTheSameTimeline: the master went back to an older state, and what the replica has received since is nowhere else.
// It is in recovery, on the same timeline and does not stream.
func TestAForkOnTheSameTimeline(t *testing.T) {
	t.Parallel()
	for _, version := range someVersions(15, 18) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			img, ok := image(t, version, "plain")
			if !ok {
				return
			}
			c := newCluster(t, img, small)
			c.apply()
			c.replicated("a", "b")
			c.silent("PGR240")
			inVolume := func(script string) {
				c.docker("run", "--rm", "-v", c.name("a")+":/v", "--entrypoint", "sh", img, "-c", script)
			}
			c.docker("stop", c.name("b"))
			c.docker("stop", c.name("a"))
			inVolume("cp -a /v/pgdata /v/saved")
			c.docker("start", c.name("a"))
			c.docker("start", c.name("b"))
			c.eventually("b streams", func() bool {
				out, err := c.trySQL("a", "postgres", "SELECT count(*) FROM pg_stat_replication")
				return err == nil && out == "1"
			})
			c.sql("a", "CREATE TABLE public.written_here AS SELECT g FROM generate_series(1, 100000) g")
			c.eventually("b has it", func() bool { return c.hasWrittenHere("b") })
			c.docker("stop", c.name("a"))
			inVolume("rm -rf /v/pgdata && mv /v/saved /v/pgdata")
			c.docker("start", c.name("a"))
			c.eventually("a answers", func() bool { _, err := c.trySQL("a", "postgres", "SELECT 1"); return err == nil })

			b := "replica." + c.name("b")
			c.refuses("PGR240", b+" is in recovery on timeline 1", "it has what the master has not", "they part at 0/")
			c.apply("--rebuild", b, "--allow=data:"+b)
			c.replicated("a", "b")
			if c.hasWrittenHere("b") {
				t.Error("its own rows are still there")
			}
		})
	}
}

// TestAHealthyReplicaIsRebuiltWhenAsked, and protect forbids it.
func TestAHealthyReplicaIsRebuiltWhenAsked(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.replicated("a", "b")
	b := "replica." + c.name("b")
	c.want(64, "plan", "--rebuild", "master."+c.name("a"))
	c.want(3, "apply", "--auto-approve", "--rebuild", b, "--deny=restart")
	began := c.sql("a", "SELECT now()")
	r := c.apply("--rebuild", b)
	contains(t, r.out, "Writes go on; standbys restart. No data touched.", "given up by --rebuild -> base backup of master."+c.name("a"))
	if strings.Contains(r.out, "PGR243") || strings.Contains(r.out, "PGR259") {
		t.Errorf("nothing is below it, and its volume has room:\n%s", r)
	}
	c.replicated("a", "b")
	if got := c.sql("b", "SELECT (pg_stat_file('PG_VERSION')).modification > '"+began+"'"); got != "t" {
		t.Error("its data is the old one")
	}
	c.edit(`replica "%-b" {}`, `replica "%-b" { protect = true }`)
	r = c.want(1, "apply", "--auto-approve", "--rebuild", b)
	contains(t, r.err, "PGR229", b+" is protected")
	c.settled()
}

// TestARebuildInOtherImages: the layout of the official image, and one with busybox instead of the usual tools.
func TestARebuildInOtherImages(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"official", "small"} {
		t.Run(layout, func(t *testing.T) {
			img, ok := image(t, usual, layout)
			if !ok {
				return
			}
			c := newCluster(t, img, small)
			c.apply()
			c.apply("--rebuild", "replica."+c.name("b"))
			c.replicated("a", "b")
			if got := c.docker("exec", c.name("b"), "sh", "-c", "find /var/lib/postgresql -maxdepth 3 -name 'pgdata?*' -o -maxdepth 3 -name rebuild"); got != "" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

const chain = scarce + `replica "%-c" { upstream = replica.%-b }
`

// TestThePrintedCommandRebuildsACascade: what follows a promoted replica has its history, and one of them alone would be refused
// because of the other.
func TestThePrintedCommandRebuildsACascade(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), chain)
	c.apply()
	c.promoted("b")
	c.eventually("the leaf has followed it", func() bool {
		return strings.Contains(c.run("plan").err, "PGR226")
	})
	said := c.want(1, "plan").err
	command := regexp.MustCompile(`pgrepl (apply --rebuild .* --allow=\S+)`).FindStringSubmatch(said)
	if command == nil {
		t.Fatalf("no command is printed:\n%s", said)
	}
	c.apply(strings.Fields(command[1])[1:]...)
	c.replicated("a", "c")
	if c.hasWrittenHere("b") || c.hasWrittenHere("c") {
		t.Error("what was written on the promoted one is still there")
	}
}

// TestARebuiltCascade: a base backup has no slots, so that of the leaf is made anew; and it begins with a WAL file of
// its own, so the leaf is rebuilt as well.
func TestARebuiltCascade(t *testing.T) {
	t.Parallel()
	for _, version := range someVersions(15, 18) {
		img, ok := image(t, version, "plain")
		if !ok {
			continue
		}
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			c := newCluster(t, img, chain)
			c.apply()
			c.replicated("a", "c")
			began := c.sql("a", "SELECT now()")
			r := c.apply("--rebuild", "replica."+c.name("b"))
			contains(t, r.out, "look again", "slot "+strings.ReplaceAll(c.name("c"), "-", "_"), "PGR243", "replica."+c.name("c")+" cannot catch up")
			c.replicated("a", "c")
			if got := c.sql("c", "SELECT (pg_stat_file('PG_VERSION')).modification > '"+began+"'"); got != "t" {
				t.Error("the leaf was not rebuilt")
			}
			c.docker("stop", c.name("b"))
			c.flood("a")
			c.apply() // both have been away too long
			c.replicated("a", "c")
			if got := c.sql("b", "SELECT string_agg(slot_name || ' ' || active, ' ') FROM pg_replication_slots"); got != strings.ReplaceAll(c.name("c"), "-", "_")+" true" {
				t.Errorf("slots on b: %s", got)
			}
		})
	}
}

// TestTornBetweenTheTwoRenames is the one moment at which there is no data in its place: what follows is a clone, and the old
// data goes when that streams.
func TestTornBetweenTheTwoRenames(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	c.docker("stop", c.name("b"))
	c.docker("run", "--rm", "-v", c.name("b")+":/v", "--entrypoint", "sh", usualImage(t), "-c",
		"cd /v; mv pgdata pgdata.old; cp -a pgdata.old pgdata.new; echo nothing > pgrepl/rebuild; chown --reference=pgrepl pgrepl/rebuild")
	c.docker("start", c.name("b"))
	r := c.apply()
	contains(t, r.out, "base backup of "+c.name("a"), "remove the old data")
	c.replicated("a", "b")
	if got := c.entries("b"); got != onlyData {
		t.Errorf("left behind: %s", got)
	}
}

// TestKilledAtEachSideEffectOfARebuild kills the rebuild of a replica that was promoted before and after each side effect. Until
// the new data is in its place, the old can be had back; and the same command goes on.
func TestKilledAtEachSideEffectOfARebuild(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), small)
	c.apply()
	b := "replica." + c.name("b")
	points := 0
	for _, after := range []string{"", "+"} {
		for n := 1; ; n += stride(2) {
			c.promoted("b")
			c.env = append(c.env, fmt.Sprintf("PGREPL_CRASH_AT=%d%s", n, after))
			killed := c.run("apply", "--auto-approve", "--rebuild", b, "--allow=data:"+b)
			c.env = c.env[:1]
			if killed.code != 0 && killed.code != 137 {
				t.Fatalf("side effect %d%s: %s", n, after, killed)
			}
			plain := c.run("apply", "--auto-approve") // never more than what was allowed, and never half a copy
			if plain.code != 0 {
				c.refusal(plain.err, "PGR218", "PGR242")
				c.apply("--rebuild", b, "--allow=data:"+b)
			}
			c.settled()
			c.replicated("a", "b")
			if got := c.entries("b"); got != onlyData {
				t.Errorf("side effect %d%s: left behind: %s", n, after, got)
			}
			if c.hasWrittenHere("b") {
				t.Errorf("side effect %d%s: its own row is still there", n, after)
			}
			if killed.code == 0 {
				break
			}
			points++
		}
		if !chaos() {
			break // `make chaos` runs the other side too
		}
	}
	if points*stride(2) < 6 {
		t.Errorf("only %d points: a rebuild has more side effects than that", points)
	}
	t.Logf("killed at %d points; each time the next apply went on", points)
}

// refusal is that of the codes with which a plain apply has refused to go on with a rebuild that needs leave.
func (c *cluster) refusal(text string, codes ...string) string {
	c.t.Helper()
	for _, code := range codes {
		if strings.Contains(text, code) {
			return code
		}
	}
	c.t.Errorf("it is refused with none of %s:\n%s", strings.Join(codes, ", "), text)
	return ""
}
