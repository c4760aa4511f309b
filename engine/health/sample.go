// Package health turns samples of a running cluster into what its operator wants to know: lag in bytes and in true seconds,
// rates, slots and the room that they take, and a verdict on each with the limit that it broke and what to do next.
//
// It is pure: a Sample goes in, with the time at which it was taken, and a Report comes out. Who takes samples (providers)
// and who shows reports (render, the monitor) live elsewhere. What could not be looked at is unknown, and unknown is never 0.
package health

import "time"

// Sample is one look at a whole cluster. The nodes are looked at side by side; Skew says how far apart.
type Sample struct {
	At    time.Time     // when the first answer came
	Skew  time.Duration // between the first answer and the last
	Nodes []Node        // the declared primary first
	Apps  []App
	Drift *Drift // what a plan would change; nil: not looked at
	Hangs string // why no commit comes back; "": they do, or it is not known
}

// Drift is what differs between the file and what is there.
type Drift struct {
	At      time.Time // when it was looked at
	Changes []string  // addresses of the objects that a plan would change
	Unsaid  string    // why it could not be told, "" where it could
}

// App is a container beside the cluster.
type App struct {
	Name, Address string
	Container     Container
}

// Foreign is the state of a container that has a node's name and is not this cluster's.
const Foreign = "somebody else's"

// Container is what Docker says of one.
type Container struct {
	State    string // created, running, paused, restarting, removing, exited, dead; "missing" where there is none
	ExitCode int    // of one that ended
	OOM      bool   // the kernel ended it for its memory
	Health   string // of one with a health check: starting, healthy, unhealthy
}

// Node is one node at one moment.
type Node struct {
	Name, Address string
	Standby       bool          // the file declares it as a replica
	Upstream      string        // name of the declared upstream; of a standby
	Delay         time.Duration // recovery_min_apply_delay as declared
	Application   string        // application_name as declared; of a standby
	Slot          string        // declared slot; of a standby
	Docker        Container
	Up            bool   // its server answered
	Why           string // where it did not: the reason
	Refused       bool   // its server is up, and does not let us in: nothing else is known of it
	Live          *Live  // of one that is up
	Room          *int64 // bytes that its volume has left; nil: not known
}

// Live is what a server says of itself (chapters "Monitoring Database Activity" and "System Administration Functions").
type Live struct {
	Asked       time.Time      // when it was asked, and
	At          time.Time      // when it answered, by the sampler's clock
	Version     string         // server_version
	System      string         // system identifier
	Timeline    int            // that it writes, or as a standby receives
	Recovery    bool           // pg_is_in_recovery()
	Up          time.Duration  // since the postmaster started
	Written     LSN            // of a primary: pg_current_wal_lsn(); of a standby what it has received or else replayed
	Replayed    LSN            // of a standby
	LastCommit  *time.Duration // of a standby: age of the last commit that it has replayed; nil: none yet
	Pause       string         // pg_get_wal_replay_pause_state(): not paused, pause requested, paused
	Delaying    bool           // of a standby: what it has to replay next is younger than its delay
	Starved     bool           // of a standby: it waits for WAL, and so has replayed all of each record that it has received whole
	TooLittle   []string       // of what a paused standby has less than the WAL asks for, as far as that was looked at
	Enough      map[string]int // the hot-standby parameters in force, by name
	Receiver    *Receiver      // of a standby with a walreceiver
	Senders     []Sender       // by application_name
	Slots       []Slot         // by name
	Pending     []string       // settings that wait for a restart, sorted
	Waits       []Wait         // commits that wait for their synchronous standbys
	Segment     int64          // bytes of a WAL file
	WALFiles    int            // in pg_wal
	WALSize     int64          // bytes that they take
	WALRate     *float64       // bytes a second over the last hour at most, as its WAL files tell; nil: not known
	StatusEvery time.Duration  // of a standby: wal_receiver_status_interval; 0: it never says anything by itself
}

// Wait is a commit that waits for its synchronous standbys. A statement that commits again and again is another one each time.
type Wait struct {
	PID       int
	XID       string
	Statement time.Duration // since its statement began, which is how long it waits at most
}

// Receiver is a standby's end of its stream (view pg_stat_wal_receiver).
type Receiver struct {
	Status string         // starting, streaming, waiting, restarting, stopping
	Host   string         // sender_host
	Slot   string         // slot_name
	Heard  *time.Duration // since its upstream last sent something
}

// Sender is the upstream's end of a stream (view pg_stat_replication).
type Sender struct {
	Application, Client   string
	Slot                  string // that it reads; "" where it reads none
	State                 string // startup, catchup, streaming, backup, stopping
	Sync                  string // async, potential, sync, quorum
	Sent, Flushed, Replay *LSN
	Heard                 *time.Duration // since the standby's last reply
}

// Slot is a replication slot (view pg_replication_slots).
type Slot struct {
	Name, Type string
	Database   string // of a logical one
	Active     bool
	Status     string         // wal_status: reserved, extended, unreserved, lost
	Reason     string         // invalidation_reason, from version 17 on
	Restart    *LSN           // restart_lsn; nil: it holds nothing yet, or nothing any more
	Confirmed  *LSN           // confirmed_flush_lsn; of a logical one
	Retained   *int64         // bytes between that and what the server has written
	Safe       *int64         // safe_wal_size: how much may still be written before it is lost; nil: no limit
	Idle       *time.Duration // since when nothing reads it, from version 17 on (inactive_since)
	Declared   bool
	Warn       int64 // its own limit of retained bytes; 0: the monitor's
}
