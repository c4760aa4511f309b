package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"

	"pgrepl/schema"
)

// The secrets of an app are files in a volume of their own. In the container's own layer they would become part of an image
// that somebody commits; in a tmpfs they would be gone after each start, and Docker writes nothing into one. The volume comes
// and goes with the container: it is made by the same call, and a new container gets a new one.

// secretsVolume is the name of the volume with the secrets of the app in a container.
func secretsVolume(container string) string { return "pgrepl-secrets-" + container }

// readSecrets reads what lies in the secrets folder of a container, whatever its state.
func (e *Engine) readSecrets(ctx context.Context, id string) (map[string][]byte, error) {
	stream, _, err := e.api.CopyFromContainer(ctx, id, schema.SecretsFolder)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets of %s: %w", id, err)
	}
	defer stream.Close()
	files, err := untar(stream, "")
	if err != nil {
		return nil, fmt.Errorf("read the secrets of %s: %w", id, err)
	}
	out := map[string][]byte{}
	for name, text := range files {
		out[strings.TrimPrefix(name, path.Base(schema.SecretsFolder)+"/")] = text
	}
	return out, nil
}

// writeSecrets puts the files into a container that was not started yet, and reads them back: Docker says yes also where it
// wrote nothing.
func (e *Engine) writeSecrets(ctx context.Context, name, user string, secrets map[string]schema.Secret) error {
	owner, known := e.userOf(ctx, name, user)
	mode := int64(0o400)
	if !known { // whoever the user is has to be able to read them
		mode = 0o444
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range slices.Sorted(maps.Keys(secrets)) {
		text := []byte(secrets[file].Reveal())
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: file, Mode: mode, Uid: owner, Size: int64(len(text))})
		if _, more := w.Write(text); err != nil || more != nil {
			return errors.Join(err, more)
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	err := e.effect.Around("write the secrets of "+name, func() error {
		return e.api.CopyToContainer(ctx, name, schema.SecretsFolder, &archive, container.CopyToContainerOptions{})
	})
	if err != nil {
		return fmt.Errorf("write the secrets of %s: %w", name, err)
	}
	there, err := e.readSecrets(ctx, name)
	if err != nil {
		return err
	}
	for file, s := range secrets {
		if string(there[file]) != s.Reveal() {
			return fmt.Errorf("write the secrets of %s: %s/%s is not what was written", name, schema.SecretsFolder, file)
		}
	}
	return nil
}

// userOf is the number of the user that a container runs as: one with a name is looked up in the container.
func (e *Engine) userOf(ctx context.Context, name, user string) (uid int, known bool) {
	user, _, _ = strings.Cut(user, ":")
	if user == "" || user == "root" {
		return 0, true
	}
	if n, err := strconv.Atoi(user); err == nil {
		return n, true
	}
	stream, _, err := e.api.CopyFromContainer(ctx, name, "/etc/passwd")
	if err != nil {
		return 0, false
	}
	defer stream.Close()
	files, err := untar(stream, "")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(files["passwd"])) {
		if fields := strings.Split(line, ":"); len(fields) > 3 && fields[0] == user {
			n, err := strconv.Atoi(fields[2])
			return n, err == nil
		}
	}
	return 0, false
}

// dropSecrets removes the volume with the secrets of a container that is gone.
func (e *Engine) dropSecrets(ctx context.Context, name string) error {
	err := e.effect.Around("remove volume "+name, func() error { return e.api.VolumeRemove(ctx, name, false) })
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	return nil
}

// apart takes the volumes of apps' secrets out of a list: nobody keeps data in them.
func (s *Site) apart(all []*volume.Volume) (others []*volume.Volume, secrets map[string]bool) {
	secrets = map[string]bool{}
	for _, v := range all {
		if of := v.Labels[labelSecrets]; of != "" && s.labelled(v.Labels) {
			secrets[of] = true
			continue
		}
		others = append(others, v)
	}
	return others, secrets
}

// masked are lines without any secret of the app. Of its environment that is what the file does not show: why an app ends is mostly
// told with a number or a word that is in it.
func masked(text string, a *schema.App) string {
	secrets := slices.Collect(maps.Values(a.Secrets))
	for _, v := range a.Env {
		if !v.IsPlain() {
			secrets = append(secrets, v)
		}
	}
	for _, r := range a.Reaches {
		secrets = append(secrets, r.Role.Password)
	}
	var old []string
	for _, s := range secrets {
		if v := s.Reveal(); len(v) > 2 { // less would be found in every word
			old = append(old, v, url.PathEscape(v), url.QueryEscape(v), strings.TrimPrefix(url.UserPassword("", v).String(), ":"))
		}
	}
	slices.SortFunc(old, func(a, b string) int { return len(b) - len(a) })
	for _, v := range old {
		text = strings.ReplaceAll(text, v, schema.Hidden)
	}
	return text
}
