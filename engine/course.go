package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Course lists the states that a plan takes things through, a line each: what comes and goes on the way, each value of an attribute
// that is not the wanted one, and what is lost or interrupted. An apply that is killed leaves things in one of them, and what
// is left to do is another plan, with lines of its own in its Promise; by the course it is known again.
func (p Plan) Course() []string {
	lines := map[string]bool{}
	note := func(r Resource) {
		wanted := p.Wanted[r.ID]
		for path, a := range wanted.Attrs {
			if value, has := r.Attrs[path]; !has || !value.equal(a) {
				lines[state(r.ID, path, value, has)] = true
			}
		}
		for path, a := range r.Attrs {
			if _, has := wanted.Attrs[path]; !has {
				lines[state(r.ID, path, a, true)] = true
			}
		}
	}
	for _, c := range p.Changes {
		switch c.Action {
		case Create:
			lines[away(c.ID)], lines[fresh(c.Addr)] = true, true
		case Delete:
			lines[there(c.ID)] = true
		}
		for _, f := range c.Fields {
			lines[state(c.ID, f.Path, f.Before, f.Had)] = true
		}
	}
	world := p.Seen
	for _, s := range p.Steps {
		next := s.After(world)
		for id, r := range world {
			if is, still := next[id]; !still {
				lines[away(id)], lines[there(id)] = true, true
			} else if !maps.EqualFunc(r.Attrs, is.Attrs, Attr.equal) {
				note(r)
				note(is)
			}
		}
		for id, r := range next {
			if _, before := world[id]; !before {
				lines[there(id)] = true
				note(r)
			}
		}
		if r := p.Wanted[s.ID().On]; r.passing() {
			lines[busy(r.Addr.String())], lines[busy(r.ID.String())] = true, true
		}
		world = next
	}
	for _, r := range p.Risks {
		for _, a := range r.Addrs {
			lines[costs(r, a)] = true
		}
	}
	return slices.Sorted(maps.Keys(lines))
}

// passing reports whether it has an attribute that is away for a moment while a step is under way.
func (r Resource) passing() bool {
	for _, a := range r.Attrs {
		if a.Passing {
			return true
		}
	}
	return false
}

func away(id ID) string              { return fmt.Sprintf("%s is away", id) }
func there(id ID) string             { return fmt.Sprintf("%s is there", id) }
func fresh(a Address) string         { return fmt.Sprintf("%s is new", a) }
func busy(what string) string        { return what + " is busy" }
func costs(r Risk, a Address) string { return fmt.Sprintf("%s %s %s", r.Code, r.Class, a) }

func state(id ID, path string, a Attr, has bool) string {
	if !has {
		return fmt.Sprintf("%s: %s is not set", id, path)
	}
	return fmt.Sprintf("%s: %s is %s", id, path, promised(a))
}

// Astray is the first thing that a plan starts from, or costs, that is not on the course of an approved one; "" where there is none:
// then it is what an apply of that one leaves which stopped half way. What somebody else did meanwhile is not on it.
func (p Plan) Astray(course func(line string) bool) string {
	for _, c := range p.Changes {
		if line := c.astray(course); c.ID.Kind != "image" && line != "" {
			return line
		}
	}
	for _, r := range p.Risks {
		for _, a := range r.Addrs {
			if (r.Class != "" || r.Severity >= Needs) && !course(costs(r, a)) && !course(fresh(a)) {
				return costs(r, a)
			}
		}
	}
	return ""
}

func (c Change) astray(course func(string) bool) string {
	switch c.Action {
	case Create:
		return unless(course(away(c.ID)), away(c.ID))
	case Delete:
		return unless(course(there(c.ID)), there(c.ID))
	}
	for _, f := range c.Fields {
		if line := state(c.ID, f.Path, f.Before, f.Had); !course(line) && !c.onItsWay(f, course) {
			return line
		}
	}
	return ""
}

// onItsWay reports whether an attribute is between two states of the course: a server that is being started, or a value that waits.
func (c Change) onItsWay(f Field, course func(string) bool) bool {
	if f.After.Passing && (course(busy(c.Addr.String())) || slices.ContainsFunc(c.New.Needs, func(id ID) bool { return course(busy(id.String())) })) {
		return true
	}
	bare, remark := f.Before, false // a remark in brackets, such as what it waits for, is no value
	bare.Value, _, remark = strings.Cut(bare.Value, " (")
	return remark && (course(state(c.ID, f.Path, bare, f.Had)) || bare.Value == f.After.Value || bare.Value == "" && len(bare.List) == 0)
}

func unless(ok bool, line string) string {
	if ok {
		return ""
	}
	return line
}
