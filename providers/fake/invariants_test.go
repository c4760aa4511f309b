package fake_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgrepl/engine"
	"pgrepl/providers/fake"
)

// forced is a cluster whose steps are in an order that somebody made up: each needs the one before it, and nothing else. Those
// that are not in it are left out.
type forced struct {
	*fake.Cluster
	order []engine.StepID
}

func (c forced) Kinds() []engine.Kind {
	var out []engine.Kind
	for _, k := range c.Cluster.Kinds() {
		out = append(out, forcedKind{k, c})
	}
	return out
}

func (c forced) Guard(steps []engine.Step) []engine.Step { return c.force(c.Cluster.Guard(steps)) }

type forcedKind struct {
	engine.Kind
	cluster forced
}

func (k forcedKind) Steps(c engine.Change) []engine.Step { return k.cluster.force(k.Kind.Steps(c)) }

func (c forced) force(steps []engine.Step) []engine.Step {
	var out []engine.Step
	for _, s := range steps {
		if at := slices.Index(c.order, s.ID()); at >= 0 {
			out = append(out, forcedStep{s, c.order[:at]})
		}
	}
	return out
}

type forcedStep struct {
	engine.Step
	before []engine.StepID
}

func (s forcedStep) Needs() []engine.StepID { return s.before }

// badly puts some of the steps of a plan first, in this order, and leaves others out. They are named by what they do to what.
func badly(t *testing.T, p engine.Plan, first, left []string) (order []engine.StepID) {
	t.Helper()
	at := func(name string) int {
		return slices.IndexFunc(p.Steps, func(s engine.Step) bool { return s.ID().String() == name })
	}
	for _, name := range slices.Concat(first, left) {
		if at(name) < 0 {
			t.Fatalf("there is no step %q", name)
		}
	}
	for _, name := range first {
		order = append(order, p.Steps[at(name)].ID())
	}
	for _, s := range p.Steps {
		if name := s.ID().String(); !slices.Contains(first, name) && !slices.Contains(left, name) {
			order = append(order, s.ID())
		}
	}
	return order
}

