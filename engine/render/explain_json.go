package render

import (
	"io"
	"strings"

	"pgrepl/engine"
)

// ExplainJSON writes an explanation for programs.
func ExplainJSON(w io.Writer, e engine.Explanation) error {
	doc := explanation{Format: "pgrepl.explain/1", Address: e.Address, Attribute: e.Path, Objects: []explainedObject{}, Steps: []string{}, Notes: []note{}}
	for _, o := range e.Objects {
		doc.Objects = append(doc.Objects, jsonOf(o))
	}
	for _, s := range e.Steps {
		doc.Steps = append(doc.Steps, strings.TrimPrefix(s.Node()+": "+s.String(), ": "))
	}
	for _, r := range e.Risks {
		doc.Notes = append(doc.Notes, note{r.Code, r.Text + inBrackets(r.Figure), r.Allow})
	}
	for _, p := range e.Refused {
		doc.Notes = append(doc.Notes, note{p.Code, p.Summary, ""})
	}
	return writeJSON(w, doc)
}

type explanation struct {
	Format    string            `json:"format"`
	Address   string            `json:"address"`
	Attribute string            `json:"attribute,omitempty"`
	Objects   []explainedObject `json:"objects"`
	Steps     []string          `json:"steps"`
	Notes     []note            `json:"notes"`
}

type note struct {
	Code  string `json:"code,omitempty"`
	Text  string `json:"text"`
	Allow string `json:"allow,omitempty"`
}

type explainedObject struct {
	Object     string          `json:"object"`
	Address    string          `json:"address"`
	Origin     string          `json:"origin,omitempty"`
	State      engine.State    `json:"state"`
	Held       engine.Held     `json:"held,omitempty"`
	Why        string          `json:"why,omitempty"`
	Attributes []explainedAttr `json:"attributes"`
}

type explainedAttr struct {
	Path     string        `json:"path"`
	Declared *jsonValue    `json:"declared"`
	Live     *jsonValue    `json:"live"`
	SetBy    string        `json:"set_by,omitempty"`
	Files    []jsonPlace   `json:"files,omitempty"`
	Waits    string        `json:"waits,omitempty"`
	Others   []string      `json:"others,omitempty"`
	Effect   engine.Effect `json:"effect,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	State    engine.State  `json:"state"`
	Held     engine.Held   `json:"held,omitempty"`
	Change   string        `json:"change,omitempty"`
	Takes    engine.Effect `json:"takes,omitempty"`
}

type jsonValue struct {
	Value     string   `json:"value"`
	List      []string `json:"list,omitempty"`
	Sensitive bool     `json:"sensitive,omitempty"`
	Default   bool     `json:"default,omitempty"`
	Origin    string   `json:"origin,omitempty"`
}

type jsonPlace struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Value string `json:"value"`
}

func jsonOf(o engine.Explained) explainedObject {
	out := explainedObject{Object: o.ID.String(), Address: o.Addr.String(), Origin: position(o.Origin), State: o.State, Held: o.Held, Why: o.Why, Attributes: []explainedAttr{}}
	for _, a := range o.Attrs {
		j := explainedAttr{Path: a.Path, SetBy: a.SetBy, Waits: a.Waits, Others: a.Others, Effect: a.Effect, Reason: a.Reason, State: a.State, Held: a.Held}
		if a.Has {
			j.Declared = valueOf(a.Declared)
			j.Declared.Default = silent(o, a)
		}
		if a.Had || a.InForce != "" {
			j.Live = valueOf(a.Live)
			if a.InForce != "" {
				j.Live.Value = a.InForce
			}
		}
		for _, p := range a.Places {
			j.Files = append(j.Files, jsonPlace(p))
		}
		if a.State == engine.Differs {
			j.Change, j.Takes = fieldOf(a.Change).change(), a.Change.Effect
		}
		out.Attributes = append(out.Attributes, j)
	}
	return out
}

func valueOf(a engine.Attr) *jsonValue {
	v := jsonValue{Value: a.Value, List: a.List, Sensitive: a.Secret, Origin: position(a.Origin)}
	if a.Secret {
		v.Value = "(sensitive)"
	}
	return &v
}
