package catalogue

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed zones.txt
var zones string

// Zones are the names of time zones that the IANA database has, old names included. A server may lack some of them.
var Zones = sync.OnceValue(func() []string { return strings.Fields(zones) })
