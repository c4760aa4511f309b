package docker

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"pgrepl/engine"
	"pgrepl/schema"
)

// An image that is built here is called pgrepl/CLUSTER-APP and has the digest of what it was built of as its tag: an unchanged
// folder is no change, whatever the engine's cache makes of it.

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// builtName is the repository of an app's images, in the characters that one may have.
func builtName(cluster, app string) string {
	return "pgrepl/" + strings.Trim(notInNames.ReplaceAllString(strings.ToLower(cluster+"-"+app), "-"), "-")
}

// digested is what a folder was found to be.
type digested struct {
	sum string
	err error
}

// forget has the folders of apps read again, by the next plan: nothing else depends on them.
func (s *Site) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contexts = nil
}

// unreadable says of a folder that what an image is to be built of cannot be told. Without an engine nothing is built.
func (k apps) unreadable(a *schema.App, f engine.Fact) []engine.Fact {
	if a.Build == nil || k.engine == nil {
		return nil
	}
	d := k.digestOf(a)
	if d.err == nil {
		return nil
	}
	f.Code, f.Path, f.Origin, f.Text = "PGR267", "image", origin(a.Build.Origin), fmt.Sprintf("%s cannot be built: %v", a.Address, d.err)
	f.Detail = "all that is in the folder is compared, and sent to the Docker engine"
	f.Next = "see to it that the folder can be read, or leave files out with .dockerignore"
	return []engine.Fact{f}
}

// digestOf reads the folder of an app, once between two looks.
func (s *Site) digestOf(a *schema.App) digested {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, done := s.contexts[a]; done {
		return d
	}
	if s.contexts == nil {
		s.contexts = map[*schema.App]digested{}
	}
	sum := sha256.New()
	d := digested{sum: "unreadable", err: pack(sum, s.file.Name, a)}
	if d.err == nil {
		d.sum = hex.EncodeToString(sum.Sum(nil))[:12]
	}
	s.contexts[a] = d
	return d
}

// pack writes all that an image is made of, always in the same bytes for the same content: neither times nor owners nor the
// umask of who checked the folder out make another image.
func pack(w io.Writer, cluster string, a *schema.App) error {
	head := &tar.Header{Typeflag: tar.TypeXGlobalHeader, Format: tar.FormatPAX, PAXRecords: map[string]string{
		"PGREPL.of": cluster + "/" + a.Name, "PGREPL.args": fmt.Sprintf("%q", pairs(a.Build.Args))}}
	archive := tar.NewWriter(w)
	if err := archive.WriteHeader(head); err != nil {
		return err
	}
	folder, err := filepath.EvalSymlinks(a.Build.Folder) // a walk enters no link
	if err != nil {
		return err
	}
	ignored, err := ignoredIn(folder)
	if err != nil {
		return err
	}
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == folder || d.Type()&fs.ModeSocket != 0 { // a socket is nothing that an image could have
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if skip, err := ignored.MatchesOrParentMatches(name); err != nil || skip && name != "Dockerfile" && name != ".dockerignore" {
			if err == nil && d.IsDir() && !ignored.Exclusions() {
				return fs.SkipDir
			}
			return err
		}
		return packOne(archive, path, name, d)
	})
	return errors.Join(err, archive.Close())
}

func pairs(args map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(args)) {
		out = append(out, k+"="+args[k])
	}
	return out
}

