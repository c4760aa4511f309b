package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pgrepl/engine"
	"pgrepl/engine/health"
	"pgrepl/schema"
)

// Both ways to make a data directory work in pgdata.part and end in a rename to pgdata: the rename is at once the mark
// that it is complete and the sign to start for the container, which waits for it. A run that dies half way leaves
// pgdata.part, which the next one throws away; one that dies after the rename finds the work done.
//
// The commands outlive the run that began them, and may come to their end at any moment until the next run has ended them: that
// one may have looked before and delivered files after. So what belongs to the data that is made (its credential) takes its
// place only together with it, and where the data is there already, what is there stays.
//
// What was made is written to the disk at once, with all else that its filesystem has to write (syncfs): file by file, as initdb
// and pg_basebackup do it, a thousand small files take three to five times as long.
const (
	flushScript = `
flush() { sync -f "$@" 2>/dev/null || sync; }
`
	prepareScript = `set -eu` + flushScript + `
umask 077
cd "$1"
PATH="$PATH:/usr/lib/postgresql/$2/bin:/usr/pgsql-$2/bin"
[ ! -s pgdata/PG_VERSION ] || { rm -f pgrepl/conf pgrepl/hba pgrepl/bootstrap pgrepl/credential.new pgrepl/rebuild; echo "` + madeBefore + `"; exit 0; }
has=$(initdb --version)
case "$has" in *") $2".*|*") $2"[a-z]*) ;; *) echo "the image has $has, the file says version $2" >&2; exit 4;; esac
rm -rf pgdata.part
[ ! -e pgdata ] || rmdir pgdata || exit 5
`
	finishScript = `
mv pgrepl/conf pgdata.part/postgresql.auto.conf
mv pgrepl/hba pgdata.part/pg_hba.conf
`
	placeScript = `
[ ! -e pgrepl/credential.new ] || mv pgrepl/credential.new pgrepl/credential
mv pgdata.part pgdata
[ ! -e pgdata.new ] && [ ! -e pgrepl/rebuild ] || rm -rf pgdata.new pgrepl/rebuild
`
	publishScript = `
flush .` + placeScript + `
sync . 2>/dev/null || sync
`
	// The single-user server that makes the management role also proves that the settings can boot; exit_on_error, because
	// it would end with 0 after an error.
	initialiseScript = prepareScript + `
shift 2
initdb -D pgdata.part -A reject --no-sync "$@" >/dev/null` + finishScript + `
postgres --single -D pgdata.part -c exit_on_error=on -c log_min_messages=fatal postgres < pgrepl/bootstrap >/dev/null
rm pgrepl/bootstrap` + publishScript

	// standby.signal is inside before the rename, so a clone can never start as a second primary.
	takeScript = `
pg_basebackup -w -d "$3" -D pgdata.part -c fast -S "$4" -X stream --no-sync
rm -rf pgdata.part/pgrepl
: > pgdata.part/standby.signal`
	cloneScript = prepareScript + takeScript + finishScript + publishScript
)

// madeBefore is what a script says that finds the data directory made.
const madeBefore = "made before"

// initialise makes the data directory of a new cluster, with its settings, its pg_hba.conf and the management role in
// it before the server starts for the first time.
type initialise struct {
	engine.Order
	server  *server
	results []engine.Resource
}

func (s initialise) String() string { return "initdb" }

func (s initialise) After(w engine.Snapshot) engine.Snapshot { return withAll(w, s.results) }

func withAll(w engine.Snapshot, rs []engine.Resource) engine.Snapshot {
	for _, r := range rs {
		w = w.With(r)
	}
	return w
}

func (s initialise) Run(ctx context.Context) error {
	password, err := randomPassword("credential")
	if err != nil {
		return err
	}
	stored, err := verifier(password)
	if err != nil {
		return err
	}
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	bootstrap := fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD %s;\n", managementRole, literal(stored))
	files := s.server.files(dir)
	files["bootstrap"], files["credential.new"] = []byte(bootstrap), credentialFile(password)
	return s.server.prepare(ctx, "initdb", func() error {
		if err := s.server.machine.Write(ctx, files); err != nil {
			return err
		}
		file := s.server.site.file
		said, err := s.server.machine.Run(ctx, "initdb", initialiseScript+s.server.machine.WakeScript(), "", append([]string{dir, strconv.Itoa(file.Version)}, initdbOptions(file)...)...)
		if err != nil {
			return err
		}
		if strings.TrimSpace(said) != madeBefore { // otherwise the volume holds the one that counts
			s.server.site.setManagementPassword(password)
		}
		return nil
	})
}

func initdbOptions(file *schema.Cluster) []string {
	options := []string{"-U", file.Superuser.Name, "-E", file.Initdb.Encoding, "--locale=C.UTF-8"}
	if file.Initdb.Locale != "" {
		options[4] = "--locale=" + file.Initdb.Locale
	}
	switch { // 18 turned the default round
	case file.Initdb.DataChecksums:
		options = append(options, "-k")
	case file.Version >= 18:
		options = append(options, "--no-data-checksums")
	}
	if file.Initdb.WalSegsize != 0 {
		options = append(options, fmt.Sprintf("--wal-segsize=%d", file.Initdb.WalSegsize))
	}
	return options
}

// files are what the preparing script lays into the new data directory.
func (s *server) files(dir string) map[string][]byte {
	return map[string][]byte{"conf": []byte(autoConf(s.firstValues(dir))), "hba": []byte(hbaFile(s.node.HBA))}
}

// credentialFile is the file that the management role logs in with.
func credentialFile(p schema.Secret) []byte { return []byte(p.Reveal() + "\n") }

