package engine

import (
	"cmp"
	"slices"
	"strings"
)

// Severity is how the risk table judges a fact.
type Severity int

// The severities, mildest first.
const (
	Note  Severity = iota
	Warns          // said, never in the way
	Needs          // refused unless --allow=CLASS
	Never          // refused: nothing is done
)

// Rule is one row of the risk table.
type Rule struct {
	Code     string
	Severity Severity
	Class    Class  // for Needs
	Title    string // fixed words; the fact adds the numbers of this cluster
}

// rules is the whole policy, to be taken in at one look. Kinds state facts; only this table judges them.
var rules = map[string]Rule{
	"PGR201": {Severity: Warns, Title: "slot holds WAL and nothing reads it"},
	"PGR202": {Severity: Warns, Title: "archive_mode without a command fills the disk"},
	"PGR203": {Severity: Warns, Title: "synchronous_commit = off loses commits at a crash"},
	"PGR210": {Severity: Never, Title: "container name belongs to somebody else"},
	"PGR211": {Severity: Never, Title: "volume belongs to somebody else"},
	"PGR212": {Severity: Never, Title: "network belongs to somebody else"},
	"PGR213": {Severity: Never, Title: "port is taken"},
	"PGR214": {Severity: Never, Title: "subnet overlaps"},
	"PGR215": {Severity: Never, Title: "image is missing"},
	"PGR216": {Severity: Never, Title: "volume holds another major version"},
	"PGR217": {Severity: Never, Title: "volume holds another cluster"},
	"PGR218": {Severity: Never, Title: "replica is not in recovery"},
	"PGR219": {Severity: Never, Title: "master has no data, but a volume of this cluster does"},
	"PGR220": {Severity: Never, Title: "image is of another major version"},
	"PGR221": {Severity: Never, Title: "external network does not exist"},
	"PGR222": {Severity: Never, Title: "master is in recovery"},
	"PGR223": {Severity: Never, Title: "management login is refused"},
	"PGR224": {Severity: Never, Title: "cannot be changed on existing data"},
	"PGR225": {Severity: Never, Title: "volume holds a data directory that pgrepl did not make"},
	"PGR226": {Severity: Never, Title: "replica is on a later timeline than the master"},
	"PGR227": {Severity: Warns, Title: "server would not start with its files"},
	"PGR228": {Severity: Warns, Title: "replay is paused"},
}

// Fact is something that holds in this cluster and that the risk table has a rule for.
type Fact struct {
	Code   string
	On     ID     // what it is about; where the plan changes that, the fact is a risk of the plan, otherwise it stands
	Path   string // attribute of On, where the fact is about one
	Addr   Address
	Text   string // with the numbers of this cluster
	Detail string // why it matters
	Next   string // what to do
	Origin Origin
}

// Risk is a fact or an effect, judged.
type Risk struct {
	Code     string // "" for an effect of a step
	Severity Severity
	Class    Class
	Addrs    []Address
	Text     string
	Why      string
	Allow    string // the flag that lets it pass: data:replica.b
	Allowed  bool
	Next     string
	Origin   Origin
}

func refusals(facts []Fact) []Problem {
	var out []Problem
	for _, f := range facts {
		if rules[f.Code].Severity == Never {
			out = append(out, Problem{Code: f.Code, Origin: f.Origin, Object: f.Addr.String(), Summary: f.Text, Detail: f.Detail, Next: f.Next})
		}
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line),
			cmp.Compare(a.Origin.Column, b.Origin.Column), strings.Compare(a.Code, b.Code), strings.Compare(a.Summary, b.Summary))
	})
	return slices.CompactFunc(out, func(a, b Problem) bool { return a == b })
}

func judge(p Plan, facts []Fact) (risks, standing []Risk) {
	for _, s := range p.Steps {
		for _, e := range s.Effects() {
			risks = addEffect(risks, e)
		}
	}
	changed := map[ID]Change{}
	for _, c := range p.Changes {
		changed[c.ID] = c
	}
	for _, f := range facts {
		r := Risk{Code: f.Code, Severity: rules[f.Code].Severity, Addrs: []Address{f.Addr}, Text: f.Text, Why: f.Detail, Next: f.Next, Origin: f.Origin}
		if c, ok := changed[f.On]; ok && (f.Path == "" || c.Changes(f.Path)) {
			risks = append(risks, r)
			continue
		}
		standing = append(standing, r)
	}
	slices.SortStableFunc(risks, compareRisks)
	slices.SortStableFunc(standing, compareRisks)
	return risks, standing
}

// addEffect adds what a step does; restarts for one reason are one line.
func addEffect(risks []Risk, e Effected) []Risk {
	r := Risk{Severity: Warns, Class: e.Class, Addrs: []Address{e.Addr}, Text: e.Text, Why: e.Why, Origin: e.Origin}
	if e.Asks {
		r.Severity, r.Allow = Needs, string(e.Class)+":"+e.Addr.String()
	}
	if e.Class == ClassRestart || e.Class == ClassRecreate {
		for i := range risks {
			if risks[i].Class == e.Class && risks[i].Why == e.Why {
				if !slices.Contains(risks[i].Addrs, e.Addr) {
					risks[i].Addrs = append(risks[i].Addrs, e.Addr)
				}
				return risks
			}
		}
	}
	return append(risks, r)
}

var classOrder = []Class{ClassData, ClassSlot, ClassRole, ClassRecreate, ClassRestart, ""}

func compareRisks(a, b Risk) int {
	return cmp.Or(
		cmp.Compare(slices.Index(classOrder, a.Class), slices.Index(classOrder, b.Class)),
		strings.Compare(a.Code, b.Code), a.Addrs[0].Compare(b.Addrs[0]), strings.Compare(a.Text, b.Text))
}

// Refused marks the risks that allow lets pass and returns those that it does not. An entry is CLASS or CLASS:ADDR.
func (p *Plan) Refused(allow []string) []Risk {
	var out []Risk
	for i := range p.Risks {
		r := &p.Risks[i]
		if r.Severity != Needs {
			continue
		}
		if r.Allowed = slices.Contains(allow, string(r.Class)) || slices.Contains(allow, r.Allow); !r.Allowed {
			out = append(out, *r)
		}
	}
	return out
}

// Denied returns the risks of the classes that may not happen (--deny=restart,recreate).
func (p Plan) Denied(deny []string) []Risk {
	var out []Risk
	for _, r := range p.Risks {
		if slices.Contains(deny, string(r.Class)) {
			out = append(out, r)
		}
	}
	return out
}
