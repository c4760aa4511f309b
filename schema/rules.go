package schema

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgrepl/schema/catalogue"
)

func oneOf(words ...string) rule {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		err := fmt.Sprintf("must be one of %s", strings.Join(words, ", "))
		if near := nearest(text, words); near != "" {
			err += fmt.Sprintf("; did you mean %q?", near)
		}
		return "", errors.New(err)
	}
}

func matching(pattern *regexp.Regexp, want string) rule {
	return func(text string) (string, error) {
		if pattern.MatchString(text) {
			return text, nil
		}
		return "", errors.New(want)
	}
}

var (
	dockerPattern  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$`)
	networkPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)
	slotPattern    = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)
	imagePattern   = regexp.MustCompile(`^([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@sha256:[a-f0-9]{64})?$`)
	policyPattern  = regexp.MustCompile(`^(no|always|unless-stopped|on-failure(:[0-9]+)?)$`)
	cpusPattern    = regexp.MustCompile(`^[0-9]*\.?[0-9]{0,9}$`)
	sizePattern    = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) *([kmgtKMGT]?)(?:[iI]?[bB])?$`)
)

// dockerName is Docker's rule for containers, volumes and networks.
func dockerName(text string) (string, error) {
	return matching(dockerPattern, "must be a Docker name: two or more of a-z A-Z 0-9 _ . -, the first a letter or digit")(text)
}

// networkLabel is Docker's rule for networks, which may be one character long.
func networkLabel(text string) (string, error) {
	return matching(networkPattern, "must be a Docker name: a-z A-Z 0-9 _ . -, the first a letter or digit")(text)
}

func slotName(text string) (string, error) {
	return matching(slotPattern, "must be a slot name: at most 63 of a-z 0-9 _")(text)
}

// implicitSlot is the name of the slot that a replica gets by itself.
func implicitSlot(replica string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToLower(replica))
	return name[:min(len(name), 63)]
}

func image(text string) (string, error) {
	if name, _, _ := strings.Cut(text, ":"); name != lower(name) && imagePattern.MatchString(lower(text)) && !imagePattern.MatchString(text) {
		return "", errors.New("must be in lower case: " + lower(name))
	}
	return matching(imagePattern, "must be an image reference such as postgres:16")(text)
}

func restartPolicy(text string) (string, error) {
	return matching(policyPattern, "must be no, always, unless-stopped or on-failure[:N]")(text)
}

// identifier is PostgreSQL's rule for the names of roles and databases.
func identifier(text string) (string, error) {
	switch {
	case text == "" || len(text) > 63:
		return "", errors.New("must be 1 to 63 bytes long: PostgreSQL cuts longer names")
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }):
		return "", errors.New("holds a control character")
	}
	return text, nil
}

// roleName leaves PostgreSQL's and pgrepl's own roles alone.
func roleName(text string) (string, error) {
	switch {
	case strings.HasPrefix(text, "pg_"), text == "public", text == "none":
		return "", fmt.Errorf("may not be %q: PostgreSQL reserves it", text)
	case text == "pgrepl":
		return "", errors.New(`may not be "pgrepl": pgrepl manages the cluster as that role`)
	}
	return identifier(text)
}

func databaseName(text string) (string, error) {
	if text == "template0" || text == "template1" {
		return "", fmt.Errorf("may not be %q: PostgreSQL makes new databases from it", text)
	}
	return identifier(text)
}

// volume is a Docker volume's name or an absolute path.
func volume(text string) (string, error) {
	if strings.HasPrefix(text, "/") {
		if clean := path.Clean(text); clean != "/" && !strings.ContainsAny(text, ":\x00\n") {
			return clean, nil
		}
		return "", errors.New("must be an absolute path other than /, without a colon")
	}
	if _, err := dockerName(text); err != nil {
		return "", errors.New("must be a Docker volume's name or an absolute path: a name holds a-z A-Z 0-9 _ . - only")
	}
	return text, nil
}

// subnet clears the host bits, as Docker does.
func subnet(text string) (string, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return "", errors.New("must be a network such as 172.29.0.0/16")
	}
	return p.Masked().String(), nil
}

func address(text string) (string, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return "", errors.New("must be an IP address")
	}
	return a.String(), nil
}

// cpus is a number of processors, with at most nine decimals.
func cpus(text string) (string, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 || n > 4096 || !cpusPattern.MatchString(text) {
		return "", errors.New("must be a number of processors such as 1.5")
	}
	return strconv.FormatFloat(n, 'f', -1, 64), nil
}

// bytesOf reads a size in Docker's way: k, m, g and t are powers of 1024, whatever is written behind them.
func bytesOf(text string) (int64, error) {
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, errors.New("must be a size such as 512m, 1GB or a number of bytes")
	}
	n, err := strconv.ParseFloat(m[1], 64)
	shift := map[string]int{"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[strings.ToLower(m[2])]
	n *= float64(int64(1) << shift)
	if err != nil || n < 1 || n >= 1<<62 {
		return 0, errors.New("is out of range")
	}
	return int64(n), nil
}

// size is bytesOf as a rule: the canonical form is a plain number.
func size(least int64) rule {
	return func(text string) (string, error) {
		n, err := bytesOf(text)
		if err == nil && n < least {
			err = fmt.Errorf("must be at least %d MB", least>>20)
		}
		return strconv.FormatInt(n, 10), err
	}
}

// delaySetting is recovery_min_apply_delay.
var delaySetting = catalogue.Setting{Type: "integer", Unit: "ms"}

// timeValue is a PostgreSQL time value whose bare unit is a millisecond, kept as written.
func timeValue(text string) (string, error) {
	ms, err := Canonical(delaySetting, text)
	if err != nil || strings.HasPrefix(ms, "-") {
		return "", errors.New(`must be a time such as "30s", "5min" or "1h": us, ms, s, min, h, d`)
	}
	return strings.TrimSpace(text), nil
}

// moment is a point in time for VALID UNTIL, kept as written.
func moment(text string) (string, error) {
	if strings.EqualFold(text, "infinity") {
		return "infinity", nil
	}
	normal := strings.Replace(text, "T", " ", 1)
	for _, zone := range []string{"", "Z07:00", " Z07:00", "Z07", "-0700", " -0700", " MST"} {
		for _, clock := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
			if _, err := time.Parse(clock+zone, normal); err == nil {
				return text, nil
			}
		}
	}
	return "", errors.New(`must be a time such as "2030-01-31T00:00:00Z", or "infinity"`)
}

// applicationName is what PostgreSQL keeps of one: it would turn other characters into ?.
func applicationName(text string) (string, error) {
	if text == "" || len(text) > 63 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", errors.New("must be 1 to 63 printable ASCII characters")
	}
	return text, nil
}
