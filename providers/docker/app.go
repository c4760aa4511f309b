package docker

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"pgrepl/engine"
	"pgrepl/schema"
)

// apps is the kind of the containers beside the cluster that use it.
type apps struct{ *Site }

func (apps) Name() string { return "app" }

func appID(name string) engine.ID { return engine.ID{Kind: "app", Name: name} }

// seenApp is the container of an app as the last look found it, or what is left of one.
type seenApp struct {
	id      string // Docker's; "": only its secrets are left
	called  string // the name that its container has
	labels  map[string]string
	ports   []schema.AppPort // that it publishes
	on      []string         // networks
	volume  string           // with its secrets; "": it has none
	live    *container.InspectResponse
	made    imageInfo
	secrets map[string][]byte
	told    map[string]engine.Attr // what a world in memory says of it, instead of live
}

func (a seenApp) there() bool { return a.id != "" }

func (a seenApp) publishes(port int) bool {
	return slices.ContainsFunc(a.ports, func(p schema.AppPort) bool { return p.Port.Port == port })
}

// usesDatabase reports whether its container was given a URL to a database.
func (a seenApp) usesDatabase(name string) bool {
	return name != "" && slices.ContainsFunc(strings.Split(a.labels[labelUses], ", "), func(one string) bool {
		_, in, _ := strings.Cut(one, "/")
		return in == url.QueryEscape(name)
	})
}

func (k apps) Want() []engine.Resource {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Resource
	for _, a := range k.file.Apps {
		attrs := placed(k.wanted(a), a.Object)
		if a.Build != nil {
			built := attrs["image"]
			built.Origin = origin(a.Build.Origin)
			attrs["image"] = built
		}
		out = append(out, engine.Resource{ID: appID(a.Name), Addr: address(a.Address), Origin: origin(a.Origin), Made: "container",
			Attrs: attrs, Needs: []engine.ID{imageID(k.imageOf(a)), networkID(a.Network.Name)},
			Unchecked: append(unchecked("env", a.Env), unchecked("secrets", a.Secrets)...)})
	}
	return out
}

func (k apps) wanted(a *schema.App) map[string]engine.Attr {
	recreate := func(v, def string) engine.Attr {
		return engine.Attr{Value: v, Default: v == def, Effect: engine.Recreate, Reason: "fixed when a container is made"}
	}
	attrs := map[string]engine.Attr{
		"name":    recreate(a.Name, a.Name),
		"image":   recreate(k.imageOf(a), ""),
		"network": recreate(a.Network.Name, a.Network.Name),
		"ports":   recreate(joined(a.Ports), ""),
		"command": recreate(quoted(a.Command), ""),
		"volumes": recreate(joined(a.Volumes), ""),
		"uses":    recreate(uses(a), ""),
		"restart": {Value: a.Restart, Default: a.Restart == "unless-stopped", Effect: engine.Live},
		"state":   {Value: "running", Default: true, Passing: true, Effect: engine.Live},
	}
	for group, secrets := range map[string]map[string]schema.Secret{"env": a.Env, "secrets": a.Secrets} {
		for key, v := range secrets {
			if v.IsUnset() {
				continue // cannot be compared
			}
			attr := recreate(schema.Hidden, "")
			attr.Secret, attr.Source = true, v.Source()
			if group == "secrets" {
				attr.Reason = "read by the app when it starts"
			}
			attrs[group+"."+key] = attr
		}
	}
	for key, v := range a.Labels {
		attrs["labels."+key] = recreate(v, "")
	}
	return attrs
}

