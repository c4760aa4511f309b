package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgrepl/schema/hba"
)

// TestHBA writes good and bad lines into the pg_hba.conf of one server of each version, and holds our reading of every line
// against the server's own, which pg_hba_file_rules shows without a reload: is it taken, and what does it say?
func TestHBA(t *testing.T) {
	t.Parallel()
	text := hbaLines(t)
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			if img, ok := image(t, v, "plain"); ok {
				t.Parallel()
				holdHBA(t, v, text, hbaOf(t, v, img, text))
			}
		})
	}
}

// TestHBAOfANode spells the rules of a server otherwise, which is no difference, and gives it one that it refuses without a
// word: then the old file stays.
func TestHBAOfANode(t *testing.T) {
	t.Parallel()
	c := newCluster(t, usualImage(t), `
variable "image" {}
cluster "%" {
  image = var.image
  hba   = <<-HBA
    # the office
    host app,shop all 10.0.0.0 255.0.0.0 \
      scram-sha-256
    host all "all" samenet md5
  HBA
}
master "%-a" {}
`)
	c.apply()
	c.docker("exec", "-u", "postgres", c.name("a"), "sh", "-c", "sed -i 's|app,shop all 10.0.0.0 255.0.0.0|shop, \"app\" all 10.1.2.3/8|' /var/lib/postgresql/pgdata/pg_hba.conf")
	if got := c.sql("a", "SELECT pg_reload_conf(), (SELECT count(*) FROM pg_hba_file_rules WHERE address = '10.1.2.3')"); got != "t|1" {
		t.Fatalf("the file was not edited: %s", got)
	}
	c.settled()
	c.edit("    host all \"all\" samenet md5\n", "    host all all samenet radius radiusservers=nosuch.invalid radiussecrets=x\n")
	contains(t, c.want(6, "apply", "--auto-approve").err, "would not take its files: pg_hba.conf line 4: not valid", "the old file is back in place")
	c.edit("nosuch.invalid", "127.0.0.1")
	c.apply()
}

// hbaRow is a row of pg_hba_file_rules. A line that the server does not take has no type, and not always an error.
type hbaRow struct {
	Line     int      `json:"line_number"`
	File     string   `json:"file_name"` // from version 16
	Type     string   `json:"type"`
	Database []string `json:"database"`
	User     []string `json:"user_name"`
	Address  string   `json:"address"`
	Mask     string   `json:"netmask"`
	Method   string   `json:"auth_method"`
	Options  []string `json:"options"`
	Error    string   `json:"error"`
}

const hbaScript = `set -eu
PATH="$PATH:/usr/lib/postgresql/$1/bin" PGDATA=/tmp/hba
export PGDATA
initdb -A trust --no-sync --locale=C.UTF-8 -E UTF8 >/tmp/initdb 2>&1 || { cat /tmp/initdb >&2; exit 1; }
pg_ctl start -w -s -l /tmp/log -o "-k /tmp -c listen_addresses= -c fsync=off $2" || { cat /tmp/log >&2; exit 1; }
cd $PGDATA
mkdir rules.d
echo 'host all all all md5' | tee rules.conf rules.d/a.conf >/dev/null
printf 'a, b\nc # d\n' | tee names 'two words' >/dev/null
echo local >type; echo 10.0.0.0/8 >address; echo peer >method; echo map=x >option
cat >pg_hba.conf
psql -X -q -A -t -h /tmp -d postgres -c "SELECT json_agg(to_json(r) ORDER BY line_number) FROM pg_hba_file_rules r"
`

// hbaOf is what a server makes of the text.
func hbaOf(t *testing.T, version int, image, text string) []hbaRow {
	t.Helper()
	c := newCluster(t, image, "")
	options := ""
	if version >= 18 {
		options = "-c oauth_validator_libraries=v"
	}
	cmd := exec.Command("docker", "run", "--rm", "-i", "--init", "--network", "none", "--user", "postgres", "--entrypoint", "sh", "--name", c.name("hba"),
		image, "-c", hbaScript, "hba", strconv.Itoa(version), options)
	cmd.Stdin = strings.NewReader(text)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	var rows []hbaRow
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return slices.DeleteFunc(rows, func(r hbaRow) bool { return r.File != "" && !strings.HasSuffix(r.File, "/pg_hba.conf") })
}

// serversOwn are the reasons to refuse a line that only the server can know.
var serversOwn = regexp.MustCompile(`not supported by this build|could not open|not permitted by oauth_validator_libraries`)

// leastHBA is how many lines each version must have been asked about.
const leastHBA = 600

