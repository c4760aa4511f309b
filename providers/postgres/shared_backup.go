package postgres

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pgrepl/engine"
	"pgrepl/schema"
)

// New standbys of one upstream share a base backup: it is taken once, and copied from volume to volume before a server starts on
// any of them. The upstream reads and sends its data once, and ends one base backup: at the end of each it switches to a new WAL
// file, all 16 MB of which go to every standby that streams already.
//
// Each standby is a step of its own as ever, whose data is there or not when its run is over; who arrives while the base backup
// is being taken gets a copy of it. So nothing of this is in the plan, and what is killed half way is done again one by one.

// sharers are the other new standbys that may share a base backup with one: of the same image, as the files belong to its user
// postgres, in volumes of their own, and with slots that nobody has to let go of first. A slot does not move on while its standby
// waits for a copy, so nobody shares where slots are lost for that.
func (s *server) sharers() []*schema.Node {
	if !s.shares() || s.upstream().givesUpSlots() {
		return nil
	}
	var out []*schema.Node
	for _, d := range s.upstream().downstream() {
		if d != s && d.shares() && d.node.Image == s.node.Image {
			out = append(out, d.node)
		}
	}
	return out
}

func (s *server) shares() bool {
	return s.seen.reach == absent && !strings.HasPrefix(s.node.Volume, "/") && s.firstSlot() == s.node.Slot.Name && len(s.site.handedOverFirst(s)) == 0
}

// without leaves those out whose data was made in this run.
func (s *Site) without(nodes []*schema.Node) []*schema.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(nodes, func(n *schema.Node) bool { return s.rebuilt[n.Name] })
}

// copyable reports whether a copy will do for who follows through a slot: all data of the server is in its data directory, as two
// tablespaces are, and the slot holds WAL already. One that was made by hand may not, until its first reader comes; a base
// backup of one's own is that.
func (s *server) copyable(ctx context.Context, slot string) (bool, error) {
	yes, err := s.session.query(ctx, "SELECT 1 FROM pg_replication_slots WHERE slot_name = "+literal(slot)+
		" AND restart_lsn IS NOT NULL AND (SELECT count(*) FROM pg_tablespace) = 2")
	return len(yes) > 0, err
}

// givesUpSlots reports whether a server takes slots away that stand still, as far as it is known now.
func (s *server) givesUpSlots() bool {
	_, size := s.node.Settings["max_slot_wal_keep_size"]
	_, idle := s.node.Settings["idle_replication_slot_timeout"]
	return size || idle || s.seen.reach == up && s.seen.live.Keep >= 0
}

// backupQueue is where those stand that want a share in the next base backup of an upstream. One is taken at a time.
type backupQueue struct {
	mu      sync.Mutex
	busy    bool
	waiting []*share
}

// share is a standby that waits for its data.
type share struct {
	clone clone
	dir   string            // where the node has its volume
	files map[string][]byte // for its data
	own   bool              // a copy will not do; it stands in the queue all the same, as a base backup takes two walsenders
	done  chan error        // its data is there, or not
	lead  chan struct{}     // it is its turn to take a base backup
}

// take has a standby's data made, by a base backup of its own or by one that another one takes.
func (q *backupQueue) take(ctx context.Context, mine *share) error {
	mine.done, mine.lead = make(chan error, 1), make(chan struct{}, 1)
	q.join(mine)
	stop := context.AfterFunc(ctx, func() {
		if q.left(mine) {
			mine.done <- context.Cause(ctx)
		}
	})
	defer stop()
	select {
	case err := <-mine.done:
		return err
	case <-mine.lead:
		defer q.next()
		return q.round(ctx, mine)
	}
}

// join stands in the queue; where nobody takes a base backup, it is one's own turn.
func (q *backupQueue) join(s *share) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.busy {
		q.busy = true
		s.lead <- struct{}{}
		return
	}
	q.waiting = append(q.waiting, s)
}

