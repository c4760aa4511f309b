package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"pgrepl/engine"
	"pgrepl/schema"
)

// imageInfo is what we need to know of an image.
type imageInfo struct {
	ID      string
	Env     []string
	Cmd     []string
	User    string // that its containers run as
	Labels  map[string]string
	Volumes []string // that each container is given
	Mount   string   // where a node's volume goes
	Sets    bool     // it sets its own VOLUME up, and with it /var/run/postgresql
	Major   int      // of PostgreSQL, from PG_MAJOR; 0: the image does not say
}

// image looks an image up; found is false where the engine has none of that reference.
func (e *Engine) image(ctx context.Context, ref string) (info imageInfo, found bool, err error) {
	got, err := e.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return imageInfo{}, false, nil
	}
	if err != nil {
		return imageInfo{}, false, fmt.Errorf("image %s: %w", ref, err)
	}
	info = imageInfo{ID: got.ID, Mount: "/var/lib/postgresql"}
	if got.Config == nil {
		return info, true, nil
	}
	info.Env, info.Labels, info.Cmd, info.User = got.Config.Env, got.Config.Labels, got.Config.Cmd, got.Config.User
	info.Volumes = slices.Sorted(maps.Keys(got.Config.Volumes))
	info.Mount, info.Sets = mountPoint(info.Volumes)
	for _, kv := range info.Env {
		if major, ok := strings.CutPrefix(kv, "PG_MAJOR="); ok {
			info.Major, _ = strconv.Atoi(major)
		}
	}
	return info, true, nil
}

// mountPoint is the image's own VOLUME where it has exactly one for PostgreSQL: anything else would give each container
// an anonymous volume there as well.
func mountPoint(volumes []string) (mount string, own bool) {
	const home = "/var/lib/postgresql"
	var ours []string
	for _, v := range volumes {
		if v == home || strings.HasPrefix(v, home+"/") {
			ours = append(ours, v)
		}
	}
	if len(ours) == 1 {
		return ours[0], true
	}
	return home, false
}

// pullable asks the registry whether it would give the image; nil is yes.
func (e *Engine) pullable(ctx context.Context, ref string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	_, err := e.api.DistributionInspect(ctx, ref, "")
	return err
}

// pull brings an image from its registry and reports how much of it is here.
func (e *Engine) pull(ctx context.Context, ref string) error {
	return e.effect.Around("pull "+ref, func() error {
		stream, err := e.api.ImagePull(ctx, ref, image.PullOptions{})
		if err != nil {
			return fmt.Errorf("pull image %s: %w", ref, err)
		}
		defer stream.Close()
		if err := follow(ctx, stream); err != nil {
			return fmt.Errorf("pull image %s: %w", ref, err)
		}
		return nil
	})
}

// follow reads the engine's progress messages to the end; an error in a pull arrives as one of them.
func follow(ctx context.Context, stream io.Reader) error {
	type progress struct{ Current, Total int64 }
	layers := map[string]progress{}
	for dec := json.NewDecoder(stream); ; {
		var m struct {
			ID, Status, Error string
			ProgressDetail    progress `json:"progressDetail"`
		}
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
		if m.Status != "Downloading" || m.ProgressDetail.Total == 0 {
			continue
		}
		layers[m.ID] = m.ProgressDetail
		var sum progress
		for _, l := range layers {
			sum.Current, sum.Total = sum.Current+l.Current, sum.Total+l.Total
		}
		engine.Report(ctx, fmt.Sprintf("pulled %d of %d MB", sum.Current>>20, sum.Total>>20))
	}
}

// base is what an image of PostgreSQL's own is built on, as the version of its package says (PG_VERSION=17.2-1.pgdg120+1);
// "" where it does not say.
func base(env []string) string {
	for _, kv := range env {
		if version, ok := strings.CutPrefix(kv, "PG_VERSION="); ok {
			_, of, packaged := strings.Cut(version, ".pgdg")
			if of, _, _ = strings.Cut(of, "+"); !packaged {
				return "Alpine, or another system that is not Debian"
			}
			return "Debian " + strings.TrimSuffix(of, "0")
		}
	}
	return ""
}

