package docker

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/engine"
	"pgrepl/schema"
)

// Where an image has a VOLUME for which the file names none, Docker would give each container a new one without a name, and what
// the app keeps there would be gone with each new container. So it gets one with a name and labels, which every container of the
// app has, also when the one before is gone. It stays when the app goes, as that of a node does.

// keptVolume is the name of the volume that an app has at a path.
func keptVolume(app, target string) string {
	return "pgrepl-data-" + app + notInVolumes.Replace(target)
}

var notInVolumes = strings.NewReplacer("/", "-", " ", "_")

// keeps are the paths at which an app has a volume because its image says so.
func keeps(a *schema.App, image imageInfo) []string {
	var out []string
	for _, target := range image.Volumes {
		target = path.Clean(target)
		named := slices.ContainsFunc(a.Volumes, func(v schema.AppVolume) bool { return path.Clean(v.Target) == target })
		if !named && target != schema.SecretsFolder {
			out = append(out, target)
		}
	}
	slices.Sort(out)
	return out
}

// keptAt is the volume that an app goes on with at a path: what its container has there without a name of the author's, or what is
// left of an earlier one.
func (s *Site) keptAt(a *schema.App, target string) string {
	if live := s.seen.apps[a.Name].live; live != nil {
		for _, m := range live.Mounts {
			given := slices.ContainsFunc(live.HostConfig.Binds, func(bind string) bool { return strings.Split(bind+":", ":")[1] == target })
			if m.Type == mount.TypeVolume && path.Clean(m.Destination) == target && !given {
				return m.Name
			}
		}
	}
	if v := s.seen.volume(keptVolume(a.RenamedFrom, target)); a.RenamedFrom != "" && v != nil && s.keeper(v) == a.RenamedFrom {
		return v.Name
	}
	return keptVolume(a.Name, target)
}

// keeper is the app whose data is in a volume that pgrepl made for it; "" of any other volume.
func (s *Site) keeper(v *volume.Volume) string {
	of := v.Labels[labelKeeper]
	if of == "" || !s.labelled(v.Labels) {
		return ""
	}
	for name, a := range s.seen.apps {
		if a.mounts(v.Name) {
			return name
		}
	}
	return of
}

func (a seenApp) mounts(volume string) bool {
	return a.live != nil && slices.ContainsFunc(a.live.Mounts, func(m container.MountPoint) bool { return m.Type == mount.TypeVolume && m.Name == volume })
}

// keep makes sure of the volumes that the image of an app asks for. A name that is taken is no error of Docker's, and the labels
// stay the other's.
func (s *Site) keep(ctx context.Context, a *schema.App, image imageInfo) ([]mount.Mount, error) {
	var out []mount.Mount
	for _, target := range keeps(a, image) {
		name := s.keptAt(a, target)
		if name == keptVolume(a.Name, target) {
			labels := ownLabels(s.file.Name, "volume", name, withCluster(s.file.Labels, map[string]string{labelKeeper: a.Name}))
			var got volume.Volume
			err := s.engine.effect.Around("create volume "+name, func() (err error) {
				got, err = s.engine.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
				return err
			})
			if err == nil && (!s.labelled(got.Labels) || got.Labels[labelKeeper] == "") {
				err = fmt.Errorf("it exists already and is not this cluster's%s", owner(got.Labels))
			}
			if err != nil {
				return nil, fmt.Errorf("create volume %s: %w", name, err)
			}
		}
		out = append(out, mount.Mount{Type: mount.TypeVolume, Source: name, Target: target})
	}
	return out, nil
}

// keptSeen is the volume that an app keeps its data in, to be told of where no block of the file has the app: it goes with a
// destroy that is allowed to.
func (k volumes) keptSeen(v *volume.Volume, app string) []engine.Resource {
	if k.app(app) != nil && !k.removal.Containers {
		return nil
	}
	r := engine.Resource{ID: volumeID(v.Name), Addr: k.addressOfApp(app)}
	r.Ours = k.removal.volume(r.Addr) && !k.released("app", app)
	if k.seen.apps[app].there() {
		r.Needs = []engine.ID{appID(app)}
	}
	return []engine.Resource{r}
}

// volumesTaken: a volume under the name that one of an app is to have would be used as it is.
func (k apps) volumesTaken(a *schema.App, f engine.Fact) []engine.Fact {
	var out []engine.Fact
	taken := func(name, path, holds string) {
		v := k.seen.volume(name)
		if v == nil || k.keeper(v) != "" {
			return
		}
		f.Code, f.Path, f.Text = "PGR211", path, fmt.Sprintf("a volume %s exists already and is not this cluster's%s", v.Name, owner(v.Labels))
		f.Detail = holds + " of " + f.Addr.String() + " are to be in a volume of that name"
		f.Next = "give the block another `name`; or, if nobody needs what is in it, remove it (docker volume rm " + v.Name + ")"
		out = append(out, f)
	}
	if len(a.Secrets) > 0 {
		taken(secretsVolume(a.Name), "secrets", "the secrets")
	}
	for _, target := range keeps(a, k.seen.images[k.imageOf(a)]) {
		if name := keptVolume(a.Name, target); k.keptAt(a, target) == name {
			taken(name, "image", "the files in "+target)
		}
	}
	return out
}
