package proctable

import "bytes"

// The bounds of what is kept of an environment. The names that groups are made
// of are far shorter and fewer.
const (
	maxEnvironName = 256
	maxEnvirons    = 1024
)

// parseEnvironNames lists the names in /proc/PID/environ, entries NAME=value that
// each end in a NUL, in their order. Values hold secrets: they are skipped, and b
// is wiped. A process may overwrite its environment with anything, so what has no
// name, an overlong one or no '=' is skipped too.
func parseEnvironNames(b []byte) (names []string, _ error) {
	defer clear(b)
	for len(b) > 0 && len(names) < maxEnvirons {
		entry, rest, _ := bytes.Cut(b, []byte{0})
		b = rest
		if name, _, ok := bytes.Cut(entry, []byte{'='}); ok && len(name) > 0 && len(name) <= maxEnvironName {
			names = append(names, string(name))
		}
	}
	return names, nil
}
