package schema

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// decodeApps decodes the containers beside the cluster, once all is known that their URLs can lead to.
func (d *decoder) decodeApps() {
	d.every("app", func(in *instance) {
		r := d.reader(in)
		a := &App{
			Object:  d.object(in, r, dockerName),
			Image:   r.text("image", "", image),
			Build:   r.build(),
			Network: d.networkOf(r),
			Ports:   r.ports(),
			Command: r.command(),
			Env:     r.secrets("env"),
			Secrets: r.secrets("secrets"),
			Volumes: r.appVolumes(),
			Restart: r.text("restart", d.shared.restart, restartPolicy),
			Labels:  r.labels(d.cluster.Labels),
		}
		d.readers[&a.Object] = r
		d.apps[a.Address] = a
		for _, e := range r.entries("env") {
			if e.key == "" || strings.ContainsAny(e.key, "=\x00") || strings.ContainsRune(a.Env[e.key].text, 0) {
				r.errorf(codeName, e.keyAt, "env holds a name or value that no environment can hold")
			}
		}
		for _, e := range r.entries("secrets") {
			if !fileName.MatchString(e.key) {
				r.errorf(codeName, e.keyAt, "%q is no name for a file in %s", e.key, SecretsFolder).hint("use a-z A-Z 0-9 _ . -")
			}
		}
		switch {
		case r.written("image") && r.written("build"):
			r.errorf(codeTwice, r.where("build"), "%s has both image and build", a.Address).detail("An image that is built here gets its name from pgrepl.")
		case !r.written("image") && !r.written("build"):
			r.errorf(codeMissing, r.at, "%s needs an image", a.Address).hint("write image = \"NAME:TAG\", or build = \"FOLDER\"")
		}
		d.reaches(a, r)
	})
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$`)

const maxDockerfile = 1 << 20

// build is the folder that an image is made of. That it can be is found out here; what is in it, when it is.
func (r *reader) build() *Build {
	folder := r.text("build", "", func(text string) (string, error) {
		if text == "" || strings.ContainsAny(text, "\x00\n") {
			return "", errors.New("must be the path of a folder")
		}
		return text, nil
	})
	args := r.texts("build_args")
	if folder == "" {
		if r.written("build_args") && !r.written("build") {
			r.errorf(codeValue, r.where("build_args"), "build_args are for a build").hint("add build = \"FOLDER\"")
		}
		return nil
	}
	folder = r.pathFrom(filepath.Dir(r.at.Filename), folder)
	built := &Build{Folder: folder, Args: args, Origin: originOf(r.where("build"))}
	if r.options.AsItRuns {
		return built
	}
	text, err := r.src.readData(filepath.Join(folder, "Dockerfile"))
	switch {
	case err != nil:
		r.errorf(codeBuild, r.where("build"), "there is no Dockerfile in %s", folder).detail("A relative path starts at the folder of the file that says it.")
	case len(text) > maxDockerfile:
		r.errorf(codeBuild, r.where("build"), "the Dockerfile in %s is larger than 1 MiB", folder)
	}
	return built
}

func (r *reader) command() []string {
	elements, written := r.elements("command")
	if !written {
		return nil
	}
	return r.strings("command", elements)
}

func (r *reader) strings(name string, elements []element) []string {
	var out []string
	for _, e := range elements {
		v, ok := r.open(e.value, e.at, name)
		if !ok || v.IsNull() {
			continue
		}
		if v, ok = r.convert(v, cty.String, e.at, name, "strings"); ok {
			out = append(out, v.AsString())
		}
	}
	return out
}

// ports are published on 127.0.0.1 unless an address says otherwise.
func (r *reader) ports() []AppPort {
	var out []AppPort
	elements, _ := r.elements("ports")
	for _, e := range elements {
		for _, text := range r.strings("ports", []element{e}) {
			p, err := appPort(text)
			if err != nil {
				r.errorf(codeValue, e.at, "a port %s", err)
				continue
			}
			p.Origin = originOf(e.at)
			if i := slices.IndexFunc(out, func(o AppPort) bool { return overlap(o.Port, p.Port) }); i >= 0 {
				r.errorf(codePort, e.at, "the port %s is published twice", p.Port)
				continue
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b AppPort) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// appPort reads PORT, HOST:PORT or ADDRESS:HOST:PORT.
func appPort(text string) (AppPort, error) {
	outside, inside := text, text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		outside, inside = text[:i], text[i+1:]
	}
	in, err := hostPort(inside)
	if err != nil || strings.Contains(inside, "/") {
		return AppPort{}, errors.New(`must be a number, "HOST:CONTAINER" or "ADDRESS:HOST:CONTAINER"`)
	}
	out, err := hostPort(outside)
	if err != nil {
		return AppPort{}, errors.New(`must be a number, "HOST:CONTAINER" or "ADDRESS:HOST:CONTAINER"`)
	}
	return AppPort{Port: out, Inside: in.Port}, nil
}

// appVolumes are written as everywhere: SOURCE:TARGET, with :ro behind it where it is only read.
func (r *reader) appVolumes() []AppVolume {
	var out []AppVolume
	elements, _ := r.elements("volumes")
	for _, e := range elements {
		for _, text := range r.strings("volumes", []element{e}) {
			v, err := appVolume(text)
			if err != nil {
				r.errorf(codeValue, e.at, "a volume %s", err)
				continue
			}
			v.at = e.at
			if slices.ContainsFunc(out, func(o AppVolume) bool { return o.Target == v.Target }) {
				r.errorf(codeTwice, e.at, "two volumes are at %s", v.Target)
				continue
			}
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b AppVolume) int { return strings.Compare(a.Target, b.Target) })
	return out
}

func appVolume(text string) (AppVolume, error) {
	rest, only := strings.CutSuffix(text, ":ro")
	source, target, both := strings.Cut(strings.TrimSuffix(rest, ":rw"), ":")
	if !both {
		return AppVolume{}, errors.New(`must be "SOURCE:TARGET" or "SOURCE:TARGET:ro"`)
	}
	source, err := volume(source)
	if err != nil {
		return AppVolume{}, fmt.Errorf("needs a source that is a volume's name or an absolute path, not %s", strings.TrimSuffix(text, ":"+target))
	}
	clean := path.Clean(target)
	switch {
	case !path.IsAbs(target) || clean == "/" || strings.ContainsAny(target, ":\x00\n"):
		return AppVolume{}, errors.New("needs an absolute path in the container behind the colon")
	case clean == SecretsFolder || strings.HasPrefix(clean, SecretsFolder+"/") || strings.HasPrefix(SecretsFolder, clean+"/"):
		return AppVolume{}, fmt.Errorf("cannot be at %s: the secrets are in %s", target, SecretsFolder)
	}
	return AppVolume{Source: source, Target: clean, ReadOnly: only}, nil
}

// reaches notes what the URLs of an app lead to.
func (d *decoder) reaches(a *App, r *reader) {
	note := func(v cty.Value, at hcl.Range, path string) {
		if v == cty.NilVal {
			return
		}
		_, marks := v.UnmarkDeep()
		var found []markURL
		for m := range marks {
			if to, is := m.(markURL); is {
				found = append(found, to)
			}
		}
		slices.SortFunc(found, func(a, b markURL) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
		for _, to := range found {
			reach := Reach{Node: d.nodes[to.node], Role: d.roles[to.role], Database: d.databases[to.database], Path: path, at: at}
			if reach.Node != nil && reach.Role != nil && reach.Database != nil && !slices.ContainsFunc(a.Reaches, func(o Reach) bool {
				return o.Node == reach.Node && o.Role == reach.Role && o.Database == reach.Database
			}) {
				a.Reaches = append(a.Reaches, reach)
			}
		}
	}
	for _, name := range []string{"env", "secrets"} {
		for _, e := range r.entries(name) {
			note(e.value, e.expr.Range(), name+"."+e.key)
		}
	}
	elements, _ := r.elements("command")
	for _, e := range elements {
		note(e.value, e.at, "command")
	}
}
