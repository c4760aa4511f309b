package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pgrepl/schema"
)

//go:embed look.sql
var lookSQL string

// reach is how much of a node could be seen.
type reach int

const (
	absent  reach = iota // no data directory: everything in it is to be made
	down                 // a data directory on which no server answers
	hidden               // it cannot be told: the volume cannot be read yet
	refused              // a server that does not let us in
	foreign              // a data directory that is not of our making
	torn                 // one that lacks what makes it one
	up
)

// look is what one look found in one node.
type look struct {
	touched   map[string]bool // of the settings, when a plan was asked about
	reach     reach
	why       string // what to tell where it is not up
	directory directory
	known     bool // directory was read
	partial   bool // of an absent one: a run that made it died half way
	passfile  []byte
	failed    *files // of a server that could not start
	history   string
	kept      bool   // the data from before a rebuild is there
	rebuild   string // what a rebuild that was begun would lose; "" where none was
	byHand    bool   // somebody else made the container
	tight     bool   // the volume of an adopted node: nothing can be made beside its data
	credited  bool   // the volume holds what the management role logs in with
	room      int64  // bytes that the volume has left; 0 where that cannot be told
	size      int64  // of all databases of the primary, where a base backup is to be made; otherwise 0
	live      live
	refused   []refusedValue // declared values that the server does not take
}

// live is the answer to look.sql.
type live struct {
	System    string
	User      string // who looked
	Data      string // the data directory, and the two files whose place may be set
	ConfFile  string `json:"conf_file"`
	HBAFile   string `json:"hba_file"`
	Adopted   bool   // the ledger has marks of Docker's objects
	Now       string // its clock
	Version   int
	Recovery  bool
	Timeline  int
	History   string // of the timeline, as its file says; "" of a first one
	LSN       string // what it has written; of a standby, received
	Segment   lsn    // the size of a WAL file
	Oldest    string // the position part of the name of the oldest WAL file that it holds
	Wrote     *wrote // nil of one that has not finished a WAL file
	Keep      int64  // max_slot_wal_keep_size in bytes; below 0: no limit
	Kept      bool   // the data from before a rebuild is still beside its own
	Rebuild   string // what a rebuild that was begun would lose
	Paused    bool
	Control   string // pg_control of a paused standby, in hex
	Delayed   bool   // replay waits for recovery_min_apply_delay
	Starved   bool   // it has replayed all WAL that it holds
	Receiver  *struct{ Status, Slot, Host string }
	Senders   []sender
	Settings  map[string]liveSetting
	Files     []fileSetting
	HBA       string `json:"hba"`
	HBARead   bool   `json:"hba_read"` // the server has read it since it was last changed
	HBAErrors []struct {
		Line  int
		Error string
	} `json:"hba_errors"`
	Slots       []liveSlot
	LibraryDir  string   `json:"library_dir"`
	Missing     []string // libraries that the server is to load and does not have
	Shadows     []shadow
	Connections int
	Ledger      bool
	Roles       []liveRole
	Databases   []liveDatabase
	Collations  []collation
}

// shadow is a setting that a role, or whoever is in a database, has instead of the file's (ALTER ROLE, ALTER DATABASE … SET).
type shadow struct{ Role, Database, Name, Value string }

type sender struct {
	Name, State, Sync, Began string
	Silent                   bool // it has not answered for longer than a standby is ever silent, and a commit waits
	Lag                      *int64
}

type liveSetting struct {
	Reset, Boot, Unit, Type, Context, Source, File string
	Line                                           int
	Pending                                        bool
	Enum                                           []string
}

type fileSetting struct {
	File, Name, Value, Error string
	Line                     int
	Applied                  bool
}

type liveSlot struct {
	Name, Type, Plugin, Database, Status string
	Reason                               string // why it was invalidated
	Active                               bool
	Retained                             int64
	Safe                                 *int64 // how much more may be written before it is lost; nil: no limit
	Rows                                 bool   // it holds vacuum back
	Age                                  int64  // for so many transactions
}

// collation is a database whose collation has another version where the server runs than where it was made.
type collation struct{ Database, Made, Here string }

type liveRole struct {
	Name                                                           string
	Login, Replication, Superuser, CreateDB, CreateRole, BypassRLS bool
	Inherit                                                        bool
	Bootstrap                                                      bool // initdb made it
	Limit                                                          int
	Until, Verifier                                                string
	Owns, Depends                                                  int
	MemberOf                                                       []string `json:"member_of"`
	Settings                                                       []string
}

