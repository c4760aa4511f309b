package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Passwords of clusters that are made by hand: pgrepl must never say them.
const (
	handSuper      = "canary-super-4c1d"
	handReplicator = "canary-replicator-90ae"
)

// madeByHand declares what byHand makes.
const madeByHand = `
variable "image" {}
variable "superuser_password" { sensitive = true }

cluster "%" {
  image = var.image
  superuser { password = var.superuser_password }

  settings = {
    wal_level          = "replica"
    max_wal_senders    = 10
    max_wal_size       = "2GB"
    min_wal_size       = "512MB"
    wal_keep_size      = 64
    synchronous_commit = false
    wal_compression    = true
    full_page_writes   = true
  }
  hba = [
    "local all         all                               trust",
    "host  all         all        127.0.0.1/32           trust",
    "host  replication ${role.replicator.name} ${network.%-net.subnet} scram-sha-256",
    "host  all         all        all                    scram-sha-256",
  ]
}

network "%-net" { subnet = "SUBNET" }

role "replicator" {
  login       = true
  replication = true
}

slot "standby_slot1" {}

master "%-master" {
  settings = {
    max_replication_slots = 3
    archive_mode          = true
  }
}

replica "%-replica" {
  slot     = slot.standby_slot1
  settings = { max_replication_slots = null, archive_mode = null }
}
`

// subnet is one that is most likely free, the test's own.
func (c *cluster) subnet() string {
	sum := sha256.Sum256([]byte(c.prefix))
	return fmt.Sprintf("10.%d.%d.0/24", 64+sum[0]%128, sum[1])
}

// byHand makes a master and a replica as people do it with the official image: settings as arguments, the password in the
// environment, the data directory at the root of the volume, a password in primary_conninfo.
func byHand(t *testing.T, version int) *cluster {
	t.Helper()
	img, ok := image(t, version, "official")
	if !ok {
		t.Fatalf("no image of PostgreSQL %d", version)
	}
	c := newCluster(t, img, "")
	c.write(strings.ReplaceAll(madeByHand, "SUBNET", c.subnet()))
	net, master, replica := c.name("net"), c.name("master"), c.name("replica")
	home, data := "/var/lib/postgresql/data", "/var/lib/postgresql/data"
	if version >= 18 {
		home, data = "/var/lib/postgresql", fmt.Sprintf("/var/lib/postgresql/%d/docker", version)
	}
	c.docker("network", "create", "--subnet", c.subnet(), net)
	c.docker("volume", "create", master)
	c.docker("volume", "create", replica)
	c.docker("run", "-d", "--name", master, "--network", net, "-v", master+":"+home, "-e", "POSTGRES_PASSWORD="+handSuper, img,
		"-c", "wal_level=replica", "-c", "max_wal_senders=10", "-c", "max_wal_size=2GB", "-c", "min_wal_size=512MB", "-c", "wal_keep_size=64",
		"-c", "max_replication_slots=3", "-c", "synchronous_commit=off", "-c", "wal_compression=on", "-c", "full_page_writes=on", "-c", "archive_mode=on", "-c", "listen_addresses=*")
	c.eventually("the master is ready", func() bool {
		return exec.Command("docker", "exec", master, "pg_isready", "-h", "127.0.0.1", "-q").Run() == nil
	})
	c.asPostgres("master", "CREATE ROLE replicator WITH REPLICATION LOGIN PASSWORD '"+handReplicator+"'")
	c.asPostgres("master", "SELECT pg_create_physical_replication_slot('standby_slot1')")
	c.docker("exec", "-u", "postgres", master, "bash", "-c", `echo "host replication replicator `+c.subnet()+` scram-sha-256" >> $PGDATA/pg_hba.conf`)
	c.asPostgres("master", "SELECT pg_reload_conf()")
	c.docker("run", "--rm", "-u", "postgres", "-e", "PGPASSWORD="+handReplicator, "--network", net, "-v", replica+":"+home,
		"--entrypoint", "pg_basebackup", img, "-h", master, "-U", "replicator", "-D", data, "-c", "fast", "-R", "-S", "standby_slot1")
	c.docker("run", "-d", "--name", replica, "--network", net, "-v", replica+":"+home, "-e", "POSTGRES_PASSWORD="+handSuper, img)
	c.eventually("the replica streams", c.streaming)
	return c
}

