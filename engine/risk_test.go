package engine

import (
	"slices"
	"testing"
)

func addrOf(label string) Address { return Address{Block: "replica", Label: label} }

func judged(effects ...Effected) Plan {
	s := do("step", "")
	s.effects = effects
	p := Plan{Steps: []Step{s}}
	p.Risks, p.Standing = judge(p, nil)
	return p
}

func TestAllow(t *testing.T) {
	p := judged(
		Effected{Class: ClassData, Addr: addrOf("a"), Text: "volume a is deleted", Asks: true},
		Effected{Class: ClassData, Addr: addrOf("b"), Text: "volume b is deleted", Asks: true},
		Effected{Class: ClassSlot, Addr: addrOf("b"), Text: "slot b is dropped"},
		Effected{Class: ClassRestart, Addr: addrOf("b"), Why: "max_connections"})
	for _, c := range []struct {
		allow   []string
		refused []string
	}{
		{nil, []string{"data:replica.a", "data:replica.b"}},
		{[]string{"data:replica.b"}, []string{"data:replica.a"}},
		{[]string{"data"}, nil},
		{[]string{"slot", "role", "restart"}, []string{"data:replica.a", "data:replica.b"}},
		{[]string{"data:replica.a", "data:replica.b", "slot"}, nil},
		{[]string{"data:replica"}, []string{"data:replica.a", "data:replica.b"}},
	} {
		var got []string
		for _, r := range p.Refused(c.allow) {
			got = append(got, r.Allow)
		}
		if !slices.Equal(got, c.refused) {
			t.Errorf("--allow=%v refuses %v, want %v", c.allow, got, c.refused)
		}
	}
}

func TestDeny(t *testing.T) {
	p := judged(Effected{Class: ClassRestart, Addr: addrOf("a"), Why: "x"}, Effected{Class: ClassRecreate, Addr: addrOf("a"), Why: "image"})
	if n := len(p.Denied([]string{"recreate"})); n != 1 {
		t.Errorf("--deny=recreate denies %d", n)
	}
	if n := len(p.Denied([]string{"restart"})); n != 2 {
		t.Errorf("--deny=restart denies %d; a new container is a restart, too", n)
	}
	if n := len(p.Denied([]string{"restart", "recreate"})); n != 2 {
		t.Errorf("--deny=restart,recreate denies %d", n)
	}
	if n := len(p.Denied(nil)); n != 0 {
		t.Errorf("nothing denies %d", n)
	}
}

func TestRestartsForOneReasonAreOneRisk(t *testing.T) {
	p := judged(
		Effected{Class: ClassRestart, Addr: addrOf("b"), Why: "max_connections"},
		Effected{Class: ClassRestart, Addr: addrOf("a"), Why: "max_connections"},
		Effected{Class: ClassRestart, Addr: addrOf("a"), Why: "max_connections"},
		Effected{Class: ClassRestart, Addr: addrOf("c"), Why: "shared_buffers"})
	if len(p.Risks) != 2 || len(p.Risks[0].Addrs) != 2 && len(p.Risks[1].Addrs) != 2 {
		t.Errorf("%+v", p.Risks)
	}
}

func TestFactsAreRisksOfThePlanThatChangesThem(t *testing.T) {
	id := ID{Kind: "settings", On: "a"}
	p := Plan{Changes: []Change{{ID: id, Fields: []Field{{Path: "settings.archive_mode"}}}}}
	facts := []Fact{
		{Code: "PGR202", On: id, Path: "settings.archive_mode"},
		{Code: "PGR203", On: id, Path: "settings.synchronous_commit"},
		{Code: "PGR201", On: ID{Kind: "slot", Name: "x"}},
		{Code: "PGR280", On: ID{Kind: "hba", On: "a"}, Path: "hba", Turn: true}, // of a change that is left out
	}
	risks, standing := judge(p, facts)
	if len(risks) != 1 || risks[0].Code != "PGR202" || len(standing) != 2 {
		t.Errorf("risks %+v, standing %+v", risks, standing)
	}
}

func TestWhatMayNeverBeIsAProblem(t *testing.T) {
	at := func(line int) Origin { return Origin{File: "f", Line: line} }
	twice := Fact{Code: "PGR213", Text: "port is taken", Origin: at(9)}
	got := refusals([]Fact{twice, {Code: "PGR201", Origin: at(1)}, {Code: "PGR210", Text: "name is taken", Origin: at(2)}, twice})
	if len(got) != 2 || got[0].Code != "PGR210" || got[1].Code != "PGR213" {
		t.Errorf("%+v", got)
	}
}

func TestEveryRuleSaysWhatWhyAndWhatToDo(t *testing.T) {
	for code, r := range rules {
		if r.Code != code || r.Title == "" || r.Why == "" || r.Do == "" {
			t.Errorf("%s: %+v", code, r)
		}
	}
}
