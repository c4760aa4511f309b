// Package transitions is the catalogue of what a living cluster can be taken through: each says what stands in the file
// before and after, what the plan tells, and what nodes and clients notice. It is read by the tests on real Docker and by
// those on the cluster in memory.
//
// A txtar file is a chain: one cluster, start.hcl, and then one transition after the other. In all of them % stands for the
// name of the cluster; the lines of a transition are
//
//	by hand: docker kill %-b    what somebody does before, in the words of fake.Happen, of docker, or as "sql a: STATEMENT"
//	- text                      an edit of the file: lines with a blank stay, those with - go, those with + come;
//	+ text                      an empty line divides one place from the next
//	allow: data                 what apply is given with --allow
//	rebuild: replica.%-b        what it is given with --rebuild
//	refused: text               apply ends with an error that says this, and changes nothing
//	open: text                  what is still wrong: apply ends with an error that says this, until somebody puts it right. The
//	                            next transition starts from the file before
//	plan: text                  stands in the plan; blanks count as one
//	restarted: a b              whose servers start anew in the container that they have; none where it is not written
//	recreated: b                whose containers are made anew
//	added: c                    nodes that are new
//	removed: c                  nodes that go
//	writes: stop                a client that writes is interrupted, and loses nothing that was acknowledged. It is "go on" where
//	                            nothing is written: then it sees no error. "stopped by hand": by what came before
//	on b: SHOW work_mem = 8MB   what a server then answers
//
// What starts with # is a comment. A chain whose comment has the line "ci" is tried at every change, the others by
// `make transitions`.
package transitions

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

//go:embed *.txtar
var files embed.FS

// Chain is one cluster, and what it is taken through.
type Chain struct {
	Name        string
	CI          bool
	Start       string // the file that it is made from
	Transitions []Transition
}

// Transition is one change of a living cluster.
type Transition struct {
	Name   string
	Events []string // by hand, before
	Before string   // the file
	After  string

	Allow   []string
	Rebuild []string
	Refused string
	Open    string
	Plan    []string

	Restarted, Recreated, Added, Removed []string // nodes, without the prefix
	Writes                               Writes
	Holds                                []Fact
}

// Writes is what a client that writes without pause notices.
type Writes string

// What becomes of writes.
const (
	GoOn          Writes = "go on"
	Stop          Writes = "stop"
	StoppedByHand Writes = "stopped by hand"
)

// Fact is what a server answers.
type Fact struct{ Node, Query, Answer string }

// Chains reads the whole catalogue.
func Chains() ([]Chain, error) { return ChainsOn("") }

// ports begins the ports that the catalogue publishes.
const ports = "5549"

// ChainsOn reads it with ports that begin otherwise, so that a chain can be gone through twice at once; with "" as they are.
func ChainsOn(begin string) ([]Chain, error) {
	names, err := fs.Glob(files, "*.txtar")
	if err != nil {
		return nil, err
	}
	var out []Chain
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if begin != "" {
			text = bytes.ReplaceAll(text, []byte(ports), []byte(begin))
		}
		c, err := parse(strings.TrimSuffix(name, ".txtar"), txtar.Parse(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func parse(name string, a *txtar.Archive) (Chain, error) {
	c := Chain{Name: name, CI: slices.Contains(strings.Split(string(a.Comment), "\n"), "ci")}
	if len(a.Files) == 0 || a.Files[0].Name != "start.hcl" {
		return c, fmt.Errorf("it does not begin with start.hcl")
	}
	c.Start = string(a.Files[0].Data)
	file := c.Start
	for _, f := range a.Files[1:] {
		t := Transition{Name: f.Name, Before: file, Writes: GoOn}
		if err := t.read(string(f.Data)); err != nil {
			return c, fmt.Errorf("%s: %w", f.Name, err)
		}
		c.Transitions = append(c.Transitions, t)
		if t.Open == "" {
			file = t.After
		}
	}
	return c, nil
}

var keyword = regexp.MustCompile(`^([a-z][a-z ]*): (.*)$`)

func (t *Transition) read(text string) error {
	var place []string
	t.After = t.Before
	for _, line := range append(strings.Split(text, "\n"), "") {
		if line != "" && strings.ContainsRune(" +-", rune(line[0])) {
			place = append(place, line)
			continue
		}
		var err error
		if t.After, err = edit(t.After, place); err != nil {
			return err
		}
		place = nil
		if line == "" || line[0] == '#' {
			continue
		}
		m := keyword.FindStringSubmatch(line)
		if m == nil {
			return fmt.Errorf("what is %q?", line)
		}
		if err := t.say(m[1], m[2]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Transition) say(key, value string) error {
	switch key {
	case "by hand":
		t.Events = append(t.Events, value)
	case "allow":
		t.Allow = append(t.Allow, value)
	case "rebuild":
		t.Rebuild = append(t.Rebuild, value)
	case "refused":
		t.Refused = value
	case "open":
		t.Open = value
	case "plan":
		t.Plan = append(t.Plan, value)
	case "restarted":
		t.Restarted = strings.Fields(value)
	case "recreated":
		t.Recreated = strings.Fields(value)
	case "added":
		t.Added = strings.Fields(value)
	case "removed":
		t.Removed = strings.Fields(value)
	case "writes":
		t.Writes = Writes(value)
		if !slices.Contains([]Writes{GoOn, Stop, StoppedByHand}, t.Writes) {
			return fmt.Errorf("writes cannot %q", value)
		}
	default:
		node, on := strings.CutPrefix(key, "on ")
		at := strings.LastIndex(value, " = ")
		if !on || at < 0 {
			return fmt.Errorf("what is %q?", key+": "+value)
		}
		t.Holds = append(t.Holds, Fact{node, value[:at], value[at+3:]})
	}
	return nil
}

// edit changes one place of a file. Blanks around a line do not matter.
func edit(file string, place []string) (string, error) {
	if len(place) == 0 {
		return file, nil
	}
	var old, now []string
	for _, line := range place {
		text := strings.TrimPrefix(line[1:], " ")
		if line[0] != '+' {
			old = append(old, text)
		}
		if line[0] != '-' {
			now = append(now, text)
		}
	}
	lines := strings.Split(file, "\n")
	found := -1
	for at := range len(lines) - len(old) + 1 {
		if !slices.EqualFunc(lines[at:at+len(old)], old, func(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }) {
			continue
		}
		if found >= 0 {
			return "", fmt.Errorf("these lines stand in the file twice:\n%s", strings.Join(old, "\n"))
		}
		found = at
	}
	if found < 0 {
		return "", fmt.Errorf("the file does not have these lines:\n%s\nit is\n%s", strings.Join(old, "\n"), file)
	}
	return strings.Join(slices.Concat(lines[:found], now, lines[found+len(old):]), "\n"), nil
}