// asPostgres runs SQL by hand, over the local socket.
func (c *cluster) asPostgres(node, sql string) string {
	c.t.Helper()
	out, err := c.tryAsPostgres(node, sql)
	if err != nil {
		c.t.Fatalf("%s on %s: %v: %s", sql, node, err, out)
	}
	return out
}

func (c *cluster) tryAsPostgres(node, sql string) (string, error) {
	cmd := exec.Command("docker", "exec", "-u", "postgres", "-e", "PGPASSWORD", c.name(node), "psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-c", sql)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+handSuper) // not among the arguments, which a test watches
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c *cluster) streaming() bool {
	return strings.Contains(c.asPostgres("master", "SELECT string_agg(state, ' ') FROM pg_stat_replication"), "streaming")
}

// lives is what no adoption may change: which containers there are, since when they run, and since when their servers do.
func (c *cluster) lives() string {
	c.t.Helper()
	out := c.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}", c.name("master"), c.name("replica"))
	for _, node := range []string{"master", "replica"} {
		out += "\n" + c.asPostgres(node, "SELECT pg_postmaster_start_time()")
	}
	return out
}

// unharmed fails where a server took something of ours for a crash.
func (c *cluster) unharmed() {
	c.t.Helper()
	for _, node := range []string{"master", "replica"} {
		for line := range strings.Lines(c.docker("logs", c.name(node))) {
			if strings.Contains(line, "was terminated by signal") || strings.Contains(line, "untracked child process") {
				c.t.Errorf("%s: %s", node, line)
			}
		}
	}
}

// keepsQuiet fails where a password of the cluster made by hand was said.
func (c *cluster) keepsQuiet(said ...string) {
	c.t.Helper()
	for _, text := range said {
		for _, secret := range []string{handSuper, handReplicator} {
			if i := strings.Index(text, secret); i >= 0 {
				c.t.Errorf("a password was said: …%s…", text[max(0, i-200):i])
			}
		}
	}
}

// flows writes a row on the master and waits for it on the replica.
func (c *cluster) flows() {
	c.t.Helper()
	c.asPostgres("master", "CREATE TABLE IF NOT EXISTS public.probe (n int); INSERT INTO public.probe VALUES (1)")
	n := c.asPostgres("master", "SELECT count(*) FROM public.probe")
	c.eventually("the row is on the replica", func() bool {
		out, err := c.tryAsPostgres("replica", "SELECT count(*) FROM public.probe")
		return err == nil && out == n
	})
}

