package schema

import (
	"errors"
	"regexp"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"pgrepl/schema/catalogue"
)

const (
	oldestVersion = catalogue.Oldest
	newestVersion = catalogue.Newest
	defaultImage  = "postgres:16"
)

func (d *decoder) decodeCluster() {
	in := d.only("cluster", codeCluster)
	if in == nil {
		d.shared = inherited{restart: "unless-stopped", settings: layer{}}
		d.cluster.Version = 16
		return
	}
	r, c := d.reader(in), d.cluster
	o := d.object(in, r, networkName)
	c.Name, c.Origin, c.Protect, c.Written = o.Name, o.Origin, o.Protect, o.Written
	before := r.errors()
	c.Image = r.text("image", defaultImage, image)
	c.Version = r.version(c.Image)
	if r.errors() == before {
		d.known = catalogue.Of(c.Version)
	}
	c.Labels = r.labels(nil)
	c.Superuser = r.superuser()
	c.Initdb = r.initdb()
	d.shared = inherited{
		restart:  r.text("restart", "unless-stopped", restartPolicy),
		settings: r.settings(inServer, d.known),
		written:  o.Written,
	}
	d.shared.hba, _ = r.hba(c.Version)
}

// only is the one block of its kind that a file must have.
func (d *decoder) only(kind string, c code) *instance {
	var first *instance
	d.every(kind, func(in *instance) {
		if first == nil || in.at.Filename < first.at.Filename ||
			in.at.Filename == first.at.Filename && in.at.Start.Byte < first.at.Start.Byte {
			first = in
		}
	})
	if first == nil && slices.Contains(d.meant, kind) {
		return nil // what is wrong with it is said already
	}
	if first == nil {
		d.errorf(c, hcl.Range{Filename: d.options.Path}, "there is no %s block", kind).detail("A file describes one cluster with one master: %s \"NAME\" { }", kind)
		return nil
	}
	d.every(kind, func(in *instance) {
		if in != first {
			d.errorf(c, in.at, "a second %s block: the first is at %s", kind, originOf(first.at))
		}
	})
	return first
}

var (
	majorPattern    = regexp.MustCompile(`:([0-9]+)[^:/@]*(@.*)?$`)
	behindPattern   = regexp.MustCompile(`:(?:[^:/@]*[._-])?pg([0-9]+)(?:[._-][^:/@]*)?(?:@.*)?$`)
	officialPattern = regexp.MustCompile(`^(.*/)?postgres:`)
)

// imageMajor is the number that an image's tag begins with, 0 where it begins with none.
func imageMajor(image string) int {
	m := majorPattern.FindStringSubmatch(image)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

func supported(major int) bool { return major >= oldestVersion && major <= newestVersion }

func (r *reader) version(image string) int {
	major := imageMajor(image)
	if r.written("version") {
		version := r.whole("version", 16, oldestVersion, newestVersion)
		r.imageFits(image, version)
		return version
	}
	switch {
	case major == 0:
		r.errorf(codeVersion, r.where("image"), "the tag of the image does not say the version of PostgreSQL").
			hint("add version = " + likelyVersion(image, "16") + " to the cluster block")
		return 16
	case !supported(major):
		r.errorf(codeVersion, r.where("image"), "PostgreSQL %d is not supported", major).
			detail("pgrepl works with %d to %d. Where the tag does not mean PostgreSQL's version, add version = %s to the cluster block.",
				oldestVersion, newestVersion, likelyVersion(image, "N"))
		return 16
	}
	return major
}

// likelyVersion is what a tag such as 2.17.2-pg18 says behind pg, where it does.
func likelyVersion(image, otherwise string) string {
	if m := behindPattern.FindStringSubmatch(image); m != nil {
		return m[1]
	}
	return otherwise
}

// imageFits warns where the tag of an image says another major version: other repositories than the official one may number
// otherwise, and the plan asks the image itself.
func (r *reader) imageFits(image string, version int) {
	major := imageMajor(image)
	if r.written("image") && major != version && (supported(major) || major != 0 && officialPattern.MatchString(image)) {
		r.warnf(codeVersion, r.where("image"), "the tag says %d, and the cluster is of PostgreSQL %d", major, version).
			detail("A server does not start on the data of another major version. The plan asks the image itself.")
	}
}

func (r *reader) superuser() Superuser {
	s := Superuser{Name: "postgres", Origin: originOf(r.at)}
	if b := r.nested("superuser"); b != nil {
		s = Superuser{Name: b.text("name", "postgres", roleName), Password: b.password(), Origin: originOf(b.at)}
	}
	return s
}

var localePattern = regexp.MustCompile(`^[A-Za-z0-9_.@-]+$`)

var encodingPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (r *reader) initdb() Initdb {
	i := Initdb{Encoding: "UTF8", DataChecksums: true, Origin: originOf(r.at)}
	b := r.nested("initdb")
	if b == nil {
		return i
	}
	return Initdb{
		Locale:        b.text("locale", "", locale),
		Encoding:      b.text("encoding", "UTF8", encoding),
		DataChecksums: b.flag("data_checksums", true),
		WalSegsize:    b.walSegsize(),
		Origin:        originOf(b.at),
	}
}

func locale(text string) (string, error) {
	return matching(localePattern, "must be the name of a locale such as C.UTF-8")(text)
}

func encoding(text string) (string, error) {
	return matching(encodingPattern, "must be the name of an encoding such as UTF8")(text)
}

func (r *reader) walSegsize() int {
	n, err := strconv.Atoi(r.text("wal_segsize", "0", func(text string) (string, error) {
		mb, err := strconv.Atoi(text)
		if err != nil || mb < 1 || mb > 1024 || mb&(mb-1) != 0 {
			return "", errors.New("must be a power of two from 1 to 1024 (MB)")
		}
		return text, nil
	}))
	if err != nil {
		return 0
	}
	return n
}