// prepare ends what a killed run left going in the node, and makes its data. When that is interrupted it ends the commands in the
// node, too: an exec outlives its client.
func (s *server) prepare(ctx context.Context, what string, fill func() error) error {
	if err := s.machine.Fresh(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	err := fill()
	if ctx.Err() != nil {
		return errors.Join(fmt.Errorf("%s: %w", what, ctx.Err()), s.machine.Fresh(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// clone makes the data directory of a standby by a base backup of its upstream.
type clone struct {
	engine.Order
	server  *server
	slot    string
	results []engine.Resource
	beside  bool // of data that is there, and is replaced
}

func (s clone) String() string {
	text := "base backup of " + s.server.upstream().node.Name
	if s.slot != s.server.node.Slot.Name {
		text += " through slot " + s.slot
	}
	if s.beside {
		text += " beside the old data, swap, start"
	}
	return text
}

// After is true of a rebuilt server's slots, too: a base backup has none.
func (s clone) After(w engine.Snapshot) engine.Snapshot {
	for id := range w {
		if s.beside && id.Kind == "slot" && id.On == s.server.node.Name {
			w = w.Without(id)
		}
	}
	return withAll(w, s.results)
}

// During has what pg_basebackup takes of its upstream beside what the standby keeps: a second walsender, which sends the WAL that
// is written meanwhile.
func (s clone) During(w engine.Snapshot) (engine.Snapshot, bool) {
	r := replicationKind{s.server.site}.want(s.server)
	r.Attrs = map[string]engine.Attr{backupPath: {Value: s.String()}, "upstream": r.Attrs["upstream"]}
	return w.With(r), true
}

// backupPath is an attribute of a link that is there only during a base backup.
const backupPath = "backup"

// stalled is how long a clone may make no progress.
const stalled = 5 * time.Minute

func (s clone) Run(ctx context.Context) error {
	management, err := s.server.site.managementPassword(ctx)
	if err != nil {
		return err
	}
	password, err := s.server.site.password(s.server.node.Role)
	if err != nil {
		return err
	}
	dir, err := s.server.machine.Dir(ctx)
	if err != nil {
		return err
	}
	files := s.server.files(dir)
	files["credential.new"], files["passfile"] = credentialFile(management), passfile(s.server.node.Role.Name, password)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.watch(ctx, cancel)
	err = s.server.prepare(ctx, "base backup", func() error {
		return s.take(ctx, dir, files)
	})
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
			return errors.Join(cause, err)
		}
		if s.beside {
			return fmt.Errorf("%w; its old data is kept, and its server waits for the new: without the file %s in volume %s it is as before", err, rebuildFile, s.server.node.Volume)
		}
		return err
	}
	s.server.site.Rebuilt(s.server.node.Name)
	return nil
}

// take takes a base backup beside the old data, together with others, or alone.
func (s clone) take(ctx context.Context, dir string, files map[string][]byte) error {
	if s.beside {
		return s.alone(ctx, rebuildScript, dir, files)
	}
	if len(s.server.sharers()) > 0 {
		upstream := s.server.upstream()
		copyable, err := upstream.copyable(ctx, s.slot)
		if err != nil {
			return err
		}
		return upstream.backups.take(ctx, &share{clone: s, dir: dir, files: files, own: !copyable})
	}
	return s.alone(ctx, cloneScript, dir, files)
}

// alone takes a base backup for this standby only, with files for its data.
func (s clone) alone(ctx context.Context, script, dir string, files map[string][]byte) error {
	if err := s.server.machine.Write(ctx, files); err != nil {
		return err
	}
	_, err := s.server.machine.Run(ctx, "base backup", script+s.server.machine.WakeScript(), "", s.arguments(dir)...)
	return err
}

// arguments are those of every script that takes a base backup.
func (s clone) arguments(dir string) []string {
	return []string{dir, strconv.Itoa(s.server.site.file.Version), conninfo(s.server.conninfo(dir)), s.slot}
}

var errStalled = fmt.Errorf("base backup made no progress for %s", stalled)

// watch reports how far the backup is, from the upstream's pg_stat_progress_basebackup, and ends it when it stands still.
func (s clone) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	sql := `SELECT p.backup_streamed, coalesce(p.backup_total, 0), p.phase FROM pg_stat_progress_basebackup p JOIN pg_stat_activity a USING (pid) WHERE a.application_name = ` +
		literal(s.server.node.ApplicationName)
	last, since := "", time.Now()
	for engine.Pause(ctx, time.Second) == nil {
		rows, err := s.server.upstream().session.query(ctx, sql)
		if err != nil || len(rows) == 0 {
			continue
		}
		if state := fmt.Sprint(rows[0]); state != last {
			last, since = state, time.Now()
		} else if time.Since(since) > stalled {
			cancel(errStalled)
			return
		}
		engine.Report(ctx, backupProgress(rows[0]))
	}
}

func backupProgress(row []string) string {
	done, _ := strconv.ParseInt(row[0], 10, 64)
	total, _ := strconv.ParseInt(row[1], 10, 64)
	if total == 0 {
		return row[2]
	}
	return fmt.Sprintf("%d%% (%s of %s)", min(done*100/total, 100), Bytes(done), Bytes(total))
}

// coarse writes a size rounded up to a power of two, so that it stays the same for a while.
func coarse(n int64) string {
	size := int64(1 << 20)
	for size < n {
		size *= 2
	}
	return strings.Replace(Bytes(size), ".0", "", 1)
}

// Bytes writes a size as people read it, with PostgreSQL's units of 1024.
func Bytes(n int64) string { return health.Bytes(n) }