func TestAClusterMadeByHandIsAdopted(t *testing.T) {
	t.Parallel()
	for _, version := range someVersions(15, 17) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			c := byHand(t, version)
			for _, node := range []string{"master", "replica"} {
				c.asPostgres(node, "ALTER SYSTEM SET log_statement = 'all'")
				c.asPostgres(node, "SELECT pg_reload_conf()")
			}
			var said strings.Builder
			stop := watchProcesses(t, &said)
			before := c.lives()

			c.sub("the plan", func(t *testing.T) {
				r := c.want(2, "plan", "--detailed-exitcode")
				said.WriteString(r.String())
				contains(t, r.out, "No restart, no data touched.", "container managed by", "volume managed by", "adopted: marked in the ledger",
					"management login", "postgres -> pgrepl", "a password in primary_conninfo -> the passfile", "passfile", "10 (from command line) -> 10",
					"written where pgrepl keeps it", "superuser password (var.superuser_password has no value)",
					"its next new container does without: settings as arguments (archive_mode, full_page_writes, listen_addresses,", "POSTGRES_PASSWORD in its environment",
					"(no init process)", "the image's entry point", "[PGR255]")
				if strings.Contains(r.out, "recreate") || strings.Contains(r.out, " restart ") && strings.Contains(r.out, "! restart") {
					t.Errorf("something would restart:\n%s", r.out)
				}
				c.silent("PGR250", "PGR251", "PGR252", "PGR253", "PGR254", "PGR256", "PGR258")
				if c.lives() != before {
					t.Error("the plan changed something")
				}
			})
			c.sub("the adoption", func(t *testing.T) {
				said.WriteString(c.apply().String())
				if after := c.lives(); after != before {
					t.Errorf("something restarted:\n%s\n--- before\n%s", after, before)
				}
				c.flows()
				contains(t, c.want(0, "plan").out, " matches ", "does without: settings as arguments")
				said.WriteString(c.want(0, "status").String())
				for _, node := range []string{"master", "replica"} {
					c.keepsQuiet(c.docker("logs", c.name(node)))
					text := c.docker("exec", c.name(node), "sh", "-c", "cat /var/lib/postgresql/data/postgresql.auto.conf")
					c.keepsQuiet(text)
					if strings.Contains(text, "password") {
						t.Errorf("%s: %s", node, text)
					}
					contains(t, c.docker("exec", c.name(node), "sh", "-c", "stat -c '%a %U' /var/lib/postgresql/data/pgrepl /var/lib/postgresql/data/pgrepl/credential"), "700 postgres\n600 postgres")
				}
				if got := c.marks(); got != "network net, node master, node replica, volume master, volume replica" {
					t.Errorf("marked: %s", got)
				}
				if waits := c.asPostgres("master", "SELECT string_agg(name, ' ') FROM pg_settings WHERE pending_restart"); waits != "" {
					t.Errorf("waits for a restart: %s", waits)
				}
			})
			c.sub("clients that are killed", func(t *testing.T) {
				for range 5 {
					b := c.start("plan")
					<-time.After(60 * time.Millisecond)
					_ = b.cmd.Process.Kill()
					b.wait()
				}
				c.eventually("its sessions are gone", func() bool {
					return c.asPostgres("master", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgrepl'") == "0"
				})
				c.unharmed()
			})
			c.env = append(c.env, "PGREPL_VAR_superuser_password="+handSuper)
			c.settled() // it is the password that the server has
			c.sub("the next new container", func(t *testing.T) {
				c.edit("master \"%-master\" {", "master \"%-master\" {\n  stop_timeout = 60")
				r := c.want(0, "plan")
				contains(t, r.out, "1 new container", "stop_timeout")
				said.WriteString(c.apply().String())
				if got := c.marks(); got != "network net, node replica, volume master, volume replica" {
					t.Errorf("marked: %s", got)
				}
				c.ownContainer("master")
				c.flows()
				if out := c.want(0, "plan").out; strings.Contains(out, "master."+c.name("master")+" works as it was made") {
					t.Errorf("the note stands:\n%s", out)
				}
				c.edit("replica \"%-replica\" {", "replica \"%-replica\" {\n  stop_timeout = 60")
				c.apply()
				c.ownContainer("replica")
				c.flows()
				c.silent("PGR255")
			})
			c.sub("a new replica", func(t *testing.T) {
				c.edit("slot \"standby_slot1\" {}", "slot \"standby_slot1\" {}\nreplica \"%-late\" { settings = { max_replication_slots = null, archive_mode = null } }")
				said.WriteString(c.apply().String())
				if out := c.docker("exec", c.name("late"), "sh", "-c", "ls /var/lib/postgresql/data/pgdata/pgrepl 2>/dev/null || echo none"); out != "none" {
					t.Errorf("the clone has the master's own files: %s", out)
				}
			})
			c.sub("the end", func(t *testing.T) {
				r := c.want(0, "destroy", "--auto-approve")
				contains(t, r.err, "Volumes kept, and attached again by the same file: "+c.name("late")+", "+c.name("master")+", "+c.name("replica"))
				said.WriteString(r.String())
				if strings.Contains(r.String(), "PGR257") {
					t.Errorf("all of it is labelled:\n%s", r)
				}
				c.apply()
				c.flows()
				c.want(0, "destroy", "--auto-approve", "--allow=data")
				c.goneForGood()
			})
			stop()
			c.keepsQuiet(said.String())
		})
	}
}

