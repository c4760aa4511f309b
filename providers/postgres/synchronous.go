package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/engine"
)

// synchronousKind is the kind of the standbys that a commit waits for: synchronous_standby_names, on the primary only. It is
// no ordinary setting, because a value that the standbys do not answer to stops every write. It shrinks before anything
// takes a listed standby away, and grows when all that it lists stream, with a proof. A standby that is no longer to be
// waited for and stays in the cluster is waited for until then: there is no moment without one.
//
// The ledger notes the last value that a commit has proved, so that a run which was killed between the switch and the
// proof is gone on with, and knows the way back.
type synchronousKind struct{ *Site }

const (
	synchronousNames = "synchronous_standby_names"
	unproven         = " (not proved by a commit)"
)

func (synchronousKind) Name() string { return "synchronous" }

func synchronousID(primary string) engine.ID { return engine.ID{Kind: "synchronous", On: primary} }

// shrunk is the step after which commits wait for no standby that this plan takes away.
func (s *Site) shrunk() engine.StepID {
	return engine.StepID{Do: "shrink", On: synchronousID(s.primary().node.Name)}
}

// restored is the step after which they wait for all that the file says.
func (s *Site) restored() engine.StepID {
	return engine.StepID{Do: "set", On: synchronousID(s.primary().node.Name)}
}

// wantedNames is the value that the file asks for.
func (s *Site) wantedNames() standbyNames {
	w := s.file.Synchronous
	if w == nil {
		return standbyNames{}
	}
	n := standbyNames{any: w.Mode == "any", count: w.Count}
	for _, r := range w.Replicas {
		n.members = append(n.members, r.ApplicationName)
	}
	return n
}

// namesInForce is the value that the server works with, and whether its file says another.
func (s *server) namesInForce() (now standbyNames, waits bool) {
	now = parseStandbyNames(s.seen.live.Settings[synchronousNames].Reset)
	file, written := s.seen.live.inAutoConf()[synchronousNames]
	return now, written && !parseStandbyNames(file).equal(now)
}

// proven reports whether a commit has come back under these names.
func (k synchronousKind) proven(n standbyNames) bool {
	noted, found := k.ledger[synchronousID(k.primary().node.Name)]
	return n.off() || found && parseStandbyNames(noted).equal(n)
}

// called says the names as the file calls the standbys; a name that is none of theirs stands in quotes.
func (s *Site) called(n standbyNames) string {
	if n.off() {
		return "off"
	}
	var words []string
	for _, m := range n.members {
		word := strconv.Quote(m)
		for _, d := range s.standbys() {
			if strings.EqualFold(d.node.ApplicationName, m) {
				word = d.address().String()
			}
		}
		words = append(words, word)
	}
	return fmt.Sprintf("%s %d of %s", map[bool]string{true: "any", false: "first"}[n.any], n.count, strings.Join(words, ", "))
}

// inForceAs is the attribute of a value that is in force. Its reason is the value itself, which a cluster in memory keeps.
func (s *Site) inForceAs(n standbyNames, remark string) map[string]engine.Attr {
	return map[string]engine.Attr{"synchronous": {Value: s.called(n) + remark, Effect: engine.Reload, Reason: n.String()}}
}

func (k synchronousKind) want(s *server) engine.Resource {
	n, at := k.wantedNames(), s.node.Origin
	r := engine.Resource{ID: synchronousID(s.node.Name), Addr: s.address(), Origin: origin(at), Needs: []engine.ID{serverID(s.node.Name), ledgerID}}
	if k.file.Synchronous != nil {
		at = k.file.Synchronous.Origin
		for _, m := range k.file.Synchronous.Replicas {
			r.Needs = append(r.Needs, replicaID(m.Name))
		}
	}
	r.Attrs = map[string]engine.Attr{"synchronous": {Value: k.called(n), Default: n.off(), Effect: engine.Reload, Origin: origin(at)}}
	return r
}

func (k synchronousKind) Want() []engine.Resource { return wantOn(k.servers[:1], k.want) }

func (k synchronousKind) Seen() []engine.Resource { return seenOn(k.servers[:1], k.want, k.seenAttrs) }

