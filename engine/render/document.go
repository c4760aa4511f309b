package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"pgrepl/engine"
)

// Format is the name of the document, with its version: what is added keeps it, and readers pass over what they do not know.
const Format = "pgrepl.plan/1"

// Document is a plan as it is told: what every format is written from, and what is saved. It holds no secret. Apart from
// Facts no member holds a live number, so that a busy cluster makes the same document again.
type Document struct {
	Format     string           `json:"format"`
	Tool       string           `json:"tool"`
	Command    string           `json:"command"` // plan, apply, destroy or diff
	Cluster    string           `json:"cluster"`
	File       File             `json:"file"`
	Was        string           `json:"was,omitempty"` // of a diff: the other side
	Vars       Vars             `json:"vars"`
	Options    Narrowed         `json:"options"`
	Summary    Summary          `json:"summary"`
	Risks      []Risk           `json:"risks"`    // of this plan
	Standing   []Risk           `json:"standing"` // that nothing in this plan changes
	Policies   []Violation      `json:"policies"` // that do not hold
	Hints      []Hint           `json:"hints"`
	Topology   Topology         `json:"topology"`
	Changes    []Change         `json:"changes"`
	Steps      []Step           `json:"steps"`
	LookAgain  bool             `json:"look_again"` // more can be planned when the steps are done
	Undeclared []string         `json:"undeclared"`
	Unseen     []Remark         `json:"unseen"`
	Unchecked  []Remark         `json:"unchecked"`
	LeftOut    []string         `json:"left_out"` // by --target or --exclude
	Basis      []engine.Premise `json:"basis"`
	Promise    []string         `json:"promise"` // digests of what an approval is given for: each change, step and risk
	Course     []string         `json:"course"`  // digests of the states that its steps go through
	Facts      Facts            `json:"facts"`
}

// File is what the plan was made from. Path is relative where it was given so.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Vars are the variables that were given, as --var takes them, without those that are sensitive.
type Vars map[string]string

// Facts are the live numbers, by the rule and the object that they belong to.
type Facts map[string]string

// Narrowed is what the command line left of the plan or added to it.
type Narrowed struct {
	Target  []string `json:"target"`
	Exclude []string `json:"exclude"`
	Rebuild []string `json:"rebuild"`
}

// Summary is the plan in numbers.
type Summary struct {
	Objects  int      `json:"objects"` // that the file declares
	Add      int      `json:"add"`
	Change   int      `json:"change"`
	Remove   int      `json:"remove"`
	Restart  []string `json:"restart"`  // nodes whose server restarts
	Recreate []string `json:"recreate"` // nodes that get a new container
	Restarts int      `json:"restarts"` // how often: a server can restart twice
	Renewals int      `json:"renewals"`
	Loss     []string `json:"loss"` // classes of what is lost: data, slot, role, synchronous
	Writes   bool     `json:"writes_stop"`
}

// Risk is one effect of the plan, or one fact that the risk table judges. Its live number is in Facts.
type Risk struct {
	Code     string       `json:"code,omitempty"`
	Class    engine.Class `json:"class,omitempty"`
	Severity string       `json:"severity"` // note, warning, needs or never
	Object   string       `json:"object"`
	Text     string       `json:"text"`
	Reason   string       `json:"reason,omitempty"` // why it happens
	Allow    string       `json:"allow,omitempty"`
	Do       string       `json:"do,omitempty"`
	Source   string       `json:"source,omitempty"`

	allowed, denied bool // by the flags of this run; never stored
}

// Violation is a policy of the file's author that does not hold.
type Violation struct {
	Policy   string `json:"policy"`
	Severity string `json:"severity"` // error or warning
	Message  string `json:"message"`
	Source   string `json:"source,omitempty"`
}

// forbids is the severity of a policy that refuses a plan.
const forbids = "error"

// Forbidden lists the policies that forbid the plan.
func (d Document) Forbidden() []Violation {
	return slices.DeleteFunc(slices.Clone(d.Policies), func(v Violation) bool { return v.Severity != forbids })
}

// Hint is what the plan could be meant as.
type Hint struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Was   string `json:"was"`
	Keeps string `json:"keeps"`
}

// Change is one block of the file, or one object that is in no file, with what changes in it. What several nodes take from one
// line of the file is told once, under the cluster.
type Change struct {
	Object string  `json:"object"`         // replica.c, or cluster (all nodes)
	Name   string  `json:"name,omitempty"` // real name where it differs
	Made   string  `json:"made,omitempty"` // how it comes to be, or what goes
	Action string  `json:"action"`         // add, change or remove
	Source string  `json:"source,omitempty"`
	Fields []Field `json:"fields"`
}

