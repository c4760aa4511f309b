package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgrepl/engine"
)

// Happen does to the world what somebody does by hand, in words like those he would use:
//
//	docker rm pg2                      docker stop pg2           docker network rm net (its containers are stopped)
//	docker volume rm pg2               docker kill pg2           docker pause pg2
//	drop slot pg2 on pg1               drop role app             alter role app connection_limit=5
//	create role legacy                 create slot debezium on pg1
//	set work_mem=8MB on pg2            unset work_mem on pg2     (in postgresql.auto.conf, and reloaded)
//	lose slot pg2 on pg1 (the WAL that its standby needs)         promote on pg2
//	swap data on pg2 (for another cluster's)
//	keep data on pg2 (from before a rebuild)                      discard data on pg2
//	tear pg2 apart (a rebuild of it ended between its two renames)
//	set synchronous_standby_names=nobody on pg1
//	write synchronous_standby_names=nobody on pg1 (into postgresql.auto.conf, and not reloaded)
//	pause replay of pg2
//	write secrets URL in web (another text into that file)
//	made by hand                       (all there is: no labels, no ledger, no role pgrepl)
//	hba of pg2: host all all all trust (as the last line)
func (w *World) Happen(event string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if before, rule, ok := strings.Cut(event, ": "); ok {
		id := hba(strings.TrimPrefix(before, "hba of "))
		return w.change(id, "hba", func(a *engine.Attr) { a.List = append(slices.Clone(a.List), rule) })
	}
	words := strings.Fields(event)
	if len(words) < 3 {
		return fmt.Errorf("no such event")
	}
	on := words[len(words)-1]
	name, value, _ := strings.Cut(words[1], "=")
	switch words[0] + " " + words[1] {
	case "docker rm":
		return w.gone(w.container(on))
	case "docker pause":
		return w.change(w.container(on), "state", func(a *engine.Attr) { a.Value = "paused" })
	case "docker stop", "docker kill":
		return w.change(w.container(on), "state", func(a *engine.Attr) { a.Value = "exited" })
	case "docker volume":
		w.remove(engine.ID{Kind: "volume", Name: on})
		return nil
	case "docker network":
		for _, n := range w.kind("node") {
			if w.value(n.ID, "network") == on {
				w.set(n.ID, "network", on+" (removed)")
				w.set(n.ID, "state", "exited")
			}
		}
		for _, a := range w.kind("app") {
			if w.value(a.ID, "network") == on {
				w.set(a.ID, "network", on+" (removed)")
				w.set(a.ID, "state", "exited")
			}
		}
		return w.gone(engine.ID{Kind: "network", Name: on})
	case "made by":
		w.byHand()
		return nil
	case "drop slot":
		return w.gone(slot(on, words[2]))
	case "lose slot":
		return w.loseSlot(on, words[2])
	case "promote on":
		w.mark(on, apart)
		return nil
	case "swap data":
		w.mark(on, other)
		return nil
	case "keep data":
		w.mark(on, kept)
		return nil
	case "discard data":
		w.drop(data(on), kept)
		return nil
	case "drop role":
		return w.gone(role(on))
	case "create slot":
		w.put(engine.Resource{ID: slot(on, words[2]), Attrs: map[string]engine.Attr{"type": {Value: "physical"}, "managed by": {Value: "nobody"}}})
		return nil
	case "write secrets":
		return w.change(app(on), "secrets."+words[2], func(a *engine.Attr) { a.Value = "(differs)" })
	case "create role":
		w.put(engine.Resource{ID: role(on), Attrs: map[string]engine.Attr{"managed by": {Value: "nobody"}}})
		return nil
	case "alter role":
		path, v, _ := strings.Cut(words[3], "=")
		return w.change(role(words[2]), path, func(a *engine.Attr) { a.Value = v })
	}
	switch words[0] {
	case "tear":
		w.tear(name)
		return nil
	case "pause":
		return w.change(replication(on), "replay", func(a *engine.Attr) { a.Value = "paused" })
	case "write":
		w.writeNames(synchronous(on), `FIRST 1 ("`+value+`")`)
		return nil
	case "set":
		if name == "synchronous_standby_names" {
			return w.change(synchronous(on), "synchronous", func(a *engine.Attr) { a.Value, a.Reason = value+unproved, value })
		}
		return w.change(settings(on), "settings."+name, func(a *engine.Attr) { a.Value = value })
	case "unset":
		w.drop(settings(on), "settings."+name)
		return nil
	}
	return fmt.Errorf("no such event")
}

// container is a node or an app.
func (w *World) container(name string) engine.ID {
	if w.has(app(name)) {
		return app(name)
	}
	return node(name)
}

func (w *World) gone(id engine.ID) error {
	if !w.has(id) {
		return fmt.Errorf("there is no %s", id)
	}
	w.things = w.things.Without(id)
	return nil
}

func (w *World) change(id engine.ID, path string, f func(*engine.Attr)) error {
	if !w.has(id) {
		return fmt.Errorf("there is no %s", id)
	}
	r := w.things[id]
	a := r.Attrs[path]
	f(&a)
	r.Attrs = maps.Clone(r.Attrs)
	r.Attrs[path] = a
	w.put(r)
	return nil
}

// byHand takes from the world all that tells of pgrepl, as if it had been made without.
func (w *World) byHand() {
	nobody := func(id engine.ID, path string) {
		r := w.things[id]
		r.Attrs = maps.Clone(r.Attrs)
		if r.Attrs == nil {
			r.Attrs = map[string]engine.Attr{}
		}
		r.Attrs[path] = engine.Attr{Value: "nobody", Effect: engine.Live, Reason: "adopted: marked in the ledger"}
		w.put(r)
	}
	for _, r := range w.things.Sorted() {
		switch r.ID.Kind {
		case "node", "volume", "network":
			nobody(r.ID, byHand[r.ID.Kind])
			if r.ID.Kind == "node" {
				w.set(r.ID, "restart", "no")
			}
		case "role", "database":
			nobody(r.ID, "managed by")
		case "slot":
			nobody(r.ID, "managed by")
			w.set(r.ID, "consumer", "")
		case "server":
			w.set(r.ID, login, superuser)
		case "replication":
			w.set(r.ID, "login by", "a password in primary_conninfo")
			w.set(r.ID, "passfile", "(missing)")
		case "hba":
			a := r.Attrs["hba"]
			a.List = slices.Clone(a.List[1:])
			r.Attrs = maps.Clone(r.Attrs)
			r.Attrs["hba"] = a
			w.put(r)
		case "settings":
			for path, a := range r.Attrs {
				w.set(r.ID, path, a.Value+argued)
			}
		case "ledger":
			w.things = w.things.Without(r.ID)
		}
	}
}