// TestStepsInABadOrderAreRefused plans changes of a cluster, then puts steps where they do harm, or leaves them out, and holds
// that the plan is refused, with the step after which something is not as it must be. As it was planned, it is not.
func TestStepsInABadOrderAreRefused(t *testing.T) {
	const cluster = "cluster \"shop\" {\n"
	for _, c := range []struct {
		name, before, events, after string
		rebuild                     string
		first, left                 []string // steps that are done first, and those that are not done
		want                        string
	}{
		{name: "a standby that commits wait for gets a new container",
			before: cluster + "  synchronous {\n replicas = [replica.ra]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\n",
			after:  cluster + "  synchronous {\n replicas = [replica.ra]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" { shm_size = \"80MB\" }\n",
			left:   []string{"shrink synchronous on db"},
			want:   "after step 1 of 5, remove node ra (stop and remove the old container), every commit waits for standbys that are away"},
		{name: "both of two are rebuilt, and one is let go",
			before:  cluster + "  synchronous {\n replicas = [replica.ra, replica.rb]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"rb\" {}\n",
			after:   cluster + "  synchronous {\n replicas = [replica.ra, replica.rb]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"rb\" {}\n",
			rebuild: "replica.ra replica.rb",
			left:    []string{"shrink synchronous on db"},
			first:   []string{"halt server ra", "halt server rb"},
			want:    "after step 2 of 11, halt server rb (stop), every commit waits for standbys that are away"},
		{name: "a standby that commits wait for is hung below another",
			before: cluster + "  synchronous {\n replicas = [replica.rb]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"rb\" {}\n",
			after:  cluster + "  synchronous {\n replicas = [replica.ra]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"rb\" { upstream = replica.ra }\n",
			first:  []string{"create slot rb on ra", "set replication on rb", "reload replication on rb"},
			want:   "after step 3 of 7, reload replication on rb (check, reload), every commit waits for standbys that are away"},
		{name: "a renamed standby that commits wait for",
			before: cluster + "  synchronous {\n replicas = [replica.ra]\n }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\n",
			after:  cluster + "  synchronous {\n replicas = [replica.rb]\n }\n}\nmaster \"db\" {}\nreplica \"rb\" { renamed_from = \"ra\" }\n",
			left:   []string{"shrink synchronous on db"},
			want:   "remove node rb (stop and remove the old container), every commit waits for standbys that are away"},
		{name: "the master gets more than a standby of a standby has",
			before: cluster + "}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"sb\" { upstream = replica.ra }\n",
			after:  cluster + "  settings = { max_connections = 200 }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"sb\" { upstream = replica.ra }\n",
			first:  []string{"set settings on ra", "restart server ra", "accept server ra", "return server ra", "set settings on db", "restart server db", "accept server db"},
			want:   "accept server db (wait until it accepts connections), replica.sb has less of max_connections than its master, and stops replaying"},
		{name: "a slot goes before its reader has another",
			before: cluster + "}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\n",
			after:  cluster + "}\nmaster \"db\" {}\nslot \"two\" {}\nreplica \"ra\" { slot = slot.two }\n",
			first:  []string{"drop slot one on db"},
			want:   "after step 1 of 5, drop slot one on db (drop slot one), replica.ra reads slot one, which is not on master.db"},
		{name: "a reader goes to a slot that is not there",
			before: cluster + "}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\n",
			after:  cluster + "}\nmaster \"db\" {}\nslot \"two\" {}\nreplica \"ra\" { slot = slot.two }\n",
			first:  []string{"set replication on ra", "reload replication on ra"},
			want:   "after step 2 of 5, reload replication on ra (check, reload), replica.ra reads slot two, which is not on master.db"},
		{name: "a slot is made, and its standby does not turn to it",
			before: cluster + "}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\n",
			after:  cluster + "}\nmaster \"db\" {}\nslot \"two\" {}\nreplica \"ra\" { slot = slot.two }\n",
			left:   []string{"set replication on ra", "reload replication on ra", "drop slot one on db"},
			want:   "after step 1 of 2, create slot two on db (slot two), slot two on master.db keeps WAL for replica.ra, which does not read it, and no step after it changes that"},
		{name: "a standby turns to another slot, and the one that it had stays",
			before: cluster + "}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\n",
			after:  cluster + "}\nmaster \"db\" {}\nslot \"two\" {}\nreplica \"ra\" { slot = slot.two }\n",
			left:   []string{"drop slot one on db"},
			want:   "after step 3 of 4, reload replication on ra (check, reload), slot one on master.db keeps WAL for replica.ra, which does not read it, and no step after it changes that"},
		{name: "a slot is made for a standby that is not",
			before: cluster + "}\nmaster \"db\" {}\n",
			after:  cluster + "}\nmaster \"db\" {}\nreplica \"ra\" {}\n",
			left:   []string{"create volume ra", "create node ra", "clone server ra", "accept server ra", "stream replication on ra"},
			want:   "slot ra on master.db keeps WAL for replica.ra, which does not read it, and no step after it changes that"},
		{name: "a base backup finds no walsender left",
			before: cluster + "  settings = { max_wal_senders = 2 }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\n",
			after:  cluster + "  settings = { max_wal_senders = 3 }\n}\nmaster \"db\" {}\nreplica \"ra\" {}\nreplica \"rb\" {}\n",
			first:  []string{"create slot rb on db", "create volume rb", "create node rb", "clone server rb"},
			want:   "during step 4 of 14, clone server rb (base backup of db), master.db has more readers than max_wal_senders during the base backup of replica.rb"},
		{name: "more slots than there may be",
			before: cluster + "  settings = { max_replication_slots = 2 }\n}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\nslot \"x\" {}\n",
			after:  cluster + "  settings = { max_replication_slots = 2 }\n}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\nslot \"a\" {}\n",
			first:  []string{"create slot a on db"},
			want:   "after step 1 of 2, create slot a on db (slot a), master.db has more slots than max_replication_slots"},
		{name: "the rules of a cluster that was made by hand are replaced before pgrepl has a login",
			before: cluster + "}\nnetwork \"net\" {}\nmaster \"db\" {}\n", events: "made by hand",
			after: cluster + "}\nnetwork \"net\" {}\nmaster \"db\" {}\n",
			first: []string{"write hba on db"},
			want:  "write hba on db (write hba), master.db has pgrepl's rules in pg_hba.conf, and no role pgrepl that may come by them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(false)
			if err := converge(fake.New(load(t, c.name, c.before, nil), w), engine.Options{}, 1, func(engine.Plan) {}); err != nil {
				t.Fatal(err)
			}
			(stage{events: c.events}).happen(t, w)
			bound := fake.New(load(t, c.name, c.after, nil), w)
			bound.Rebuild(strings.Fields(c.rebuild))
			p, err := plan(bound, engine.Options{})
			if err != nil {
				t.Fatalf("as it is planned: %v", err)
			}
			order := badly(t, p, c.first, c.left)
			_, problems, err := engine.Make(forced{bound, order}, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != 1 || problems[0].Code != "PGR304" || !strings.HasSuffix(problems[0].Summary, c.want) {
				t.Errorf("of the steps %v comes\n%v\nwanted\n%s", order, problems, c.want)
			}
		})
	}
}

// TestHalfAChangeLeavesNoSlotBehind leaves the replica out for which a slot is made.
func TestHalfAChangeLeavesNoSlotBehind(t *testing.T) {
	w := newWorld(false)
	const before = "cluster \"shop\" {}\nmaster \"db\" {}\nslot \"one\" {}\nreplica \"ra\" { slot = slot.one }\n"
	if err := converge(fake.New(load(t, "before", before, nil), w), engine.Options{}, 1, func(engine.Plan) {}); err != nil {
		t.Fatal(err)
	}
	after := fake.New(load(t, "after", strings.ReplaceAll(before, "one", "two")+"slot \"archive\" {}\n", nil), w)
	const unread = ", slot two on master.db keeps WAL for replica.ra, which does not read it, and no step after it changes that"
	for _, c := range []struct {
		o       engine.Options
		refused string
	}{
		{engine.Options{}, ""},
		{engine.Options{Target: []string{"slot.archive"}}, ""},
		{engine.Options{Exclude: []string{"replica.ra", "slot.two"}}, ""},
		{engine.Options{Target: []string{"slot.two"}}, "after step 1 of 1, create slot two on db (slot two)" + unread},
		{engine.Options{Exclude: []string{"replica.ra"}}, "after step 2 of 2, create slot two on db (slot two)" + unread},
	} {
		_, err := plan(after, c.o)
		no := refused{}
		switch errors.As(err, &no); {
		case err == nil && c.refused == "":
		case len(no.problems) != 1 || no.problems[0].Summary != c.refused || !strings.HasPrefix(no.problems[0].Next, "--target or --exclude leaves out"):
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}

// TestATakerWithTwoTurnsMakesADetour: a replica whose link changes between its two turns takes the slot of one whose only turn comes
// after its second. Killed just when the primary is down, the next run still refuses that as a cycle, until the primary is back.
func TestATakerWithTwoTurnsMakesADetour(t *testing.T) {
	w := newWorld(false)
	const file = "cluster \"c\" {\n  settings = {\n    max_connections = %d\n    max_worker_processes = %d\n  }\n}\nslot \"spare\" {}\nmaster \"db\" {}\n"
	const before = "replica \"ra\" {}\nreplica \"rd\" {\n  slot = slot.spare\n  settings = { max_connections = 400 }\n}\n"
	const after = "replica \"ra\" { slot = slot.spare }\nreplica \"rd\" { shm_size = \"128MB\" }\n"
	for _, text := range []string{fmt.Sprintf(file, 200, 12) + before, fmt.Sprintf(file, 300, 6) + after} {
		if err := converge(fake.New(load(t, "file", text, nil), w), engine.Options{}, 1, func(engine.Plan) {}); err != nil {
			t.Fatal(err)
		}
	}
}
