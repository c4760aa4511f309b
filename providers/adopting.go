package providers

import (
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
)

// adopting is a kind of Docker's objects together with what is written of them inside the servers: the mark in the ledger that
// stands for the labels which an object made by hand does not have.
type adopting struct {
	engine.Kind
	docker *docker.Site
	server *postgres.Site
}

// entryPoint is the attribute of a container that was made by hand and is needed to wait for a rebuild.
const entryPoint = "entry point"

// Want adds that of a container.
func (k adopting) Want() []engine.Resource {
	out := k.Kind.Want()
	for _, r := range out {
		if k.Name() == "node" && k.server.NeedsOwn(r.ID.Name) {
			r.Attrs[entryPoint] = engine.Attr{Value: "pgrepl's", Effect: engine.Recreate, Reason: "waits for a rebuild"}
		}
	}
	return out
}

// Seen adds what the arguments of a container keep from being as the file says, and that it does not wait for a rebuild: only a
// new container is without the one, and does the other.
func (k adopting) Seen() []engine.Resource {
	out := k.Kind.Seen()
	for i, r := range out {
		if k.Name() != "node" {
			break
		}
		if names := k.server.Argued(r.ID.Name); len(names) > 0 {
			out[i].Attrs["arguments"] = engine.Attr{Value: strings.Join(names, ", "), Effect: engine.Recreate, Reason: "arguments beat every file"}
		}
		if k.server.NeedsOwn(r.ID.Name) {
			out[i].Attrs[entryPoint] = engine.Attr{Value: "made by hand"}
		}
	}
	return out
}

func (k adopting) Steps(c engine.Change) []engine.Step {
	path := docker.Adoption(k.Name())
	owner, changes := c.Field(path)
	if !changes {
		return k.Kind.Steps(c)
	}
	mark := k.server.Mark(c.ID, k.docker.Identity(c.ID), path, owner.After)
	c.Fields = slices.DeleteFunc(slices.Clone(c.Fields), func(f engine.Field) bool { return f.Path == path })
	if len(c.Fields) == 0 {
		return []engine.Step{mark}
	}
	steps := k.Kind.Steps(c)
	if slices.ContainsFunc(steps, func(s engine.Step) bool { return s.ID() == engine.StepID{Do: "create", On: c.ID} }) {
		return steps // the new one has labels
	}
	return append(steps, mark)
}