// Field is one changed attribute.
type Field struct {
	Path      string        `json:"path"`
	Before    *Value        `json:"before"` // null: it is not there
	After     *Value        `json:"after"`
	Effect    engine.Effect `json:"effect,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Source    string        `json:"source,omitempty"`
	Sensitive bool          `json:"sensitive,omitempty"` // it changes, and the values are not told
	Rewritten bool          `json:"rewritten,omitempty"` // a secret is taken from elsewhere; whether it is another, nobody asked
	Implied   bool          `json:"implied,omitempty"`   // nobody wrote it: told by --full only

	at engine.Origin // of Source; rows are sorted by it
}

// Value is a text, or an ordered list whose remark says what holds of it beside its entries.
type Value struct {
	Text string
	List []string
}

// MarshalJSON writes a string, or a list of strings with a last one of the form "(remark)".
func (v Value) MarshalJSON() ([]byte, error) {
	if v.List == nil {
		return marshal(v.Text)
	}
	if v.Text != "" {
		return marshal(append(slices.Clone(v.List), "("+v.Text+")"))
	}
	return marshal(v.List)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(data []byte) error {
	*v = Value{}
	if err := json.Unmarshal(data, &v.Text); err == nil {
		return nil
	}
	if err := json.Unmarshal(data, &v.List); err != nil {
		return err
	}
	if n := len(v.List) - 1; n >= 0 && strings.HasPrefix(v.List[n], "(") && strings.HasSuffix(v.List[n], ")") {
		v.Text, v.List = v.List[n][1:len(v.List[n])-1], v.List[:n]
	}
	return nil
}

func marshal(v any) ([]byte, error) {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	err := out.Encode(v)
	return []byte(strings.TrimRight(b.String(), "\n")), err
}

// Step is one numbered step.
type Step struct {
	N     int      `json:"n"`
	Nodes []string `json:"nodes"` // real names; none: what is Docker's alone
	Do    string   `json:"do"`
	Needs []int    `json:"needs"`
	Allow []string `json:"allow"` // what --allow has to name for it
}

// Where names the nodes of a step.
func (s Step) Where() string {
	if len(s.Nodes) == 0 {
		return "docker"
	}
	return strings.Join(s.Nodes, ", ")
}

// Remark says something of an object that is not compared.
type Remark struct {
	Object string `json:"object"`
	Text   string `json:"text"`
}

// Refused reports whether there is something in it that may not be done at all.
func (d Document) Refused() bool {
	return slices.ContainsFunc(d.Risks, func(r Risk) bool { return r.Severity == never })
}

// Empty reports whether there is nothing to do.
func (d Document) Empty() bool { return len(d.Steps) == 0 && len(d.Changes) == 0 }

// fact is the live number of a risk, "" where it has none.
func (d Document) fact(r Risk) string { return cmp.Or(d.Facts[r.longKey()], d.Facts[r.key()]) }

// note keeps the live number of a risk, under its rule and object; where another has that place, under its text too.
func (d Document) note(r Risk, figure string) {
	key := r.key()
	if _, taken := d.Facts[key]; taken {
		key = r.longKey()
	}
	d.Facts[key] = figure
}

func (r Risk) key() string {
	name := r.Code
	if name == "" {
		name = string(r.Class)
	}
	return strings.TrimSpace(name + " " + r.Object)
}

func (r Risk) longKey() string { return r.key() + ": " + r.Text }

// Loses reports whether a loss of the class at an object is a part of the plan.
func (d Document) Loses(class engine.Class, at engine.Address) bool {
	return slices.ContainsFunc(d.Risks, func(r Risk) bool { return r.Class == class && r.Object == at.String() })
}

// Left reports whether a plan is what an apply of the document leaves that stopped half way: a part of what was promised, or of
// what lies on the way there.
func (d Document) Left(p engine.Plan) bool {
	known := func(of []string) func(string) bool {
		return func(line string) bool { return slices.Contains(of, digestOf(line)) }
	}
	promised := known(d.Promise)
	if !slices.ContainsFunc(p.Promise(), func(line string) bool { return !promised(line) }) {
		return true
	}
	return p.Astray(known(d.Course)) == ""
}

// ID names what an approval is given for: the same for the same plan from the same file.
func (d Document) ID() string {
	digest := sha256.New()
	fmt.Fprintf(digest, "%s\n%s\n%q\n%q", d.Cluster, d.File.SHA256, d.Options, d.Promise)
	return hex.EncodeToString(digest.Sum(nil))[:12]
}

// JSON writes the document and its id, with its keys in the order of the alphabet.
func JSON(w io.Writer, d Document) error {
	text, err := marshal(d)
	if err != nil {
		return err
	}
	sorted := map[string]any{} // encoding/json sorts the keys of maps, and of nothing else
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&sorted); err != nil {
		return err
	}
	sorted["id"] = d.ID()
	return writeJSON(w, sorted)
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// Read reads a document that JSON wrote.
func Read(data []byte) (Document, error) {
	var d Document
	var is struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(data, &is); err != nil {
		return d, fmt.Errorf("it is no saved plan: %w", err)
	}
	if is.Format != Format { // what is in it, is for another version
		if major, _, _ := strings.Cut(Format, "/"); strings.HasPrefix(is.Format, major+"/") {
			return d, fmt.Errorf("it is %s, and this pgrepl reads %s", is.Format, Format)
		}
		return d, errors.New("it is no saved plan: format is not " + Format)
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("it is no saved plan: %w", err)
	}
	return d, nil
}
