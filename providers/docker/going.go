package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/engine"
)

// A destroy takes the ledger away together with the master, and with it all that tells whose the objects without labels are.
// Before the first of them goes, a note is made for each: an empty volume with labels, which like any other object cannot be
// half made. A destroy that was killed is gone on with by the notes.

// goingNote is the name of the note of an object.
func goingNote(kind, name string) string { return "pgrepl-going-" + kind + "-" + name }

// going reports whether a destroy has begun to remove an object.
func (s *Site) going(kind, identity string) bool {
	for _, v := range s.seen.volumes {
		if s.labelled(v.Labels) && v.Labels[labelGoing] == kind+" "+identity {
			return true
		}
	}
	return false
}

// outlives reports whether the object of a note is gone.
func (s *Site) outlives(note string) bool {
	for _, c := range s.seen.containers {
		if note == "node "+c.ID {
			return false
		}
	}
	for _, n := range s.seen.networks {
		if note == "network "+n.ID {
			return false
		}
	}
	return true
}

// notes are those that have to be made before a container goes: its own, and those of the networks.
func (k nodes) notes(name string) []Mark {
	if !k.removal.Containers {
		return nil
	}
	var out []Mark
	if c := k.seen.inspected[name]; !k.labelled(c.Config.Labels) {
		out = append(out, Mark{"node", name, c.ID})
	}
	for _, n := range k.seen.networks {
		if k.ownsNetwork(n) && !k.labelled(n.Labels) {
			out = append(out, Mark{"network", n.Name, n.ID})
		}
	}
	return out
}

// Notes are what the step makes notes of before it does anything else.
func (s removeNode) Notes() []engine.ID {
	var out []engine.ID
	for _, m := range s.notes {
		out = append(out, engine.ID{Kind: m.Kind, Name: m.Name})
	}
	return out
}

func (e *Engine) note(ctx context.Context, cluster string, m Mark) error {
	name := goingNote(m.Kind, m.Name)
	labels := ownLabels(cluster, "volume", name, map[string]string{labelGoing: m.Kind + " " + m.Identity})
	err := e.effect.Around("note that "+m.Name+" goes", func() error {
		_, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
		return err
	})
	if err != nil {
		return fmt.Errorf("note that %s goes: %w", m.Name, err)
	}
	return nil
}

// forget removes the note of an object that is gone; there may be none.
func (e *Engine) forget(ctx context.Context, id engine.ID) error {
	name := goingNote(id.Kind, id.Name)
	err := e.effect.Around("remove the note of "+id.Name, func() error { return e.api.VolumeRemove(ctx, name, false) })
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove the note that %s goes: %w", id.Name, err)
	}
	return nil
}