// uses names what the URLs of an app lead to, and no password: ROLE@NODE/DATABASE.
func uses(a *schema.App) string {
	var out []string
	for _, r := range a.Reaches {
		out = append(out, url.QueryEscape(r.Role.Name)+"@"+r.Node.Name+"/"+url.QueryEscape(r.Database.Name))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

// UsedNodes are the names of the nodes in the attribute "uses" of an app.
func UsedNodes(uses string) []string {
	var out []string
	for _, one := range strings.Split(uses, ", ") {
		_, behind, _ := strings.Cut(one, "@")
		if node, _, is := strings.Cut(behind, "/"); is && !slices.Contains(out, node) {
			out = append(out, node)
		}
	}
	return out
}

func joined[T fmt.Stringer](all []T) string {
	var out []string
	for _, one := range all {
		out = append(out, one.String())
	}
	return strings.Join(out, ", ")
}

// quoted writes a command so that two that differ look different.
func quoted(command []string) string {
	var out []string
	for _, word := range command {
		if word == "" || strings.ContainsAny(word, " \t\n\"'\\") {
			word = strconv.Quote(word)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func (k apps) Seen() []engine.Resource {
	var out []engine.Resource
	for _, name := range slices.Sorted(maps.Keys(k.seen.apps)) {
		a := k.seen.apps[name]
		if !k.ownsApp(a) || !a.there() && k.app(name) != nil && !k.removal.Containers {
			continue // a declared one that is gone is made
		}
		r := engine.Resource{ID: appID(name), Addr: k.addressOfApp(name), Ours: !k.released("app", name), Attrs: map[string]engine.Attr{"state": {Value: "missing"}}}
		if a.there() {
			r.Attrs = k.attrs(name, a)
		}
		out = append(out, r)
	}
	return out
}

// addressOfApp is the address of the block that declares an app, or one made of its real name.
func (s *Site) addressOfApp(name string) engine.Address {
	if a := s.app(name); a != nil {
		return address(a.Address)
	}
	return engine.Address{Block: "app", Label: name}
}

func (s *Site) app(name string) *schema.App {
	i := slices.IndexFunc(s.file.Apps, func(a *schema.App) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return s.file.Apps[i]
}

// ownsApp reports whether a container is an app of this cluster's: its labels say so, and nothing else counts.
func (s *Site) ownsApp(a seenApp) bool {
	return s.labelled(a.labels) && strings.HasPrefix(a.labels[labelObject], "app/")
}

// readApp takes the container of an app apart.
func readApp(c container.InspectResponse, made imageInfo, secrets map[string][]byte) seenApp {
	a := seenApp{id: c.ID, called: strings.TrimPrefix(c.Name, "/"), labels: c.Config.Labels, live: &c, made: made, secrets: secrets}
	if c.NetworkSettings != nil {
		a.on = slices.Sorted(maps.Keys(c.NetworkSettings.Networks))
	}
	for _, m := range c.Mounts {
		if m.Destination == schema.SecretsFolder && m.Type == mount.TypeVolume {
			a.volume = m.Name
		}
	}
	for inside, bindings := range c.HostConfig.PortBindings {
		for _, b := range bindings {
			port, _ := strconv.Atoi(b.HostPort)
			a.ports = append(a.ports, schema.AppPort{Port: schema.Port{Address: cmp.Or(b.HostIP, "0.0.0.0"), Port: port}, Inside: inside.Int()})
		}
	}
	slices.SortFunc(a.ports, func(a, b schema.AppPort) int { return strings.Compare(a.String(), b.String()) })
	return a
}

// attrs are what we set and nothing else.
func (k apps) attrs(name string, a seenApp) map[string]engine.Attr {
	declared := k.app(name)
	if declared == nil {
		declared = &schema.App{}
	}
	if a.live == nil {
		return k.toldAttrs(declared, a)
	}
	c := a.live
	attr := func(v string) engine.Attr { return engine.Attr{Value: v} }
	attrs := map[string]engine.Attr{
		"name":    attr(a.called),
		"image":   attr(k.seenImage(declared, c)),
		"network": attr(k.seenNetwork(declared, c)),
		"ports":   attr(joined(a.ports)),
		"command": attr(""),
		"volumes": attr(strings.Join(slices.SortedFunc(slices.Values(c.HostConfig.Binds), byTarget), ", ")),
		"uses":    attr(c.Config.Labels[labelUses]),
		"restart": attr(restartPolicy(c.HostConfig.RestartPolicy)),
		"state":   attr(appState(c)),
	}
	if attrs["state"].Value == "created" { // it was never started: what is not known now cannot be written later
		attrs["state"] = engine.Attr{Value: "created", Effect: engine.Recreate, Reason: "its start failed"}
	}
	if declared.Command != nil || !slices.Equal(c.Config.Cmd, a.made.Cmd) {
		attrs["command"] = attr(quoted(c.Config.Cmd))
	}
	for key, v := range userLabels(c.Config.Labels, a.made.Labels) {
		attrs["labels."+key] = engine.Attr{Value: v, Effect: engine.Recreate}
	}
	for _, kv := range c.Config.Env {
		key, v, _ := strings.Cut(kv, "=")
		if _, ours := declared.Env[key]; ours || !slices.Contains(a.made.Env, kv) && key != "PATH" {
			compareSecret(attrs, "env."+key, v, declared.Env, key)
		}
	}
	for file, text := range a.secrets {
		compareSecret(attrs, "secrets."+file, string(text), declared.Secrets, file)
	}
	return attrs
}

// toldAttrs are those of a world in memory, which knows of a secret where it comes from and not what it is.
func (k apps) toldAttrs(declared *schema.App, a seenApp) map[string]engine.Attr {
	attrs := maps.Clone(a.told)
	for key, v := range declared.Env {
		if v.IsUnset() {
			delete(attrs, "env."+key)
		}
	}
	for key, v := range declared.Secrets {
		if v.IsUnset() {
			delete(attrs, "secrets."+key)
		}
	}
	if n := attrs["network"]; networks(k).renewed(n.Value) {
		n.Value += " (as it was)"
		attrs["network"] = n
	}
	return attrs
}

func byTarget(a, b string) int {
	_, x, _ := strings.Cut(a, ":")
	_, y, _ := strings.Cut(b, ":")
	return strings.Compare(x, y)
}

// compareSecret says of a value only whether it is the declared one.
func compareSecret(attrs map[string]engine.Attr, path, live string, declared map[string]schema.Secret, key string) {
	want, ours := declared[key]
	if want.IsUnset() {
		return
	}
	a := engine.Attr{Value: "(differs)", Secret: true, Effect: engine.Recreate, Reason: "fixed when a container is made"}
	if ours && want.Reveal() == live {
		a.Value = schema.Hidden
	}
	attrs[path] = a
}

// seenImage is the reference that a container was made of, as long as it still means the same image. What is built here is
// told by its tag, which is a digest of what it was built of.
func (k apps) seenImage(a *schema.App, c *container.InspectResponse) string {
	now, here := k.seen.images[c.Config.Image]
	switch {
	case a.Build != nil || c.Config.Image != a.Image:
		return c.Config.Image
	case !here:
		return c.Config.Image + " (not here any more)"
	case now.ID != c.Image:
		return c.Config.Image + " (as it was)"
	}
	return c.Config.Image
}

// seenNetwork is the network that a container is on.
func (k apps) seenNetwork(a *schema.App, c *container.InspectResponse) string {
	on := slices.Sorted(maps.Keys(c.NetworkSettings.Networks))
	if a.Network != nil && slices.Contains(on, a.Network.Name) {
		on = []string{a.Network.Name}
	}
	return k.onNetwork(on, c)
}

// appState is "running" also of an app that has done its work, where that is how it is to end.
func appState(c *container.InspectResponse) string {
	ends := c.HostConfig.RestartPolicy.Name == "" || c.HostConfig.RestartPolicy.Name == "no" || c.HostConfig.RestartPolicy.Name == container.RestartPolicyOnFailure
	switch {
	case c.State.Status == "exited" && c.State.ExitCode == 0 && ends:
		return "running"
	case c.RestartCount > 0 && c.State.Running && sinceStart(c) < shortRun: // between two of its ends
		return "restarting"
	case c.State.Status == "exited" && c.State.ExitCode != 0:
		return fmt.Sprintf("exited (%d)", c.State.ExitCode)
	}
	return seenState(c.State)
}

// shortRun is how long a container has to run until Docker counts its restarts as over.
const shortRun = 10 * time.Second

func sinceStart(c *container.InspectResponse) time.Duration {
	started, err := time.Parse(time.RFC3339Nano, c.State.StartedAt)
	if err != nil {
		return shortRun
	}
	return time.Since(started)
}

func (k apps) Facts(_, _ engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, a := range k.file.Apps {
		f := engine.Fact{On: appID(a.Name), Addr: address(a.Address), Origin: origin(a.Origin)}
		seen, there := k.seen.apps[a.Name]
		there = there && seen.there()
		switch {
		case k.removal.Containers && (!a.Protect || !there || !k.ownsApp(seen)):
		case k.removal.Containers:
			f.Code, f.Text = "PGR229", f.Addr.String()+" is protected"
			f.Detail = "protect = true in its block says that it is never removed"
			f.Next = "take that out of the block first, if it is to go"
			out = append(out, f)
		case there && !k.ownsApp(seen):
			f.Code, f.Text = "PGR210", fmt.Sprintf("a container %s exists already and is not this cluster's%s", a.Name, owner(seen.labels))
			f.Detail = "pgrepl never changes or removes what it did not make"
			f.Next = "give the block another `name`; or, if nobody needs it, remove it (docker rm -f " + a.Name + ") and pgrepl makes its own"
			out = append(out, f)
		default:
			out = append(out, k.unreadable(a, f)...)
			out = append(out, k.volumesTaken(a, f)...)
			out = append(out, k.portFacts(a, seen)...)
		}
	}
	return out
}

func (k apps) portFacts(a *schema.App, seen seenApp) []engine.Fact {
	var out []engine.Fact
	for _, p := range a.Ports {
		if slices.ContainsFunc(seen.ports, func(has schema.AppPort) bool { return has.Port.String() == p.Port.String() }) && seen.live != nil && seen.live.State.Running {
			continue // it is ours
		}
		out = append(out, nodes(k).portTaken(p.Port, engine.Fact{On: appID(a.Name), Path: "ports", Addr: address(a.Address)})...)
	}
	return out
}

// AppsThere names the apps of which there was a container at the last look.
func (s *Site) AppsThere() []string { return slices.Sorted(maps.Keys(s.seen.apps)) }