// marks lists what the ledger marks of Docker's, without the test's prefix.
func (c *cluster) marks() string {
	c.t.Helper()
	return strings.ReplaceAll(c.asPostgres("master", "SELECT string_agg(kind || ' ' || name, ', ' ORDER BY kind, name) FROM pgrepl.adopted"), c.prefix+"-", "")
}

// ownContainer fails unless a node's container is one of pgrepl's making around the data that was there.
func (c *cluster) ownContainer(node string) {
	c.t.Helper()
	out := c.docker("inspect", "-f", `{{index .Config.Labels "io.pgrepl.object"}} init={{.HostConfig.Init}} {{json .Config.Env}} {{json .Config.Cmd}}`, c.name(node))
	contains(c.t, out, "node/"+c.name(node)+" init=true", "null")
	c.keepsQuiet(out)
	if got := c.asPostgres(node, "SELECT current_setting('data_directory') || ' ' || (SELECT count(*) FROM pg_settings WHERE source = 'command line' AND name NOT IN ('data_directory', 'config_file'))"); got != "/var/lib/postgresql/data 0" {
		c.t.Errorf("%s: data directory and arguments: %s", node, got)
	}
	if waits := c.asPostgres(node, "SELECT string_agg(name, ' ') FROM pg_settings WHERE pending_restart"); waits != "" {
		c.t.Errorf("%s waits for a restart: %s", node, waits)
	}
}

func TestDestroyWithTheLedgerOutOfReach(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.apply()
	c.edit("replica \"%-replica\" {", "replica \"%-replica\" {\n  stop_timeout = 60")
	c.apply() // labelled from now on
	c.docker("stop", c.name("replica"))
	c.docker("stop", c.name("master"))
	r := c.want(0, "destroy", "--auto-approve", "--allow=data")
	contains(t, r.out, "container "+c.name("master")+" has no label", "docker rm -f "+c.name("master"), "[PGR257]", "Left alone:", "volume "+c.name("master"), "network "+c.name("net"))
	left := c.objects()
	contains(t, left, c.name("master"), c.name("net"))
	if strings.Contains(left, c.name("replica")+" exited") {
		t.Errorf("what is labelled is still there:\n%s", left)
	}
	c.docker("start", c.name("master"))
	c.eventually("the master is ready", func() bool {
		return exec.Command("docker", "exec", c.name("master"), "pg_isready", "-h", "127.0.0.1", "-q").Run() == nil
	})
	c.want(0, "destroy", "--auto-approve", "--allow=data")
	c.goneForGood()
}

// goneForGood fails where anything of the test's name is left, with labels or without.
func (c *cluster) goneForGood() {
	c.t.Helper()
	if left := c.objects(); left != "" {
		c.t.Errorf("left behind:\n%s", left)
	}
}

// hba replaces the rules of both servers by hand.
func (c *cluster) hba(rules ...string) {
	c.t.Helper()
	for _, node := range []string{"master", "replica"} {
		c.docker("exec", "-u", "postgres", c.name(node), "sh", "-c", `printf '%s\n' "$@" > $PGDATA/pg_hba.conf`, "sh", strings.Join(rules, "\n"))
		c.docker("exec", "-u", "postgres", c.name(node), "pg_ctl", "reload", "-s")
	}
}