// next gives the turn to the first of those who wait.
func (q *backupQueue) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy = len(q.waiting) > 0; q.busy {
		q.waiting[0].lead <- struct{}{}
		q.waiting = q.waiting[1:]
	}
}

// back puts those who were to share with a standby, and get no copy of its base backup, into the queue again.
func (q *backupQueue) back(shares map[string]*share) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		if name != itself {
			q.waiting = append(q.waiting, shares[name])
			delete(shares, name)
		}
	}
}

// left takes a share out of the queue, and reports whether it was still in it.
func (q *backupQueue) left(s *share) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, s)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// among takes those out of the queue that are among some nodes.
func (q *backupQueue) among(nodes []*schema.Node) []*share {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*share
	q.waiting = slices.DeleteFunc(q.waiting, func(s *share) bool {
		goes := !s.own && slices.Contains(nodes, s.clone.server.node)
		if goes {
			out = append(out, s)
		}
		return goes
	})
	return out
}

// latecomers is how long a base backup that has been taken waits for the next of those that could have a copy.
const latecomers = time.Second

// gather hands over those in the queue that are among some nodes, as they come, waiting a little for those that are not there yet.
func (q *backupQueue) gather(ctx context.Context, nodes []*schema.Node, bring func([]*share) error) error {
	here := 0
	for last := time.Now(); ; {
		if came := q.among(nodes); len(came) > 0 {
			if err := bring(came); err != nil {
				return err
			}
			here, last = here+len(came), time.Now()
		}
		if here == len(nodes) || time.Since(last) > latecomers {
			return nil
		}
		if err := engine.Pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// sharedScript takes a base backup as cloneScript does, and says so. It is then told for whom to copy it, a line each up to a dot,
// and says of each how that went. A copy gets the standby's own files before it takes its place, as a base backup does. All are
// written to the disk together: one after the other took longer. The last WAL file is nearly empty behind the switch that ends a base
// backup: where cp can tell (busybox cannot), its zeros are copied as holes.
const (
	sharedScript = prepareScript + takeScript + `
[ -z "$(ls -A pgdata.part/pg_tblspc)" ] || { echo "a tablespace was made meanwhile, which is not copied" >&2; exit 6; }
wal=$(ls -d pgdata.part/pg_wal/[0-9A-F]* 2>/dev/null | tail -n 1)
if cp -p --sparse=always "$wal" "$wal.new" 2>/dev/null; then mv "$wal.new" "$wal"; else rm -f "$wal.new"; fi
echo ` + backupTaken + `
shift 4
from=$PWD pids=
while read -r name && [ "$name" != ` + itself + ` ]; do
set -- "$@" "$name"
(
cd ` + shareFolder + `/"$name"
[ ! -s pgdata/PG_VERSION ] || exit 0
[ ! -e pgdata.part ] || rm -rf pgdata.part
[ ! -e pgdata ] || rmdir pgdata
cp -a "$from/pgdata.part" pgdata.part` + finishScript + `
) 2>"/tmp/$name" &
pids="$pids $!"
done
[ "$name" = ` + itself + ` ]
for pid in $pids; do
name=$1
shift
if wait $pid; then set -- "$@" "$name"; else echo ` + copyFailed + ` "$name" $(tail -n 1 "/tmp/$name"); fi
done` + finishScript + `
cd ` + shareFolder + `
flush "$@" "$from"
cd "$from"
for name; do
(
cd ` + shareFolder + `/"$name"
if [ -s pgdata/PG_VERSION ]; then rm -f pgrepl/conf pgrepl/hba pgrepl/credential.new; else` + placeScript + `fi
echo ` + copyMade + ` "$name"
) &
done` + placeScript + `
echo ` + copyMade + ` ` + itself + `
wait
sync . ` + shareFolder + `/* 2>/dev/null || sync
`
	backupTaken = "taken"
	copyMade    = "copied"
	copyFailed  = "failed"
	itself      = "." // no node has that name
	shareFolder = "/volumes"
)

// round takes a base backup for a standby, and for the others that arrive until it is taken.
func (q *backupQueue) round(ctx context.Context, mine *share) error {
	if mine.own {
		return mine.clone.alone(ctx, cloneScript, mine.dir, mine.files)
	}
	own := mine.clone.server
	others, err := own.machine.Neighbours(ctx, own.site.without(own.sharers()))
	if err != nil {
		return err
	}
	if len(others) == 0 {
		return mine.clone.alone(ctx, cloneScript, mine.dir, mine.files)
	}
	beside, err := own.machine.Beside(ctx, "base backup", others, sharedScript, mine.clone.arguments(mine.dir))
	if err != nil {
		return err
	}
	r := round{queue: q, beside: beside, others: others, of: mine, open: map[string]*share{}}
	err = r.run(ctx)
	switch {
	case errors.Is(err, errMadeBefore):
		q.back(r.open)
		err = own.machine.Wake(ctx)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil && !r.taken: // which may be its own trouble
		q.back(r.open)
	}
	for _, s := range r.open {
		s.done <- err
	}
	return errors.Join(<-mine.done, beside.Close(ctx))
}

var (
	errMadeBefore = errors.New(madeBefore)          // there is nothing to copy
	errHalfWay    = errors.New("it ended half way") // and has not said all it had to say
)

// round is one base backup and who shares it.
type round struct {
	queue  *backupQueue
	beside Beside
	others []*schema.Node    // who may share it
	of     *share            // whose it is
	taken  bool              // the base backup is there
	open   map[string]*share // who does, and has not heard of it yet; of is itself
}

func (r *round) run(ctx context.Context) error {
	if err := r.bring(ctx, append(r.queue.among(r.others), r.of)); err != nil {
		return err
	}
	return r.beside.Run(ctx, func(in io.Writer, out io.Reader) error {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			switch lines.Text() {
			case madeBefore:
				return errMadeBefore
			case backupTaken:
				r.taken = true
				engine.Report(ctx, "copying")
				if err := r.copies(ctx, in); err != nil {
					return err
				}
			default:
				r.hear(ctx, lines.Text())
			}
		}
		if len(r.open) > 0 {
			return cmp.Or(lines.Err(), errHalfWay)
		}
		return nil
	})
}

// bring takes standbys in, with their files.
func (r *round) bring(ctx context.Context, shares []*share) error {
	files := map[string]map[string][]byte{}
	for _, s := range shares {
		name := s.clone.server.node.Name
		files[name] = s.files
		if s == r.of {
			name = itself
		}
		r.open[name] = s
	}
	if len(files) == 0 {
		return nil
	}
	return r.beside.Write(ctx, files)
}

// copies tells the script of those who get a copy: those who are there, and then the others as they come.
func (r *round) copies(ctx context.Context, script io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(r.open)) {
		if name != itself {
			fmt.Fprintln(script, name)
		}
	}
	missing := slices.DeleteFunc(slices.Clone(r.others), func(n *schema.Node) bool { return r.open[n.Name] != nil })
	err := r.queue.gather(ctx, missing, func(came []*share) error {
		err := r.bring(ctx, came)
		for _, s := range came {
			fmt.Fprintln(script, s.clone.server.node.Name)
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(script, itself)
	return err
}

// hear tells a standby what the script says of it.
func (r *round) hear(ctx context.Context, line string) {
	said, rest, _ := strings.Cut(line, " ")
	name, text, _ := strings.Cut(rest, " ")
	s := r.open[name]
	switch {
	case s == nil || said != copyMade && said != copyFailed:
		return
	case said == copyMade:
		s.done <- s.clone.server.machine.Wake(ctx)
	default:
		s.done <- fmt.Errorf("copy that of %s: %s", r.of.clone.server.node.Name, text)
	}
	delete(r.open, name)
}