// baseFacts say that a node with data gets another C library under it, and with that, other collations.
func (k nodes) baseFacts(n *schema.Node) []engine.Fact {
	c, there := k.seen.inspected[n.Name]
	info, here := k.seen.images[n.Image]
	if !there || !here {
		return nil
	}
	was, is := base(c.Config.Env), base(info.Env)
	if was == "" || is == "" || was == is {
		return nil
	}
	return []engine.Fact{{Code: "PGR265", On: nodeID(n.Name), Path: "image", Turn: true, Addr: address(n.Address), Origin: origin(n.At("image")),
		Text:   fmt.Sprintf("image %s is built on %s, the one before on %s", n.Image, is, was),
		Detail: "another C library, or another ICU, may order text otherwise, and an index over text then misses rows",
		Next:   "stay on an image of the same system; otherwise rebuild the indexes over text afterwards"}}
}

// images is the kind of the images that nodes are made of: present on the engine, or pulled.
type images struct{ *Site }

func (images) Name() string { return "image" }

func imageID(ref string) engine.ID { return engine.ID{Kind: "image", Name: ref} }

func (k images) Want() []engine.Resource {
	if k.removal.Containers {
		return nil
	}
	var out []engine.Resource
	for _, n := range k.file.Nodes {
		r := engine.Resource{ID: imageID(n.Image), Addr: engine.Address{Block: "image", Label: n.Image}, Made: "pulled", Origin: origin(n.At("image"))}
		if !slices.ContainsFunc(out, func(o engine.Resource) bool { return o.ID == r.ID }) {
			out = append(out, r)
		}
	}
	for _, a := range k.file.Apps {
		ref := k.imageOf(a)
		r := engine.Resource{ID: imageID(ref), Addr: engine.Address{Block: "image", Label: ref}, Made: "pulled", Origin: origin(a.At("image"))}
		if a.Build != nil {
			r.Made, r.Origin = "built of "+a.Build.Folder, origin(a.Build.Origin)
		}
		if !slices.ContainsFunc(out, func(o engine.Resource) bool { return o.ID == r.ID }) {
			out = append(out, r)
		}
	}
	return out
}

// Seen reports wanted images, and those that were built for apps which have others by now: the rest is nobody's business.
func (k images) Seen() []engine.Resource {
	var out []engine.Resource
	for _, w := range k.Want() {
		if _, here := k.seen.images[w.ID.Name]; here {
			out = append(out, w)
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(k.seen.built)) {
		if !slices.ContainsFunc(out, func(r engine.Resource) bool { return r.ID == imageID(ref) }) {
			out = append(out, engine.Resource{ID: imageID(ref), Addr: k.addressOfApp(k.seen.built[ref]), Ours: true})
		}
	}
	return out
}

func (k images) Facts(_, _ engine.Snapshot) []engine.Fact {
	var out []engine.Fact
	for _, w := range k.Want() {
		ref := w.ID.Name
		if err := k.seen.unpullable[ref]; err != nil {
			out = append(out, engine.Fact{Code: "PGR215", On: w.ID, Addr: w.Addr, Origin: w.Origin,
				Text: fmt.Sprintf("image %s is not on this Docker engine and cannot be pulled", ref), Detail: err.Error(),
				Next: "check the spelling of `image`, log in (docker login), or load it (docker load)"})
		}
		isNode := slices.ContainsFunc(k.file.Nodes, func(n *schema.Node) bool { return n.Image == ref })
		if info, here := k.seen.images[ref]; isNode && here && info.Major != 0 && info.Major != k.file.Version {
			out = append(out, engine.Fact{Code: "PGR220", On: w.ID, Addr: w.Addr, Origin: w.Origin,
				Text: fmt.Sprintf("image %s has PostgreSQL %d, the file says version %d", ref, info.Major, k.file.Version),
				Next: "set `version` or `image` of the cluster so that they agree"})
		}
	}
	return out
}

func (k images) Steps(c engine.Change) []engine.Step {
	if c.Action == engine.Delete {
		return []engine.Step{k.removeImage(c)}
	}
	for _, a := range k.file.Apps {
		if a.Build != nil && k.imageOf(a) == c.ID.Name {
			return []engine.Step{buildImage{Order: engine.Order{Self: engine.StepID{Do: "build", On: c.ID}, Cancellable: true}, site: k.Site, app: a, image: c.New}}
		}
	}
	return []engine.Step{pullImage{Order: engine.Order{Self: engine.StepID{Do: "pull", On: c.ID}, Cancellable: true}, engine: k.engine, image: c.New}}
}

type pullImage struct {
	engine.Order
	engine *Engine
	image  engine.Resource
}

func (s pullImage) String() string                          { return "pull image " + s.image.ID.Name }
func (s pullImage) After(w engine.Snapshot) engine.Snapshot { return w.With(s.image) }
func (s pullImage) Run(ctx context.Context) error           { return s.engine.pull(ctx, s.image.ID.Name) }