func TestTheSuperusersPasswordIsNeededOnce(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	before := c.lives()
	replication := "host replication replicator " + c.subnet() + " scram-sha-256"

	c.hba("local all postgres scram-sha-256", "host all postgres 127.0.0.1/32 scram-sha-256", replication)
	c.sub("PGR253 without it", func(t *testing.T) {
		c.refuses("PGR253", "let in neither over the local socket nor over 127.0.0.1", "give var.superuser_password with --var, --var-file or PGREPL_VAR_*", "needed once")
	})
	c.env = append(c.env, "PGREPL_VAR_superuser_password=wrong")
	c.sub("with a wrong one", func(t *testing.T) {
		c.refuses("PGR253", "is not let in with the password of the file")
	})
	c.env = c.env[:1]
	c.sub("typed", func(t *testing.T) {
		r := c.onTerminal([]typed{{"Password of its superuser", "wrong\n"}}, "apply")
		contains(t, r.out, "PGR253")
		if r.code != 1 {
			t.Errorf("a wrong one: %s", r)
		}
		r = c.onTerminal([]typed{{"Password of its superuser", handSuper + "\n"}, {"Type yes", "yes\n"}}, "apply")
		if r.code != 0 {
			t.Fatalf("typed: %s", r)
		}
		c.keepsQuiet(r.out)
		if strings.Count(r.out, "Password of its superuser") != 1 {
			t.Errorf("asked more than once: %s", r.out)
		}
	})
	c.settled() // and never again
	if after := c.lives(); after != before {
		t.Errorf("something restarted:\n%s\n--- before\n%s", after, before)
	}
	c.unharmed()
}

func TestALocalSocketIsWayInEnough(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.hba("local all postgres peer", "host all postgres 127.0.0.1/32 reject", "host replication replicator "+c.subnet()+" scram-sha-256")
	before := c.lives()
	contains(t, c.want(0, "plan").out, "postgres -> pgrepl")
	c.apply()
	if after := c.lives(); after != before {
		t.Errorf("something restarted:\n%s\n--- before\n%s", after, before)
	}
	c.flows()
	c.unharmed()
}

func TestAnArgumentThatDiffersTakesANewContainer(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.edit("wal_keep_size      = 64", "wal_keep_size      = 128")
	c.edit("synchronous_commit = false", "synchronous_commit = true")
	r := c.want(0, "plan")
	contains(t, r.out, "64MB (from command line) -> 128MB", "recreate", "arguments", "synchronous_commit, wal_keep_size -> none", "! recreate master."+c.name("master"))
	c.want(3, "plan", "--detailed-exitcode", "--deny=recreate")
	replica := c.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", c.name("replica"))
	c.apply()
	c.ownContainer("master")
	if got := c.asPostgres("master", "SHOW wal_keep_size"); got != "128MB" {
		t.Errorf("wal_keep_size is %s", got)
	}
	if now := c.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", c.name("replica")); now != replica {
		t.Errorf("the replica, which has no such argument, restarted: %s", now)
	}
	c.flows()
}