func (k synchronousKind) seenAttrs(s *server) map[string]engine.Attr {
	now, waits := s.namesInForce()
	shown := now
	if want := k.wantedNames(); now.equal(want) {
		shown = want // in the file's spelling
	}
	a := engine.Attr{Value: k.called(shown), Effect: engine.Reload}
	switch {
	case waits:
		a.Value += " " + waiting(engine.Reload)
	case !k.proven(now):
		a.Value += unproven
	}
	return map[string]engine.Attr{"synchronous": a}
}

// Facts are the moments at which commits wait: now, and while a standby that they wait for restarts.
func (k synchronousKind) Facts(want, seen engine.Snapshot) []engine.Fact {
	p := k.primary()
	if p.seen.reach != up {
		return nil
	}
	var out []engine.Fact
	if text := k.Hangs(); text != "" {
		out = append(out, engine.Fact{Code: engine.CodeHangs, On: synchronousID(p.node.Name), Addr: p.address(), Origin: origin(p.node.Origin), Text: text,
			Next: "apply brings back what is away, and with --allow=synchronous has commits wait for fewer until then; where that cannot be, take it out of the synchronous block"})
	}
	meanwhile, fewer := k.meanwhile(k.kept(), func(d *server) bool { _, path := d.interrupted(want, seen); return path != "" })
	for _, d := range k.standbys() {
		if id, path := d.interrupted(want, seen); fewer && path != "" && k.kept().has(d.node.ApplicationName) {
			out = append(out, engine.Fact{Code: "PGR232", On: id, Path: path, Addr: d.address(), Origin: origin(d.node.Origin),
				Text: fmt.Sprintf("while it is away, synchronous is %s instead of %s", k.called(meanwhile), k.called(k.kept())),
				Next: "list one more replica than count, and none has to be let go"})
		}
	}
	return out
}

// Hangs says that every commit waits, and for whom; "" where they come back.
func (s *Site) Hangs() string {
	p := s.primary()
	now, _ := p.namesInForce()
	n := p.acknowledging(now)
	if p.seen.reach != up || n >= now.count {
		return ""
	}
	return fmt.Sprintf("every commit on %s waits: synchronous is %s, and %s", p.address(), s.called(now), p.whoAnswers(now, n))
}

// interrupted is what of a running standby the file changes so that it restarts, or gets a new container; "" where nothing is.
func (s *server) interrupted(want, seen engine.Snapshot) (engine.ID, string) {
	for _, id := range []engine.ID{nodeID(s.node.Name), settingsID(s.node.Name), serverID(s.node.Name)} {
		old, wanted := seen[id].Attrs, want[id].Attrs
		for _, path := range slices.Sorted(maps.Keys(old)) {
			a, b := old[path], wanted[path]
			costs := a.Effect == engine.Restart || a.Effect == engine.Recreate || b.Effect == engine.Recreate || b.Effect == engine.Rebuild
			if costs && (a.Value != b.Value || !slices.Equal(a.List, b.List)) {
				return id, path
			}
		}
	}
	return engine.ID{}, ""
}

// kept is what commits wait for until the wanted names are set: of those in force, the wanted ones and those whose stream
// goes on. Nobody is let go early but for a standby that goes, or whose link changes.
func (k synchronousKind) kept() standbyNames {
	now, _ := k.primary().namesInForce()
	stay := k.wantedNames()
	if stay.off() {
		return stay
	}
	for _, d := range k.standbys() {
		if d.upstream().isPrimary() && now.has(d.node.ApplicationName) && !stay.has(d.node.ApplicationName) && d.linked() {
			stay.members = append(stay.members, d.node.ApplicationName)
		}
	}
	return now.within(stay)
}

// Steps are two: what gives standbys up needs nothing and comes before anything that takes them away; what waits for more
// comes when they stream.
func (k synchronousKind) Steps(c engine.Change) []engine.Step {
	p, want := k.primary(), k.wantedNames()
	var steps []engine.Step
	if p.seen.reach == up {
		now, waits := p.namesInForce()
		if kept := k.kept(); waits || !kept.equal(now) {
			steps = append(steps, shrinkNames{Order: engine.Order{Self: k.shrunk(), On: p.node.Name}, server: p, names: kept, was: now, forGood: want.off()})
		}
	}
	if want.off() {
		return steps
	}
	now, waits := p.namesInForce()
	set := k.set(want)
	set.inForce = len(steps) == 0 && !waits && now.equal(want)
	return append(steps, set)
}

