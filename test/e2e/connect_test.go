package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrepl/schema/hba"
	"pgrepl/test/e2e/knock"
)

// Of each version: lists of rules, and logins for each of them.
const (
	connectLists  = 50
	connectLogins = 36
)

// TestConnect holds hba.First against servers: lists of rules and logins made up at random, by the local socket, from
// addresses of the server's own, of its network and of none, with TLS and without, also for replication.
func TestConnect(t *testing.T) {
	t.Parallel()
	tried := versions
	if !chaos() {
		tried = []int{versions[0], versions[len(versions)-1]}
	}
	knocker := filepath.Join(t.TempDir(), "knocker")
	build := exec.Command("go", "build", "-o", knocker, "pgrepl/test/e2e/knock/knocker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, v := range tried {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			if img, ok := image(t, v, "plain"); ok {
				newDoorstep(t, v, img, knocker).holdConnections()
			}
		})
	}
}

// connectScript makes the server that is logged in to. The roles hold every way of being a member.
const connectScript = `set -eu
PATH="$PATH:/usr/lib/postgresql/$1/bin" PGDATA=/tmp/knock
export PGDATA
initdb -U boss -A trust --no-sync --locale=C.UTF-8 -E UTF8 >/tmp/initdb 2>&1 || { cat /tmp/initdb >&2; exit 1; }
cat >$PGDATA/server.pem
chmod 600 $PGDATA/server.pem
echo 'local all all trust' >$PGDATA/pg_hba.conf
pg_ctl start -w -s -l /tmp/log -o "-k $PGDATA -c listen_addresses=* -c fsync=off -c max_connections=20 -c ssl=on -c ssl_cert_file=server.pem -c ssl_key_file=server.pem" || { cat /tmp/log >&2; exit 1; }
psql -X -q -h $PGDATA -U boss -d postgres -v ON_ERROR_STOP=1 -v p='the right one' <<'SQL'
ALTER ROLE boss PASSWORD :'p';
CREATE ROLE grp; CREATE ROLE sub IN ROLE grp; CREATE ROLE "all" LOGIN PASSWORD :'p';
CREATE ROLE app LOGIN PASSWORD :'p' IN ROLE sub; CREATE ROLE shop LOGIN PASSWORD :'p';
CREATE ROLE aloof LOGIN NOINHERIT PASSWORD :'p' IN ROLE grp; CREATE ROLE chief LOGIN SUPERUSER PASSWORD :'p' IN ROLE grp;
CREATE ROLE repl LOGIN REPLICATION PASSWORD :'p'; CREATE ROLE "my repl" LOGIN REPLICATION PASSWORD :'p' IN ROLE grp, shop;
CREATE ROLE idle PASSWORD :'p' IN ROLE shop;
CREATE DATABASE shop; CREATE DATABASE app; CREATE DATABASE grp; CREATE DATABASE "all"; CREATE DATABASE "replication";
SQL`

// memberships are what connectScript makes, through others as well. A role that is not here is not there.
var memberships = map[string][]string{"boss": nil, "all": nil, "app": {"sub", "grp"}, "shop": nil, "aloof": {"grp"}, "chief": {"grp"}, "repl": nil, "my repl": {"grp", "shop"}, "idle": {"shop"}}

var (
	mayReplicate     = []string{"boss", "chief", "repl", "my repl"}
	connectDatabases = []string{"postgres", "shop", "app", "grp", "all", "replication"}
)

// doorstep is a server, and the two places from which it is logged in to: its own container and this machine.
type doorstep struct {
	t               *testing.T
	version         int
	inside, outside *knocking
	own             []netip.Prefix // the server's addresses
	address         string         // at which it is reached from outside
	gateways        []string       // this machine's addresses: in the server's network, and in another
}

