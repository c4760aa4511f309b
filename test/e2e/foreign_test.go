package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// intruded is a cluster and another one, whose data gets into the volume of the first one's replica b.
type intruded struct {
	*cluster
	other  *cluster
	img, b string
	ids    []string // both system identifiers
}

func newIntruded(t *testing.T) *intruded {
	img := usualImage(t)
	s := &intruded{cluster: newCluster(t, img, small), other: newCluster(t, img, small), img: img}
	s.b = "replica." + s.name("b")
	for _, c := range []*cluster{s.cluster, s.other} {
		c.apply()
		s.ids = append(s.ids, c.sql("a", "SELECT system_identifier FROM pg_control_system()"))
	}
	s.other.sql("a", "CREATE TABLE public.written_here AS SELECT 1 AS n")
	s.other.replicated("a", "b")
	s.other.docker("stop", s.other.name("b"))
	s.other.sql("a", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots") // it would need leave of its own
	s.other.want(0, "destroy", "--auto-approve")
	return s
}

// swap puts the other cluster's data in the place of b's, with b's container stopped: of its master, which is no standby, or of
// its replica; with the other's credential, by which pgrepl gets in, or without.
func (s *intruded) swap(from string, credential bool) {
	s.t.Helper()
	s.docker("stop", s.name("b"))
	script := "set -e; rm -rf /to/pgdata; cp -a /from/pgdata /to/pgdata"
	if credential {
		script += "; cp -a /from/pgrepl/credential /to/pgrepl/credential"
	}
	s.docker("run", "--rm", "-v", s.other.name(from)+":/from:ro", "-v", s.name("b")+":/to", "--entrypoint", "sh", s.img, "-c", script)
}

// starts is how often a server has started in b's container.
func (s *intruded) starts() int {
	out, _ := exec.Command("docker", "logs", s.name("b")).CombinedOutput() // of no container at all there are none
	return strings.Count(string(out), "starting PostgreSQL")
}

// allowed rebuilds b, and proves that its only server that started was one on the new data.
func (s *intruded) allowed() {
	s.t.Helper()
	before := s.starts()
	s.apply("--rebuild", s.b, "--allow=data:"+s.b)
	if n := s.starts() - before; n != 1 {
		s.t.Errorf("%d servers have started in its container, which is one on the new data and %d on another cluster's", n, n-1)
	}
	s.rebuilt()
}

func (s *intruded) rebuilt() {
	s.t.Helper()
	s.replicated("a", "b")
	if s.hasWrittenHere("b") {
		s.t.Error("the other cluster's rows are still there")
	}
	if got := s.entries("b"); got != onlyData {
		s.t.Errorf("left behind: %s", got)
	}
}

// TestTheDataOfAnotherClusterIsReplacedOnlyWithLeave in each state of the container. Without both flags nothing is touched, both
// system identifiers are shown, and no server ever starts on that data.
func TestTheDataOfAnotherClusterIsReplacedOnlyWithLeave(t *testing.T) {
	t.Parallel()
	s := newIntruded(t)
	for _, test := range []struct {
		name, from string
		credential bool
		container  []string
		says       string
	}{
		{"a primary that runs", "a", true, []string{"start"}, "is not in recovery"},
		{"a standby that runs", "b", true, []string{"start"}, "is in recovery"},
		{"one that lets nobody in", "b", false, []string{"start"}, "is in recovery"},
		{"a primary that is stopped", "a", true, nil, "is not in recovery"},
		{"a standby that is stopped", "b", false, nil, "is in recovery"},
		{"a primary without a container", "a", false, []string{"rm"}, "is not in recovery"},
		{"a standby without a container", "b", true, []string{"rm"}, "is in recovery"},
	} {
		s.sub(test.name, func(t *testing.T) {
			s.swap(test.from, test.credential)
			if test.container != nil {
				s.docker(append(test.container, s.name("b"))...)
			}
			runs := test.container != nil && test.container[0] == "start"
			s.eventually("its server answers, if only to refuse", func() bool {
				return !runs || exec.Command("docker", "exec", s.name("b"), "pg_isready", "-q", "-h", "127.0.0.1").Run() == nil
			})
			if runs && test.credential {
				contains(t, s.want(2, "status", "--exit-code").out, fmt.Sprintf("system id %s, the master's is %s", s.ids[1], s.ids[0]))
			}
			said := append([]string{"volume " + s.name("b") + " holds another cluster", s.b + " " + test.says}, s.ids...)
			s.refuses(append(said, "PGR217", fmt.Sprintf("pgrepl apply --rebuild %[1]s --allow=data:%[1]s", s.b))...)

			before, starts := s.objects(), s.starts()
			r := s.want(3, "apply", "--auto-approve", "--rebuild", s.b)
			contains(t, r.err, "PGR307", "--allow=data:"+s.b)
			contains(t, r.out, append(said, "needs --allow=data:"+s.b)...)
			s.want(1, "apply", "--auto-approve", "--allow=data:"+s.b) // one flag alone asks for nothing
			if after := s.objects(); after != before || s.starts() != starts {
				t.Errorf("something was touched:\n%s\n--- before\n%s", after, before)
			}
			s.allowed()
		})
	}
}

// TestTheDataOfAnotherClusterWaitsForTheMaster: as long as that is down nothing is made anew, nor is a container made that would
// put a server on it.
func TestTheDataOfAnotherClusterWaitsForTheMaster(t *testing.T) {
	t.Parallel()
	s := newIntruded(t)
	for _, container := range []string{"missing", "stopped"} {
		s.sub(container, func(t *testing.T) {
			s.swap("a", true)
			if container == "missing" {
				s.docker("rm", s.name("b"))
			}
			starts := s.starts()
			s.docker("stop", s.name("a"))
			s.refuses("PGR217", s.ids[0], s.ids[1])
			r := s.want(6, "apply", "--auto-approve", "--rebuild", s.b) // the master is up by then
			contains(t, r.out, "look again", "needs --allow=data:"+s.b)
			contains(t, r.err, "PGR307")
			if n := s.starts() - starts; n != 0 {
				t.Errorf("%d servers have started", n)
			}
			s.docker("stop", s.name("a"))
			s.allowed()
		})
	}
}

// TestAnotherClustersVolumeIsNotRebuilt: what is labelled as another's, or in use by a container of somebody else, stays refused
// with both flags.
func TestAnotherClustersVolumeIsNotRebuilt(t *testing.T) {
	t.Parallel()
	s := newIntruded(t)
	s.docker("rm", "-f", s.name("b"))
	s.edit(`replica "%-b" {}`, `replica "%-b" { volume = "`+s.other.name("b")+`" }`)
	r := s.want(1, "apply", "--auto-approve", "--rebuild", s.b, "--allow=data:"+s.b)
	contains(t, r.err, "PGR211", fmt.Sprintf("belongs to the pgrepl cluster %q", s.other.prefix))

	path := t.TempDir() // which has no labels
	s.docker("run", "--rm", "-v", s.other.name("b")+":/from:ro", "-v", path+":/to", "--entrypoint", "sh", s.img, "-c", "cp -a /from/. /to")
	defer s.docker("run", "--rm", "-v", path+":/to", "--entrypoint", "sh", s.img, "-c", "rm -rf /to/*")
	s.edit(s.other.name("b"), path)
	s.docker("run", "-d", "--name", s.name("else"), "-v", path+":/v", "--entrypoint", "sleep", s.img, "1000")
	r = s.want(1, "apply", "--auto-approve", "--rebuild", s.b, "--allow=data:"+s.b)
	contains(t, r.err, "PGR256", path+" is in use by container "+s.name("else"))
	s.docker("rm", "-f", s.name("else"))
	s.allowed()
}

// TestKilledAtEachSideEffectOfAForeignRebuild begins each time without a container, as that is made on the way. Until the new data
// is in its place the other cluster's can be had back, and no server runs on it.
func TestKilledAtEachSideEffectOfAForeignRebuild(t *testing.T) {
	t.Parallel()
	s := newIntruded(t)
	points, needed := 0, map[string]int{}
	for _, after := range []string{"", "+"} {
		for n := 1; ; n += stride(3) {
			s.swap("a", true)
			s.docker("rm", s.name("b"))
			s.env = append(s.env, fmt.Sprintf("PGREPL_CRASH_AT=%d%s", n, after))
			killed := s.run("apply", "--auto-approve", "--rebuild", s.b, "--allow=data:"+s.b)
			s.env = s.env[:1]
			if killed.code != 0 && killed.code != 137 {
				t.Fatalf("side effect %d%s: %s", n, after, killed)
			}
			plain := s.run("apply", "--auto-approve")
			if plain.code != 0 {
				needed[s.refusal(plain.err, "PGR217", "PGR242")]++
				contains(t, plain.err, s.ids...)
				if started := s.starts(); started != 0 {
					t.Errorf("side effect %d%s: a server has started on the data of another cluster", n, after)
				}
				s.allowed()
			}
			s.settled()
			s.rebuilt()
			if killed.code == 0 {
				break
			}
			points++
		}
		if !chaos() {
			break // `make chaos` runs the other side too
		}
	}
	if points*stride(3) < 6 || needed["PGR217"] == 0 || needed["PGR242"] == 0 {
		t.Errorf("only %d points, and refused without leave were %v", points, needed)
	}
	t.Logf("killed at %d points; refused without leave: %v", points, needed)
}