type liveDatabase struct {
	Name, Owner, Encoding, Locale string
	Limit                         int
}

const autoConfFile = "/postgresql.auto.conf"

// inAutoConf returns the values of postgresql.auto.conf; the last of several lines wins.
func (l live) inAutoConf() map[string]string {
	out := map[string]string{}
	for _, f := range l.Files {
		if strings.HasSuffix(f.File, autoConfFile) && f.Name != "" {
			out[f.Name] = f.Value
		}
	}
	return out
}

// waitsForNothing reports whether a setting is said to wait for a restart and no file has a value for it: PostgreSQL takes the
// mark away only when a file gives the setting the value that is in force, and not when a value leaves the files again.
func (l live) waitsForNothing(name string) bool {
	s, known := l.Settings[name]
	return known && s.Pending && s.Source == "default" && !slices.ContainsFunc(l.Files, func(f fileSetting) bool { return f.Name == name })
}

// fileErrors lists what would keep the server from reading its files at the next reload or start. A value that only waits
// for a restart is reported there too, and is no error.
func (l live) fileErrors() []string {
	var out []string
	for _, f := range l.Files {
		// A setting that left the files and waits for a restart is a row without a file.
		if f.Error != "" && f.Error != "setting could not be applied" && f.File != "" {
			out = append(out, fmt.Sprintf("%s line %d: %s: %s", f.File, f.Line, f.Name, f.Error))
		}
	}
	for _, e := range l.HBAErrors {
		out = append(out, fmt.Sprintf("pg_hba.conf line %d: %s", e.Line, e.Error))
	}
	return out
}

// lookAt looks at one node: through its server where that answers, otherwise at its files.
func (s *server) lookAt(ctx context.Context) (look, error) {
	if !s.machine.HasVolume() {
		return look{reach: absent}, nil
	}
	if !s.machine.Readable() {
		return look{reach: hidden, why: "its image is not on this engine yet"}, nil
	}
	l := look{why: "container is " + s.machine.State(), byHand: s.machine.ByHand(), tight: s.machine.Data() != "pgdata"}
	if s.machine.Running() {
		sql := strings.NewReplacer("$DECLARED", nameArray(s.ownSettings()), "$LIBRARIES", nameArray(s.libraries())).Replace(lookSQL)
		answered := s.site.hasAnswer()
		err := s.session.document(ctx, sql, &l.live)
		l.passfile, l.credited = s.session.held(), s.session.credited()
		if left := s.session.room(); left != nil {
			l.room = *left
		}
		if refusal(err) && s.machine.ByHand() {
			err = s.guestDocument(ctx, sql, &l.live, answered, err)
		}
		if err == nil {
			l.reach, l.history, l.kept, l.rebuild = up, l.live.History, l.live.Kept, strings.TrimSpace(l.live.Rebuild)
			if l.byHand { // who is still to be let in has nobody to ask
				return l, nil
			}
			if s.node.Delay != "" && !l.live.Delayed && l.live.Receiver == nil {
				l.live.Delayed = s.worksOffDelay(ctx)
			}
			l.refused, err = s.askValues(ctx, l.live)
			return l, err
		}
		if ctx.Err() != nil {
			return look{}, ctx.Err()
		}
		l.why = why(err)
		if refusal(err) {
			files, err := s.lookAtFiles(ctx, l) // they tell whose the data is
			files.reach, files.why = refused, l.why
			return files, err
		}
	}
	return s.lookAtFiles(ctx, l)
}

func (s *server) lookAtFiles(ctx context.Context, l look) (look, error) {
	if len(l.passfile) == 0 {
		files, err := s.machine.Read(ctx, "pgrepl/passfile")
		if err != nil {
			return look{}, err
		}
		l.passfile = files["pgrepl/passfile"]
	}
	if err := s.lookForRebuild(ctx, &l); err != nil {
		return look{}, err
	}
	version, err := s.readData(ctx, "PG_VERSION")
	if err != nil {
		return look{}, err
	}
	if len(version) == 0 {
		return s.lookAtEmpty(ctx, l)
	}
	control, err := s.readData(ctx, "global/pg_control")
	if err != nil {
		return look{}, err
	}
	signal, err := s.readData(ctx, "standby.signal")
	if err != nil {
		return look{}, err
	}
	l.reach = down
	if s.machine.Failed() {
		if l.failed, err = s.readFiles(ctx); err != nil {
			return look{}, err
		}
	}
	l.directory, l.known = readDirectory(version, control, signal != nil)
	if l.known {
		l.history, l.directory.Timeline, err = s.readHistory(ctx, l.directory.Timeline)
	}
	return l, err
}