func holdHBA(t *testing.T, version int, text string, rows []hbaRow) {
	t.Helper()
	rules, problems := hba.Parse(text, version)
	byLine := map[int]hbaRow{}
	for _, r := range rows {
		byLine[r.Line] = r
	}
	held, good, unknown := 0, 0, 0
	seen := map[string]bool{}
	for _, rule := range rules {
		row, there := byLine[rule.Line]
		delete(byLine, rule.Line)
		switch {
		case seen[rule.String()]:
			continue
		case rule.Valid && row.Type == "" && (rule.Open || serversOwn.MatchString(row.Error)):
			unknown++
			continue
		case there == (rule.Valid && strings.HasPrefix(string(rule.Type), "include")):
			t.Errorf("line %d: %s: the server has a row for it: %t; we read %+v", rule.Line, rule, there, rule)
		case there && rule.Valid != (row.Type != ""):
			t.Errorf("line %d: %s\n  the server takes it: %t (%s)\n  we: %v", rule.Line, rule, row.Type != "", row.Error, of(problems, rule))
		case there && rule.Valid && !rule.Open:
			for _, d := range differences(rule, row) {
				t.Errorf("line %d: %s: %s", rule.Line, rule, d)
			}
		}
		seen[rule.String()] = true
		held++
		if rule.Valid {
			good++
		}
	}
	for n, row := range byLine {
		t.Errorf("line %d is a rule for the server alone: %+v", n, row)
	}
	t.Logf("PostgreSQL %d: %d different lines held against the server (%d good, %d bad), %d that depend on its build or files", version, held, good, held-good, unknown)
	if held < leastHBA {
		t.Errorf("only %d lines", held)
	}
}

func of(problems []hba.Problem, r hba.Rule) []hba.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p hba.Problem) bool { return p.From < r.From || p.From > r.To })
}

// differences between our reading of a rule and the server's.
func differences(rule hba.Rule, row hbaRow) []string {
	var out []string
	compare := func(what string, ours, theirs any) {
		if fmt.Sprintf("%q", ours) != fmt.Sprintf("%q", theirs) {
			out = append(out, fmt.Sprintf("%s is %q, the server says %q", what, ours, theirs))
		}
	}
	compare("type", string(rule.Type), row.Type)
	if words := viewWords(rule.Databases); words != nil {
		compare("database", words, row.Database)
	}
	if words := viewWords(rule.Users); words != nil {
		compare("user", words, row.User)
	}
	address, mask := viewAddress(rule.Address)
	if rule.Address.Kind == hba.Network {
		row.Address, row.Mask = canonicalIP(row.Address), canonicalIP(row.Mask)
	}
	compare("address", address, row.Address)
	compare("mask", mask, row.Mask)
	method := rule.Method
	if rule.Type == hba.Local && method == "ident" {
		method = "peer"
	}
	compare("method", method, row.Method)
	if !slices.ContainsFunc(rule.Options, func(o hba.Option) bool { return o.Name == "ldapurl" }) {
		compare("options", viewOptions(rule), slices.Sorted(slices.Values(row.Options)))
	}
	return out
}

// viewWords are tokens as the view shows them, without quotes; nil where a file holds some of them.
func viewWords(tokens []hba.Token) []string {
	signs := map[hba.Kind]string{hba.Member: "+", hba.Regexp: "/"}
	var out []string
	for _, t := range tokens {
		if t.Kind == hba.File {
			return nil
		}
		out = append(out, signs[t.Kind]+t.Text)
	}
	return out
}

func viewAddress(a hba.Address) (address, mask string) {
	switch a.Kind {
	case hba.AnyAddress:
		return "all", ""
	case hba.SameHost:
		return "samehost", ""
	case hba.SameNet:
		return "samenet", ""
	case hba.HostName:
		return a.Host, ""
	case hba.Network:
		return a.IP.String(), a.Mask.String()
	}
	return "", ""
}

func canonicalIP(text string) string {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.String()
	}
	return text
}