func TestWhatDoesNotFitIsNotAdopted(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	file := c.text()
	master, replica, net := c.name("master"), c.name("replica"), c.name("net")
	c.sub("PGR250 another volume", func(t *testing.T) {
		c.edit("replica \"%-replica\" {", "replica \"%-replica\" {\n  volume = \"%-other\"")
		c.refuses("PGR250", "container "+replica+" was made without pgrepl and keeps its data in "+replica+", the file says "+c.name("other"), "write `volume = \""+replica+"\"`")
	})
	c.sub("PGR252 another subnet", func(t *testing.T) {
		c.write(strings.ReplaceAll(file, c.subnet(), "10.63.63.0/24"))
		c.refuses("PGR252", "network "+net+" was made without pgrepl and has subnet "+c.subnet()+", the file says 10.63.63.0/24", "external = true")
	})
	c.sub("another major version", func(t *testing.T) {
		c.write(file)
		img, ok := image(t, 15, "official")
		if !ok {
			t.Fatal("no image of PostgreSQL 15")
		}
		c.env = []string{"PGREPL_VAR_image=" + img}
		c.edit("  image = var.image", "  image = var.image\n  version = 15")
		c.refuses("PGR216", "holds data of PostgreSQL 17, the file asks for 15")
		img, _ = image(t, usual, "official")
		c.env = []string{"PGREPL_VAR_image=" + img}
	})
	c.sub("PGR254 a role of the name that pgrepl has", func(t *testing.T) {
		c.write(file)
		c.asPostgres("master", "CREATE ROLE pgrepl")
		c.refuses("PGR254", "has a role pgrepl already", "ALTER ROLE pgrepl RENAME TO")
		c.asPostgres("master", "DROP ROLE pgrepl")
	})
	c.sub("PGR251 a stopped container", func(t *testing.T) {
		c.docker("stop", replica)
		c.refuses("PGR251", "container "+replica+" was made without pgrepl and is exited", "docker start "+replica)
		c.docker("start", replica)
		c.eventually("the replica streams", c.streaming)
	})
	c.sub("a replica that is a primary", func(t *testing.T) {
		c.asPostgres("replica", "SELECT pg_promote()")
		c.refuses("PGR218", "is not in recovery")
	})
	c.sub("a replica of another cluster", func(t *testing.T) {
		c.remake("replica", "pg_ctl initdb -s -D $PGDATA; touch $PGDATA/standby.signal; exec docker-entrypoint.sh postgres -c primary_slot_name=x")
		c.refuses("PGR217", "holds another cluster: system identifier", "docker rm -f "+replica+"; docker volume rm "+replica+"; pgrepl apply")
	})
	c.sub("PGR258 synchronous standbys as an argument", func(t *testing.T) {
		img, _ := image(t, usual, "official")
		c.docker("rm", "-f", master)
		c.docker("run", "-d", "--name", master, "--network", net, "-v", master+":/var/lib/postgresql/data", img, "-c", "synchronous_standby_names=FIRST 1 (walreceiver)")
		c.eventually("it is ready", func() bool {
			return exec.Command("docker", "exec", master, "pg_isready", "-h", "127.0.0.1", "-q").Run() == nil
		})
		c.refuses("PGR258", "has synchronous_standby_names as an argument of its container")
	})
	c.sub("no PostgreSQL", func(t *testing.T) {
		c.remake("replica", "exec sleep 1000")
		c.refuses("PGR251", "no PostgreSQL answers in it on port 5432")
	})
	c.sub("a container of another cluster", func(t *testing.T) {
		c.remake("replica", "exec sleep 1000", "--label", "io.pgrepl.cluster=elsewhere")
		c.refuses("PGR210", `belongs to the pgrepl cluster "elsewhere"`)
	})
	if got := c.asPostgres("master", "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgrepl'"); got != "0" {
		t.Errorf("something was written into %s", master)
	}
	c.unharmed()
}

// remake puts another container on a node's emptied volume.
func (c *cluster) remake(node, script string, more ...string) {
	c.t.Helper()
	name := c.name(node)
	img, _ := image(c.t, usual, "official")
	c.docker("rm", "-fv", name)
	c.docker("run", "--rm", "-v", name+":/v", "--entrypoint", "sh", img, "-c", "rm -rf /v/*")
	c.docker(append(append([]string{"run", "-d", "--name", name, "--network", c.name("net"), "-u", "postgres", "-v", name + ":/var/lib/postgresql/data", "--entrypoint", "sh"}, more...), img, "-c", script)...)
	if strings.Contains(script, "postgres") {
		c.eventually("it is ready", func() bool {
			return exec.Command("docker", "exec", name, "pg_isready", "-h", "127.0.0.1", "-q").Run() == nil
		})
	}
}

func TestAnAdoptedNodeGoesOnFromAnyState(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.apply()
	c.sub("everything is stopped", func(t *testing.T) {
		c.docker("stop", c.name("replica"), c.name("master"))
		c.apply()
		c.flows()
	})
	c.sub("the master's container is gone", func(t *testing.T) {
		c.docker("rm", "-fv", c.name("master"))
		c.apply()
		c.labelledContainer("master")
		c.flows()
	})
	c.sub("PGR256 another container is on the volume", func(t *testing.T) {
		img, _ := image(t, usual, "official")
		c.docker("stop", c.name("master"))
		c.docker("rm", c.name("master"))
		c.docker("run", "-d", "--name", c.name("else"), "-v", c.name("master")+":/var/lib/postgresql/data", img)
		c.refuses("PGR256", "volume "+c.name("master")+" is in use by container "+c.name("else"), "docker stop "+c.name("else"))
		c.docker("rm", "-f", c.name("else"))
		c.apply()
		c.flows()
	})
	c.sub("the node has another name", func(t *testing.T) {
		c.edit("replica \"%-replica\" {", "replica \"%-other\" {\n  volume = \"%-replica\"\n  renamed_from = \"%-replica\"")
		c.apply()
		if out := c.docker("ps", "--format", "{{.Names}}"); strings.Contains(out, c.name("replica")) || !strings.Contains(out, c.name("other")) {
			t.Errorf("containers: %s", out)
		}
	})
}