func newDoorstep(t *testing.T, version int, image, knocker string) *doorstep {
	t.Helper()
	c := newCluster(t, image, "")
	d := &doorstep{t: t, version: version}
	c.docker("network", "create", c.name("net"))
	c.docker("network", "create", "--opt", "com.docker.network.bridge.enable_ip_masquerade=false", c.name("other")) // this machine is to be seen by its own address
	c.docker("run", "-d", "--init", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--network", c.name("net"), "--user", "postgres", "--entrypoint", "sleep", "--name", c.name("server"), image, "3600")
	begin := exec.Command("docker", "exec", "-i", c.name("server"), "sh", "-c", connectScript, "connect", fmt.Sprint(version))
	begin.Stdin = bytes.NewReader(certificate(t))
	if out, err := begin.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.docker("cp", "-q", knocker, c.name("server")+":/tmp/knocker")
	own := c.docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}}{{end}}", c.name("server"))
	at, gateway, _ := strings.Cut(own, " ")
	address := netip.MustParsePrefix(at)
	d.own = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128"), address}
	d.address = address.Addr().String()
	d.gateways = []string{gateway, c.docker("network", "inspect", "--format", "{{range .IPAM.Config}}{{.Gateway}}{{end}}", c.name("other"))}
	d.inside = knockFrom(t, exec.Command("docker", "exec", "-i", c.name("server"), "/tmp/knocker"))
	d.outside = knockFrom(t, exec.Command(knocker))
	return d
}

// certificate is a key and a certificate that it signs itself.
func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(crand.Reader, as, as, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
}

// knocking is a program that logs in where it runs.
type knocking struct {
	ask    *json.Encoder
	answer *json.Decoder
	stderr *bytes.Buffer
}

func knockFrom(t *testing.T, cmd *exec.Cmd) *knocking {
	t.Helper()
	k := &knocking{stderr: &bytes.Buffer{}}
	cmd.Stderr = k.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	k.ask, k.answer = json.NewEncoder(in), json.NewDecoder(out)
	return k
}

func (k *knocking) round(t *testing.T, r knock.Round) []knock.Answer {
	t.Helper()
	var out []knock.Answer
	if err := k.ask.Encode(r); err != nil {
		t.Fatal(err, k.stderr)
	}
	if err := k.answer.Decode(&out); err != nil || len(out) != len(r.Logins) {
		t.Fatal(err, k.stderr)
	}
	return out
}

func (d *doorstep) holdConnections() {
	d.t.Helper()
	r := rand.New(rand.NewPCG(uint64(d.version), 5))
	verdicts := map[string]int{}
	agree, unknown, in := 0, 0, 0
	for n := range connectLists {
		probe := fmt.Sprint("probe", n)
		text := fmt.Sprintf("local %s probe reject\n%s", probe, d.list(r))
		rules, problems := hba.Parse(text, d.version)
		if i := slices.IndexFunc(problems, func(p hba.Problem) bool { return !p.Warning }); i >= 0 {
			d.t.Fatalf("%+v\n%s", problems[i], text)
		}
		inside, outside := d.logins(r)
		said := d.inside.round(d.t, knock.Round{File: text, Probe: probe, Logins: inside})
		said = append(said, d.outside.round(d.t, knock.Round{Logins: outside})...)
		for i, l := range append(inside, outside...) {
			rule, known := hba.First(rules, d.client(l))
			if !known {
				unknown++
				continue
			}
			want, by := "none", "no rule"
			if rule >= 0 {
				want, by = rules[rule].Method, rules[rule].String()
			}
			if said[i].Verdict != want || said[i].In != getsIn(l, want) {
				d.t.Errorf("%+v\n  the server: %+v\n  we: %s by %s\n%s", l, said[i], want, by, text)
				continue
			}
			agree++
			verdicts[want]++
			if said[i].In {
				in++
			}
		}
	}
	var each []string
	for _, v := range slices.Sorted(maps.Keys(verdicts)) {
		each = append(each, fmt.Sprintf("%s %d", v, verdicts[v]))
	}
	d.t.Logf("PostgreSQL %d: %d of %d logins end as we say by %d lists (%s; %d get in), %d only the server can tell",
		d.version, agree, connectLists*connectLogins-unknown, connectLists, strings.Join(each, ", "), in, unknown)
	if agree < 1000 || len(verdicts) < 6 {
		d.t.Error("that is too few")
	}
}

