package proctable

import "errors"

// errMalformed is what every parser of this package returns, wrapped or not, for
// a file that does not look as proc(5) says.
var errMalformed = errors.New("malformed")

// decimal reads an unsigned number that fills b.
func decimal(b []byte) (uint64, bool) {
	// 18 digits cannot overflow, and no quantity in these files has more but the
	// limits and masks that nobody asks for.
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