// labelledContainer fails unless the container of a node is of pgrepl's making.
func (c *cluster) labelledContainer(node string) {
	c.t.Helper()
	contains(c.t, c.docker("inspect", "-f", `{{index .Config.Labels "io.pgrepl.object"}}`, c.name(node)), "node/"+c.name(node))
}

// text is the cluster's file with the prefix written as %.
func (c *cluster) text() string {
	c.t.Helper()
	text, err := os.ReadFile(c.dir + "/pgrepl.hcl")
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), c.prefix, "%")
}

// TestKilledAtEachSideEffectOfAnAdoption kills the adopting apply before its first side effect, then before its second, and so
// on until a run ends unkilled. The next apply must end where an undisturbed one does. In between the adoption is undone by
// hand. `make chaos` tries every point, on both sides; otherwise each ninth one is tried.
func TestKilledAtEachSideEffectOfAnAdoption(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.keepFiles()
	before, marked := c.lives(), "network net, node master, node replica, volume master, volume replica"
	sides, points := []string{""}, 0
	if chaos() {
		sides = []string{"", "+"}
	}
	for _, side := range sides {
		for n := 1; ; n += stride(14) {
			c.env = append(c.env, fmt.Sprintf("PGREPL_CRASH_AT=%d%s", n, side))
			killed := c.run("apply", "--auto-approve")
			c.env = c.env[:1]
			if killed.code != 0 && killed.code != 137 {
				t.Fatalf("side effect %d%s: %s", n, side, killed)
			}
			if killed.code == 137 {
				c.run("plan") // whatever is half done can be looked at
				c.apply()
			}
			c.flows()
			if got := c.marks(); got != marked {
				t.Fatalf("side effect %d%s: marked: %s", n, side, got)
			}
			if got := c.passwordKept(); !got {
				t.Fatalf("side effect %d%s: the replication role's password is another", n, side)
			}
			if after := c.lives(); after != before {
				t.Fatalf("side effect %d%s: something restarted:\n%s\n--- before\n%s", n, side, after, before)
			}
			if killed.code == 0 {
				break
			}
			points++
			c.unadopt()
		}
		c.unadopt()
	}
	c.unharmed()
	if points*stride(14) < 10 {
		t.Errorf("only %d points: an adoption has more side effects than that", points)
	}
	t.Logf("killed at %d points; each time the next apply went on", points)
}

// passwordKept reports whether the role that the replica was cloned as has the password that it was made with.
func (c *cluster) passwordKept() bool {
	cmd := exec.Command("docker", "exec", "-e", "PGPASSWORD", c.name("replica"), "psql", "-X", "-qAt", "-c", "IDENTIFY_SYSTEM",
		"host="+c.name("master")+" user=replicator dbname=replication replication=true")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+handReplicator)
	return cmd.Run() == nil
}

// keepFiles keeps what unadopt puts back.
func (c *cluster) keepFiles() {
	c.t.Helper()
	for _, node := range []string{"master", "replica"} {
		c.docker("exec", "-u", "postgres", c.name(node), "sh", "-c", `mkdir /tmp/kept && cp $PGDATA/postgresql.auto.conf $PGDATA/pg_hba.conf /tmp/kept`)
	}
}