// set makes commits wait for these standbys when they all stream, and nobody's turn is to come. Its proof is of the
// synchronous_commit that the server has then read.
func (k synchronousKind) set(names standbyNames) setNames {
	p := k.primary()
	s := setNames{Order: engine.Order{Self: k.restored(), On: p.node.Name,
		Behind: []engine.StepID{k.shrunk(), accepting(p.node.Name), {Do: "create", On: ledgerID}, {Do: "reload", On: serverID(p.node.Name)}}},
		server: p, names: names, wanted: k.want(p)}
	s.Behind = append(s.Behind, k.back(p.node.Name)...)
	for _, d := range k.standbys() {
		if names.has(d.node.ApplicationName) {
			s.Behind = append(s.Behind, streaming(d.node.Name))
			s.Behind = append(s.Behind, k.back(d.node.Name)...)
		}
	}
	return s
}

// shrinkNames lets go the standbys that are to go. It needs nothing, so it may come first; commits that waited for them are
// released by it.
type shrinkNames struct {
	engine.Order
	server  *server
	names   standbyNames
	was     standbyNames
	forGood bool // nothing is set after it
	asks    bool // it gives up what the file asks for, with leave only
}

func (s shrinkNames) Effects() []engine.Effected {
	if !s.asks {
		return nil
	}
	return []engine.Effected{{Class: engine.ClassSync, On: s.Self.On, Addr: s.server.address(), Asks: true,
		Text: fmt.Sprintf("commits wait for %s instead of %s until the others are back", s.server.site.called(s.names), s.server.site.called(s.was))}}
}

func (s shrinkNames) String() string {
	if s.names.off() {
		return "empty " + synchronousNames + ", check, reload"
	}
	return synchronousNames + " only " + s.server.site.called(s.names) + ", check, reload"
}

func (s shrinkNames) After(w engine.Snapshot) engine.Snapshot {
	r, remark := w[s.Self.On], unproven
	if s.names.off() {
		remark = ""
	}
	r.Attrs = s.server.site.inForceAs(s.names, remark)
	return w.With(r)
}

// Run notes the way back before it gives anything up: setNames would find only what was left. Where a commit that waits holds the
// ledger's row itself, it has to be let go before.
func (s shrinkNames) Run(ctx context.Context) error {
	err := s.note(ctx)
	held := lockNotAvailable(err)
	if err != nil && !held {
		return err
	}
	if err := s.server.putNames(ctx, s.names); err != nil || !held {
		return err
	}
	return s.note(ctx)
}

func (s shrinkNames) note(ctx context.Context) error {
	if !s.server.seen.live.Ledger {
		return nil
	}
	note := markSQL(s.Self.On, "")
	if !s.forGood { // what a commit has proved is noted already; what was never proved here is all that is known
		note = markOnceSQL(s.Self.On, s.was.String())
	}
	return s.server.session.change(ctx, "note "+synchronousNames, "SET LOCAL lock_timeout = '2s'; "+note)
}

// lockNotAvailable reports whether a statement waited in vain for what another session holds.
func lockNotAvailable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// setNames makes commits wait for the listed standbys, and proves that they come back. Where they do not, what was in force
// before is put back: an apply may fail, and may not leave a cluster behind that takes no writes.
type setNames struct {
	engine.Order
	server  *server
	names   standbyNames
	wanted  engine.Resource
	inForce bool // only the proof is missing
}

func (s setNames) String() string {
	if s.inForce {
		return "prove " + synchronousNames + " by a commit"
	}
	return "set " + synchronousNames + ", check, reload, prove it by a commit"
}

func (s setNames) After(w engine.Snapshot) engine.Snapshot {
	r := s.wanted
	r.Attrs = s.server.site.inForceAs(s.names, "")
	return w.With(r)
}

func (s setNames) Run(ctx context.Context) error {
	back, there, err := s.before(ctx)
	if err != nil {
		return err
	}
	if err := s.note(ctx, back); err != nil {
		return err
	}
	if !there {
		if err := s.server.putNames(ctx, s.names); err != nil {
			return err
		}
	}
	if err := s.server.proveCommits(ctx, s.names); err != nil {
		return s.goBack(ctx, back, err)
	}
	return s.note(ctx, s.names)
}

