package health

import (
	"fmt"
	"strconv"
	"strings"
)

// LSN is a position in the write-ahead log (type pg_lsn).
type LSN uint64

// ParseLSN reads a position as PostgreSQL writes it, such as 0/3000060.
func ParseLSN(text string) (LSN, bool) {
	hi, lo, ok := strings.Cut(text, "/")
	h, err0 := strconv.ParseUint(hi, 16, 32)
	l, err1 := strconv.ParseUint(lo, 16, 32)
	return LSN(h<<32 | l), ok && err0 == nil && err1 == nil
}

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint64(l)>>32, uint64(l)&0xffffffff) }

// Behind is how many bytes l is behind of; 0 where it is not.
func (l LSN) Behind(of LSN) int64 {
	if l >= of {
		return 0
	}
	return int64(of - l)
}
