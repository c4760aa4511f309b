package engine

// Node is one server of a cluster and its place in it, as the topology is drawn; or an app beside it.
type Node struct {
	Name        string // of its container
	Addr        Address
	Primary     bool
	Upstream    string // name of the node that it follows; "" of the primary, and where it is not known
	Slot        string // that it reads
	Synchronous bool   // commits wait for it
	Delay       string // that it keeps on purpose
	Image, Port string
	Down        bool
	App         bool
	Uses        []string // names of the nodes that an app logs in to
}