// unadopt takes everything of pgrepl's out of the cluster again.
func (c *cluster) unadopt() {
	c.t.Helper()
	for _, node := range []string{"master", "replica"} {
		c.docker("exec", "-u", "postgres", c.name(node), "sh", "-c", `cp /tmp/kept/* $PGDATA && rm -rf $PGDATA/pgrepl`)
		c.asPostgres(node, "SELECT pg_reload_conf()")
		c.docker("update", "--restart", "no", c.name(node))
	}
	c.eventually("the replica streams", c.streaming)
	c.asPostgres("master", "DROP SCHEMA IF EXISTS pgrepl CASCADE")
	c.asPostgres("master", "DROP ROLE IF EXISTS pgrepl")
	gone := "SELECT count(*) FROM pg_roles WHERE rolname = 'pgrepl'"
	c.eventually("the replica knows", func() bool { return c.asPostgres("replica", gone) == "0" })
}

func TestAnAdoptedReplicaGoesWithItsBlock(t *testing.T) {
	t.Parallel()
	c := byHand(t, usual)
	c.apply()
	contains(t, c.want(1, "plan", "--rebuild", "replica."+c.name("replica")).err, "PGR259", "cannot be rebuilt in place", "docker volume rm "+c.name("replica"))
	file := c.text()
	block := file[strings.Index(file, "replica \""):]
	c.write(strings.Replace(strings.Replace(file, block, "", 1), "slot \"standby_slot1\" {}", "", 1))
	r := c.want(3, "plan", "--detailed-exitcode")
	contains(t, r.out, "- replica."+c.name("replica"), "volume "+c.name("replica")+" is deleted", "needs --allow=data")
	c.apply("--allow=data")
	if left := c.objects(); strings.Contains(left, c.name("replica")) {
		t.Errorf("left behind: %s", left)
	}
	if slots := c.asPostgres("master", "SELECT count(*) FROM pg_replication_slots"); slots != "0" {
		t.Errorf("%s slots left", slots)
	}
	if got := c.marks(); got != "network net, node master, volume master" {
		t.Errorf("marked: %s", got)
	}
	c.write(file)
	c.apply() // and a new one by the same block
	c.flows()
}

// TestADirectoryDeepInItsVolumeIsAdopted is about the layout of the official image from 18 on: neither the volume's root, nor
// where pgrepl would have it.
func TestADirectoryDeepInItsVolumeIsAdopted(t *testing.T) {
	t.Parallel()
	c := byHand(t, 18)
	before := c.lives()
	c.apply()
	if after := c.lives(); after != before {
		t.Errorf("something restarted:\n%s\n--- before\n%s", after, before)
	}
	c.edit("  image = var.image", "  image = var.image\n  restart = \"always\"")
	c.apply()
	if after := c.lives(); after != before {
		t.Errorf("a restart policy restarted something:\n%s\n--- before\n%s", after, before)
	}
	c.edit("master \"%-master\" {", "master \"%-master\" {\n  stop_timeout = 60")
	c.edit("replica \"%-replica\" {", "replica \"%-replica\" {\n  stop_timeout = 60")
	c.apply()
	for _, node := range []string{"master", "replica"} {
		if got := c.asPostgres(node, "SHOW data_directory"); got != "/var/lib/postgresql/18/docker" {
			t.Errorf("%s: data directory %s", node, got)
		}
		if out := c.docker("exec", c.name(node), "ls", "/var/lib/postgresql"); out != "18\npgrepl" {
			t.Errorf("%s: the volume has %q", node, out)
		}
	}
	c.flows()
}

// TestKilledAtEachSideEffectOfADestroy takes the ledger away in the middle: what is gone on with is told by notes.
func TestKilledAtEachSideEffectOfADestroy(t *testing.T) {
	t.Parallel()
	for n := 1; ; n += stride(12) {
		c := byHand(t, usual)
		c.apply()
		c.env = append(c.env, fmt.Sprintf("PGREPL_CRASH_AT=%d", n))
		killed := c.run("destroy", "--auto-approve", "--allow=data")
		c.env = c.env[:1]
		if killed.code == 137 {
			c.want(0, "destroy", "--auto-approve", "--allow=data")
		}
		c.goneForGood()
		if killed.code == 0 {
			t.Logf("killed at %d points", (n-1)/stride(12))
			return
		}
	}
}