// lookForRebuild tells from the files whether a rebuild was begun, and whether the data from before one is there.
func (s *server) lookForRebuild(ctx context.Context, l *look) error {
	mark, err := s.machine.Read(ctx, rebuildFile)
	if err != nil {
		return err
	}
	if l.rebuild = strings.TrimSpace(string(mark[rebuildFile])); l.rebuild != "" {
		l.why = "its rebuild is not finished"
	}
	old, err := s.machine.Read(ctx, "pgdata.old/PG_VERSION")
	l.kept = len(old) > 0
	return err
}

// readHistory reads the history of a timeline, or of a later one where there is: pg_control says the old one until the first
// checkpoint on the new.
func (s *server) readHistory(ctx context.Context, timeline int) (string, int, error) {
	history := ""
	for t := timeline; ; t++ {
		text, err := s.readData(ctx, fmt.Sprintf("pg_wal/%08X.history", t))
		if err != nil || text == nil && t > timeline {
			return history, max(t-1, timeline), err
		}
		history = string(text)
	}
}

// inData is the path of a file of the data directory, relative to the volume.
func (s *server) inData(file string) string { return path.Join(s.machine.Data(), file) }

// readData reads a file of the data directory; nil where there is none.
func (s *server) readData(ctx context.Context, file string) ([]byte, error) {
	files, err := s.machine.Read(ctx, s.inData(file))
	return files[s.inData(file)], err
}

// files are what a server starts with.
type files struct {
	conf map[string]string // of postgresql.auto.conf
	hba  string
	dir  string
}

func (s *server) readFiles(ctx context.Context) (*files, error) {
	dir, err := s.machine.Dir(ctx)
	if err != nil {
		return nil, err
	}
	conf, err := s.readData(ctx, "postgresql.auto.conf")
	if err != nil {
		return nil, err
	}
	rules, err := s.readData(ctx, "pg_hba.conf")
	if err != nil {
		return nil, err
	}
	return &files{conf: parseConf(string(conf)), hba: string(rules), dir: dir}, nil
}

// broken reports whether a server that could not start has other files than it should have.
func (s *server) broken() bool {
	f := s.seen.failed
	return f != nil && (!maps.Equal(f.conf, s.firstValues(f.dir)) || f.hba != hbaFile(s.node.HBA))
}

// lookAtEmpty tells a volume without our data directory from one in which there is a part of it, and from one in which somebody
// else's stands at the root.
func (s *server) lookAtEmpty(ctx context.Context, l look) (look, error) {
	l.reach = absent
	var err error
	if l.partial, _, err = s.machine.Holds(ctx, "pgdata.part"); err != nil {
		return look{}, err
	}
	_, rest, err := s.machine.Holds(ctx, "pgdata")
	if err != nil {
		return look{}, err
	}
	if rest {
		// It may have come by a rename between the two looks, whole.
		if made, err := s.readData(ctx, "PG_VERSION"); err != nil {
			return look{}, err
		} else if made != nil {
			return s.lookAtFiles(ctx, l)
		}
		l.reach, l.why = torn, "its data directory has no PG_VERSION"
		return l, nil
	}
	if s.machine.State() != "missing" {
		return l, nil // our own container waits for its data
	}
	other, err := s.machine.Read(ctx, "PG_VERSION")
	if err != nil {
		return look{}, err
	}
	if len(other) > 0 {
		l.reach, l.why = foreign, "PostgreSQL "+strings.TrimSpace(string(other["PG_VERSION"]))
	}
	return l, nil
}

// refusal reports whether a server answered and let nobody in.
func refusal(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, errNoCredential) || errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "28") || strings.HasPrefix(pg.Code, "42"))
}

// why puts a failed connection into words.
func why(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	if strings.Contains(err.Error(), "connection refused") {
		return "no server answers in it"
	}
	return err.Error()
}

func nameArray(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = literal(n)
	}
	return "ARRAY[" + strings.Join(quoted, ",") + "]::text[]"
}

// ownSettings lists the settings whose values are compared on this server, or asked for.
func (s *server) ownSettings() []string {
	names := append(slices.Collect(maps.Keys(s.settings())), synchronousNames, "synchronous_commit")
	names = append(names, s.site.lookFor...)
	names = append(names, schema.HotStandby...)
	for _, r := range s.site.file.Roles {
		names = slices.AppendSeq(names, maps.Keys(r.Settings))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