// getsIn reports whether a login that a rule lets in ends well: that takes a role, a database and the right to replicate.
func getsIn(l knock.Login, method string) bool {
	_, there := memberships[l.Role]
	switch {
	case method == "reject" || method == "none" || method == "peer" || !there || l.Role == "idle":
		return false
	case l.Replication != "" && !slices.Contains(mayReplicate, l.Role):
		return false
	}
	return l.Replication == "true" || slices.Contains(connectDatabases, l.Database)
}

func (d *doorstep) client(l knock.Login) hba.Client {
	groups, there := memberships[l.Role]
	c := hba.Client{Role: l.Role, Groups: groups, Missing: !there, Database: l.Database, Replication: l.Replication == "true", TLS: l.TLS, Server: d.own}
	if l.From != "" {
		c.From = netip.MustParseAddr(l.From)
	}
	return c
}

// logins are from inside the container and from this machine.
func (d *doorstep) logins(r *rand.Rand) (inside, outside []knock.Login) {
	roles := append(slices.Sorted(maps.Keys(memberships)), "ghost")
	databases := append(slices.Clone(connectDatabases), "nowhere")
	from := []string{"", "", "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.200.0.1", "::1", d.address}
	for range connectLogins {
		l := knock.Login{Role: pick(r, roles), Database: pick(r, databases), Replication: pick(r, []string{"", "", "", "", "true", "database"})}
		if r.IntN(4) == 0 {
			l.From, l.To = pick(r, d.gateways), d.address
		} else if l.From = pick(r, from); strings.HasPrefix(l.From, "127.") {
			l.To = "127.0.0.1"
		} else {
			l.To = l.From
		}
		l.TLS = l.To != "" && r.IntN(2) == 0
		if slices.Contains(d.gateways, l.From) {
			outside = append(outside, l)
		} else {
			inside = append(inside, l)
		}
	}
	return inside, outside
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// some are one to three of the words.
func some(r *rand.Rand, of []string) string {
	var out []string
	for range 1 + r.IntN(3)*r.IntN(2) {
		out = append(out, pick(r, of))
	}
	return strings.Join(out, ",")
}

// list is a few rules that a few clients may match; the later ones more.
func (d *doorstep) list(r *rand.Rand) string {
	databases := strings.Fields(`all all all all all all sameuser samerole samegroup replication "replication" "all" shop app grp nowhere /^s.*p$ "/^(app|grp)$" /^a`)
	users := strings.Fields(`all all all all +grp +sub +shop +app +ghost +chief app shop "all" "+grp" repl "my_repl" aloof chief boss ghost idle /^a /p$ "/^(app|chief)$" "/^[a-c]{3,5}$" /\d`)
	for i := range users {
		users[i] = strings.ReplaceAll(users[i], "_", " ")
	}
	net := d.own[2].Masked().String()
	addresses := append(strings.Fields("all all all all all samehost samenet 127.0.0.0/8 127.0.0.0/9 127.0.0.1/32 127.0.0.2/31 127.0.0.0/30 127.1.0.0/16 0.0.0.0/0 ::/0 ::1/128 10.0.0.0/8"),
		net, d.address+"/32", d.gateways[0]+"/32", d.gateways[1]+"/16", "127.0.0.1 255.0.0.255", "127.1.2.0 255.255.255.0", "0.0.0.1 0.0.0.1")
	types := strings.Fields("local local host host host host hostssl hostssl hostnossl hostnossl hostgssenc hostnogssenc")
	methods := strings.Fields("trust trust reject reject scram-sha-256 scram-sha-256 password")
	var b strings.Builder
	for range 5 + r.IntN(16) {
		kind := pick(r, types)
		address, method := pick(r, addresses), pick(r, methods)
		if kind == "local" {
			address = ""
			method = pick(r, append(methods, "peer"))
		}
		fmt.Fprintf(&b, "%s %s %s %s %s\n", kind, some(r, databases), some(r, users), address, method)
	}
	return b.String()
}