func ignoredIn(folder string) (*patternmatcher.PatternMatcher, error) {
	text, err := os.Open(filepath.Join(folder, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	defer text.Close()
	patterns, err := ignorefile.ReadAll(text)
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

func packOne(archive *tar.Writer, path, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, Mode: 0o644, ModTime: time.Unix(0, 0)}
	switch {
	case d.IsDir():
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, name+"/", 0o755
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(path); err != nil {
			return err
		}
	case info.Mode().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		if info.Mode()&0o100 != 0 {
			h.Mode = 0o755
		}
	default:
		return fmt.Errorf("%s is neither a file nor a folder nor a link", path)
	}
	if err := archive.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}

type buildImage struct {
	engine.Order
	site  *Site
	app   *schema.App
	image engine.Resource
}

func (s buildImage) String() string {
	return "build image " + s.image.ID.Name + " of " + s.app.Build.Folder
}

func (s buildImage) After(w engine.Snapshot) engine.Snapshot { return w.With(s.image) }

// Run builds what the plan was made of, and nothing else: a folder that has changed meanwhile is another image.
func (s buildImage) Run(ctx context.Context) error {
	packed, err := os.CreateTemp("", "pgrepl-build-")
	if err != nil {
		return err
	}
	defer os.Remove(packed.Name())
	defer packed.Close()
	sum := sha256.New()
	if err := pack(io.MultiWriter(packed, sum), s.site.file.Name, s.app); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	if now := hex.EncodeToString(sum.Sum(nil))[:12]; !strings.HasSuffix(s.image.ID.Name, ":"+now) {
		return fmt.Errorf("%s: the folder has changed since the plan was made; run it again", s)
	}
	if _, err := packed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	args := map[string]*string{}
	for key, v := range s.app.Build.Args {
		args[key] = &v
	}
	e := s.site.engine
	return e.effect.Around("build image "+s.image.ID.Name, func() error {
		answer, err := e.api.ImageBuild(ctx, packed, build.ImageBuildOptions{Tags: []string{s.image.ID.Name}, BuildArgs: args, Remove: true, ForceRemove: true,
			Labels: map[string]string{labelImage: s.site.file.Name + "/" + s.app.Name}})
		if err != nil {
			return fmt.Errorf("build image of %s: %w", s.app.Build.Folder, err)
		}
		defer answer.Body.Close()
		if said, err := followBuild(ctx, answer.Body); err != nil {
			return fmt.Errorf("build image of %s: %w; its last lines:\n  %s", s.app.Build.Folder, err, strings.Join(said, "\n  "))
		}
		return nil
	})
}

// followBuild reads what a build says, to its end; its last lines are for whoever asks why it failed.
func followBuild(ctx context.Context, stream io.Reader) (last []string, err error) {
	for dec := json.NewDecoder(stream); ; {
		var m struct{ Stream, Error string }
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return last, nil
		} else if err != nil {
			return last, err
		}
		lines := bufio.NewScanner(strings.NewReader(m.Stream))
		for lines.Scan() {
			if line := strings.TrimRight(lines.Text(), " \r"); line != "" {
				last = append(last, line)
				engine.Report(ctx, line)
			}
		}
		last = last[max(0, len(last)-lastLines):]
		if m.Error != "" {
			return last, errors.New(strings.TrimSpace(m.Error))
		}
	}
}

// builtImage is an image on the engine that was built for an app.
type builtImage struct {
	id   string
	app  string
	tags []string
}

// builtFor lists the images that were built for apps of a cluster.
func (e *Engine) builtFor(ctx context.Context, cluster string) ([]builtImage, error) {
	all, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelImage))})
	if err != nil {
		return nil, err
	}
	var out []builtImage
	for _, i := range all {
		if app, ours := strings.CutPrefix(i.Labels[labelImage], cluster+"/"); ours {
			out = append(out, builtImage{i.ID, app, slices.DeleteFunc(i.RepoTags, func(tag string) bool { return !strings.HasPrefix(tag, "pgrepl/") })})
		}
	}
	return out, nil
}

// unshared are the references of built images that no container is made of but those of apps that we have, with the app that
// each was built for.
func (s *Site) unshared(built []builtImage, containers []container.Summary) map[string]string {
	out := map[string]string{}
	for _, b := range built {
		if slices.ContainsFunc(containers, func(c container.Summary) bool {
			return c.ImageID == b.id && (!s.isApp(c) || s.released("app", containerName(c)))
		}) {
			continue
		}
		for _, tag := range b.tags {
			out[tag] = b.app
		}
	}
	return out
}

func (k images) removeImage(c engine.Change) removeImage {
	s := removeImage{Order: engine.Order{Self: engine.StepID{Do: "remove", On: c.ID}}, engine: k.engine, image: c.ID}
	for name := range k.seen.apps {
		s.Behind = append(s.Behind, engine.StepID{Do: "create", On: appID(name)}, engine.StepID{Do: "remove", On: appID(name)})
	}
	return s
}

// removeImage takes away what was built for an app that is built of something else by now, or gone.
type removeImage struct {
	engine.Order
	engine *Engine
	image  engine.ID
}

func (s removeImage) String() string                          { return "remove image " + s.image.Name }
func (s removeImage) After(w engine.Snapshot) engine.Snapshot { return w.Without(s.image) }

func (s removeImage) Run(ctx context.Context) error {
	err := s.engine.effect.Around(s.String(), func() error {
		_, err := s.engine.api.ImageRemove(ctx, s.image.Name, image.RemoveOptions{PruneChildren: true})
		return err
	})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}