// viewOptions are options as the view shows them, sorted: those that hold, yes and no as true and nothing, and some not
// at all.
func viewOptions(rule hba.Rule) []string {
	values := map[string]string{}
	for _, o := range rule.Options {
		values[o.Name] = o.Value
	}
	if _, given := values["include_realm"]; rule.Method == "gss" && !given {
		values["include_realm"] = "1"
	}
	if rule.Method == "ldap" {
		values["ldapscope"] = "2" // the whole tree
	}
	if _, given := values["validator"]; rule.Method == "oauth" && !given {
		values["validator"] = "v" // the only one that the server has
	}
	if rule.Method == "cert" {
		values["clientcert"] = "verify-full"
	}
	var out []string
	for name, value := range values {
		switch name {
		case "include_realm", "ldaptls", "delegate_ident_mapping":
			if value == "1" {
				out = append(out, name+"=true")
			}
		case "ldapport":
			var n int // as much of it as is a number
			if _, err := fmt.Sscan(value, &n); err == nil {
				out = append(out, fmt.Sprint(name, "=", n))
			}
		case "clientname", "pam_use_hostname":
		default:
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}

// hbaLines are the lines of schema/hba/testdata, and every type with every method, address and option.
func hbaLines(t *testing.T) string {
	t.Helper()
	written, err := os.ReadFile("../../schema/hba/testdata/lines.conf")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(written)
	b.WriteString("\n# every type with every method and option\n")
	methods := strings.Fields("trust reject scram-sha-256 md5 password gss ident peer pam ldap radius cert sspi bsd oauth krb5")
	options := []string{"", " map=x", " clientcert=verify-full", " clientname=DN", " pamservice=x", " ldapprefix=x ldaptls=1", " ldapbasedn=x",
		" radiusservers=127.0.0.1 radiussecrets=x", " include_realm=0", " krb_realm=X map=y", " issuer=x scope=y", " issuer=x scope=y map=z"}
	for _, kind := range []string{"local all all", "host all all all", "hostssl a,b +c samenet", "hostnossl all all 10.0.0.0/8", "hostgssenc sameuser all ::1/128", `hostnogssenc replication "all" .x.org`} {
		for _, method := range methods {
			for _, option := range options {
				fmt.Fprintf(&b, "%s %s%s\n", kind, method, option)
			}
		}
	}
	b.WriteString("\n# every database, user and address\n")
	for _, database := range strings.Fields(`all sameuser samerole samegroup replication app "all" "app",all,app a"l"l /^a+$ /( @names ALL`) {
		for _, user := range strings.Fields(`all app +app "+app" "all",app /^a+$ /[ "/x y" @names sameuser`) {
			for _, address := range []string{"all", "samehost", "samenet", "10.0.0.0/8", "10.0.0.1 255.255.0.0", "::/0", "2001:db8::1/33", "x.org", "10.0.0.0", "x.org/8"} {
				fmt.Fprintf(&b, "host %s %s %s md5\n", database, user, address)
			}
		}
	}
	b.WriteString("\n# the longest words\n")
	for _, n := range []int{255, 256, 1023, 1024, 10238, 10239, 10240, 20000} {
		fmt.Fprintf(&b, "local %s all trust\nlocal %[1]s,a all trust\nlocal \"%[1]s\" all trust\nlocal all all peer map=%[1]s\n", strings.Repeat("x", n))
	}
	b.WriteString("\n# and what comes of these by a few slips\n")
	for _, line := range slips(strings.Split(string(written), "\n"), 5000) {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// unslipped are the lines that slips are kept away from: an ldapurl without attributes crashes the server, names of RADIUS
// servers are looked up, and (?b) and (?e) are not followed by us.
var unslipped = regexp.MustCompile(`^\s*(#|$)|ldapurl|radius|\(\?[be]`)

// slips drop, add and exchange a few things in lines; the same ones every time.
func slips(lines []string, n int) []string {
	lines = slices.DeleteFunc(lines, unslipped.MatchString)
	pieces := append(strings.Fields(`" "" , # = / @ + \ ( ) [ ] { } * ? : . 0 1 8 9 a x ^ $ - < > | all 10 :: %1 [:alpha:] \d \1 (?: (?= {2} {1,2} map=x [.a.] [=a=] [^ \x4 \u00 ***`), " ", "\t", "\r")
	r := rand.New(rand.NewPCG(1, 2))
	var out []string
	for range n {
		line := []rune(lines[r.IntN(len(lines))])
		for range 1 + r.IntN(4) {
			at := r.IntN(len(line) + 1)
			mine, other := strings.Fields(string(line)), strings.Fields(lines[r.IntN(len(lines))])
			switch kind := r.IntN(4); {
			case kind == 0 && at < len(line):
				line = slices.Delete(line, at, at+1)
			case kind == 1 && len(mine) > 0:
				mine[r.IntN(len(mine))] = other[r.IntN(len(other))]
				line = []rune(strings.Join(mine, " "))
			default:
				line = slices.Insert(line, at, []rune(pieces[r.IntN(len(pieces))])...)
			}
		}
		out = append(out, string(line))
	}
	return out
}
