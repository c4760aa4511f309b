package postgres

import (
	"context"
	"fmt"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/hba"
)

// hbaKind is the kind of a node's pg_hba.conf, which is per server, not replicated, and belongs wholly to pgrepl.
type hbaKind struct{ *Site }

func (hbaKind) Name() string { return "hba" }

// managementLine lets the management role in, from inside the node only. The first match decides, so it comes first.
const managementLine = "host all " + managementRole + " 127.0.0.1/32 scram-sha-256"

const hbaHeader = "# Written by pgrepl, which keeps it as the cluster's file says.\n"

// hbaFile renders pg_hba.conf.
func hbaFile(lines []schema.HBALine) string {
	return hbaHeader + strings.Join(hbaRules(lines), "\n") + "\n"
}

func hbaRules(lines []schema.HBALine) []string {
	out := []string{managementLine}
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func (k hbaKind) want(s *server) engine.Resource {
	a := engine.Attr{List: hbaRules(s.node.HBA), Effect: engine.Reload, Origin: origin(s.node.Origin)}
	if len(s.node.HBA) > 0 {
		a.Origin = origin(s.node.HBA[0].Origin)
	}
	return engine.Resource{ID: hbaID(s.node.Name), Addr: s.address(), Origin: origin(s.node.Origin), Needs: []engine.ID{serverID(s.node.Name)}, Attrs: map[string]engine.Attr{"hba": a}}
}

func (k hbaKind) Want() []engine.Resource { return wantOn(k.servers, k.want) }

func (k hbaKind) Seen() []engine.Resource { return seenOn(k.servers, k.want, k.seenAttrs) }

func (k hbaKind) seenAttrs(s *server) map[string]engine.Attr {
	a := engine.Attr{List: seenRules(s.seen.live.HBA, s.node.HBA, k.file.Version), Effect: engine.Reload}
	if !s.seen.live.HBARead {
		a.Value = waiting(engine.Reload)
	}
	return map[string]engine.Attr{"hba": a}
}

// seenRules are the rules of a live pg_hba.conf. One that is spelt otherwise than in the file, and the same to the server, is
// given back in the file's spelling: it is no difference.
func seenRules(text string, wanted []schema.HBALine, version int) []string {
	spelling := map[string]string{}
	asWanted := map[string]bool{}
	for _, l := range wanted {
		asWanted[l.Text] = true
		spelling[l.Rule.Key()] = l.Text
	}
	management, _ := hba.Parse(managementLine, version)
	spelling[management[0].Key()] = managementLine
	rules, _ := hba.Parse(text, version)
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.String()
		if same, ok := spelling[r.Key()]; ok && !asWanted[out[i]] {
			out[i] = same
		}
	}
	return out
}

func (k hbaKind) Steps(c engine.Change) []engine.Step {
	s := k.server(c.ID.On)
	if c.Action == engine.Create || s.seen.reach != up || s.rebuild() != nil {
		return nil // written before the server first starts
	}
	write := writeHBA{Order: engine.Order{Self: engine.StepID{Do: "write", On: c.ID}, On: s.node.Name}, server: s, result: c.New}
	return []engine.Step{write, k.reload(s, serverID(s.node.Name), write.Self)}
}

// writeHBA replaces pg_hba.conf and holds it against the server's own reading of it. A file that the server would not
// take is put back at once: the server reads it only at a reload, so the bad one was never in force.
type writeHBA struct {
	engine.Order
	server *server
	result engine.Resource
}

func (s writeHBA) String() string { return "write hba" }

func (s writeHBA) After(w engine.Snapshot) engine.Snapshot {
	r := s.result
	r.Attrs = map[string]engine.Attr{"hba": {List: s.result.Attrs["hba"].List, Value: waiting(engine.Reload), Effect: engine.Reload}}
	return w.With(r)
}

// replaceScript moves a file that was delivered into pgrepl/ to its place. Delivery may be cut short with its client;
// the rename happens only after all of it has arrived.
const replaceScript = `set -eu
cd "$1"
sync "pgrepl/$2" 2>/dev/null || sync
mv "pgrepl/$2" "$3"`

func (s writeHBA) Run(ctx context.Context) error {
	srv := s.server
	old, err := srv.session.query(ctx, "SELECT pg_read_file(current_setting('hba_file'))")
	if err != nil {
		return fmt.Errorf("write hba of %s: %w", srv.node.Name, err)
	}
	if err := srv.replaceHBA(ctx, hbaFile(srv.node.HBA)); err != nil {
		return err
	}
	if bad := srv.checkFiles(ctx); bad != nil {
		if err := srv.replaceHBA(ctx, old[0][0]); err != nil {
			return fmt.Errorf("%w; and putting the old file back: %w", bad, err)
		}
		return fmt.Errorf("%w; the old file is back in place", bad)
	}
	return nil
}

func (s *server) replaceHBA(ctx context.Context, text string) error {
	dir, err := s.machine.Dir(ctx)
	if err != nil {
		return err
	}
	if err := s.machine.Write(ctx, map[string][]byte{"pg_hba.conf": []byte(text)}); err != nil {
		return err
	}
	if _, err := s.machine.Run(ctx, "write hba", replaceScript, "", dir, "pg_hba.conf", s.inData("pg_hba.conf")); err != nil {
		return fmt.Errorf("write hba of %s: %w", s.node.Name, err)
	}
	return nil
}
