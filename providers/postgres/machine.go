// Package postgres manages what lies inside the servers: the data directory and the process on it, settings, pg_hba.conf,
// replication, roles, databases, slots, and the ledger that says which of them are ours.
//
// It reaches a server through a Machine, which the docker provider implements, and speaks to it as the role pgrepl.
package postgres

import (
	"context"
	"io"
	"net"
	"time"

	"pgrepl/schema"
)

// Machine is the way into one node. Its State, Running, Failed, Renamed, Moves, HasVolume and Readable are those of the last look.
type Machine interface {
	Running() bool   // the container runs
	State() string   // of the container, or "missing"
	Failed() bool    // the server in it, which did not answer, cannot start
	Renamed() bool   // the container still has the name that the node had before
	Moves() bool     // the container is to be made anew together with others, which it may not reach meanwhile
	HasVolume() bool // there is something that Read could find
	Readable() bool  // Read would work now
	ByHand() bool    // somebody else made the container: pgrepl may have no login of its own in it yet

	Arguments() []string // the settings that the container's command gives, by name

	// Dir is the root of the volume as the node itself sees it. It holds pgrepl/.
	Dir(context.Context) (string, error)
	// Data is the data directory relative to Dir: pgdata, where pgrepl made the volume; of an adopted one also ".", where the
	// volume is the data directory.
	Data() string
	// Mark is the text of the file pgrepl/cluster, by which the volume of an adopted node is found again without its container.
	Mark() string
	// Read returns the files below a folder of the volume, by path relative to the volume, in any state of the node.
	Read(ctx context.Context, folder string) (map[string][]byte, error)
	// Holds reports whether a folder of the volume is there, and whether there is anything in it, in any state of the node.
	Holds(ctx context.Context, folder string) (there, filled bool, err error)
	// Write puts files into pgrepl/, 0600 and the server's own, in any state of the node. Those named conf and hba become
	// postgresql.auto.conf and pg_hba.conf when the server starts the next time.
	Write(ctx context.Context, files map[string][]byte) error

	// Run runs a shell script as the user postgres; secrets may go in through stdin only.
	Run(ctx context.Context, what, script, stdin string, args ...string) (string, error)
	// Ask is Run for a script that changes nothing.
	Ask(ctx context.Context, script, stdin string, args ...string) (string, error)
	// Open connects to the node's own server from inside it, waiting up to patience for it to listen, and returns what can be told
	// on the way, also where nobody listens: the lines of the files that logging in takes (credential, passfile), and as room how
	// many blocks its volume has left, and of which size.
	Open(ctx context.Context, patience time.Duration) (conn net.Conn, told map[string]string, err error)
	// Dial connects from inside the node to port 5432 of a host, waiting up to patience for somebody to listen.
	Dial(ctx context.Context, host string, patience time.Duration) (net.Conn, error)
	// WakeScript is the line of a script for Run that tells a node which waits for its data that it is there.
	WakeScript() string
	// Neighbours returns those of the nodes whose volumes a container beside the node can have now.
	Neighbours(ctx context.Context, nodes []*schema.Node) ([]*schema.Node, error)
	// Beside makes a container of its own that will run a shell script as the user postgres, as the running node would, and in which
	// the volumes of others are at /volumes/NAME.
	Beside(ctx context.Context, what string, others []*schema.Node, script string, args []string) (Beside, error)
	// Wake is WakeScript from outside.
	Wake(context.Context) error
	// Fresh ends commands that a killed client left running in a node that still waits for its data.
	Fresh(context.Context) error
	Restart(context.Context) error
	Logs(ctx context.Context, lines int) string
}

// Beside is a container beside that of a node, for a while.
type Beside interface {
	// Write puts files into pgrepl/ of the volumes, by node, as Machine.Write does.
	Write(ctx context.Context, files map[string]map[string][]byte) error
	// Run starts the script and talks to it by its standard input and output; what it writes to standard error is in the error.
	Run(ctx context.Context, talk func(in io.Writer, out io.Reader) error) error
	// Close removes it with whatever runs in it.
	Close(context.Context) error
}