// before is the value to go back to: the last that a commit has proved, which a shrink or a killed run may have replaced
// meanwhile; without one, what is in force. And it tells whether the wanted value is in force and in our file.
func (s setNames) before(ctx context.Context) (back standbyNames, there bool, err error) {
	rows, err := s.server.session.query(ctx, `SELECT s.reset_val, coalesce(s.sourcefile LIKE '%'||`+literal(autoConfFile)+`, false), o.consumer IS NOT NULL, coalesce(o.consumer, '')
FROM pg_settings s LEFT JOIN pgrepl.object o ON (o.kind, o.node, o.name) = ('synchronous', `+literal(s.Self.On.On)+`, '') WHERE s.name = '`+synchronousNames+`'`)
	if err != nil {
		return back, false, fmt.Errorf("read %s: %w", synchronousNames, err)
	}
	now, noted := parseStandbyNames(rows[0][0]), parseStandbyNames(rows[0][3])
	inForce := now.equal(s.names)
	there = inForce && rows[0][1] == "t"
	switch {
	case rows[0][2] != "t" && inForce:
		return standbyNames{}, there, nil
	case rows[0][2] != "t":
		return now, there, nil
	case noted.equal(s.names) && inForce:
		return standbyNames{}, there, nil
	}
	return noted, there, nil
}

// answering is what is left of names where only the standbys of the file that stream may stay.
func (s *server) answering(ctx context.Context, n standbyNames) (standbyNames, error) {
	rows, err := s.session.query(ctx, "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'")
	if err != nil {
		return n, fmt.Errorf("read who streams: %w", err)
	}
	stream := standbyNames{count: n.count}
	for _, r := range rows {
		for _, d := range s.downstream() {
			if strings.EqualFold(d.node.ApplicationName, r[0]) {
				stream.members = append(stream.members, r[0])
			}
		}
	}
	return n.within(stream), nil
}

// note records the value that commits are known to come back under.
func (s setNames) note(ctx context.Context, n standbyNames) error {
	return s.server.session.change(ctx, "note "+synchronousNames, markSQL(s.Self.On, n.String()))
}

// goBack puts back as much of what was in force before as still answers. What does not let a commit back either is left out,
// and said.
func (s setNames) goBack(ctx context.Context, before standbyNames, cause error) error {
	site := s.server.site
	tried := fmt.Errorf("synchronous %s: %w", site.called(s.names), cause)
	back, err := s.server.answering(ctx, before)
	if err == nil {
		err = s.server.putNames(ctx, back)
	}
	if err != nil {
		return fmt.Errorf("%w; and going back to %s: %w", tried, site.called(before), err)
	}
	if !back.off() {
		if err := s.server.proveCommits(ctx, back); err != nil {
			tried = fmt.Errorf("%w; going back to %s: %w", tried, site.called(back), err)
			if err := s.server.putNames(ctx, standbyNames{}); err != nil {
				return fmt.Errorf("%w; and going back to off: %w", tried, err)
			}
			back = standbyNames{}
		}
	}
	if err := s.note(ctx, back); err != nil {
		return fmt.Errorf("%w; it is %s again; and %w", tried, site.called(back), err)
	}
	if back.equal(before) {
		return fmt.Errorf("%w; it is %s again, as before, and what waited is released", tried, site.called(back))
	}
	return fmt.Errorf("%w; it is %s now, which is what still answers of %s, and what waited is released", tried, site.called(back), site.called(before))
}

// putNames writes the setting and makes the server read it.
func (s *server) putNames(ctx context.Context, n standbyNames) error {
	if err := s.session.change(ctx, "set "+synchronousNames, "ALTER SYSTEM SET "+synchronousNames+" = "+literal(n.String())); err != nil {
		return err
	}
	return s.reread(ctx)
}

// verifyCommits proves, where the file has synchronous standbys, that commits come back.
func (s *server) verifyCommits(ctx context.Context) error {
	if want := s.site.wantedNames(); s.isPrimary() && !want.off() {
		return s.proveCommits(ctx, want)
	}
	return nil
}
